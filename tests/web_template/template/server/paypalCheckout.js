// Stands in for PayPal's checkout: Orders v2 as far as server/api-util/payinGateway.js uses it, and the page on which
// the buyer agrees. The shapes are those of https://developer.paypal.com/docs/api/orders/v2/ (read 2026-11-30).

const express = require('express');

const router = express.Router();
const orders = new Map();
const byRequest = new Map();

const refused = (res, status, issue) =>
  res.status(status).json({ name: 'UNPROCESSABLE_ENTITY', details: [{ issue }], debug_id: 'f0' });

router.post('/v1/oauth2/token', (req, res) => {
  const wanted = `Basic ${Buffer.from('shop:hush').toString('base64')}`;
  if (req.get('authorization') !== wanted) {
    res.status(401).json({ error: 'invalid_client' });
    return;
  }
  res.json({ access_token: 'A21', token_type: 'Bearer', expires_in: 32400 });
});

router.use('/v2', (req, res, next) => {
  if (req.get('authorization') !== 'Bearer A21') {
    res.status(401).json({ name: 'AUTHENTICATION_FAILURE' });
    return;
  }
  next();
});
router.use(express.json());

router.post('/v2/checkout/orders', (req, res) => {
  const key = req.get('PayPal-Request-Id');
  if (!byRequest.has(key)) {
    const id = `ORDER${orders.size + 1}`;
    const page = `${req.protocol}://${req.get('host')}${req.baseUrl}/agree/${id}`;
    byRequest.set(key, {
      ...req.body,
      id,
      status: 'PAYER_ACTION_REQUIRED',
      links: [{ rel: 'payer-action', href: page }],
    });
    orders.set(id, byRequest.get(key));
  }
  res.status(201).json(byRequest.get(key));
});

router.get('/v2/checkout/orders/:id', (req, res) => {
  const order = orders.get(req.params.id);
  if (!order) {
    res.status(404).json({ name: 'RESOURCE_NOT_FOUND' });
    return;
  }
  res.json(order);
});

router.post('/v2/checkout/orders/:id/capture', (req, res) => {
  const order = orders.get(req.params.id);
  if (order.status === 'PAYER_ACTION_REQUIRED') {
    refused(res, 422, 'ORDER_NOT_APPROVED');
    return;
  }
  if (order.status !== 'COMPLETED') {
    const [unit] = order.purchase_units;
    const now = new Date().toISOString();
    const id = `CAPTURE${order.id}`;
    unit.payments = { captures: [{ id, status: 'COMPLETED', amount: unit.amount, create_time: now }] };
    order.status = 'COMPLETED';
  }
  res.status(201).json(order);
});

// The buyer's side.
router.get('/agree/:id', (req, res) => {
  const order = orders.get(req.params.id);
  const { value, currency_code: currency } = order.purchase_units[0].amount;
  const { cancel_url: cancelUrl } = order.payment_source.paypal.experience_context;
  res.send(
    `<form method="post"><p>Pay ${value} ${currency}?</p><button>Agree and pay</button></form>` +
      `<a href="${cancelUrl}&token=${order.id}">Cancel</a>`
  );
});
router.post('/agree/:id', (req, res) => {
  const order = orders.get(req.params.id);
  order.status = 'APPROVED';
  const { return_url: returnUrl } = order.payment_source.paypal.experience_context;
  res.redirect(303, `${returnUrl}?token=${order.id}&PayerID=BUYER`);
});

module.exports = router;
