"""Access tokens: client credentials in, a bearer for nine hours out."""

from __future__ import annotations

import base64
import binascii
import hmac
import os
from typing import Any

from sandbox.core import Request, Response, World
from sandbox.paypal.problems import Problem

LIFE_S = 32_400
_ROOT = "https://uri.paypal.com"
PAYOUTS = f"{_ROOT}/payments/payouts"
WEBHOOKS = f"{_ROOT}/services/applications/webhooks"
VERIFY = f"{_ROOT}/services/applications/webhooks/verify-webhook-signature"
BALANCES = f"{_ROOT}/services/reporting/balances/read"
SEARCH = f"{_ROOT}/services/reporting/search/read"
SCOPES = (PAYOUTS, WEBHOOKS, VERIFY, BALANCES, SEARCH)


class OAuth:
    """Issues tokens and checks them. `SANDBOX_PAYPAL_SCOPES` (comma-separated ends) restricts what is granted."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.client_id = world.credential("client_id", lambda: "A" + world.token(39).upper())
        self.client_secret = world.credential("client_secret", lambda: "E" + world.token(39).upper())
        self._tokens: dict[str, tuple[float, frozenset[str]]] = {}

    def keep(self) -> None:
        """Write all tokens into the state file anew: they are credentials, and outlive a reset."""
        for token, (until, scopes) in self._tokens.items():
            self._world.journal.write("token", [token, until, sorted(scopes)])

    def restore(self, fact: Any) -> None:
        """Take back one token from the state file."""
        token, until, scopes = fact
        self._tokens[token] = (until, frozenset(scopes))

    def issue(self, request: Request) -> Response:
        """Answer POST /v1/oauth2/token."""
        if not self._knows(request.headers.get("authorization", "")):
            return _refused(401, "invalid_client", "Client Authentication failed")
        grant = request.form().get("grant_type")
        if grant != "client_credentials":
            if not grant:
                return _refused(400, "invalid_request", "grant_type parameter is missing")
            return _refused(400, "unsupported_grant_type", "Grant Type is NULL or not supported")
        scopes = self._scopes(request)
        token, until = self._current(scopes)
        return Response.of(
            {
                "scope": " ".join(sorted(scopes)),
                "access_token": token,
                "token_type": "Bearer",
                "app_id": "APP-80W284485P519543T",
                "expires_in": int(until - self._world.clock.time()),
                "nonce": f"{self._world.clock.now():%Y-%m-%dT%H:%M:%SZ}{self._world.token(16)}",
            }
        )

    def require(self, request: Request, scope: str) -> None:
        """Let a request through only with a valid token of this scope.

        :raises Problem: 401 without any, 403 without the scope.
        :raises InvalidToken: for a token that is unknown or too old.
        """
        header = request.headers.get("authorization", "")
        if not header.startswith("Bearer "):
            raise Problem(401)
        token = header[7:]
        known = self._tokens.get(token)
        if (
            known is not None
            and self._world.faults
            and self._world.faults.take("expire_token", request=request)
        ):
            del self._tokens[token]
            known = None
        if known is None:
            raise InvalidToken("Access Token not found in cache")
        if known[0] < self._world.clock.time():
            raise InvalidToken("The token has expired or is invalid")
        if scope not in known[1]:
            raise Problem(
                403, details=[{"issue": "REQUIRED_SCOPE_MISSING", "description": f"Required: {scope}"}]
            )

    def _knows(self, header: str) -> bool:
        if not header.startswith("Basic "):
            return False
        try:
            given = base64.b64decode(header[6:], validate=True)
        except (binascii.Error, ValueError):
            return False
        return hmac.compare_digest(given, f"{self.client_id}:{self.client_secret}".encode())

    def _scopes(self, request: Request) -> frozenset[str]:
        ends = os.environ.get("SANDBOX_PAYPAL_SCOPES")
        granted = {scope for scope in SCOPES if ends is None or scope.endswith(tuple(ends.split(",")))}
        missing = self._world.faults.take("missing_scope", request=request) if self._world.faults else None
        if missing is not None:
            end = missing.value if isinstance(missing.value, str) else "payments/payouts"
            granted = {scope for scope in granted if not scope.endswith(end)}
        return frozenset(granted)

    def _current(self, scopes: frozenset[str]) -> tuple[str, float]:
        """Give the token that is still good, as PayPal does, or a new one."""
        now = self._world.clock.time()
        for token, (until, its) in self._tokens.items():
            if its == scopes and until - now > 60:
                return token, until
        token, until = f"A21AA{self._world.token(40)}", now + LIFE_S
        self._tokens[token] = (until, scopes)
        self._world.journal.write("token", [token, until, sorted(scopes)])
        return token, until


class InvalidToken(Exception):
    """The gateway's own refusal, in another form than all other errors."""

    def response(self) -> Response:
        """Make the answer."""
        return _refused(401, "invalid_token", str(self))


def _refused(status: int, error: str, description: str) -> Response:
    return Response.of({"error": error, "error_description": description}, status=status)
