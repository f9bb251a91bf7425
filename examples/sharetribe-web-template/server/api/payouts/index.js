// Everything under /api/payouts: the few calls of Marketplace Payouts that the pages make, and the checkout.

const express = require('express');
const { Problem, callAsUser, confirmLogIn } = require('../../api-util/payouts');
const { beginCheckout, confirmCheckout } = require('./checkout');

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const PASSED_ON = ['content-type', 'content-disposition', 'content-language', 'retry-after', 'allow'];

const router = express.Router();
const answering = handle => (req, res, next) => handle(req, res).catch(next);

// Passes a call on as it is, for the user who is logged in, and the answer back.
const forward = answering(async (req, res) => {
  const hasBody = req.method === 'POST' && req.body && Object.keys(req.body).length > 0;
  const answer = await callAsUser(req, res, req.url, {
    method: req.method,
    headers: {
      accept: '*/*',
      'accept-language': req.get('accept-language') || 'en',
      ...(hasBody ? { 'content-type': 'application/json' } : {}),
    },
    ...(hasBody ? { body: JSON.stringify(req.body) } : {}),
  });
  PASSED_ON.forEach(name => {
    const value = answer.headers.get(name);
    if (value) {
      res.set(name, value);
    }
  });
  res.status(answer.status).send(Buffer.from(await answer.arrayBuffer()));
});

router.use((req, res, next) => {
  res.set('Cache-Control', 'no-store');
  // Other sites' pages cannot send this type without asking first, and are not allowed to. It is asked for without a
  // body as well.
  const isJson = /^application\/json\b/.test(req.get('content-type') || '');
  if (req.method !== 'GET' && !isJson) {
    throw new Problem(415, 'unsupported_media_type', 'Send application/json.');
  }
  next();
});
router.use(express.json({ limit: '20kb' }));

router.param('id', (req, res, next, id) => {
  next(UUID.test(id) ? undefined : new Problem(404, 'not_found', 'There is nothing here.'));
});

router.get('/me', forward);

router.get('/payout-methods/', forward);
router.post('/payout-methods/', forward);
router.get('/payout-methods/offers', forward);
router.post('/payout-methods/requirements', forward);
router.post('/payout-methods/link', forward);
router.get('/payout-methods/:id', forward);
router.delete('/payout-methods/:id', forward);
router.post('/payout-methods/:id/default', forward);
router.post('/payout-methods/:id/confirmation', forward);

router.get('/payouts/', forward);
router.get('/payouts/next', forward);
router.get('/payouts/waiting', forward);
router.get('/payouts/:id', forward);
router.get('/payouts/:id/remittance-advice.pdf', forward);
router.get('/payouts/:id/remittance-advice.csv', forward);
router.post('/payouts/:id/question', forward);
['pdf', 'csv'].forEach(form => router.get(new RegExp(`^/statements/\\d{4}\\.${form}$`), forward));

router.post(
  '/log-in',
  answering(async (req, res) => {
    res.json(await confirmLogIn(req, res, String(req.body?.password || '')));
  })
);

router.post('/checkout', answering(beginCheckout));
router.post('/checkout/confirm', answering(confirmCheckout));

router.use((req, res) => {
  throw new Problem(404, 'not_found', 'There is nothing here.');
});

// eslint-disable-next-line no-unused-vars
router.use((error, req, res, next) => {
  if (error instanceof Problem) {
    res.status(error.status).json({ errors: error.errors });
    return;
  }
  if (error.type === 'entity.parse.failed') {
    res.status(400).json({ errors: [{ code: 'parse_error', detail: 'That is no JSON.', field: null }] });
    return;
  }
  console.error('payouts-api-failed', error);
  const detail = 'Something went wrong here. Try again later.';
  res.status(500).json({ errors: [{ code: 'server_error', detail, field: null }] });
});

module.exports = router;
