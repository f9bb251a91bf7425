"""What calls cost in Sharetribe's API credits, as far as anybody knows.

Sharetribe counts calls since 2026-10-01; a live plan includes a million credits a month. The figures marked unverified
were not found on any page and are on the careful side (read 2026-11).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

INCLUDED_CREDITS_PER_MONTH: Final = 1_000_000
_SECONDS_PER_MONTH: Final = 30 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Credits:
    """The price of one call."""

    credits: int
    verified: bool = False


CREDITS: Final[Mapping[str, Credits]] = MappingProxyType(
    {
        "auth/token": Credits(0),
        "marketplace/show": Credits(1, verified=True),
        "transactions/show": Credits(1, verified=True),
        "users/show": Credits(1, verified=True),
        "events/query": Credits(5, verified=True),
        "transactions/query": Credits(5),
        "transactions/update_metadata": Credits(5),
        "transactions/transition": Credits(5),
        "transactions/transition_speculative": Credits(5),
        "users/update_profile": Credits(5),
    }
)
_UNLISTED: Final = Credits(5)


def credits_of(kind: str) -> Credits:
    """Give the price of a call such as ``events/query``."""
    return CREDITS.get(kind, _UNLISTED)


def polling_credits_per_month(*, interval_s: float) -> int:
    """Estimate what asking for events at this interval costs in thirty days."""
    return round(_SECONDS_PER_MONTH / interval_s * CREDITS["events/query"].credits)
