"""Who may ask: a personal token that never ends, or an access token of OAuth that is refreshed (`/oauth/token`)."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

from sandbox.core import Request, Response, World
from sandbox.wise.problems import InvalidToken, Problem

LIFE_S = 43_199.0
REFRESH_LIFE_S = 20 * 365 * 86_400.0


class Auth:
    """The tokens that are good now."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.token = world.credential("api_token")
        self.client_id = world.credential("client_id")
        self.client_secret = world.credential("client_secret")
        self.refresh_token = world.credential("refresh_token")
        self._issued: dict[str, float] = {}

    def require(self, request: Request) -> None:
        """Let a request pass.

        :raises InvalidToken: when nobody knows who asks.
        """
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self._world.faults.take("expire_token", request=request):
            self._issued.clear()
            raise InvalidToken(given[:8])
        if given != self.token and self._issued.get(given, 0.0) <= self._world.clock.time():
            raise InvalidToken(given[:8])

    def is_personal(self, request: Request) -> bool:
        """Say whether a personal token asks."""
        return request.headers.get("authorization") == f"Bearer {self.token}"

    def issue(self, request: Request) -> Response:
        """Give an access token for the refresh token, or for the client itself."""
        wanted = f"{self.client_id}:{self.client_secret}"
        basic = request.headers.get("authorization", "").removeprefix("Basic ")
        try:
            told = base64.b64decode(basic, validate=True).decode()
        except ValueError:
            told = ""
        if told != wanted:
            return Response.of(
                {"error": "invalid_client", "error_description": "Bad credentials"}, status=401
            )
        form = request.form()
        match form.get("grant_type"):
            case "refresh_token" if form.get("refresh_token") == self.refresh_token:
                return self._made({"refresh_token": self.refresh_token})
            case "refresh_token":
                body = {"error": "invalid_grant", "error_description": "Invalid refresh token"}
                return Response.of(body, status=400)
            case "client_credentials":
                return self._made({})
        raise Problem(400, "unsupported_grant_type", "Unsupported grant type")

    def _made(self, more: dict[str, Any]) -> Response:
        token, now = self._world.token(16), self._world.clock.time()
        self._issued[token] = now + LIFE_S
        self._world.journal.write("token", [token, self._issued[token]])
        body = {
            "access_token": token,
            "token_type": "bearer",
            "expires_in": int(LIFE_S),
            "expires_at": _moment(now + LIFE_S),
            "refresh_token_expires_in": int(REFRESH_LIFE_S),
            "refresh_token_expires_at": _moment(now + REFRESH_LIFE_S),
            "scope": "transfers",
            "created_at": _moment(now),
            **more,
        }
        return Response.of(body)

    def restore(self, fact: Any) -> None:
        """Take a token back."""
        self._issued[fact[0]] = fact[1]

    def keep(self) -> None:
        """Write the tokens down again, after everything was forgotten."""
        for token, ends in self._issued.items():
            self._world.journal.write("token", [token, ends])


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
