// Stands in for the template's routing: the routes that the README says to add, and the template's own they lead to.

export const paths = {
  PayoutSettingsPage: '/account/payout-method',
  PayoutsPage: '/account/payouts',
  PayoutPage: '/account/payouts/:id',
  CheckoutPage: '/l/:slug/:id/checkout',
  PayinReturnPage: '/order/:id/paid',
  OrderDetailsPage: '/order/:id',
  SaleDetailsPage: '/sale/:id',
};

export const pathByRouteName = (name, params = {}) =>
  Object.entries(params).reduce((path, [key, value]) => path.replace(`:${key}`, value), paths[name]);
