// Marketplace Payouts, as the template's server speaks to it. The secret stays in this file.
//
// A browser is known by the template's own session, the cookie with the Sharetribe token. For the user behind it we
// open a session of Marketplace Payouts by a signed request, and keep that in a cookie that no script can read.

const { createHash, createHmac, randomUUID } = require('crypto');
const sharetribeSdk = require('sharetribe-flex-sdk');
const { typeHandlers } = require('./sdk');

const CLIENT_ID = process.env.REACT_APP_SHARETRIBE_SDK_CLIENT_ID;
const CLIENT_SECRET = process.env.SHARETRIBE_SDK_CLIENT_SECRET;
const BASE_URL = process.env.REACT_APP_SHARETRIBE_SDK_BASE_URL;
const USING_SSL = process.env.REACT_APP_SHARETRIBE_USING_SSL === 'true';
const PAYOUTS_URL = (process.env.PAYOUTS_URL || '').replace(/\/$/, '');
const PAYOUTS_SECRET = process.env.PAYOUTS_SECRET || '';

const COOKIE = 'payouts-session';
const TIMEOUT_MS = 30000;

// What is answered when something is wrong: the same shape as the errors of Marketplace Payouts.
class Problem extends Error {
  constructor(status, code, detail, field = null) {
    super(detail);
    this.status = status;
    this.errors = [{ code, detail, field }];
  }
}

const baseUrlMaybe = BASE_URL ? { baseUrl: BASE_URL } : {};

const sdkWith = tokenStore =>
  sharetribeSdk.createInstance({
    clientId: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    tokenStore,
    typeHandlers,
    ...baseUrlMaybe,
  });

const notLoggedIn = () => new Problem(401, 'not_logged_in', 'Log in first.');

// The template's cookie with the user's tokens; visitors who are not logged in have a cookie as well.
const storeOf = (req, res) => {
  const store = sharetribeSdk.tokenStore.expressCookieStore({
    clientId: CLIENT_ID,
    req,
    res,
    secure: USING_SSL,
  });
  const token = store.getToken();
  if (!token || token.scope === 'public-read') {
    throw notLoggedIn();
  }
  return store;
};

const call = (path, options) =>
  fetch(`${PAYOUTS_URL}/api/v1${path}`, {
    redirect: 'error',
    signal: AbortSignal.timeout(TIMEOUT_MS),
    ...options,
  }).catch(error => {
    console.error('payouts-unreachable', error);
    throw new Problem(503, 'payouts_unavailable', 'Payouts cannot be reached. Try again in a moment.');
  });

// Signed as Standard Webhooks has it. Each request gets an id of its own, also one that is sent again.
const signedPost = async (path, value) => {
  const body = JSON.stringify(value);
  const id = `msg_${randomUUID()}`;
  const at = String(Math.floor(Date.now() / 1000));
  const key = Buffer.from(PAYOUTS_SECRET.replace(/^whsec_/, ''), 'base64');
  const signature = createHmac('sha256', key)
    .update(`${id}.${at}.${body}`)
    .digest('base64');
  const answer = await call(path, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': at,
      'webhook-signature': `v1,${signature}`,
    },
    body,
  });
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    // What is wrong between the two servers is for the log, and not for the browser.
    console.error('payouts-refused', path, answer.status, JSON.stringify(told));
    throw new Problem(502, 'payouts_refused', 'Payouts did not take the request. Try again later.');
  }
  return told;
};

/**
 * Who is logged in at the template, asked of Sharetribe.
 *
 * Their cookie is renewed where that is due. `mayChange` is false where an operator has logged in as the user: the
 * exchanged token tells it, and unlike the cookie nobody can have written that in the browser.
 *
 * @returns {Promise<{sdk, id: string, email: string, mayChange: boolean, accessToken: string}>}
 */
const currentUser = async (req, res) => {
  const tokenStore = storeOf(req, res);
  const sdk = sdkWith(tokenStore);
  try {
    const shown = await sdk.currentUser.show();
    const trusted = await sdk.exchangeToken();
    const { id, attributes } = shown.data.data;
    return {
      sdk,
      id: id.uuid,
      email: attributes.email,
      mayChange: trusted.data.scope === 'trusted:user',
      accessToken: tokenStore.getToken().access_token,
    };
  } catch (error) {
    throw [401, 403].includes(error.status) ? notLoggedIn() : error;
  }
};

// A session belongs to the log-in for which it was opened: whoever logs in next in this browser gets another one.
const markOf = accessToken =>
  createHash('sha256')
    .update(accessToken)
    .digest('base64url');

const open = async (res, user, loggedInAt) => {
  const opened = await signedPost('/session', {
    sharetribe_user_id: user.id,
    logged_in_at: loggedInAt,
    may_change: user.mayChange,
  });
  res.cookie(COOKIE, `${markOf(user.accessToken)}.${opened.token}`, {
    httpOnly: true,
    sameSite: 'strict',
    secure: USING_SSL,
    path: '/api/payouts',
    expires: new Date(opened.expires_at),
  });
  return opened;
};

// Nobody tells the template's server when somebody logged in. So a session that is opened by the way can look, and
// change what is harmless; where money goes is changed after `confirmLogIn`.
//
// A page makes several calls at once. They share one session, as do those that come a moment later with the cookies of
// before: a token that is over can be renewed only once. `over` is a session that is good no more.
const SHARED_MS = 5000;
const shared = new Map();
const openSession = (req, res, accessToken, over) => {
  const known = shared.get(accessToken);
  if (known && (!over || known.session !== over)) {
    return known.opening;
  }
  const mine = { session: null };
  const forget = () => shared.get(accessToken) === mine && shared.delete(accessToken);
  mine.opening = currentUser(req, res)
    .then(user => open(res, user, null))
    .then(({ token }) => {
      mine.session = token;
      return token;
    });
  mine.opening.then(() => setTimeout(forget, SHARED_MS), forget);
  shared.set(accessToken, mine);
  return mine.opening;
};

/**
 * Calls Marketplace Payouts as the user who is logged in, with a session that is opened where there is none.
 */
const callAsUser = async (req, res, path, { headers, ...options }) => {
  const callWith = session =>
    call(path, { ...options, headers: { ...headers, authorization: `Bearer ${session}` } });
  const accessToken = storeOf(req).getToken().access_token;
  const [mark, kept] = (req.cookies[COOKIE] || '').split('.');
  if (!kept || mark !== markOf(accessToken)) {
    return callWith(await openSession(req, res, accessToken));
  }
  const answer = await callWith(kept);
  // With a session that is over nothing was done, so the same request may be made again.
  return answer.status === 401
    ? callWith(await openSession(req, res, accessToken, kept))
    : answer;
};

/**
 * Opens a session that may change where money goes, once the user has given their password again.
 *
 * Whose password it is, is asked of Sharetribe and not of the browser. The token that comes of it goes nowhere.
 */
const confirmLogIn = async (req, res, password) => {
  const user = await currentUser(req, res);
  try {
    await sdkWith(sharetribeSdk.tokenStore.memoryStore()).login({ username: user.email, password });
  } catch (error) {
    throw error.status === 401
      ? new Problem(403, 'wrong_password', 'This is not your password.', 'password')
      : error;
  }
  const { expires_at, changes } = await open(res, user, new Date().toISOString());
  return { expires_at, changes };
};

/**
 * Tells what became of a buyer's money; the same event may be told again.
 */
const tellPayment = event => signedPost('/payments/events', event);

module.exports = { Problem, callAsUser, confirmLogIn, currentUser, tellPayment };
