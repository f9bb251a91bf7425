"""Stripe's own library, unchanged, pointed at the sandbox; and what tests of it often need."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import requests
import stripe as library

from tests.sandbox_services import SandboxService

stripe: Any = library
"""Stripe's library, whose every answer may lack every field by its types: tests say what they expect themselves."""

PATIENT = {"pace_s": 0, "judging_s": 600, "payout_s": 600, "arrival_s": 600, "after_s": 600}
"""Nothing happens by itself in the time that a test takes."""
EXPRESS = {
    "fees": {"payer": "application"},
    "losses": {"payments": "application"},
    "stripe_dashboard": {"type": "express"},
}


@contextmanager
def library_at(service: SandboxService) -> Iterator[None]:
    """Point Stripe's library at a sandbox, without retries of its own."""
    session = requests.Session()
    session.trust_env = False
    settings: dict[str, Any] = {
        "api_base": service.url,
        "api_key": service.credentials["secret_key"],
        "max_network_retries": 0,
        "default_http_client": library.RequestsClient(session=session),
    }
    with mock.patch.multiple(library, **settings), session:
        yield


def seller(service: SandboxService, **more: Any) -> Any:
    """Make a connected account that may receive money."""
    wanted: dict[str, Any] = {
        "country": "DE",
        "controller": EXPRESS,
        "capabilities": {"transfers": {"requested": True}},
        **more,
    }
    made = stripe.Account.create(**wanted)
    service.post("/_sandbox/fate", {"reference": made.id, "status": "verified"})
    return stripe.Account.retrieve(made.id)


def paid(units: int = 5000, currency: str = "eur", card: str = "pm_card_visa", **more: Any) -> Any:
    """Make a payment."""
    return stripe.PaymentIntent.create(
        amount=units, currency=currency, payment_method=card, confirm=True, **more
    )


def available(account: str | None = None, currency: str = "eur") -> int:
    """Give what an account has available, the platform's without one."""
    balance = stripe.Balance.retrieve(stripe_account=account) if account else stripe.Balance.retrieve()
    return next((part.amount for part in balance.available if part.currency == currency), 0)


def happened(account: str | None = None) -> list[str]:
    """Give the types of all events, oldest first."""
    events = stripe.Event.list(limit=100, stripe_account=account) if account else stripe.Event.list(limit=100)
    return [event.type for event in reversed(events.data)]
