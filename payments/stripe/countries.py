"""In which countries sellers may have a connected account, as Stripe serves them.

docs.stripe.com/global and docs.stripe.com/connect/cross-border-payouts, read 2026-11: a platform in the United States,
the United Kingdom, the European Economic Area, Canada or Switzerland may send money to accounts in all of these; any
other one only within its own country.
"""

from __future__ import annotations

from typing import Final

_SERVED: Final = """
AE AT AU BE BG BR CA CH CY CZ DE DK EE ES FI FR GB GI GR HK HR HU IE IN IT JP LI LT LU LV MT MX MY NL NO NZ PL PT RO SE
SG SI SK TH US
"""
SERVED: Final = frozenset(_SERVED.split())
"""Where Stripe makes accounts at all."""

_TOGETHER: Final = """
AT BE BG CA CH CY CZ DE DK EE ES FI FR GB GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK US
"""
TOGETHER: Final = frozenset(_TOGETHER.split()) & SERVED
"""Where a platform in one of them reaches accounts in all."""


def reached_from(platform: str) -> frozenset[str]:
    """This will give the countries of the accounts that a platform in this country can send money to."""
    return TOGETHER if platform in TOGETHER else SERVED & {platform}
