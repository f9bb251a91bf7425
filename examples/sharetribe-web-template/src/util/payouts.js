// Calls of /api/payouts, the template's own server, which passes them on to Marketplace Payouts for the user who is
// logged in. See 'server/api/payouts'.

import { apiBaseUrl } from './api';

/**
 * What went wrong: `errors` is [{code, detail, field}], `code` and `message` are those of the first. `message` is a
 * sentence for the user.
 */
export class PayoutsError extends Error {
  constructor(status, errors) {
    super(errors[0].detail);
    this.name = 'PayoutsError';
    this.status = status;
    this.errors = errors;
    this.code = errors[0].code;
  }
}

const call = async (method, path, body) => {
  const response = await window.fetch(`${apiBaseUrl()}/api/payouts${path}`, {
    method,
    credentials: 'include',
    headers: { 'Content-Type': 'application/json' },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const told = response.status === 204 ? null : await response.json().catch(() => null);
  if (!response.ok) {
    const unknown = { code: 'unknown', detail: response.statusText || `${response.status}`, field: null };
    throw new PayoutsError(response.status, told?.errors?.length ? told.errors : [unknown]);
  }
  return told;
};

const query = params => {
  const given = Object.entries(params).filter(([, value]) => value);
  return given.length ? `?${new URLSearchParams(given)}` : '';
};

export const fetchMe = () => call('GET', '/me');

// Gives the user's password, so that where money goes may be changed for ten minutes.
export const confirmLogIn = password => call('POST', '/log-in', { password });

export const fetchMethods = () => call('GET', '/payout-methods/');
export const fetchOffers = country => call('GET', `/payout-methods/offers${query({ country })}`);
export const fetchRequirements = asked => call('POST', '/payout-methods/requirements', asked);
export const openLink = asked => call('POST', '/payout-methods/link', asked);
export const chooseMethod = chosen => call('POST', '/payout-methods/', chosen);
export const makeDefault = id => call('POST', `/payout-methods/${id}/default`);
export const retireMethod = id => call('DELETE', `/payout-methods/${id}`);
export const mailConfirmation = id => call('POST', `/payout-methods/${id}/confirmation`);

export const fetchPayouts = filters => call('GET', `/payouts/${query(filters)}`);
export const fetchNext = () => call('GET', '/payouts/next');
export const fetchWaiting = () => call('GET', '/payouts/waiting');
export const fetchPayout = id => call('GET', `/payouts/${id}`);
export const askQuestion = (id, question) => call('POST', `/payouts/${id}/question`, question);

// Papers are links: the browser saves them.
export const adviceUrl = (id, form) =>
  `${apiBaseUrl()}/api/payouts/payouts/${id}/remittance-advice.${form}`;
export const statementUrl = (year, form) => `${apiBaseUrl()}/api/payouts/statements/${year}.${form}`;

export const beginCheckout = transactionId => call('POST', '/checkout', { transactionId });
export const confirmCheckout = (transactionId, orderId) =>
  call('POST', '/checkout/confirm', { transactionId, orderId });

/**
 * Writes an amount of Marketplace Payouts, {units, currency, exponent}: whole units as text, which no float may touch.
 */
export const formatAmount = (intl, { units, currency, exponent }) => {
  const sign = units.startsWith('-') ? '-' : '';
  const digits = units.replace('-', '').padStart(exponent + 1, '0');
  const whole = digits.slice(0, digits.length - exponent);
  const value = `${sign}${whole}${exponent ? `.${digits.slice(-exponent)}` : ''}`;
  try {
    return new Intl.NumberFormat(intl.locale, {
      style: 'currency',
      currency,
      minimumFractionDigits: exponent,
      maximumFractionDigits: exponent,
    }).format(value);
  } catch (error) {
    // Not every asset is a currency of ISO 4217.
    return `${value} ${currency}`;
  }
};
