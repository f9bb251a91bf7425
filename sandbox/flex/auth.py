"""Access and refresh tokens of the Authentication API."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sandbox.core import Request, Response
from sandbox.flex.errors import ApiError

SCOPE: Final = "integ"


@dataclass(frozen=True, slots=True)
class Grant:
    """A pair of tokens."""

    client_id: str
    access: str
    refresh: str
    access_until: float
    refresh_until: float


class Tokens:
    """Who may call: the applications of this marketplace, and the tokens that they hold."""

    def __init__(self, *, now: Callable[[], float]) -> None:
        self._now = now
        self._secrets: dict[str, str] = {}
        self._by_access: dict[str, Grant] = {}
        self._by_refresh: dict[str, Grant] = {}
        self.access_ttl = 3600.0
        self.refresh_ttl = 30 * 86_400.0

    def allow(self, *, client_id: str, client_secret: str) -> None:
        """Register an application."""
        self._secrets[client_id] = client_secret

    def clear(self, *, keep: str) -> None:
        """Forget all tokens, and all applications but one."""
        self._secrets = {keep: self._secrets[keep]}
        self._by_access.clear()
        self._by_refresh.clear()

    # ---------------------------------------------------------------------------------- doors

    def issue(self, request: Request) -> Response:
        """Answer POST /v1/auth/token."""
        form = request.form()
        client_id = form.get("client_id", "")
        match form.get("grant_type"):
            case "client_credentials":
                known = self._secrets.get(client_id, "")
                given = form.get("client_secret", "")
                good = bool(known) and secrets.compare_digest(known.encode(), given.encode())
                good = good and form.get("scope") == SCOPE
            case "refresh_token":
                # One use only: whoever refreshes holds the newest.
                old = self._by_refresh.pop(form.get("refresh_token", ""), None)
                good = old is not None and old.client_id == client_id and old.refresh_until > self._now()
            case _:
                good = False
        return self._granted(client_id) if good else unauthorized()

    def _granted(self, client_id: str) -> Response:
        now = self._now()
        grant = Grant(
            client_id=client_id,
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
                "scope": SCOPE,
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
            self.client_of(request)
        except ApiError:
            return unauthorized()
        grant = self._by_refresh.pop(request.form().get("token", ""), None)
        if grant is None:
            return Response.of({"action": "nothing"})
        self._by_access.pop(grant.access, None)
        return Response.of({"action": "revoked"})

    # --------------------------------------------------------------------------------- checks

    def client_of(self, request: Request) -> str:
        """Give the application that calls.

        :raises ApiError: `auth-missing-access-token`, or `auth-invalid-access-token` for a wrong or expired one.
        """
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise ApiError("auth-missing-access-token")
        grant = self._by_access.get(token.strip())
        if grant is None or grant.access_until <= self._now():
            raise ApiError("auth-invalid-access-token")
        return grant.client_id

    def forget_access(self) -> int:
        """Make every access token invalid at once, and give how many there were; refresh tokens stay good."""
        count = len(self._by_access)
        self._by_access.clear()
        return count


def unauthorized() -> Response:
    """Give what the Authentication API says to a stranger."""
    return Response(401, b"Unauthorized", content_type="text/plain;charset=UTF-8")
