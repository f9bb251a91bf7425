// Stands in for the template's server: its API, and the page.

const path = require('path');
const express = require('express');
const cookieParser = require('cookie-parser');
const payouts = require('./api/payouts');
const initiatePrivileged = require('./api/initiate-privileged');
const paypalCheckout = require('./paypalCheckout');

const app = express();
const page = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Market</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="/static/index.css"></head>
<body><div id="root"></div><script src="/static/index.js"></script></body></html>`;

app.use('/static', express.static(path.join(__dirname, '..', 'build')));
app.use(cookieParser());
app.use('/api/payouts', payouts);
app.post('/api/initiate-privileged', express.json(), initiatePrivileged);
app.use('/_paypal', paypalCheckout);
app.get(/^\//, (req, res) => res.send(page));

const server = app.listen(Number(process.env.PORT), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}`);
});
