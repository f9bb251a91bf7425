"""What a transfer costs, by how it is paid in."""

from __future__ import annotations

from typing import NamedTuple

from sandbox.wise.books import HELD, Quote
from sandbox.wise.numbers import DECIMALS, bought, needed

_FIXED = {2: 39, 0: 40}
_BY_BANK = {2: 61, 0: 60}
_SWIFT = {2: 500, 0: 500}


class Price(NamedTuple):
    """One way to pay in: what leaves, what arrives, and the fee within what leaves, in the source's smallest units."""

    pay_in: str
    fee: int
    source_units: int
    target_units: int
    disabled: bool = False


def prices(quote: Quote) -> list[Price]:
    """Give all ways to pay in, the one by bank last."""
    disabled = quote.without_balance or quote.source not in HELD
    return [_price("BALANCE", quote, disabled=disabled), _price("BANK_TRANSFER", quote)]


def balance_price(quote: Quote) -> Price:
    """Give the way to pay in from the balance."""
    return prices(quote)[0]


def _price(pay_in: str, quote: Quote, *, disabled: bool = False) -> Price:
    places = DECIMALS[quote.source]
    fee = _FIXED[places] + (_SWIFT[places] if quote.pay_out == "SWIFT" else 0)
    fee += _BY_BANK[places] if pay_in == "BANK_TRANSFER" else 0
    if quote.by_target:
        cost = needed(quote.units, quote.source, quote.target)
        fee += cost * 45 // 10_000 if quote.source != quote.target else 0
        return Price(pay_in, fee, cost + fee, quote.units, disabled)
    fee += quote.units * 45 // 10_000 if quote.source != quote.target else 0
    left = max(quote.units - fee, 1)
    return Price(pay_in, fee, quote.units, bought(left, quote.source, quote.target), disabled)
