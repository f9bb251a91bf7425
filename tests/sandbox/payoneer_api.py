"""A caller of the sandbox's Payoneer that knows the wire and nothing else."""

from __future__ import annotations

import time
import uuid
from typing import Any

import requests

from tests.sandbox_services import SandboxService


def payment(payee: str = "anna", amount: object = "10.00", **more: Any) -> dict[str, Any]:
    """Make one payment of a request."""
    known = {"client_reference_id": f"r-{uuid.uuid4()}", "currency": "USD", "description": "PO-1"}
    return {"payee_id": payee, "amount": amount, **known, **more}


class Caller:
    """One program's way to Payoneer."""

    def __init__(self, service: SandboxService) -> None:
        self.service = service
        self.root = f"{service.url}/v4/programs/{service.credentials['program_id']}"
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["Authorization"] = f"Bearer {self.log_in().json()['access_token']}"

    def log_in(self, **form: str) -> requests.Response:
        """Ask for a token, with the credentials in the form."""
        known = {name: self.service.credentials[name] for name in ("client_id", "client_secret")}
        asked = {"grant_type": "client_credentials", "scope": "read write", **known, **form}
        return self.session.post(f"{self.service.url}/api/v2/oauth2/token", data=asked, timeout=10)

    def call(self, method: str, path: str, body: Any = None) -> requests.Response:
        """Make one call below the program."""
        return self.session.request(method, self.root + path, json=body, timeout=10)

    def pay(self, *payments: dict[str, Any]) -> requests.Response:
        """Submit payments."""
        return self.call("POST", "/masspayouts", {"Payments": list(payments)})

    def status(self, reference: str) -> requests.Response:
        """Ask what became of a payment."""
        return self.call("GET", f"/payouts/{reference}/status")

    def until(self, reference: str, word: str) -> dict[str, Any]:
        """Ask until a payment has a status, and give what is shown of it."""
        end = time.monotonic() + 10
        while True:
            answer = self.status(reference)
            shown: dict[str, Any] = answer.json().get("result", {})
            if shown.get("status") == word:
                return shown
            assert time.monotonic() < end, answer.text
            time.sleep(0.02)
