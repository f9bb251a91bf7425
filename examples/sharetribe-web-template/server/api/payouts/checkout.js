// A checkout without Stripe: the buyer pays a transaction elsewhere, and Marketplace Payouts is told.
//
// How much is to be paid is the transaction's payinTotal, as Sharetribe says at that moment. The browser names the
// transaction and the order, and both are looked up: it is never believed about money.

const Decimal = require('decimal.js');
const { types } = require('sharetribe-flex-sdk');
const { unitDivisor } = require('../../api-util/currency');
const gateway = require('../../api-util/payinGateway');
const { Problem, currentUser, tellPayment } = require('../../api-util/payouts');

const ROOT_URL = (process.env.REACT_APP_MARKETPLACE_ROOT_URL || '').replace(/\/$/, '');
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const ORDER = /^[A-Z0-9]{1,36}$/i;
const UNPAID = ['transition/request-payment', 'transition/request-payment-after-inquiry'];

// PayPal takes no decimals of these.
const WHOLE = ['HUF', 'JPY', 'TWD'];

const decimalsOf = currency => Math.round(Math.log10(unitDivisor(currency)));

// Whole units of the template to the decimal text of the gateway, and back. Nothing is rounded.
const valueOf = ({ amount, currency }) => {
  const value = new Decimal(amount).div(unitDivisor(currency));
  if (WHOLE.includes(currency) && !value.isInteger()) {
    throw new Problem(409, 'amount_too_fine', `PayPal takes whole ${currency} only.`);
  }
  return value.toFixed(WHOLE.includes(currency) ? 0 : decimalsOf(currency));
};
const unitsOf = ({ value, currency }) => {
  const units = new Decimal(value).times(unitDivisor(currency));
  if (!units.isInteger()) {
    throw new Error(`${value} ${currency} is no whole number of units`);
  }
  return units.toFixed(0);
};

const readTransaction = async (req, res) => {
  const transactionId = String(req.body?.transactionId || '');
  if (!UUID.test(transactionId)) {
    throw new Problem(400, 'invalid', 'Say which transaction it is.', 'transactionId');
  }
  const user = await currentUser(req, res);
  if (!user.mayChange) {
    throw new Problem(403, 'read_only_impersonated', 'An operator does not pay for a user.');
  }
  const id = new types.UUID(transactionId);
  const missing = () => new Problem(404, 'not_found', 'There is no such order of yours.');
  const shown = await user.sdk.transactions.show({ id, include: ['customer'] }).catch(error => {
    throw [403, 404].includes(error.status) ? missing() : error;
  });
  const { attributes, relationships } = shown.data.data;
  if (relationships.customer.data.id.uuid !== user.id) {
    throw missing();
  }
  return {
    transactionId,
    isUnpaid: UNPAID.includes(attributes.lastTransition),
    currency: attributes.payinTotal.currency,
    value: valueOf(attributes.payinTotal),
  };
};

const notWaiting = () =>
  new Problem(409, 'not_awaiting_payment', 'This order does not wait for a payment any more.');

const beginCheckout = async (req, res) => {
  const { transactionId, isUnpaid, currency, value } = await readTransaction(req, res);
  if (!isUnpaid) {
    throw notWaiting();
  }
  const page = `${ROOT_URL}/order/${transactionId}/paid`;
  const { url } = await gateway.begin({
    transactionId,
    value,
    currency,
    returnUrl: page,
    cancelUrl: `${page}?cancelled=true`,
  });
  res.json({ url });
};

// The buyer's word that they approved is no proof. Nothing is taken for a transaction that is over, or whose total
// has changed; what was taken is told, however often this is called.
const paymentFor = async (order, orderId, { isUnpaid, currency, value }) => {
  if (order.payment) {
    return order.payment;
  }
  if (!isUnpaid) {
    throw notWaiting();
  }
  if (order.currency !== currency || !new Decimal(order.value).eq(value)) {
    throw new Problem(409, 'amount_changed', 'The total has changed. Nothing was taken: pay again.');
  }
  if (!order.approved) {
    throw new Problem(409, 'not_approved', 'You have not agreed to the payment yet.');
  }
  return gateway.take(orderId).catch(error => {
    throw error.name === 'INSTRUMENT_DECLINED'
      ? new Problem(409, 'payment_declined', 'PayPal could not take the money. Pay in another way.')
      : error;
  });
};

const confirmCheckout = async (req, res) => {
  const orderId = String(req.body?.orderId || '');
  if (!ORDER.test(orderId)) {
    throw new Problem(400, 'invalid', 'Say which payment it is.', 'orderId');
  }
  const transaction = await readTransaction(req, res);
  const order = await gateway.look(orderId);
  if (order.transactionId !== transaction.transactionId) {
    throw new Problem(404, 'not_found', 'There is no such payment of this order.');
  }
  const payment = await paymentFor(order, orderId, transaction);
  if (payment.state !== 'pending') {
    await tellPayment({
      origin: gateway.ORIGIN,
      transaction_id: transaction.transactionId,
      outcome: payment.state === 'came' ? 'succeeded' : 'failed',
      amount: { units: unitsOf(payment), currency: payment.currency },
      reference: payment.reference,
      happened_at: payment.happenedAt,
    });
  }
  res.json({ state: payment.state });
};

module.exports = { beginCheckout, confirmCheckout };
