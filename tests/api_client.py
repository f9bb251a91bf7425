"""Callers of the API for tests: Sharetribe users of the sandbox, accounts that signed up, the marketplace's server."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

from django.test import Client

from accounts import server_keys
from accounts.models import Marketplace, ServerKey
from marketplace_payouts.lib import standard_webhooks
from marketplace_payouts.lib.clock import utc_now
from tests import factories
from tests.sandbox_services import SandboxService

NOBODY: dict[str, str] = {}


class Api:
    """A browser without cookies, or a server: calls the API with the headers that it is given."""

    def __init__(self, headers: dict[str, str] | None = None) -> None:
        self.headers = headers or {}

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """This will make a request; a body that is no text is sent as JSON."""
        data = body if isinstance(body, str | bytes) else "" if body is None else json.dumps(body)
        sent = self.headers | headers
        # Each request by a client of its own, so that a cookie would be of no use.
        client = Client(raise_request_exception=False)
        return client.generic(method, path, data, content_type="application/json", headers=sent)

    def get(self, path: str, **headers: str) -> Any:
        """This will ask."""
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        """This will send."""
        return self.call("POST", path, body, **headers)

    def delete(self, path: str, **headers: str) -> Any:
        """This will remove."""
        return self.call("DELETE", path, **headers)


def bearer(token: str) -> Api:
    """This will call with a token."""
    return Api({"Authorization": f"Bearer {token}"})


def known_marketplace(flex: SandboxService) -> Marketplace:
    """This will make the sandbox's marketplace known, as `check_flex` does."""
    return factories.MarketplaceFactory.create(
        id=uuid.UUID(flex.credentials["marketplace_id"]), client_id=flex.credentials["client_id"]
    )


class SharetribeUser:
    """A user of the sandbox's marketplace."""

    def __init__(self, flex: SandboxService, **account: Any) -> None:
        self.flex = flex
        self.id = uuid.UUID(flex.post("/_sandbox/users", account)["id"])

    def token(self, **login: Any) -> str:
        """This will log in, and give the access token; `as_operator=True` as an operator does."""
        return str(self.flex.post(f"/_sandbox/users/{self.id}/login", login)["access_token"])

    def api(self, **login: Any) -> Api:
        """This will call with an access token."""
        return bearer(self.token(**login))

    def session(self, **login: Any) -> Api:
        """This will call with a session of ours."""
        opened = self.api(**login).post("/api/v1/session")
        assert opened.status_code == 201, opened.content
        return bearer(opened.json()["token"])


class MarketplaceServer:
    """The marketplace's server, which signs what it sends."""

    def __init__(self, secret: str) -> None:
        self.secret = secret

    @classmethod
    def with_key(cls, name: str = "web template") -> tuple[MarketplaceServer, ServerKey]:
        """This will have an administrator make a key for it."""
        by = factories.StaffFactory.create(roles=["administrator"])
        key, secret = server_keys.make(name=name, by=by, now=utc_now())
        return cls(secret), key

    def signed(
        self, body: bytes, *, message: str | None = None, at: int | None = None, secret: str | None = None
    ) -> dict[str, str]:
        """This will give the headers of a signed request."""
        message = f"msg_{uuid.uuid4().hex}" if message is None else message
        at = int(time.time()) if at is None else at
        return standard_webhooks.headers(secrets=[secret or self.secret], message=message, at=at, body=body)

    def post(self, path: str, body: Any) -> Any:
        """This will send something signed."""
        data = json.dumps(body).encode()
        return Api(self.signed(data)).post(path, data)

    def session_for(self, flex_user_id: uuid.UUID, **more: Any) -> Api:
        """This will open a session for a user, and call with it."""
        opened = self.post("/api/v1/session", {"sharetribe_user_id": str(flex_user_id), **more})
        assert opened.status_code == 201, opened.content
        return bearer(opened.json()["token"])


PASSWORD = "correct horse battery staple"
_APP = "/_allauth/app/v1"


class OwnAccount:
    """Somebody with an account of ours, who came to it by allauth's API alone."""

    def __init__(self, email: str) -> None:
        self.email = email
        self.api = Api()

    def sign_up(self) -> Any:
        """This will ask for an account; a code is mailed."""
        return self._taking_the_token(
            self.api.post(f"{_APP}/auth/signup", {"email": self.email, "password": PASSWORD})
        )

    def verify(self, code: str) -> Any:
        """This will give the code of the mail."""
        return self._taking_the_token(self.api.post(f"{_APP}/auth/email/verify", {"key": code}))

    def log_in(self, password: str = PASSWORD) -> Any:
        """This will log in."""
        self.api = Api()
        given = {"email": self.email, "password": password}
        return self._taking_the_token(self.api.post(f"{_APP}/auth/login", given))

    def allauth(self, method: str, path: str, body: Any = None) -> Any:
        """This will call another of allauth's endpoints."""
        return self._taking_the_token(self.api.call(method, f"{_APP}/{path}", body))

    def session(self) -> Api:
        """This will call with a session of ours."""
        opened = self.api.post("/api/v1/session")
        assert opened.status_code == 201, opened.content
        return bearer(opened.json()["token"])

    def _taking_the_token(self, answer: Any) -> Any:
        meta = answer.json().get("meta", {})
        if "session_token" in meta:
            self.api = Api({"X-Session-Token": meta["session_token"]})
        return answer
