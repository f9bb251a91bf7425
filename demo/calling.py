"""Callers of the API, as a front end and a server of the marketplace are: over http, by the proofs of docs/api.md."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping
from typing import Any

import requests

from demo.browser import Refused
from marketplace_payouts.lib import standard_webhooks


class Api:
    """Calls the API with the headers that say who is calling; nothing is remembered from call to call."""

    def __init__(self, web: str, headers: Mapping[str, str] | None = None) -> None:
        self.web, self._headers = web.rstrip("/"), dict(headers or {})

    def get(self, path: str) -> Any:
        """Ask for something."""
        return self._call("GET", path)

    def put(self, path: str, body: Any) -> Any:
        """Have something be as the body says."""
        return self._call("PUT", path, _written(body))

    def post(self, path: str, body: Any = None, *, status: int | None = None) -> Any:
        """Have something done; `status` is how it is answered where that looks like an error and is none."""
        return self._call("POST", path, _written(body), status=status)

    def post_signed(self, path: str, body: Any, *, secret: str) -> Any:
        """Have something done by the marketplace's server, which signs what it sends."""
        data, message = _written(body), f"msg_{uuid.uuid4().hex}"
        signed = standard_webhooks.headers(secrets=[secret], message=message, at=int(time.time()), body=data)
        return self._call("POST", path, data, headers=signed)

    def _call(
        self,
        method: str,
        path: str,
        data: bytes = b"",
        *,
        headers: Mapping[str, str] | None = None,
        status: int | None = None,
    ) -> Any:
        """Call, and give what the answer says.

        :raises Refused: with the errors that the answer names.
        """
        sent = {"Content-Type": "application/json", **self._headers, **(headers or {})}
        with requests.Session() as session:
            session.trust_env = False
            answer = session.request(method, f"{self.web}{path}", data=data, headers=sent, timeout=60)
        if not answer.ok and answer.status_code != status:
            raise Refused(f"{method} {path}: {answer.status_code} {answer.text[:400]}")
        return answer.json() if answer.content else None


class Account:
    """Somebody with an account of ours, who comes to it by the endpoints of `/_allauth/app/v1/`."""

    def __init__(self, *, web: str, email: str, password: str) -> None:
        self.email, self.password = email, password
        self._web, self._token = web, ""

    def sign_up(self) -> None:
        """Ask for the account; a code is mailed."""
        given = {"email": self.email, "password": self.password}
        self._take_token(self._api().post("/_allauth/app/v1/auth/signup", given, status=401))

    def verify(self, code: str) -> None:
        """Give the code of the mail."""
        self._take_token(self._api().post("/_allauth/app/v1/auth/email/verify", {"key": code}))

    def session(self) -> Api:
        """Open a session of a quarter of an hour, and call with it."""
        opened = self._api().post("/api/v1/session")
        return Api(self._web, {"Authorization": f"Bearer {opened['token']}"})

    def _api(self) -> Api:
        return Api(self._web, {"X-Session-Token": self._token} if self._token else {})

    def _take_token(self, answer: Any) -> None:
        self._token = answer["meta"]["session_token"]


def _written(body: Any) -> bytes:
    return b"" if body is None else json.dumps(body).encode()
