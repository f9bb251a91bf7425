'use strict';
// Sharetribe's own SDK against the sandbox: what it sends is understood, and what it gets back is typed.
// SANDBOX_URL, CLIENT_ID and CLIENT_SECRET say where; NODE_PATH says where the SDK is installed.

const assert = require('node:assert/strict');
const { test, beforeEach } = require('node:test');
const sdkModule = require('sharetribe-flex-integration-sdk');

const { types, tokenStore, util } = sdkModule;
const { UUID, Money, BigDecimal, LatLng } = types;
const { SANDBOX_URL, CLIENT_ID, CLIENT_SECRET } = process.env;

const connect = (options = {}) =>
  sdkModule.createInstance({
    clientId: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    baseUrl: SANDBOX_URL,
    tokenStore: tokenStore.memoryStore(),
    ...options,
  });

const steer = async (method, path, body) => {
  const answer = await fetch(`${SANDBOX_URL}/_sandbox/${path}`, {
    method,
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
  const text = await answer.text();
  return text ? JSON.parse(text) : null;
};
const post = (path, body = {}) => steer('POST', path, body);
const order = fields => post('transactions', fields);

const refusal = async promise => {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  return assert.fail('it was not refused');
};
const codeOf = error => [error.status, error.data.errors[0].code];

// Both ways of writing transit have to give the same.
for (const transitVerbose of [false, true]) {
  const title = text => `${text} (${transitVerbose ? 'verbose' : 'cached'})`;
  let sdk;

  beforeEach(async () => {
    await post('reset');
    sdk = connect({ transitVerbose });
  });

  test(title('shows the marketplace'), async () => {
    const { status, data } = await sdk.marketplace.show();
    assert.equal(status, 200);
    assert.ok(data.data.id instanceof UUID);
    assert.equal(data.data.type, 'marketplace');
    assert.match(data.data.attributes.name, /^Sandbox market/);
  });

  test(title('shows a transaction with typed money, decimals, dates and ids'), async () => {
    const made = await order({ state: 'received', price: 12300, quantity: 2, provider_percent: 12.5 });
    const answer = await sdk.transactions.show({ id: new UUID(made.id), include: ['provider', 'listing'] });
    const { data, included } = answer.data;
    assert.deepEqual(data.id, new UUID(made.id));
    assert.equal(data.type, 'transaction');
    const { attributes } = data;
    assert.ok(attributes.createdAt instanceof Date);
    assert.ok(Math.abs(attributes.createdAt - Date.now()) < 60000);
    assert.equal(attributes.lastTransition, 'transition/mark-received');
    assert.equal(attributes.state, 'state/received');
    assert.ok(attributes.payoutTotal instanceof Money);
    assert.deepEqual(attributes.payoutTotal, new Money(21525, 'EUR'));
    const [item, commission] = attributes.lineItems;
    assert.ok(item.quantity instanceof BigDecimal);
    assert.equal(item.quantity.value, '2');
    assert.equal(commission.percentage.value, '-12.5');
    assert.deepEqual(commission.includeFor, ['provider']);
    assert.deepEqual(attributes.transitions.map(step => step.by), ['customer', 'operator', 'provider', 'customer']);
    assert.ok(attributes.transitions[0].createdAt instanceof Date);
    assert.deepEqual(data.relationships.provider.data.id, new UUID(made.provider));
    const listing = included.find(one => one.type === 'listing');
    assert.ok(listing.attributes.geolocation instanceof LatLng);
    assert.ok(listing.attributes.price instanceof Money);
  });

  test(title('reads all events as the documented loop does'), async () => {
    await post('bulk', { transactions: 120, payees: 5, state: 'received' });
    const made = await order({ state: 'received' });
    const seen = [];
    let page;
    let startAfterSequenceId = 0;
    do {
      const params = { startAfterSequenceId, eventTypes: ['transaction/initiated', 'transaction/transitioned'] };
      page = (await sdk.events.query(params)).data;
      seen.push(...page.data);
      if (page.data.length) {
        startAfterSequenceId = page.data[page.data.length - 1].attributes.sequenceId;
      }
    } while (page.data.length === page.meta.perPage);
    assert.equal(seen.length, 121 * 4);
    const ids = seen.map(event => event.attributes.sequenceId);
    assert.deepEqual(ids, [...new Set(ids)].sort((a, b) => a - b));
    const { attributes } = seen[seen.length - 1];
    assert.equal(attributes.eventType, 'transaction/transitioned');
    assert.ok(attributes.createdAt instanceof Date);
    assert.ok(attributes.resourceId instanceof UUID);
    assert.equal(attributes.resourceId.uuid, made.id);
    assert.ok(attributes.marketplaceId instanceof UUID);
    assert.ok(attributes.resource.attributes.payoutTotal instanceof Money);
    assert.equal(attributes.previousValues.attributes.lastTransition, 'transition/mark-delivered');
    assert.ok(attributes.auditData.userId instanceof UUID);
    assert.equal(attributes.auditData.adminId, null);
    const none = await sdk.events.query({ createdAtStart: new Date(Date.now() + 3600000) });
    assert.deepEqual(none.data.data, []);
  });

  test(title('writes metadata of every type and reads it back'), async () => {
    const made = await order({ metadata: { gone: 1, kept: 'yes' } });
    const metadata = {
      gone: null,
      payout: { status: 'paid', amount: new Money(100, 'USD'), at: new Date(1607370338721), by: new UUID(made.id) },
      list: ['a', { deep: [1, 2.5, null] }],
      decimal: new BigDecimal('0.1'),
      place: new LatLng(60.1, 24.9),
      awkward: ['~tilde', '^hat', '`tick', 'ünïcode €', '', '^ '],
    };
    const brief = await sdk.transactions.updateMetadata({ id: new UUID(made.id), metadata });
    assert.deepEqual(Object.keys(brief.data.data).sort(), ['id', 'type']);
    const { gone, ...written } = metadata;
    assert.equal(gone, null);
    const full = await sdk.transactions.updateMetadata(
      { id: made.id, metadata: { more: 1 } },
      { expand: true, include: ['customer'] }
    );
    assert.deepEqual(full.data.data.attributes.metadata, { kept: 'yes', ...written, more: 1 });
    assert.equal(full.data.included[0].type, 'user');
    const event = (await sdk.events.query({ resourceId: new UUID(made.id) })).data.data.pop().attributes;
    assert.equal(event.eventType, 'transaction/updated');
    assert.equal(event.auditData.clientId.uuid, CLIENT_ID);
    assert.deepEqual(event.previousValues.attributes.metadata, { more: null });
  });

  test(title('survives more keys than the transit cache holds'), async () => {
    const made = await order({});
    const metadata = {};
    for (let n = 0; n < 2500; n += 1) {
      metadata[`key${n}`] = n % 2 ? `key${n % 7}` : n;
    }
    await sdk.transactions.updateMetadata({ id: new UUID(made.id), metadata });
    const { data } = await sdk.transactions.show({ id: made.id });
    assert.deepEqual(data.data.attributes.metadata, metadata);
    const again = await sdk.transactions.query({ include: ['provider', 'customer', 'listing'] });
    assert.deepEqual(again.data.data[0].attributes.metadata, metadata);
  });

  test(title('makes transitions, tries them out, and is refused'), async () => {
    const made = await order({ state: 'received' });
    const id = new UUID(made.id);
    const sent = { id, transition: 'transition/operator-mark-payout-sent', params: { metadata: { payout: 'sent' } } };
    const tried = await sdk.transactions.transitionSpeculative(sent, { expand: true });
    assert.equal(tried.data.data.attributes.state, 'state/payout-sent');
    const done = await sdk.transactions.transition(sent, { expand: true });
    assert.equal(done.data.data.attributes.lastTransition, 'transition/operator-mark-payout-sent');
    assert.deepEqual(done.data.data.attributes.metadata, { payout: 'sent' });
    const twice = await refusal(sdk.transactions.transition(sent));
    assert.deepEqual(codeOf(twice), [409, 'transaction-invalid-transition']);
    assert.ok(twice.data.errors[0].id instanceof UUID);
    const nowhere = await refusal(sdk.transactions.show({ id: new UUID(CLIENT_ID) }));
    assert.deepEqual(codeOf(nowhere), [404, 'not-found']);
    const lost = await refusal(sdk.transactions.updateMetadata({ id: new UUID(CLIENT_ID), metadata: {} }));
    assert.deepEqual(codeOf(lost), [409, 'transaction-not-found']);
  });

  test(title('adjusts line items with money and decimals'), async () => {
    const made = await order({ state: 'received' });
    const lineItems = [
      {
        code: 'line-item/item',
        unitPrice: new Money(333, 'EUR'),
        quantity: new BigDecimal('1.5'),
        lineTotal: new Money(500, 'EUR'),
        includeFor: ['customer', 'provider'],
      },
    ];
    const transition = 'transition/operator-adjust';
    const answer = await sdk.transactions.transition(
      { id: made.id, transition, params: { lineItems } },
      { expand: true }
    );
    assert.deepEqual(answer.data.data.attributes.payoutTotal, new Money(500, 'EUR'));
  });

  test(title('finds users, and changes a profile'), async () => {
    const user = await post('users', { email: 'mia@example.com', stripeConnected: true });
    const shown = await sdk.users.show({ email: 'mia@example.com' });
    assert.deepEqual(shown.data.data.id, new UUID(user.id));
    assert.equal(shown.data.data.attributes.stripeConnected, true);
    const privateData = { destination: { kind: 'iban' } };
    await sdk.users.updateProfile({ id: new UUID(user.id), privateData });
    const listed = await sdk.users.query({ perPage: 5 });
    assert.deepEqual(listed.data.data[0].attributes.profile.privateData, privateData);
    assert.equal(listed.data.meta.totalItems, 1);
  });

  test(title('lists transactions by filter, order and sparse fields'), async () => {
    const first = await order({ state: 'received' });
    await order({ process: 'default-booking', state: 'accepted' });
    const found = await sdk.transactions.query({
      lastTransitions: ['transition/mark-received'],
      createdAtStart: new Date(0),
      sort: '-createdAt',
      'fields.transaction': ['payoutTotal', 'state'],
    });
    assert.deepEqual(found.data.data.map(one => one.id.uuid), [first.id]);
    assert.deepEqual(Object.keys(found.data.data[0].attributes).sort(), ['payoutTotal', 'state']);
    const listings = await sdk.listings.query({ authorId: new UUID(first.provider) });
    assert.equal(listings.data.data.length, 1);
  });
}

test('renews its token by itself when it has grown old, and logs in again when that fails', async () => {
  await post('reset');
  const store = tokenStore.memoryStore();
  const sdk = connect({ tokenStore: store });
  await sdk.marketplace.show();
  const first = await store.getToken();
  await post('tokens/expire');
  await sdk.marketplace.show();
  const second = await store.getToken();
  assert.notEqual(second.access_token, first.access_token);
  assert.notEqual(second.refresh_token, first.refresh_token);
  await post('clock', { advance_s: 40 * 86400 });
  await sdk.marketplace.show();
  assert.notEqual((await store.getToken()).refresh_token, second.refresh_token);
  assert.deepEqual(await sdk.authInfo(), { grantType: 'refresh_token' });
  assert.equal((await sdk.revoke()).data.action, 'revoked');
  assert.equal(await store.getToken(), null);
});

test('is turned away with a wrong secret', async () => {
  const sdk = connect({ clientSecret: 'guess' });
  assert.equal((await refusal(sdk.marketplace.show())).status, 401);
});

test('hears 429 as a refusal, which it does not retry', async () => {
  await post('reset');
  await post('settings', { rate_limits: true, burst_s: 1 });
  const sdk = connect();
  await sdk.marketplace.show();
  assert.deepEqual(codeOf(await refusal(sdk.marketplace.show())), [429, 'too-many-requests']);
  await post('settings', { rate_limits: false });
});

test('keeps within the limits with its own limiter', async () => {
  await post('reset');
  await post('settings', { rate_limits: true });
  const queryLimiter = util.createRateLimiter(util.devQueryLimiterConfig);
  const sdk = connect({ queryLimiter });
  const answers = await Promise.all([1, 2, 3].map(() => sdk.marketplace.show()));
  assert.deepEqual(answers.map(answer => answer.status), [200, 200, 200]);
});
