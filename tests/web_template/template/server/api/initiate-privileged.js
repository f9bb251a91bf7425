// Stands in for the template's server/api/initiate-privileged.js: the server makes the line items.

const Decimal = require('decimal.js');
const { types } = require('sharetribe-flex-sdk');
const { getTrustedSdk } = require('../api-util/sdk');

module.exports = async (req, res) => {
  const { bodyParams, orderData } = req.body;
  const sdk = await getTrustedSdk(req);
  const listingId = new types.UUID(bodyParams.params.listingId.uuid);
  const listing = (await sdk.listings.show({ id: listingId })).data.data;
  const { price } = listing.attributes;
  const quantity = new Decimal(orderData.quantity);
  const lineItems = [
    { code: 'line-item/item', unitPrice: price, quantity, includeFor: ['customer', 'provider'] },
  ];
  const { protectedData } = bodyParams.params;
  const params = { listingId, lineItems, protectedData, stockReservationQuantity: orderData.quantity };
  const made = await sdk.transactions.initiate({ ...bodyParams, params }, { expand: true });
  res.json(made.data.data);
};
