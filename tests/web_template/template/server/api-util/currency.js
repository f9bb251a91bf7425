// Stands in for the template's server/api-util/currency.js.

const subUnitDivisors = { EUR: 100, JPY: 1, HUF: 100 };

exports.unitDivisor = currency => {
  if (!subUnitDivisors[currency]) {
    throw new Error(`No minor unit divisor defined for currency: ${currency}`);
  }
  return subUnitDivisors[currency];
};
