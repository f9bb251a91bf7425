"""The four proofs that the API takes, one a request. Cookies are none of them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.headless.internal.sessionkit import authenticate_by_x_session_token
from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from accounts import server_keys, sessions, sharetribe, visits
from accounts.api import errors, throttles
from accounts.api.errors import ApiError
from accounts.callers import Caller, Credential, Server
from accounts.errors import AccountsError, NotProven
from accounts.models import Login, User
from marketplace_payouts.lib import standard_webhooks
from marketplace_payouts.lib.clock import utc_now

SESSION_HEADER: Final = "X-Session-Token"
TOKEN: Final = re.compile(r"[!-~]{1,4096}")
"""What a token looks like, whoever made it."""
_BEARER: Final = "bearer"

Proven = tuple[User | Server, Caller]


class Proof(BaseAuthentication):
    """One of the four; those that a request does not show leave it to the others."""

    credential: ClassVar[Credential]

    def authenticate(self, request: Request) -> Proven | None:
        """This will give who calls, where the request shows this proof.

        :raises ApiError: when it proves nobody, or cannot be checked now.
        """
        try:
            if _shown(request) != self.credential:
                return None
            user, caller = self.prove(request)
        except AccountsError as error:
            # Only its own errors make the framework take note that nobody is logged in.
            raise errors.of(error) from None
        if user.is_staff:
            raise ApiError(
                "not_for_staff", "Staff come in by the pages of the back office alone.", status=401
            )
        return user, caller

    def prove(self, request: Request) -> Proven:
        """This will check the proof.

        :raises AccountsError: when it proves nobody, or cannot be checked now.
        """
        raise NotImplementedError

    def authenticate_header(self, request: Request) -> str:
        """This will name the way in which strangers are asked who they are."""
        return "Bearer"


class OurSession(Proof):
    """`Authorization: Bearer mps_…`"""

    credential = Credential.SESSION

    def prove(self, request: Request) -> Proven:
        """This will find the session, in one statement."""
        session = sessions.find(_bearer(request), now=utc_now())
        return session.user, Caller.of_session(session)


class SharetribeToken(Proof):
    """`Authorization: Bearer …` with a user's access token of Sharetribe."""

    credential = Credential.SHARETRIBE_TOKEN

    def prove(self, request: Request) -> Proven:
        """This will have Sharetribe say whose it is, unless it did within the last minute."""
        holder = holder_of(_bearer(request), request)
        user = visits.visitor(marketplace=sharetribe.marketplace(), flex_user_id=holder.flex_user_id)
        return user, Caller.of_holder(holder)


class AccountSession(Proof):
    """`X-Session-Token` with the session of an account of ours, as allauth's API gives it."""

    credential = Credential.ACCOUNT_SESSION

    def prove(self, request: Request) -> Proven:
        """This will find who is logged in by the session."""
        token = request.headers[SESSION_HEADER]
        found = authenticate_by_x_session_token(token) if token.isalnum() else None
        if found is None:
            raise NotProven("session_over", "There is no such session, or it is over: log in again.")
        user, session = found
        caller = Caller(
            credential=self.credential,
            login=Login.ACCOUNT,
            logged_in_at=_logged_in_at(session),
            until=session.get_expiry_date(),
        )
        return user, caller


class SignedRequest(Proof):
    """`webhook-id`, `webhook-timestamp` and `webhook-signature` of the marketplace's server."""

    credential = Credential.SIGNATURE

    def prove(self, request: Request) -> Proven:
        """This will find the key that signed the request, and let the request count once."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        key = server_keys.signer(headers, request.body, now=utc_now())
        caller = Caller(
            credential=self.credential, login=Login.SERVER, logged_in_at=None, until=None, key=key
        )
        return Server(key), caller


def holder_of(token: str, request: Request | HttpRequest) -> sharetribe.Holder:
    """This will give who holds a token of Sharetribe; strangers cannot have Sharetribe asked as often as they like.

    :raises AccountsError: when it proves nobody, or cannot be checked now.
    :raises Throttled: when this address had Sharetribe asked too often.
    """
    holder = sharetribe.remembered(token)
    if holder is None:
        throttles.demand("sharetribe", request)
        holder = sharetribe.ask(token, now=utc_now())
    return holder


def _shown(request: Request) -> Credential | None:
    """Give which proof a request shows.

    :raises NotProven: when it shows several, for nobody could say whose word counts.
    """
    shown = [
        credential
        for credential, is_there in (
            (_of_bearer(request), "Authorization" in request.headers),
            (Credential.ACCOUNT_SESSION, SESSION_HEADER in request.headers),
            (Credential.SIGNATURE, any(name in request.headers for name in standard_webhooks.HEADERS)),
        )
        if is_there
    ]
    if len(shown) > 1:
        raise NotProven(
            "several_proofs",
            "Send one proof of who you are: Authorization, X-Session-Token or a signature, not several.",
        )
    return shown[0] if shown else None


def _of_bearer(request: Request) -> Credential:
    _scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    is_session = token.startswith(sessions.PREFIX)
    return Credential.SESSION if is_session else Credential.SHARETRIBE_TOKEN


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers["Authorization"].partition(" ")
    if scheme.lower() != _BEARER or not TOKEN.fullmatch(token):
        raise NotProven(
            "authorization_malformed", "Send Authorization: Bearer and a token, with one blank between them."
        )
    return token


def _logged_in_at(session: Any) -> datetime | None:
    """The last time that the person gave a password or a code."""
    records = session.get(AUTHENTICATION_METHODS_SESSION_KEY) or []
    newest = max((float(record.get("at", 0)) for record in records), default=0.0)
    return datetime.fromtimestamp(newest, tz=UTC) if newest else None
