"""Short sessions of people: another proof is exchanged for one, which ends by itself or when asked to.

A session opens one door, the API or the payees' own pages, and never the other.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Final

from accounts.callers import Caller
from accounts.errors import NotProven
from accounts.models import ApiSession, Door, Login, User
from marketplace_payouts.lib import crypto
from marketplace_payouts.lib.ready_queries import ReadyQuery

LASTS: Final = {Door.API: timedelta(minutes=15), Door.PAGES: timedelta(minutes=30)}
"""At a page people read, type and look things up."""
PREFIX: Final = "mps_"
"""What every token begins with, so that it is told from others, also where one was lost."""


_OF_A_TOKEN: Final = ReadyQuery(
    lambda: ApiSession.objects.select_related("user__payee__marketplace", "key").filter(digest="", door="")
)
"""With its user and their payee; a digest is unique. Every request of a session asks for it."""


def open_for(user: User, caller: Caller, *, now: datetime, door: Door = Door.API) -> tuple[ApiSession, str]:
    """This will open a session for whoever proved to be the user, and give its token, which is kept nowhere."""
    token = PREFIX + secrets.token_urlsafe(32)
    session = ApiSession.objects.create(
        digest=_digest(token),
        user=user,
        door=door,
        login=caller.login,
        logged_in_at=caller.logged_in_at,
        read_only=caller.read_only,
        key=caller.key,
        password_stamp=_stamp(user, caller.login),
        made_at=now,
        expires_at=now + LASTS[door],
    )
    return session, token


def find(token: str, *, now: datetime, door: Door = Door.API) -> ApiSession:
    """This will find the session of a token, with its user and their payee, in one statement.

    :raises NotProven: when there is none for this door, or it is over for whatever reason.
    """
    found = _OF_A_TOKEN.rows(_digest(token), door)
    if not found:
        raise NotProven("session_unknown", "There is no such session: log in again.")
    [session] = found
    if session.ended_at is not None or session.expires_at <= now:
        raise NotProven("session_over", "The session is over: log in again.")
    if session.key is not None and session.key.revoked_at is not None:
        # Whoever revoked it ended what was there; this one was being opened at that moment.
        raise NotProven("session_over", "The key that vouched for this session was revoked: log in again.")
    if not session.user.is_active or _is_closed(session):
        raise NotProven("account_closed", "This account is closed.")
    if not crypto.constant_time_equal(session.password_stamp, _stamp(session.user, session.login)):
        raise NotProven("session_over", "The password was changed: log in again.")
    return session


def end(session: ApiSession, *, now: datetime) -> None:
    """This will end a session."""
    ApiSession.objects.filter(pk=session.pk, ended_at__isnull=True).update(ended_at=now)


def end_all_of(user: User, *, now: datetime) -> None:
    """This will end every session of a user."""
    ApiSession.objects.filter(user=user, ended_at__isnull=True, expires_at__gt=now).update(ended_at=now)


def _is_closed(session: ApiSession) -> bool:
    """Whoever logged in as a Sharetribe user is out when Sharetribe has banned or deleted that user since."""
    payee = getattr(session.user, "payee", None)
    return session.login != Login.ACCOUNT and (payee is None or payee.closed)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _stamp(user: User, login: str) -> str:
    """What changes with the password, as in Django's own sessions; others do not depend on one."""
    return user.get_session_auth_hash() if login == Login.ACCOUNT else ""
