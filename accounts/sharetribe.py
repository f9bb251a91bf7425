"""What Sharetribe says of its users: who holds an access token, whether it is theirs, and whether they are ours."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final
from uuid import UUID

from django.conf import settings
from django.core.cache import cache
from django.db import connection

from accounts.errors import NotAllowedHere, NotNow, NotProven
from accounts.models import Marketplace, Payee, ReadOnly
from marketplace_payouts.lib.http import BadBaseUrl
from marketplace_payouts.lib.logs import logger
from marketplace_payouts.lib.sharetribe import (
    FlexClient,
    FlexConfig,
    FlexError,
    FlexNotFound,
    FlexRefused,
    FlexUnauthorized,
    User,
    configured,
)
from marketplace_payouts.lib.sharetribe.people import PeopleClient, PeopleConfig

log = logger(__name__)

REMEMBERED_S: Final = 60
_PATIENCE_S: Final = 8.0


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds an access token, as Sharetribe said within the last minute."""

    flex_user_id: UUID
    email: str
    """As Sharetribe has it; empty where it is not verified there."""
    read_only: str
    """Why nothing may be changed with it, one of `ReadOnly`; empty where it is the user's own."""
    seen_at: datetime
    """When the token was first shown to us."""


def marketplace() -> Marketplace:
    """This will give the marketplace that our credentials belong to, as `check_flex` and the poller made sure of it.

    :raises NotNow: when nobody did yet.
    """
    client_id = settings.FLEX_CLIENT_ID
    ours = Marketplace.objects.filter(client_id=client_id).first() if client_id else None
    if ours is None:
        raise NotNow(
            "marketplace_unknown",
            "The marketplace is not set up here yet: whoever runs this sets FLEX_CLIENT_ID and FLEX_CLIENT_SECRET and"
            " runs check_flex.",
        )
    return ours


def remembered(token: str) -> Holder | None:
    """This will give the holder of a token about whom Sharetribe was asked within the last minute."""
    found: Holder | None = cache.get(_name(token))
    return found


def ask(token: str, *, now: datetime) -> Holder:
    """This will have Sharetribe say who holds a token, and remember it for a minute.

    :raises NotProven: when it is no user's access token, or one of another marketplace.
    :raises NotAllowedHere: when Sharetribe has banned or deleted the user.
    :raises NotNow: when Sharetribe cannot say.
    """
    ours = marketplace()
    client = _people()
    try:
        user = client.current_user(token)
        _must_be_open(user)
        must_be_ours(user.id, marketplace=ours)
        read_only = _read_only(client, token)
    except FlexUnauthorized:
        raise NotProven(
            "token_refused",
            "Sharetribe does not take this for a user's access token: it is over, or none. Refresh it, and never send"
            " the refresh token.",
        ) from None
    except FlexError as error:
        raise _silent(error) from None
    holder = Holder(
        flex_user_id=user.id,
        email=user.email if user.email_verified else "",
        read_only=read_only,
        seen_at=_first_seen(token, now=now),
    )
    cache.set(_name(token), holder, REMEMBERED_S)
    return holder


def must_be_ours(flex_user_id: UUID, *, marketplace: Marketplace) -> None:
    """This will make sure that a user belongs to our marketplace; Sharetribe is asked of those whom we do not know.

    :raises NotProven: when there is no such user in our marketplace.
    :raises NotAllowedHere: when Sharetribe has banned or deleted the user.
    :raises NotNow: when Sharetribe cannot say.
    """
    if Payee.objects.filter(marketplace=marketplace, flex_user_id=flex_user_id).exists():
        return
    try:
        # Our own credentials see the users of one marketplace; a token alone may be of any.
        user = _integration().user(flex_user_id, patience_s=_PATIENCE_S)
    except FlexNotFound:
        raise NotProven(
            "not_of_this_marketplace", "This is no user of the marketplace that is served here."
        ) from None
    except FlexError as error:
        raise _silent(error) from None
    _must_be_open(user)


def with_address(address: str) -> User | None:
    """This will give the user whose verified e-mail address it is, and who is neither banned nor deleted.

    :raises NotNow: when Sharetribe cannot say.
    """
    try:
        user = _integration().user_by_email(address, patience_s=_PATIENCE_S)
        _must_be_open(user)
    except (FlexNotFound, FlexRefused, NotAllowedHere):
        return None
    except FlexError as error:
        raise _silent(error) from None
    # What we asked for is what must be verified, whatever Sharetribe takes for the same address.
    return user if user.email_verified and user.email.lower() == address else None


def profile(flex_user_id: UUID) -> User:
    """This will give what Sharetribe knows of a user.

    :raises NotProven: when there is no such user.
    :raises NotNow: when Sharetribe cannot say.
    """
    try:
        return _integration().user(flex_user_id, patience_s=_PATIENCE_S)
    except FlexNotFound:
        raise NotProven("not_of_this_marketplace", "This is no user of the marketplace.") from None
    except FlexError as error:
        raise _silent(error) from None


def _must_be_open(user: User) -> None:
    if user.deleted or user.state == "banned":
        raise NotAllowedHere("account_closed", "The marketplace has closed this account.")


def _read_only(client: PeopleClient, token: str) -> str:
    if not client.can_tell_operators:
        return ReadOnly.UNDETERMINED.value
    return "" if client.is_their_own(token) else ReadOnly.IMPERSONATED.value


def _first_seen(token: str, *, now: datetime) -> datetime:
    """Nobody says when a token was issued; so its age is counted from when it was first shown to us."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO accounts_sharetribetoken (digest, seen_at) VALUES (%s, %s)"
            " ON CONFLICT (digest) DO UPDATE SET digest = excluded.digest RETURNING seen_at",
            [_digest(token), now],
        )
        seen_at: datetime = cursor.fetchone()[0]
    return seen_at


def _silent(error: FlexError) -> NotNow:
    log.warning("sharetribe_silent", reason=str(error))
    return NotNow(
        "sharetribe_unavailable", "Sharetribe does not say who this is at the moment: try again in a moment."
    )


def _name(token: str) -> str:
    return f"holder:{_digest(token)}"


def _digest(token: str) -> str:
    """Keyed: whoever reads the cache must not be able to try tokens out on it."""
    key = b"token of Sharetribe" + settings.SECRET_KEY.encode()
    return hmac.digest(key, token.encode(), "sha256").hex()


def _people() -> PeopleClient:
    try:
        return _people_client(configured.people())
    except (configured.NotConfigured, BadBaseUrl) as error:
        raise NotNow("marketplace_unknown", str(error)) from None


def _integration() -> FlexClient:
    try:
        return _integration_client(configured.integration())
    except (configured.NotConfigured, BadBaseUrl) as error:
        raise NotNow("marketplace_unknown", str(error)) from None


@lru_cache(maxsize=4)
def _people_client(config: PeopleConfig) -> PeopleClient:
    return PeopleClient(config=config)


@lru_cache(maxsize=4)
def _integration_client(config: FlexConfig) -> FlexClient:
    return FlexClient(config=config)
