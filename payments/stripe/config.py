"""Where Stripe is and who we are there; without a key Stripe is off, and nothing calls it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from django.conf import settings

from marketplace_payouts.lib.http import BadBaseUrl, check_base_url
from payments.stripe.errors import StripeOff
from payments.stripe.pinned import HOST

_KEY: Final = re.compile(r"(?:sk|rk)_(live|test)_[A-Za-z0-9]{24,}")
_VERSION: Final = re.compile(r"20\d\d-\d\d-\d\d(?:\.[a-z]+)?")


@dataclass(frozen=True, slots=True)
class Config:
    """One Stripe account, in one of its two modes."""

    secret_key: str = field(repr=False)
    api_host: str
    api_version: str
    allow_loopback_http: bool

    @property
    def is_live(self) -> bool:
        """Whether the key moves real money."""
        return "_live_" in self.secret_key[:8]


def is_on() -> bool:
    """This will say whether there is a key."""
    return bool(settings.STRIPE["secret_key"])


def config() -> Config:
    """This will give the settings.

    :raises StripeOff: when there is no key.
    """
    if not is_on():
        raise StripeOff
    return Config(
        secret_key=settings.STRIPE["secret_key"],
        api_host=settings.STRIPE["api_host"],
        api_version=settings.STRIPE_API_VERSION,
        allow_loopback_http=settings.LOOPBACK_HTTP,
    )


def problems() -> Iterator[tuple[str, str, str]]:
    """This will give a number, what is wrong with the settings, and what to do; nothing where Stripe is off."""
    if not is_on():
        return
    key = settings.STRIPE["secret_key"]
    found = _KEY.fullmatch(key)
    if found is None:
        yield (
            "E015",
            f"STRIPE_SECRET_KEY is {_kind(key)}.",
            "Set it to the one of your API keys that begins with sk_.",
        )
    elif found[1] != settings.ENVIRONMENT:
        yield (
            "E014",
            f"STRIPE_SECRET_KEY is a {found[1]} key where ENVIRONMENT is {settings.ENVIRONMENT}.",
            f"Use a key of the other kind, or set ENVIRONMENT to {found[1]}.",
        )
    if settings.DEBUG and "_live_" in key:
        yield (
            "E016",
            "DEBUG is on where STRIPE_SECRET_KEY is a live key.",
            "Switch DEBUG off: with it Stripe's webhooks could be forged in other software, and http is spoken.",
        )
    try:
        check_base_url(
            settings.STRIPE["api_host"], allow_loopback_http=settings.LOOPBACK_HTTP, allowed_hosts=[HOST]
        )
    except BadBaseUrl as error:
        yield (
            "E017",
            f"STRIPE_API_HOST: {error}",
            "Take it away: only the sandbox needs it, and DEBUG with it.",
        )
    if not _VERSION.fullmatch(settings.STRIPE_API_VERSION):
        yield (
            "E018",
            f"STRIPE_API_VERSION is {settings.STRIPE_API_VERSION!r}.",
            "Take it away, for the version that this release was tested with.",
        )


def _kind(key: str) -> str:
    if key.startswith("pk_"):
        return "a publishable key, which may do next to nothing"
    if key.startswith("whsec_"):
        return "the secret of a webhook"
    return "not of the form of a secret key"
