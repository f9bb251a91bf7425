"""Amounts in PayPal's form. Its decimals are its own: none for HUF, JPY and TWD, whatever ISO 4217 says."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from marketplace_payouts.lib.currencies import MoneyError, convert_exponent, exponent, from_decimal_string
from marketplace_payouts.lib.currencies import to_decimal_string as _to_decimal_string
from marketplace_payouts.lib.money import Money
from payouts.providers.base import ProviderError

_WITHOUT_DECIMALS: Final = "HUF JPY TWD"
_WITH_TWO: Final = "AUD BRL CAD CHF CZK DKK EUR GBP HKD ILS MXN MYR NOK NZD PHP PLN SEK SGD THB USD"

EXPONENTS: Final[Mapping[str, int]] = MappingProxyType(
    {**dict.fromkeys(_WITHOUT_DECIMALS.split(), 0), **dict.fromkeys(_WITH_TWO.split(), 2)}
)
"""Currencies of Payouts and their decimals (developer.paypal.com, "Payouts currency codes", read 2026-11)."""


class UnreadableAmount(ProviderError):
    """PayPal named an amount that cannot be read exactly."""


def write_amount(amount: Money) -> dict[str, str]:
    """This will give an amount in the form of the Payouts API.

    :raises ProviderError: when PayPal does not pay in the currency, or cannot express the amount without a rest.
    """
    places = EXPONENTS.get(amount.currency)
    if places is None:
        raise ProviderError(f"PayPal does not pay out in {amount.currency}.")
    if amount.units <= 0:
        raise ProviderError("Only an amount above zero can be paid.")
    units, rest = convert_exponent(amount.units, exponent(amount.currency), places)
    if rest:
        raise ProviderError(
            f"PayPal cannot pay {amount}: it takes {amount.currency} with {places} decimals only."
        )
    return {"currency": amount.currency, "value": _to_decimal_string(units, places)}


def read_amount(value: object) -> Money | None:
    """This will read an amount of the Payouts API (`currency`) or of the reports (`currency_code`).

    None means that none is given.

    :raises UnreadableAmount: when there is one that cannot be read exactly.
    """
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise UnreadableAmount("An amount is no object.")
    currency = value.get("currency", value.get("currency_code"))
    text = value.get("value")
    if not isinstance(currency, str) or not isinstance(text, str):
        raise UnreadableAmount("An amount has no currency or no value.")
    try:
        return Money(from_decimal_string(_with_leading_zero(text.strip()), exponent(currency)), currency)
    except MoneyError as error:
        raise UnreadableAmount(f"An amount cannot be read: {error}") from None


def _with_leading_zero(text: str) -> str:
    # The reports' published file allows ".50" and "-.50".
    sign = "-" if text.startswith("-") else ""
    digits = text.removeprefix("-")
    return f"{sign}0{digits}" if digits.startswith(".") else text
