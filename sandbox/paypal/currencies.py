"""The currencies of PayPal Payouts: decimals, fee caps, and rough worth."""

from __future__ import annotations

import re

UNIT = {
    "AUD": 2, "BRL": 2, "CAD": 2, "CHF": 2, "CZK": 2, "DKK": 2, "EUR": 2, "GBP": 2, "HKD": 2, "HUF": 0, "ILS": 2,
    "JPY": 0, "MXN": 2, "MYR": 2, "NOK": 2, "NZD": 2, "PHP": 2, "PLN": 2, "SEK": 2, "SGD": 2, "THB": 2, "TWD": 0,
    "USD": 2,
}  # fmt: skip
"""Decimals. Not ISO 4217: PayPal refuses any decimals of HUF and TWD, which have two there."""

WORTH = {
    "AUD": 660_000, "BRL": 180_000, "CAD": 730_000, "CHF": 1_130_000, "CZK": 44_000, "DKK": 145_000,
    "EUR": 1_080_000, "GBP": 1_270_000, "HKD": 128_000, "HUF": 2_700, "ILS": 270_000, "JPY": 6_600, "MXN": 54_000,
    "MYR": 215_000, "NOK": 93_000, "NZD": 600_000, "PHP": 17_500, "PLN": 250_000, "SEK": 95_000, "SGD": 740_000,
    "THB": 28_000, "TWD": 31_000, "USD": 1_000_000,
}  # fmt: skip
"""Millionths of a US dollar per whole unit: good enough for caps and for the sandbox's own conversions."""

_SCALE: dict[str, int] = {code: 10**decimals for code, decimals in UNIT.items()}
_CAPS = {"USD": 1400, "EUR": 1200, "GBP": 1000}
_FEE_PERCENT = 2
_ITEM_LIMIT_USD = 20_000
_PLAIN = re.compile(r"[0-9]{1,12}(?:\.([0-9]+))?")


def units_of(text: str, currency: str) -> int | None:
    """Read an amount as PayPal writes it; None when PayPal would refuse it."""
    match = _PLAIN.fullmatch(text)
    if match is None:
        return None
    decimals = UNIT[currency]
    fraction = match[1] or ""
    if len(fraction) > decimals:
        return None
    whole = text.partition(".")[0]
    return int(whole + fraction.ljust(decimals, "0"))


def text_of(units: int, currency: str) -> str:
    """Write an amount as PayPal does."""
    decimals = UNIT[currency]
    if not decimals:
        return str(units)
    sign, units = ("-", -units) if units < 0 else ("", units)
    return f"{sign}{units // 10**decimals}.{units % 10**decimals:0{decimals}d}"


def amount(units: int, currency: str) -> dict[str, str]:
    """Write an amount with its currency, in the form of the payouts API."""
    return {"currency": currency, "value": text_of(units, currency)}


def money(units: int, currency: str) -> dict[str, str]:
    """Write an amount with its currency, in the form of the reporting API."""
    return {"currency_code": currency, "value": text_of(units, currency)}


def converted(units: int, source: str, target: str) -> int:
    """Turn units of one currency into as many of another, rounded up."""
    worth: int = units * WORTH[source] * _SCALE[target]
    return -(-worth // (WORTH[target] * _SCALE[source]))


def _cap(currency: str) -> int:
    return _CAPS.get(currency) or converted(_CAPS["USD"], "USD", currency)


FEE_CAPS = {currency: _cap(currency) for currency in UNIT}
ITEM_LIMITS = {currency: converted(_ITEM_LIMIT_USD * 100, "USD", currency) for currency in UNIT}


def fee_of(units: int, currency: str) -> int:
    """Give the fee: two per cent, rounded half up, at most the currency's cap."""
    return min((units * _FEE_PERCENT + 50) // 100, FEE_CAPS[currency])
