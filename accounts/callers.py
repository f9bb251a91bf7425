"""Whoever calls the API: a person or the marketplace's server, by what credential, and what that allows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from django.db.models import TextChoices

from accounts.models import ApiSession, Login, ReadOnly, ServerKey
from accounts.sharetribe import Holder

FRESH: Final = timedelta(minutes=10)
"""How long after a log-in a person may change where money goes."""

_WHY_READ_ONLY: Final[dict[str, str]] = {
    ReadOnly.IMPERSONATED: "Sharetribe does not confirm that the user themselves logged in: an operator may have logged"
    " in as them, or the token is of another application than the one that is set up here. Log in as the user, with the"
    " marketplace's own front end.",
    ReadOnly.UNDETERMINED: "With a Sharetribe log-in nothing can be changed here, because an operator who logged in as"
    " the user cannot be told from the user: set FLEX_MARKETPLACE_CLIENT_ID and FLEX_MARKETPLACE_CLIENT_SECRET.",
    ReadOnly.SERVER: "The marketplace's server asked for a session that changes nothing.",
}


class Credential(TextChoices):
    """What a request was made with."""

    SESSION = "session", "a session of ours"
    SHARETRIBE_TOKEN = "sharetribe_token", "an access token of Sharetribe"
    ACCOUNT_SESSION = "account_session", "the session of an account of ours"
    SIGNATURE = "signature", "a signature of the marketplace's server"


@dataclass(frozen=True, slots=True)
class Server:
    """The marketplace's server, where a request would else have a user."""

    key: ServerKey
    is_authenticated: Literal[True] = True
    is_active: Literal[True] = True
    is_staff: Literal[False] = False


@dataclass(frozen=True, slots=True)
class Caller:
    """What is known of whoever makes a request, beside who it is."""

    credential: Credential
    login: Login
    logged_in_at: datetime | None
    """When the person logged in, as far as anybody knows."""
    until: datetime | None
    """When the credential ends by itself; None where only its issuer knows."""
    read_only: str = ""
    """One of `ReadOnly`, or empty."""
    key: ServerKey | None = None
    """The key that signed this request, or for whose word a session is opened."""
    session: ApiSession | None = None

    @classmethod
    def of_session(cls, session: ApiSession) -> Caller:
        """This will say what is known of whoever shows the token of a session."""
        return cls(
            credential=Credential.SESSION,
            login=Login(session.login),
            logged_in_at=session.logged_in_at,
            until=session.expires_at,
            read_only=session.read_only,
            key=session.key,
            session=session,
        )

    @classmethod
    def of_holder(cls, holder: Holder) -> Caller:
        """This will say what is known of whoever shows an access token of Sharetribe."""
        return cls(
            credential=Credential.SHARETRIBE_TOKEN,
            login=Login.SHARETRIBE,
            logged_in_at=holder.seen_at,
            until=None,
            read_only=holder.read_only,
        )

    @property
    def fresh_until(self) -> datetime | None:
        """Until when the log-in counts as one of the last minutes."""
        return None if self.logged_in_at is None else self.logged_in_at + FRESH

    def is_fresh(self, *, now: datetime) -> bool:
        """This will tell whether the person logged in within the last minutes."""
        return self.fresh_until is not None and now < self.fresh_until

    @property
    def why_read_only(self) -> str:
        """The sentence that says why nothing may be changed; empty where it may."""
        return _WHY_READ_ONLY.get(self.read_only, "")
