"""What must hold of how sellers' accounts are made, with what to do where it does not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from django.conf import settings

from marketplace_payouts.lib.http import BadBaseUrl, check_base_url
from payments.models import Seller
from payments.stripe.config import is_on
from payments.stripe.countries import SERVED

_CAPABILITIES: Final = frozenset({"transfers", "card_payments"})
_FIELD: Final = re.compile(r"(publicData|protectedData|privateData|metadata)(\.\w+)+")


def problems() -> Iterator[tuple[str, str, str]]:
    """This will give a number, what is wrong with the settings, and what to do; nothing where Stripe is off."""
    if is_on():
        yield from _of_accounts()
        yield from _of_origins()
        yield from _of_first_listings()


def _of_accounts() -> Iterator[tuple[str, str, str]]:
    kind = settings.STRIPE_SELLERS["kind"]
    if kind not in Seller.Kind.values:
        hint = f"Choose one of {', '.join(Seller.Kind.values)}."
        yield "E110", f"STRIPE_SELLER_ACCOUNTS is {kind!r}.", hint
    strangers = sorted(set(settings.STRIPE_SELLERS["countries"]) - SERVED)
    if strangers:
        hint = "Name countries by their two capital letters, and only those that Stripe serves."
        yield "E111", f"STRIPE_SELLER_COUNTRIES names {', '.join(strangers)}.", hint
    capabilities = set(settings.STRIPE_SELLERS["capabilities"])
    if "transfers" not in capabilities or capabilities - _CAPABILITIES:
        hint = "Sellers are paid by transfers; card_payments may stand beside it, where Stripe wants both."
        yield "E112", f"STRIPE_SELLER_CAPABILITIES is {', '.join(sorted(capabilities))}.", hint


def _of_origins() -> Iterator[tuple[str, str, str]]:
    for origin in settings.STRIPE_SELLERS["return_origins"]:
        try:
            check_base_url(origin, allow_loopback_http=settings.DEBUG)
            is_good = "*" not in origin and origin == origin.lower()
        except BadBaseUrl:
            is_good = False
        if not is_good:
            hint = "Name each origin by itself, in small letters, such as https://www.example.com, without a path."
            yield (
                "E113",
                f"People would be sent back from Stripe to {origin!r} (STRIPE_RETURN_ORIGINS).",
                hint,
            )


def _of_first_listings() -> Iterator[tuple[str, str, str]]:
    field = settings.STRIPE_SELLERS["country_field"]
    if settings.STRIPE_SELLERS["at_first_listing"] and not _FIELD.fullmatch(field):
        hint = "Say where a user's country stands in their Sharetribe profile, such as publicData.country."
        yield "E114", f"STRIPE_COUNTRY_FIELD is {field!r}.", hint
