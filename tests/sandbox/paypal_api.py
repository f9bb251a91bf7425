"""A caller of the sandbox's PayPal that knows the wire and nothing else."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable
from typing import Any

import requests


def item(
    receiver: str, value: str = "10.00", *, currency: str = "USD", key: str | None = None, **more: Any
) -> Any:
    """Make one item of a request."""
    amount = {"currency": currency, "value": value}
    return {"receiver": receiver, "amount": amount, "sender_item_id": key or f"i-{uuid.uuid4()}", **more}


def order(*items: Any, key: str | None = None, **header: Any) -> dict[str, Any]:
    """Make a request."""
    head = {"sender_batch_id": key or f"b-{uuid.uuid4()}", "recipient_type": "EMAIL", **header}
    return {"sender_batch_header": head, "items": list(items)}


class Caller:
    """One app's way to PayPal."""

    def __init__(self, url: str, credentials: dict[str, str]) -> None:
        self.url = url
        self.credentials = credentials
        self.session = requests.Session()
        self.session.trust_env = False
        self.log_in()

    def log_in(self) -> requests.Response:
        """Get a token."""
        answer = self.session.post(
            f"{self.url}/v1/oauth2/token",
            auth=(self.credentials["client_id"], self.credentials["client_secret"]),
            data={"grant_type": "client_credentials"},
            timeout=10,
        )
        self.session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return answer

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> requests.Response:
        """Make one call; `path` may be a whole address."""
        url = path if path.startswith("http") else self.url + path
        return self.session.request(method, url, json=body, timeout=options.pop("timeout", 10), **options)

    def pay(self, *items: Any, key: str | None = None) -> requests.Response:
        """Ask for a batch."""
        return self.call("POST", "/v1/payments/payouts", order(*items, key=key))

    def batch(self, batch_id: str) -> dict[str, Any]:
        """Read a whole batch."""
        read: dict[str, Any] = self.call("GET", f"/v1/payments/payouts/{batch_id}").json()
        return read

    def settled(self, *items: Any, key: str | None = None) -> dict[str, Any]:
        """Ask for a batch and wait until PayPal has done with it."""
        answer = self.pay(*items, key=key)
        assert answer.status_code == 201, answer.text
        batch_id = answer.json()["batch_header"]["payout_batch_id"]
        return self.wait(batch_id, lambda b: b["batch_header"]["batch_status"] in ("SUCCESS", "DENIED"))

    def wait(
        self, batch_id: str, until: Callable[[dict[str, Any]], bool], *, within: float = 10.0
    ) -> dict[str, Any]:
        """Read a batch until it is as wanted."""
        deadline = time.monotonic() + within
        while True:
            batch = self.batch(batch_id)
            if until(batch):
                return batch
            assert time.monotonic() < deadline, batch
            time.sleep(0.01)

    def wait_item(self, item_id: str, status: str) -> dict[str, Any]:
        """Read an item until it has a status."""
        deadline = time.monotonic() + 10
        while True:
            shown: dict[str, Any] = self.call("GET", f"/v1/payments/payouts-item/{item_id}").json()
            if shown["transaction_status"] == status:
                return shown
            assert time.monotonic() < deadline, shown
            time.sleep(0.01)


def statuses(batch: dict[str, Any]) -> list[str]:
    """Give what became of each item, in order."""
    return [shown["transaction_status"] for shown in batch["items"]]


def moved(entries: Iterable[dict[str, Any]], kind: str) -> list[tuple[str, str]]:
    """Give reference and units of each movement of one kind."""
    return [(entry["reference"], entry["units"]) for entry in entries if entry["kind"] == kind]
