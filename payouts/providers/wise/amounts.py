"""Amounts in Wise's form: JSON numbers with exactly the currency's decimals, never through a float."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from marketplace_payouts.lib.currencies import MoneyError, exponent, from_decimal_string, to_decimal_string
from marketplace_payouts.lib.money import Money
from payouts.providers.base import ProviderError

_CODES: Final = (
    "AED ARS AUD BDT BGN BRL CAD CHF CLP CNY COP CRC CZK DKK EGP EUR GBP GEL GHS HKD IDR ILS INR JPY KES KRW LKR MAD "
    "MXN MYR NGN NOK NPR NZD PEN PHP PKR PLN RON SEK SGD THB TRY TZS UAH UGX USD UYU VND ZAR"
)
EXPONENTS: Final[Mapping[str, int]] = MappingProxyType({code: exponent(code) for code in _CODES.split()})
"""What Wise pays out in, with the decimals of ISO 4217 (read 2026-11). HUF is left out: it takes none there, and ISO
gives it two."""

_MARK: Final = "\0"
_NUMBER = re.compile(rb'"\\u0000([0-9.-]+)"')
_PLAIN = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?", re.ASCII)


class UnreadableAmount(ProviderError):
    """Wise named an amount that cannot be read exactly."""


def write_amount(amount: Money) -> Decimal:
    """This will give an amount as the number that Wise takes.

    :raises ProviderError: when Wise does not pay in the currency, or there is nothing to pay.
    """
    places = EXPONENTS.get(amount.currency)
    if places is None:
        raise ProviderError(f"Wise does not pay out in {amount.currency}.")
    if amount.units <= 0:
        raise ProviderError("Only an amount above zero can be paid.")
    return Decimal(to_decimal_string(amount.units, places))


def read_amount(value: object, currency: object) -> Money | None:
    """This will read an amount that was parsed by `read_json`; None means that none is given.

    :raises UnreadableAmount: when there is one that cannot be read exactly.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not isinstance(currency, str):
        raise UnreadableAmount("An amount is no number, or has no currency.")
    text = f"{value:f}" if isinstance(value, Decimal) else str(value)
    if not _PLAIN.fullmatch(text):
        raise UnreadableAmount("An amount is no number.")
    try:
        return Money(from_decimal_string(text, exponent(currency)), currency)
    except MoneyError as error:
        raise UnreadableAmount(f"An amount cannot be read: {error}") from None


def read_json(body: bytes) -> object:
    """This will parse JSON with its numbers as they stand.

    :raises ValueError: when it is none.
    """
    try:
        value: object = json.loads(body, parse_float=Decimal, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("It is nested too deep.") from None
    return value


def write_json(value: object) -> bytes:
    """This will write JSON as small as it gets, each Decimal as the number that it is."""
    text = json.dumps(value, default=_marked, ensure_ascii=False, separators=(",", ":"))
    return _NUMBER.sub(rb"\1", text.encode())


def _marked(value: object) -> str:
    if not isinstance(value, Decimal):
        raise TypeError(f"{type(value).__name__} is nothing that Wise is told.")
    return f"{_MARK}{value:f}"


def _refuse(word: str) -> object:
    raise ValueError(f"{word} is no number.")
