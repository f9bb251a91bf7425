export const formatMoney = (intl, { amount, currency }) =>
  intl.formatNumber(amount / 100, { style: 'currency', currency });
