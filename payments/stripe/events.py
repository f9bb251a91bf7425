"""Which of Stripe's events we hear, at which of our two endpoints, and what each makes us look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Endpoint(StrEnum):
    """Stripe delivers what happens on our own account, and on connected ones, to endpoints of their own."""

    PLATFORM = "platform"
    CONNECT = "connect"


class Look(StrEnum):
    """An object of Stripe's that is read again, and kept by dj-stripe under this name."""

    ACCOUNT = "Account"
    CHARGE = "Charge"
    CUSTOMER = "Customer"
    DISPUTE = "Dispute"
    PAYMENT_INTENT = "PaymentIntent"
    PAYOUT = "Payout"
    REFUND = "Refund"
    TRANSFER = "Transfer"


@dataclass(frozen=True, slots=True)
class Heard:
    """What an event makes us look at, and where we hear it."""

    look: Look
    at: tuple[Endpoint, ...]
    by_dj_stripe: bool = True
    """Whether dj-stripe reads it again by itself; else `payments.stripe.handlers` does."""


_PLATFORM: Final = (Endpoint.PLATFORM,)
_CONNECT: Final = (Endpoint.CONNECT,)
_BOTH: Final = (Endpoint.PLATFORM, Endpoint.CONNECT)

EVENTS: Final[Mapping[str, Heard]] = {
    "account.updated": Heard(Look.ACCOUNT, _CONNECT),
    "account.application.deauthorized": Heard(Look.ACCOUNT, _CONNECT, by_dj_stripe=False),
    "capability.updated": Heard(Look.ACCOUNT, _CONNECT, by_dj_stripe=False),
    # dj-stripe would ask for cards, which one who was deleted has no more, and would delete them at Stripe once more.
    "customer.created": Heard(Look.CUSTOMER, _PLATFORM, by_dj_stripe=False),
    "customer.updated": Heard(Look.CUSTOMER, _PLATFORM, by_dj_stripe=False),
    "customer.deleted": Heard(Look.CUSTOMER, _PLATFORM, by_dj_stripe=False),
    "payment_intent.processing": Heard(Look.PAYMENT_INTENT, _PLATFORM),
    "payment_intent.succeeded": Heard(Look.PAYMENT_INTENT, _PLATFORM),
    "payment_intent.payment_failed": Heard(Look.PAYMENT_INTENT, _PLATFORM),
    "payment_intent.canceled": Heard(Look.PAYMENT_INTENT, _PLATFORM),
    "charge.succeeded": Heard(Look.CHARGE, _PLATFORM),
    "charge.failed": Heard(Look.CHARGE, _PLATFORM),
    "charge.updated": Heard(Look.CHARGE, _PLATFORM),
    "charge.refunded": Heard(Look.CHARGE, _PLATFORM),
    "refund.created": Heard(Look.REFUND, _PLATFORM, by_dj_stripe=False),
    "refund.updated": Heard(Look.REFUND, _PLATFORM, by_dj_stripe=False),
    "refund.failed": Heard(Look.REFUND, _PLATFORM, by_dj_stripe=False),
    "charge.dispute.created": Heard(Look.DISPUTE, _PLATFORM),
    "charge.dispute.updated": Heard(Look.DISPUTE, _PLATFORM),
    "charge.dispute.closed": Heard(Look.DISPUTE, _PLATFORM),
    "charge.dispute.funds_withdrawn": Heard(Look.DISPUTE, _PLATFORM),
    "charge.dispute.funds_reinstated": Heard(Look.DISPUTE, _PLATFORM),
    "transfer.created": Heard(Look.TRANSFER, _PLATFORM),
    "transfer.updated": Heard(Look.TRANSFER, _PLATFORM),
    "transfer.reversed": Heard(Look.TRANSFER, _PLATFORM),
    "payout.created": Heard(Look.PAYOUT, _BOTH),
    "payout.updated": Heard(Look.PAYOUT, _BOTH),
    "payout.paid": Heard(Look.PAYOUT, _BOTH),
    "payout.failed": Heard(Look.PAYOUT, _BOTH),
    "payout.canceled": Heard(Look.PAYOUT, _BOTH),
    "payout.reconciliation_completed": Heard(Look.PAYOUT, _BOTH),
}


def heard_at(endpoint: Endpoint) -> Sequence[str]:
    """This will name the events that an endpoint is registered for."""
    return sorted(kind for kind, heard in EVENTS.items() if endpoint in heard.at)
