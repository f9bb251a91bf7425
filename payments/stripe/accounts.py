"""Sellers' connected accounts at Stripe: the one place that knows of what kinds they are, and how they are asked for.

By the controller properties of Stripe's first version. Accounts of its second version, of which dj-stripe has no events
yet, would be asked for here. docs.stripe.com/connect/migrate-to-controller-properties, read 2026-11.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final
from uuid import uuid4

from django.conf import settings
from django.core.cache import cache

from marketplace_payouts.lib.crash_points import crash_point
from payments.models import Seller
from payments.stripe.client import asking
from payments.stripe.countries import reached_from
from payments.stripe.making import OUR_ID, Found

_CONTROLLERS: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        # The seller has Stripe's whole dashboard, pays its fees, and answers for their own losses.
        Seller.Kind.STANDARD: {
            "fees": {"payer": "account"},
            "losses": {"payments": "stripe"},
            "requirement_collection": "stripe",
            "stripe_dashboard": {"type": "full"},
        },
        # A small dashboard; fees and losses are the marketplace's.
        Seller.Kind.EXPRESS: {
            "fees": {"payer": "application"},
            "losses": {"payments": "application"},
            "requirement_collection": "stripe",
            "stripe_dashboard": {"type": "express"},
        },
        # None at all: all that the seller sees is the marketplace's.
        Seller.Kind.CUSTOM: {
            "fees": {"payer": "application"},
            "losses": {"payments": "application"},
            "requirement_collection": "application",
            "stripe_dashboard": {"type": "none"},
        },
    }
)
_COUNTRY_KNOWN_S: Final = 24 * 3600


@dataclass(frozen=True, slots=True)
class Link:
    """An address that lets whoever opens it in: shown to its owner at once, and kept nowhere."""

    url: str
    expires_at: datetime

    def __repr__(self) -> str:
        return f"Link(expires_at={self.expires_at!r})"


class Accounts:
    """Makes them, as `payments.stripe.making` wants it."""

    def create(self, asked: Mapping[str, Any], *, key: str) -> Found:
        """This will make one."""
        terms: Any = dict(asked)
        with asking("make an account") as stripe:
            return stripe.v1.accounts.create(terms, {"idempotency_key": key}).to_dict()

    def listed(self, *, created: Mapping[str, int]) -> Iterator[Found]:
        """This will list those made in a time, the newest first."""
        terms: Any = {"created": dict(created), "limit": 100}
        with asking("list its accounts") as stripe:
            for one in stripe.v1.accounts.list(terms).auto_paging_iter():
                yield one.to_dict()


def asked_for(
    seller: Seller, *, email: str, business_type: str, metadata: Mapping[str, str]
) -> dict[str, Any]:
    """This will write what Stripe is asked for."""
    asked: dict[str, Any] = {
        "country": seller.country,
        "controller": _CONTROLLERS[seller.kind],
        "capabilities": {name: {"requested": True} for name in settings.STRIPE_SELLERS["capabilities"]},
        "metadata": {OUR_ID: str(seller.pk), **metadata},
    }
    return asked | {
        name: value for name, value in (("email", email), ("business_type", business_type)) if value
    }


def served_countries() -> Collection[str]:
    """This will give the countries in which sellers may have an account: Stripe's, and of those the configured ones.

    :raises StripeProblem: when Stripe does not say where the platform is.
    """
    reached = reached_from(_platform_country())
    chosen = frozenset(settings.STRIPE_SELLERS["countries"])
    return reached & chosen if chosen else reached


def onboarding_link(account: str, *, return_url: str, refresh_url: str) -> Link:
    """This will make a link to Stripe's form. It works once, for some minutes, and opens what is the seller's own.

    :raises StripeProblem: when Stripe does not make it.
    """
    terms: Any = {
        "account": account,
        "type": "account_onboarding",
        "return_url": return_url,
        "refresh_url": refresh_url,
    }
    crash_point("stripe_link.before_call")
    with asking("open its form") as stripe:
        made = stripe.v1.account_links.create(terms, {"idempotency_key": str(uuid4())})
    crash_point("stripe_link.after_call")
    return Link(made.url, datetime.fromtimestamp(made.expires_at, tz=UTC))


def login_link(account: str) -> str:
    """This will make an address that opens the seller's express dashboard, once.

    :raises StripeProblem: when Stripe does not make it.
    """
    crash_point("stripe_login.before_call")
    with asking("open the dashboard") as stripe:
        made = stripe.v1.accounts.login_links.create(account, None, {"idempotency_key": str(uuid4())})
    crash_point("stripe_login.after_call")
    return made.url


def _platform_country() -> str:
    """Where our own account is; it never moves, and is asked for once a day."""
    key = hashlib.sha256(settings.STRIPE["secret_key"].encode()).hexdigest()[:32]
    known: str | None = cache.get(f"stripe-country:{key}")
    if known:
        return known
    with asking("say in which country the platform is") as stripe:
        found = str(stripe.v1.accounts.retrieve_current().country or "")
    cache.set(f"stripe-country:{key}", found, _COUNTRY_KNOWN_S)
    return found
