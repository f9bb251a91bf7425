// What takes the buyers' money: PayPal's checkout (Orders v2). For another service write these three functions anew.
//
// A payment is {reference, value, currency, state, happenedAt}: the reference by which the service knows it, how much
// came as a decimal text, and the state `came`, `pending` or `failed`.

const BASE_URL = process.env.PAYPAL_CHECKOUT_BASE_URL || 'https://api-m.sandbox.paypal.com';
const CLIENT_ID = process.env.PAYPAL_CHECKOUT_CLIENT_ID || '';
const CLIENT_SECRET = process.env.PAYPAL_CHECKOUT_CLIENT_SECRET || '';
const TIMEOUT_MS = 30000;

// The name under which Marketplace Payouts keeps these payments. Never change it: a payment is known by it.
const ORIGIN = 'paypal-checkout';

const STATES = { COMPLETED: 'came', PENDING: 'pending', DECLINED: 'failed', FAILED: 'failed' };

const call = async (path, { headers, ...options }) => {
  const answer = await fetch(`${BASE_URL}${path}`, {
    headers: { 'content-type': 'application/json', ...headers },
    signal: AbortSignal.timeout(TIMEOUT_MS),
    ...options,
  });
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    const name = told.details?.[0]?.issue || told.name || told.error;
    throw Object.assign(new Error(`PayPal: ${answer.status} ${name} (${told.debug_id})`), { name });
  }
  return told;
};

const logIn = async () => {
  const basic = Buffer.from(`${CLIENT_ID}:${CLIENT_SECRET}`).toString('base64');
  const granted = await call('/v1/oauth2/token', {
    method: 'POST',
    headers: {
      authorization: `Basic ${basic}`,
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: 'grant_type=client_credentials',
  });
  return { authorization: `Bearer ${granted.access_token}` };
};

const paymentOf = order => {
  const capture = order.purchase_units?.[0]?.payments?.captures?.[0];
  return capture
    ? {
        reference: capture.id,
        value: capture.amount.value,
        currency: capture.amount.currency_code,
        state: STATES[capture.status] || 'pending',
        happenedAt: capture.create_time,
      }
    : null;
};

/**
 * Opens a payment of this amount for a transaction, and gives where the buyer goes on.
 *
 * The same request gives the same order, and PayPal takes an invoice's number once: nobody pays a transaction twice.
 */
const begin = async ({ transactionId, value, currency, returnUrl, cancelUrl }) => {
  const order = await call('/v2/checkout/orders', {
    method: 'POST',
    headers: {
      ...(await logIn()),
      'PayPal-Request-Id': `order-${transactionId}-${value}-${currency}`,
      Prefer: 'return=representation',
    },
    body: JSON.stringify({
      intent: 'CAPTURE',
      purchase_units: [
        {
          custom_id: transactionId,
          invoice_id: transactionId,
          amount: { currency_code: currency, value },
        },
      ],
      payment_source: {
        paypal: {
          experience_context: {
            user_action: 'PAY_NOW',
            shipping_preference: 'NO_SHIPPING',
            return_url: returnUrl,
            cancel_url: cancelUrl,
          },
        },
      },
    }),
  });
  const link = order.links.find(({ rel }) => ['payer-action', 'approve'].includes(rel));
  return { orderId: order.id, url: link.href };
};

/**
 * Says for which transaction an order is, over how much, and what was paid on it.
 */
const look = async orderId => {
  const order = await call(`/v2/checkout/orders/${orderId}`, { headers: await logIn() });
  const unit = order.purchase_units[0];
  return {
    transactionId: unit.custom_id,
    value: unit.amount.value,
    currency: unit.amount.currency_code,
    approved: order.status === 'APPROVED',
    payment: paymentOf(order),
  };
};

/**
 * Takes the money of an order that the buyer approved. Taking it again takes nothing, and gives the same payment.
 */
const take = async orderId => {
  const order = await call(`/v2/checkout/orders/${orderId}/capture`, {
    method: 'POST',
    headers: {
      ...(await logIn()),
      'PayPal-Request-Id': `capture-${orderId}`,
      Prefer: 'return=representation',
    },
    body: '{}',
  });
  return paymentOf(order);
};

module.exports = { ORIGIN, begin, look, take };
