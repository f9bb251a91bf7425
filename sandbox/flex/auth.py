"""Access and refresh tokens of the Authentication API."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from sandbox.core import Request, Response
from sandbox.flex.errors import ApiError

INTEGRATION: Final = "integ"
USER: Final = "user"
LIMITED: Final = "user:limited"
"""Of an operator who logged in as a user."""
TRUSTED: Final = "trusted:"

_MARKETPLACE_SCOPES: Final = frozenset((USER, LIMITED, TRUSTED + USER, TRUSTED + LIMITED))
Claim = tuple[str, str]
"""A scope, and the user for whom it holds; nobody for an application's own."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A pair of tokens."""

    client_id: str
    scope: str
    user_id: str
    access: str
    refresh: str
    access_until: float
    refresh_until: float


class Tokens:
    """Who may call: the applications of this marketplace, its users, and the tokens that they hold.

    `user_of` gives the user with an e-mail address and a password, or None.
    """

    def __init__(self, *, now: Callable[[], float], user_of: Callable[[str, str], str | None]) -> None:
        self._now = now
        self._find_user = user_of
        self._secrets: dict[str, str] = {}
        self._by_access: dict[str, Grant] = {}
        self._by_refresh: dict[str, Grant] = {}
        self.access_ttl = 3600.0
        self.refresh_ttl = 30 * 86_400.0

    def allow(self, *, client_id: str, client_secret: str) -> None:
        """Register an application."""
        self._secrets[client_id] = client_secret

    def clear(self, *, keep: Collection[str]) -> None:
        """Forget all tokens, and all applications but these."""
        self._secrets = {client_id: self._secrets[client_id] for client_id in keep}
        self._by_access.clear()
        self._by_refresh.clear()

    # ---------------------------------------------------------------------------------- doors

    def issue(self, request: Request) -> Response:
        """Answer POST /v1/auth/token."""
        form = request.form()
        client_id = form.get("client_id", "")
        ways: dict[str, Callable[[Mapping[str, str]], Claim | None]] = {
            "client_credentials": self._application,
            "password": self._person,
            "refresh_token": self._again,
            "token_exchange": self._exchange,
        }
        way = ways.get(form.get("grant_type", ""))
        claim = way(form) if way is not None and client_id in self._secrets else None
        return unauthorized() if claim is None else self.grant(client_id, *claim)

    def _application(self, form: Mapping[str, str]) -> Claim | None:
        is_asked = form.get("scope") == INTEGRATION and self._knows_the_secret(form)
        return (INTEGRATION, "") if is_asked else None

    def _person(self, form: Mapping[str, str]) -> Claim | None:
        user_id = self._find_user(form.get("username", ""), form.get("password", ""))
        return (USER, user_id) if user_id and form.get("scope") == USER else None

    def _again(self, form: Mapping[str, str]) -> Claim | None:
        # One use only: whoever refreshes holds the newest.
        old = self._by_refresh.pop(form.get("refresh_token", ""), None)
        if old is None or old.client_id != form["client_id"] or old.refresh_until <= self._now():
            return None
        return old.scope, old.user_id

    def _exchange(self, form: Mapping[str, str]) -> Claim | None:
        """Give a trusted token for a user's, to whoever knows the secret of the application it was issued for."""
        old = self._by_access.get(form.get("subject_token", ""))
        if old is None or not old.user_id or old.access_until <= self._now():
            return None
        if old.client_id != form["client_id"] or not self._knows_the_secret(form):
            return None
        return TRUSTED + old.scope.removeprefix(TRUSTED), old.user_id

    def _knows_the_secret(self, form: Mapping[str, str]) -> bool:
        known = self._secrets[form["client_id"]]
        return secrets.compare_digest(known.encode(), form.get("client_secret", "").encode())

    def grant(self, client_id: str, scope: str, user_id: str) -> Response:
        """Answer with a new pair of tokens."""
        now = self._now()
        grant = Grant(
            client_id=client_id,
            scope=scope,
            user_id=user_id,
            access=secrets.token_urlsafe(32),
            refresh=secrets.token_urlsafe(32),
            access_until=now + self.access_ttl,
            refresh_until=now + self.refresh_ttl,
        )
        self._by_access[grant.access] = grant
        self._by_refresh[grant.refresh] = grant
        self._drop_expired(now)
        return Response.of(
            {
                "access_token": grant.access,
                "scope": scope,
                "token_type": "bearer",
                "expires_in": int(self.access_ttl),
                "refresh_token": grant.refresh,
            }
        )

    def _drop_expired(self, now: float) -> None:
        for kept, until in ((self._by_access, "access_until"), (self._by_refresh, "refresh_until")):
            for token in [token for token, grant in kept.items() if getattr(grant, until) <= now]:
                del kept[token]

    def revoke(self, request: Request) -> Response:
        """Answer POST /v1/auth/revoke, which wants a valid access token besides the token to be revoked."""
        try:
            self._grant_of(request)
        except ApiError:
            return unauthorized()
        grant = self._by_refresh.pop(request.form().get("token", ""), None)
        if grant is None:
            return Response.of({"action": "nothing"})
        self._by_access.pop(grant.access, None)
        return Response.of({"action": "revoked"})

    # --------------------------------------------------------------------------------- checks

    def client_of(self, request: Request) -> str:
        """Give the application that calls the Integration API.

        :raises ApiError: `auth-missing-access-token`, or `auth-invalid-access-token` for a wrong or expired one;
            `forbidden` for a user's.
        """
        grant = self._grant_of(request)
        if grant.scope != INTEGRATION:
            raise ApiError("forbidden", "the token is none of an integration application")
        return grant.client_id

    def user_of(self, request: Request) -> str:
        """Give the user who calls the Marketplace API.

        :raises ApiError: `auth-missing-access-token`, or `auth-invalid-access-token` for a wrong or expired one;
            `forbidden` for an application's.
        """
        grant = self._grant_of(request)
        if grant.scope not in _MARKETPLACE_SCOPES:
            raise ApiError("forbidden", "the token is none of a user")
        return grant.user_id

    def is_trusted(self, request: Request) -> bool:
        """Say whether a user's token is one that the secret of the application was needed for.

        :raises ApiError: as `user_of` does.
        """
        return self._grant_of(request).scope.startswith(TRUSTED)

    def _grant_of(self, request: Request) -> Grant:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise ApiError("auth-missing-access-token")
        grant = self._by_access.get(token.strip())
        if grant is None or grant.access_until <= self._now():
            raise ApiError("auth-invalid-access-token")
        return grant

    def forget_access(self) -> int:
        """Make every access token invalid at once, and give how many there were; refresh tokens stay good."""
        count = len(self._by_access)
        self._by_access.clear()
        return count


def unauthorized() -> Response:
    """Give what the Authentication API says to a stranger."""
    return Response(401, b"Unauthorized", content_type="text/plain;charset=UTF-8")
