"""A caller of the sandbox's Sharetribe, in plain JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import requests

from tests.sandbox_services import SandboxService

API = "/v1/integration_api/"


class Caller:
    """An application that holds a token."""

    def __init__(self, service: SandboxService) -> None:
        self.service = service
        self.client_id = service.credentials["client_id"]
        self.log_in()

    def log_in(self) -> None:
        """Get a token by credentials."""
        granted = self.token()
        assert granted.status_code == 200
        self.granted: dict[str, Any] = granted.json()
        self.headers = {"Authorization": f"Bearer {self.granted['access_token']}"}

    def token(self, **fields: str) -> requests.Response:
        """Ask for a token, by credentials unless `fields` say something else."""
        form = fields or {
            "client_id": self.client_id,
            "client_secret": self.service.credentials["client_secret"],
            "grant_type": "client_credentials",
            "scope": "integ",
        }
        return requests.post(f"{self.service.url}/v1/auth/token", data=form, timeout=10)

    def get(self, path: str, headers: Mapping[str, str] | None = None, **params: Any) -> requests.Response:
        """Ask something of the Integration API."""
        url, sent = self.service.url + API + path, {**self.headers, **(headers or {})}
        return requests.get(url, params=params, headers=sent, timeout=10)

    def send(self, path: str, body: Any, *, query: str = "", **options: Any) -> requests.Response:
        """Tell the Integration API something."""
        sent = {**self.headers, **options.pop("headers", {})}
        if "data" not in options:
            options["json"] = body
        return requests.post(f"{self.service.url}{API}{path}{query}", headers=sent, timeout=10, **options)

    def transition(self, transaction_id: str, name: str, query: str = "", **params: Any) -> requests.Response:
        """Take a transaction one step further, as the operator."""
        body = {"id": transaction_id, "transition": f"transition/{name}", "params": params}
        return self.send("transactions/transition", body, query=query)

    def events(self, **params: Any) -> list[dict[str, Any]]:
        """Give one page of events."""
        answer = self.get("events/query", **params)
        assert answer.status_code == 200, answer.text
        page: list[dict[str, Any]] = answer.json()["data"]
        return page

    def all_events(self, **params: Any) -> Iterator[dict[str, Any]]:
        """Give every event, as a poller reads them."""
        after = 0
        while page := self.events(startAfterSequenceId=after, **params):
            yield from page
            after = page[-1]["attributes"]["sequenceId"]

    def shown(self, transaction_id: str) -> dict[str, Any]:
        """Give a transaction's attributes as the API shows them."""
        answer = self.get("transactions/show", id=transaction_id)
        assert answer.status_code == 200, answer.text
        attributes: dict[str, Any] = answer.json()["data"]["attributes"]
        return attributes

    # ------------------------------------------------------------------------------- steering

    def wait(self, seconds: float) -> None:
        """Let time pass, and log in again: tokens grow old too."""
        self.service.advance(seconds)
        self.log_in()

    def order(self, **fields: Any) -> dict[str, Any]:
        """Have somebody buy something."""
        made: dict[str, Any] = self.service.post("/_sandbox/transactions", fields)
        return made

    def steer(self, transaction_id: str, name: str, **fields: Any) -> dict[str, Any]:
        """Take a transaction one step further, as whoever may."""
        path = f"/_sandbox/transactions/{transaction_id}/transition"
        moved: dict[str, Any] = self.service.post(path, {"transition": name, **fields})
        return moved

    def truth(self, transaction_id: str) -> dict[str, Any]:
        """Give all that is true of a transaction."""
        true: dict[str, Any] = self.service.get(f"/_sandbox/transactions/{transaction_id}")
        return true

    def set(self, **settings: Any) -> None:
        """Change the sandbox's settings."""
        self.service.post("/_sandbox/settings", settings)


def code_of(answer: requests.Response) -> tuple[int, str]:
    """Give status and error code of a refusal."""
    error = answer.json()["errors"][0]
    assert error["status"] == answer.status_code
    assert error["id"]
    assert error["title"]
    return answer.status_code, error["code"]
