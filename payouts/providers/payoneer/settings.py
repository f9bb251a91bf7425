"""PAYONEER_…: what is needed to pay, what is needed to hear, and what only a partner of Payoneer's can know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

from payouts.providers import environ
from payouts.providers.base import ProviderError
from payouts.providers.payoneer.amounts import EXPONENTS
from payouts.providers.payoneer.client import (
    LIVE_AUTH_HOST,
    LIVE_HOST,
    SANDBOX_AUTH_HOST,
    SANDBOX_HOST,
)
from payouts.providers.payoneer.mass_payout import MOST_ITEMS

SETTLE_MINUTES: Final = 30.0
# "Not found" sooner after a submission than this is known to be lag.
_LEAST_SETTLE_MINUTES: Final = 15.0
_TOGETHER: Final = ("PAYONEER_PROGRAM_ID", "PAYONEER_CLIENT_ID", "PAYONEER_CLIENT_SECRET")


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoneerSettings:
    """What Payoneer needs to know about us; to hear webhooks the secret alone is enough."""

    base_url: str
    auth_url: str
    program_id: str = ""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    webhook_secret: str = field(default="", repr=False)
    takes_unsigned: bool = False
    currencies: tuple[str, ...] = ("USD",)
    items_per_call: int = MOST_ITEMS
    settle_time: timedelta = timedelta(minutes=SETTLE_MINUTES)
    live: bool = False


def read_settings(env: Mapping[str, str]) -> PayoneerSettings | None:
    """This will read PAYONEER_…; None where neither credentials nor webhooks are set up.

    :raises ProviderError: when it is set up by half or wrongly; the sentence says what to do.
    """
    credentials = environ.read_together(env, _TOGETHER, label="Payoneer")
    secret = environ.read(env, "PAYONEER_WEBHOOK_SECRET")
    takes_unsigned = environ.read_flag(env, "PAYONEER_WEBHOOK_UNSIGNED")
    if credentials is None and not secret and not takes_unsigned:
        return None
    if secret and takes_unsigned:
        raise ProviderError(
            "PAYONEER_WEBHOOK_SECRET and PAYONEER_WEBHOOK_UNSIGNED contradict each other: take the latter away."
        )
    program_id, client_id, client_secret = credentials or ("", "", "")
    live = environ.is_live(env)
    base_url, auth_url = _addresses(env, live=live)
    return PayoneerSettings(
        base_url=base_url,
        auth_url=auth_url,
        program_id=program_id,
        client_id=client_id,
        client_secret=client_secret,
        webhook_secret=secret,
        takes_unsigned=takes_unsigned,
        currencies=_currencies(environ.read(env, "PAYONEER_CURRENCIES") or "USD"),
        items_per_call=_items(environ.read(env, "PAYONEER_ITEMS_PER_CALL") or str(MOST_ITEMS)),
        settle_time=_settle_time(
            environ.read(env, "PAYONEER_SETTLE_MINUTES") or str(SETTLE_MINUTES), live=live
        ),
        live=live,
    )


def _addresses(env: Mapping[str, str], *, live: bool) -> tuple[str, str]:
    base = environ.read(env, "PAYONEER_BASE_URL")
    auth = environ.read(env, "PAYONEER_AUTH_URL")
    is_own = not base or urlsplit(base).hostname in (LIVE_HOST, SANDBOX_HOST)
    if not auth and not is_own:
        raise ProviderError(
            "PAYONEER_BASE_URL leads to a host that is not Payoneer's: set PAYONEER_AUTH_URL too, where its tokens"
            " come from."
        )
    return (
        base or f"https://{LIVE_HOST if live else SANDBOX_HOST}",
        auth or f"https://{LIVE_AUTH_HOST if live else SANDBOX_AUTH_HOST}",
    )


def _currencies(text: str) -> tuple[str, ...]:
    found = tuple(part.strip().upper() for part in text.split(",") if part.strip())
    unknown = [one for one in found if one not in EXPONENTS]
    if unknown or not found:
        known = ", ".join(EXPONENTS)
        raise ProviderError(
            f"PAYONEER_CURRENCIES names {', '.join(unknown) or 'nothing'}; known are: {known}."
        )
    return found


def _items(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= MOST_ITEMS:
        raise ProviderError(f"PAYONEER_ITEMS_PER_CALL must be a whole number from 1 to {MOST_ITEMS}.")
    return int(text)


def _settle_time(text: str, *, live: bool) -> timedelta:
    try:
        settle_time = timedelta(minutes=float(text))
    except (ValueError, OverflowError):
        raise ProviderError("PAYONEER_SETTLE_MINUTES must be a number of minutes.") from None
    least = timedelta(minutes=_LEAST_SETTLE_MINUTES if live else 0)
    if not least <= settle_time <= timedelta(days=7):
        raise ProviderError(
            f"PAYONEER_SETTLE_MINUTES must be from {_LEAST_SETTLE_MINUTES:g} minutes, where ENVIRONMENT is live, to a"
            " week: what is not found sooner may yet be found."
        )
    return settle_time
