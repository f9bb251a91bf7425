"""What Wise needs to know about us, read from WISE_…."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from payouts.providers import environ
from payouts.providers.base import ProviderError
from payouts.providers.wise.client import LIVE_HOSTS, SANDBOX_HOSTS
from payouts.providers.wise.paths import LEGACY, VERSIONS
from payouts.providers.wise.steps import Details

TOKEN, PROFILE = "WISE_API_TOKEN", "WISE_PROFILE_ID"
OAUTH: Final = ("WISE_CLIENT_ID", "WISE_CLIENT_SECRET", "WISE_REFRESH_TOKEN")
_PROFILE_ID = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
_BY_API, _BY_STAFF = "api", "staff"


@dataclass(frozen=True, slots=True, kw_only=True)
class WiseSettings:
    """One profile, and one of the two ways in."""

    base_url: str
    profile: str
    api_token: str = field(default="", repr=False)
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    funds: bool = False
    """Whether our token may fund what it made; else staff pay on wise.com."""
    version: str = LEGACY
    webhook_public_key: str = ""
    details: Details = field(default_factory=Details)
    live: bool = False


def read(env: Mapping[str, str]) -> WiseSettings | None:
    """This will read the settings; None where neither a token nor a profile is set.

    :raises ProviderError: when they are set by half or make no sense; the sentence says what to do.
    """
    token, profile = environ.read(env, TOKEN), environ.read(env, PROFILE)
    oauth = environ.read_together(env, OAUTH, label="OAuth with Wise")
    if not (token or profile or oauth):
        return None
    if not (token or oauth):
        raise ProviderError(f"Wise is set up by half: set {TOKEN} too, or {', '.join(OAUTH)}.")
    if token and oauth:
        raise ProviderError(f"Wise is set up twice: take {TOKEN} away, or {', '.join(OAUTH)}.")
    if not _PROFILE_ID.fullmatch(profile):
        raise ProviderError(f"Wise is set up by half: set {PROFILE} to the number of the business profile.")
    live = environ.is_live(env)
    client_id, client_secret, refresh_token = oauth or ("", "", "")
    return WiseSettings(
        base_url=environ.read(env, "WISE_BASE_URL")
        or f"https://{(LIVE_HOSTS if live else SANDBOX_HOSTS)[0]}",
        profile=profile,
        api_token=token,
        client_id=client_id,
        client_secret=client_secret,
        refresh_token=refresh_token,
        # Most personal tokens may not fund.
        funds=_one_of(env, "WISE_FUNDING", (_BY_STAFF if token else _BY_API), (_BY_API, _BY_STAFF))
        == _BY_API,
        version=_one_of(env, "WISE_API_VERSION", LEGACY, VERSIONS),
        webhook_public_key=environ.read(env, "WISE_WEBHOOK_PUBLIC_KEY"),
        details=Details(
            purpose=environ.read(env, "WISE_TRANSFER_PURPOSE"),
            source_of_funds=environ.read(env, "WISE_SOURCE_OF_FUNDS"),
            nature=environ.read(env, "WISE_TRANSFER_NATURE"),
        ),
        live=live,
    )


def _one_of(env: Mapping[str, str], name: str, default: str, known: tuple[str, ...]) -> str:
    value = environ.read(env, name) or default
    if value not in known:
        raise ProviderError(f"{name} must be {' or '.join(known)}.")
    return value
