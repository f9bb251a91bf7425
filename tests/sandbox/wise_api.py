"""A caller of the sandbox's Wise that knows the wire and nothing else."""

from __future__ import annotations

import time
import uuid
from typing import Any

import requests

IBAN = "DE89370400440532013000"


class WiseCaller:
    """One profile's way to Wise."""

    def __init__(self, url: str, credentials: dict[str, str]) -> None:
        self.url = url
        self.profile = int(credentials["profile_id"])
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["Authorization"] = f"Bearer {credentials['api_token']}"

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> requests.Response:
        """Make one call; `{p}` in the path is the profile."""
        url = self.url + path.replace("{p}", str(self.profile))
        return self.session.request(method, url, json=body, timeout=options.pop("timeout", 10), **options)

    def done(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """Make a call that succeeds, and give what it says."""
        answer = self.call(method, path, body, **options)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def recipient(self, holder: str = "Anna Lehmann", **more: Any) -> Any:
        """Make somebody who can be paid in euros."""
        body = {
            "currency": "EUR",
            "type": "iban",
            "profile": self.profile,
            "accountHolderName": holder,
            "details": {"legalType": "PRIVATE", "IBAN": IBAN},
        }
        return self.done("POST", "/v1/accounts", body | more)

    def quote(self, recipient: int, amount: float = 90, *, source: str = "EUR", target: str = "EUR") -> Any:
        """Make a quote by the amount that arrives."""
        body = {
            "sourceCurrency": source,
            "targetCurrency": target,
            "targetAmount": amount,
            "targetAccount": recipient,
            "preferredPayIn": "BALANCE",
        }
        return self.done("POST", "/v3/profiles/{p}/quotes", body)

    def order(self, quote: Any, *, key: str = "", recipient: int = 0, reference: str = "PO-1") -> Any:
        """Give the body that makes a transfer."""
        return {
            "targetAccount": recipient or quote["targetAccount"],
            "quoteUuid": quote["id"],
            "customerTransactionId": key or str(uuid.uuid4()),
            "details": {"reference": reference},
        }

    def transfer(self, holder: str = "Anna Lehmann", amount: float = 90, *, key: str = "") -> Any:
        """Make a transfer, not yet funded."""
        quote = self.quote(self.recipient(holder)["id"], amount)
        return self.done("POST", "/v1/transfers", self.order(quote, key=key))

    def fund(self, transfer: Any, **options: Any) -> requests.Response:
        """Fund a transfer."""
        path = f"/v3/profiles/{{p}}/transfers/{transfer['id']}/payments"
        return self.call("POST", path, {"type": "BALANCE"}, **options)

    def sent(self, holder: str = "Anna Lehmann", amount: float = 90) -> Any:
        """Make a transfer and fund it."""
        transfer = self.transfer(holder, amount)
        assert self.fund(transfer).json()["status"] == "COMPLETED"
        return transfer

    def wait(self, transfer: Any, status: str) -> Any:
        """Read a transfer until it has a status."""
        deadline = time.monotonic() + 10
        while True:
            shown = self.done("GET", f"/v1/transfers/{transfer['id']}")
            if shown["status"] == status:
                return shown
            assert time.monotonic() < deadline, shown
            time.sleep(0.01)


def option(quote: Any, pay_in: str = "BALANCE") -> Any:
    """Give one way to pay a quote in."""
    return next(one for one in quote["paymentOptions"] if one["payIn"] == pay_in)


def code(answer: requests.Response) -> str:
    """Give the code of the first error."""
    found: str = answer.json()["errors"][0]["code"]
    return found
