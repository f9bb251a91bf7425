"""How the settings say that Sharetribe is reached, and as whom: by the Integration API, and about users' tokens."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from django.conf import settings

from marketplace_payouts.lib.http import Timeouts
from marketplace_payouts.lib.sharetribe.config import FlexConfig
from marketplace_payouts.lib.sharetribe.people import PeopleConfig

REQUESTS_AT_ONCE: Final = 10
"""Sharetribe's limit for one address, in every environment."""
_TIMEOUTS: Final = Timeouts(connect=5, read=30, total=45)


class NotConfigured(Exception):
    """A setting is missing or leads elsewhere; `str()` names it and says what to do."""


def integration() -> FlexConfig:
    """Give what a client of the Integration API needs.

    :raises NotConfigured: when credentials are missing, or live and test are mixed.
    """
    if not settings.FLEX_CLIENT_ID or not settings.FLEX_CLIENT_SECRET:
        raise NotConfigured(
            "FLEX_CLIENT_ID and FLEX_CLIENT_SECRET are missing: make an application for the Integration API in"
            " Sharetribe's Console, under Build, Applications."
        )
    _check_host("FLEX_BASE_URL")
    return FlexConfig(
        base_url=settings.FLEX_BASE_URL,
        client_id=settings.FLEX_CLIENT_ID,
        client_secret=settings.FLEX_CLIENT_SECRET,
        rate_limited=settings.FLEX_DEV_LIMITS,
        allow_loopback_http=settings.LOOPBACK_HTTP,
        requests_at_once=REQUESTS_AT_ONCE,
        timeouts=_TIMEOUTS,
    )


def people() -> PeopleConfig:
    """Give what it takes to ask who holds a user's token; the application's credentials may be missing.

    :raises NotConfigured: when live and test are mixed.
    """
    _check_host("FLEX_MARKETPLACE_BASE_URL")
    return PeopleConfig(
        base_url=settings.FLEX_MARKETPLACE_BASE_URL,
        client_id=settings.FLEX_MARKETPLACE_CLIENT_ID,
        client_secret=settings.FLEX_MARKETPLACE_CLIENT_SECRET,
        allow_loopback_http=settings.LOOPBACK_HTTP,
        requests_at_once=REQUESTS_AT_ONCE,
    )


def _check_host(name: str) -> None:
    host = urlsplit(getattr(settings, name)).hostname or ""
    if settings.ENVIRONMENT == "live" and not host.endswith(".sharetribe.com"):
        raise NotConfigured(
            f"ENVIRONMENT is live, but {name} leads to {host or 'nowhere'}, not to Sharetribe."
        )
