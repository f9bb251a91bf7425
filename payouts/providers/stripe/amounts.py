"""Amounts in Stripe's form: whole numbers of a currency's smallest unit, as Stripe counts it.

docs.stripe.com/currencies, read 2026-11. A transfer comes out of the platform's balance, and a balance is held only in
the currencies in which Stripe settles: no other one is paid out.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from marketplace_payouts.lib.currencies import EXPONENTS as OURS
from marketplace_payouts.lib.currencies import convert_exponent, exponent
from marketplace_payouts.lib.money import Money
from payouts.providers.base import ProviderError

_ZERO: Final = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF"
_WITHOUT_DECIMALS: Final = frozenset(_ZERO.split())
_WITH_THREE: Final = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
# Two decimals on the wire that must be zero: the bank gets whole units only, so nothing else may be transferred, or
# it would stay behind in the seller's balance.
_IN_HUNDREDS: Final = frozenset({"HUF"})
_SETTLED: Final = (
    "AED AUD BRL CAD CHF CZK DKK EUR GBP HKD HUF INR JPY MXN MYR NOK NZD PLN RON SEK SGD THB USD"
)


def _wire_places(currency: str) -> int:
    if currency in _WITHOUT_DECIMALS:
        return 0
    return 3 if currency in _WITH_THREE else 2


EXPONENTS: Final[Mapping[str, int]] = MappingProxyType(
    {code: 0 if code in _IN_HUNDREDS else _wire_places(code) for code in _SETTLED.split()}
)
"""Currencies in which sellers are paid, and the decimals that a payment may have."""


class UnreadableAmount(ProviderError):
    """Stripe named an amount that cannot be read exactly."""


def write_amount(amount: Money) -> tuple[str, str]:
    """This will give the number and the currency as they are sent.

    :raises ProviderError: when Stripe does not pay in the currency, or cannot express the amount without a rest.
    """
    places = EXPONENTS.get(amount.currency)
    if places is None:
        raise ProviderError(f"Stripe does not pay out in {amount.currency}.")
    if amount.units <= 0:
        raise ProviderError("Only an amount above zero can be paid.")
    units, rest = convert_exponent(amount.units, exponent(amount.currency), places)
    if rest:
        raise ProviderError(
            f"Stripe cannot pay {amount}: it takes {amount.currency} with {places} decimals only."
        )
    return str(units * 10 ** (_wire_places(amount.currency) - places)), amount.currency.lower()


def read_amount(units: object, currency: object) -> Money:
    """This will read an amount, positive or not, in any currency that Stripe has.

    :raises UnreadableAmount: when it cannot be read exactly.
    """
    if not isinstance(units, int) or isinstance(units, bool) or not isinstance(currency, str):
        raise UnreadableAmount("An amount has no number or no currency.")
    code = currency.upper()
    if code not in OURS:
        raise UnreadableAmount(f"An amount is in {code}, which is not in the table of currencies.")
    converted, rest = convert_exponent(units, _wire_places(code), exponent(code))
    if rest:
        raise UnreadableAmount(f"An amount of {units} {code} is finer than we count.")
    return Money(converted, code)
