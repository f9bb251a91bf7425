"""The steering of the sandbox: what happens in the marketplace, behind PayPal and at Stripe, and what is true there."""

from __future__ import annotations

from typing import Any

import requests


class Sandbox:
    """One service of the sandbox, as its steering shows it."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._session = requests.Session()
        self._session.trust_env = False

    def get(self, path: str) -> Any:
        """Ask for something."""
        return self._call("GET", path)

    def post(self, path: str, body: Any = None) -> Any:
        """Have something done."""
        return self._call("POST", path, body)

    def fault(self, kind: str, **terms: Any) -> str:
        """Have something go wrong, and give the fault's id."""
        return str(self.post("faults", {"kind": kind, **terms})["id"])

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._session.request(method, f"{self.url}/_sandbox/{path}", json=body, timeout=30)
        if not answer.ok:
            raise RuntimeError(
                f"The sandbox refuses {method} {path}: {answer.status_code} {answer.text[:300]}"
            )
        return answer.json() if answer.content else None


class Sharetribe(Sandbox):
    """The marketplace: people, sales, and what becomes of them."""

    def user(self, email: str, first: str, last: str, **more: Any) -> str:
        """Let somebody sign up; gives the user's id."""
        profile = {"firstName": first, "lastName": last}
        return str(self.post("users", {"email": email, "profile": profile, **more})["id"])

    def metadata(self, user: str) -> dict[str, Any]:
        """Show what a user's metadata says."""
        shown: dict[str, Any] = self.post(f"users/{user}", {})["attributes"]["profile"]["metadata"]
        return shown

    def token(self, user: str) -> str:
        """Give an access token of a user, as the front end gets it when they log in."""
        return str(self.post(f"users/{user}/login", {})["access_token"])

    def sale(self, seller: str, **terms: Any) -> str:
        """Let somebody buy something, by default up to having received it; gives the transaction's id."""
        asked = {"provider": seller, "state": "state/received", "provider_percent": 10, **terms}
        if "transitions" in asked:
            del asked["state"]
        return str(self.post("transactions", asked)["id"])

    def step(self, transaction: str, transition: str) -> None:
        """Take a transaction one transition further, as whoever may."""
        self.post(f"transactions/{transaction}/transition", {"transition": transition})

    def refund(self, transaction: str, percent: int) -> None:
        """Give the buyer a part back, as an operator does in Console."""
        terms = {"refund": {"percent": percent}, "transition": "operator-adjust"}
        self.post(f"transactions/{transaction}/lines", terms)

    def transactions(self) -> list[dict[str, Any]]:
        """List every transaction there is, in brief."""
        found: list[dict[str, Any]] = []
        after = ""
        while True:
            page = self.get(f"transactions?limit=1000&after={after}")["transactions"]
            found += page
            if len(page) < 1000:
                return found
            after = page[-1]["id"]

    def truth(self, transaction: str) -> dict[str, Any]:
        """Show everything that is true of a transaction."""
        shown: dict[str, Any] = self.get(f"transactions/{transaction}")
        return shown


class PayPal(Sandbox):
    """The world behind PayPal: receivers, balances, and the money that really moved."""

    def fund(self, currency: str, units: int) -> None:
        """Have so much on our account."""
        self.post("funds", {"currency": currency, "units": str(units)})

    def ledger(self) -> list[dict[str, Any]]:
        """List the money that really moved."""
        entries: list[dict[str, Any]] = self.get("ledger")["entries"]
        return entries

    def send_webhooks_to(self, url: str) -> None:
        """Have PayPal tell us what happens, as registered in its developer pages."""
        self.post("webhook", {"url": url})


class Stripe(Sandbox):
    """Stripe, as a buyer's browser meets it."""

    def __init__(self, url: str, *, publishable_key: str) -> None:
        super().__init__(url)
        self._key = publishable_key

    def pay(self, intent: str, *, client_secret: str, card: str) -> str:
        """Give a card for a payment, as Stripe's own library does in the browser; gives how the payment stands."""
        answer = self._session.post(
            f"{self.url}/v1/payment_intents/{intent}/confirm",
            data={"client_secret": client_secret, "payment_method": card},
            headers={"Authorization": f"Bearer {self._key}"},
            timeout=30,
        )
        if not answer.ok:
            raise RuntimeError(f"Stripe does not take the card: {answer.status_code} {answer.text[:300]}")
        return str(answer.json()["status"])
