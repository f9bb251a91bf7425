"""How much may leave the wallet, as settings; the code that signs knows no way around them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from marketplace_payouts.lib.currencies import MoneyError, from_decimal_string
from payouts.providers import environ
from payouts.providers.base import ProviderError
from payouts.providers.solana.networks import EXPONENTS, SOL

_FEE: Final = "0.01"
_RESERVE: Final = "0.05"


@dataclass(frozen=True, slots=True)
class Limits:
    """Smallest units, by currency where there are several; `fee` and `reserve` in lamports."""

    fee: int
    """The most that one payment may cost, rent of the payee's account included."""
    reserve: int
    """What payments in SOL leave in the wallet, so that those in USDC can pay their fees."""
    payout: Mapping[str, int] = field(default_factory=dict)
    day: Mapping[str, int] = field(default_factory=dict)
    recipient: Mapping[str, int] = field(default_factory=dict)
    """Per payee's address and day."""


def read_limits(env: Mapping[str, str], *, live: bool) -> Limits:
    """This will read the limits; where money is real, those per payout and per day must be set.

    :raises ProviderError: when one is missing or cannot be read; the sentence says what to do.
    """
    payout, day, recipient = (
        _amounts(env, name)
        for name in ("SOLANA_PAYOUT_LIMIT", "SOLANA_DAILY_LIMIT", "SOLANA_RECIPIENT_DAILY_LIMIT")
    )
    for name, limits in (("SOLANA_PAYOUT_LIMIT", payout), ("SOLANA_DAILY_LIMIT", day)):
        missing = sorted(EXPONENTS.keys() - limits.keys())
        if live and missing:
            raise ProviderError(
                f"{name} must have an amount of {' and '.join(missing)} where ENVIRONMENT is live."
            )
    return Limits(
        fee=_lamports(env, "SOLANA_MAX_FEE", _FEE),
        reserve=_lamports(env, "SOLANA_RESERVE", _RESERVE),
        payout=payout,
        day=day,
        recipient=recipient,
    )


def _amounts(env: Mapping[str, str], name: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in filter(None, (one.strip() for one in environ.read(env, name).split(","))):
        amount, _, currency = part.partition(" ")
        currency = currency.strip()
        if currency not in EXPONENTS or currency in found:
            raise ProviderError(f"{name} must look like this: 5000 USDC@solana, 20 SOL.")
        found[currency] = _units(name, amount, EXPONENTS[currency])
    return found


def _lamports(env: Mapping[str, str], name: str, default: str) -> int:
    return _units(name, environ.read(env, name) or default, EXPONENTS[SOL])


def _units(name: str, amount: str, places: int) -> int:
    try:
        units = from_decimal_string(amount, places)
    except MoneyError as error:
        raise ProviderError(f"{name}: {error}") from None
    if units < 0:
        raise ProviderError(f"{name} must not be below zero.")
    return units
