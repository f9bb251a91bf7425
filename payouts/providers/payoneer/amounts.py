"""Amounts in Payoneer's form: sent as a text, answered as a text or as a JSON number."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from marketplace_payouts.lib.currencies import MoneyError, convert_exponent, exponent, from_decimal_string
from marketplace_payouts.lib.currencies import to_decimal_string as _to_decimal_string
from marketplace_payouts.lib.money import Money
from payouts.providers.base import ProviderError

EXPONENTS: Final[Mapping[str, int]] = MappingProxyType(dict.fromkeys(["AUD", "CAD", "EUR", "GBP", "USD"], 2))
"""Currencies that a program may be in, and their decimals. A program has one: PAYONEER_CURRENCIES names it."""


class UnreadableAmount(ProviderError):
    """Payoneer named an amount that cannot be read exactly."""


def write_amount(amount: Money) -> str:
    """This will give an amount in Payoneer's form.

    :raises ProviderError: when Payoneer does not pay in the currency, or cannot express the amount.
    """
    places = EXPONENTS.get(amount.currency)
    if places is None:
        raise ProviderError(f"Payoneer does not pay out in {amount.currency}.")
    units, rest = convert_exponent(amount.units, exponent(amount.currency), places)
    if units <= 0 or rest:
        raise ProviderError(f"Payoneer cannot pay {amount}.")
    return _to_decimal_string(units, places)


def read_amount(value: object, currency: str) -> Money:
    """This will read an amount, a text or a number: `repr` gives back what stood in the JSON, for as far as cents go.

    :raises UnreadableAmount: when it cannot be read exactly, or the currency is not known.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = repr(value)
    if not isinstance(value, str):
        raise UnreadableAmount("An amount is neither a text nor a number.")
    try:
        return Money(from_decimal_string(_plain(value), exponent(currency)), currency)
    except MoneyError as error:
        raise UnreadableAmount(f"An amount cannot be read: {error}") from None


def _plain(text: str) -> str:
    """Cut off decimals that say nothing (`5.1000`), which a number of the wire may have."""
    text = text.strip()
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text.lower() else text
