"""Access tokens: client credentials in, by Basic or in the form, a bearer for an hour out."""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import Any

from sandbox.core import Request, Response, World
from sandbox.payoneer.problems import TOKEN_OF_ANOTHER, Problem

LIFE_S = 3600
SCOPE = "read write"


class OAuth:
    """Issues tokens, checks and revokes them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.client_id = world.credential("client_id", lambda: world.token(16))
        self.client_secret = world.credential("client_secret", lambda: world.token(24))
        self._tokens: dict[str, float] = {}

    def keep(self) -> None:
        """Write all tokens into the state file anew: they are credentials, and outlive a reset."""
        for token, until in self._tokens.items():
            self._world.journal.write("token", [token, until])

    def restore(self, fact: Any) -> None:
        """Take back one token from the state file."""
        self._tokens[fact[0]] = fact[1]

    def issue(self, request: Request) -> Response:
        """Answer POST /api/v2/oauth2/token."""
        form = request.form()
        if not self._knows(request.headers.get("authorization", ""), form):
            return _refused(401, "invalid_client", "Client authentication failed")
        if form.get("grant_type") != "client_credentials":
            return _refused(400, "unsupported_grant_type", "The grant type is not supported")
        if not set(form.get("scope", "").split()) <= {*SCOPE.split(), "openid"}:
            return _refused(400, "invalid_scope", "The scope is not known")
        token = f"eyJ{self._world.token(40)}"
        self._tokens[token] = self._world.clock.time() + LIFE_S
        self._world.journal.write("token", [token, self._tokens[token]])
        return Response.of(
            {
                "access_token": token,
                "token_type": "Bearer",
                "expires_in": LIFE_S,
                "consented_on": int(self._world.clock.time()),
                "scope": form.get("scope") or SCOPE,
            }
        )

    def revoke(self, request: Request) -> Response:
        """Answer POST /api/v2/oauth2/revoke."""
        form = request.form()
        if not self._knows(request.headers.get("authorization", ""), form):
            return _refused(401, "invalid_client", "Client authentication failed")
        token = form.get("token", "")
        if self._tokens.pop(token, None) is not None:
            self._world.journal.write("token", [token, 0.0])
        return Response.of({})

    def require(self, request: Request) -> None:
        """Let a request through only with a valid token.

        :raises Problem: 401 without one, 403 where it belongs to another account.
        """
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        faults = self._world.faults
        if faults and faults.take("expire_token", request=request):
            self._tokens.pop(token, None)
        if scheme != "Bearer" or self._tokens.get(token, 0.0) <= self._world.clock.time():
            raise Problem(401, "The access token is missing, unknown or too old")
        if faults and faults.take("wrong_account", request=request):
            raise Problem(403, "Token is not valid for this account", sub_code=TOKEN_OF_ANOTHER)

    def _knows(self, header: str, form: dict[str, str]) -> bool:
        given = f"{form.get('client_id', '')}:{form.get('client_secret', '')}".encode()
        if header.startswith("Basic "):
            try:
                given = base64.b64decode(header[6:], validate=True)
            except (binascii.Error, ValueError):
                return False
        return hmac.compare_digest(given, f"{self.client_id}:{self.client_secret}".encode())


def _refused(status: int, error: str, description: str) -> Response:
    return Response.of({"error": error, "error_description": description}, status=status)
