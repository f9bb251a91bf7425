"""The two ways in: staff by the pages under /accounts/, everybody else by the headless API under /_allauth/.

Neither takes the other's people: a member of staff has no account for the API, and whoever signed up never gets a
session that the pages made.
"""

from __future__ import annotations

from typing import Any, Final

from allauth.account.auth_backends import AuthenticationBackend
from allauth.core.internal.httpkit import is_headless_request
from allauth.headless.internal import sessionkit
from allauth.headless.tokens.strategies.sessions import SessionTokenStrategy
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest

from accounts.models import User

_MARK: Final = "made_by_the_api"


def is_by_api(request: HttpRequest | None) -> bool:
    """This will tell whether a log-in, sign-up or reset comes by the headless API."""
    return request is not None and bool(is_headless_request(request))


class Backend(AuthenticationBackend):  # type: ignore[misc]  # allauth ships no types
    """Checks e-mail address and password; at the wrong door they are as good as wrong, and count as such."""

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> User | None:
        """This will give the user whose credentials these are, if they belong to this door."""
        user: User | None = super().authenticate(request, **credentials)
        if user is None or user.is_staff == is_by_api(request):
            return None
        return user


class SessionTokens(SessionTokenStrategy):  # type: ignore[misc]  # allauth ships no types
    """Gives out the key of a session as its token, and takes none but of sessions that it gave out itself.

    Otherwise the cookie of a member of staff would be a key to the API.
    """

    def create_session_token(self, request: HttpRequest) -> str:
        """This will mark the session as one of the API and give its token."""
        request.session[_MARK] = True
        key: str = super().create_session_token(request)
        return key

    def lookup_session(self, session_token: str) -> SessionBase | None:
        """This will find the session of a token."""
        session: SessionBase | None = sessionkit.lookup_session(session_token)
        return session if session is not None and session.get(_MARK) else None
