// Stands in for the template's server/api-util/sdk.js.

const Decimal = require('decimal.js');
const sharetribeSdk = require('sharetribe-flex-sdk');

const { BigDecimal } = sharetribeSdk.types;
const clientId = process.env.REACT_APP_SHARETRIBE_SDK_CLIENT_ID;
const clientSecret = process.env.SHARETRIBE_SDK_CLIENT_SECRET;
const baseUrl = process.env.REACT_APP_SHARETRIBE_SDK_BASE_URL;

exports.typeHandlers = [
  {
    type: BigDecimal,
    customType: Decimal,
    writer: v => new BigDecimal(v.toString()),
    reader: v => new Decimal(v.value),
  },
];

const instance = tokenStore =>
  sharetribeSdk.createInstance({
    clientId,
    clientSecret,
    baseUrl,
    tokenStore,
    typeHandlers: exports.typeHandlers,
  });

exports.getTrustedSdk = async req => {
  const own = sharetribeSdk.tokenStore.expressCookieStore({ clientId, req, secure: false });
  const { data } = await instance(own).exchangeToken();
  const store = sharetribeSdk.tokenStore.memoryStore();
  store.setToken(data);
  return instance(store);
};
