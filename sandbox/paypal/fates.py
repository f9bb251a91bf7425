"""What becomes of a payment: by the receiver's local part (`unclaimed+anna@example.com`), or by steering."""

from __future__ import annotations

from typing import NamedTuple

from sandbox.core import BadRequest
from sandbox.paypal.books import Books, Item


class Fate(NamedTuple):
    """First this status (with PayPal's reason, if any), then perhaps another one later."""

    status: str
    error: str | None = None
    later: str | None = None


BY_LOCAL_PART = {
    "unclaimed": Fate("UNCLAIMED", "RECEIVER_UNREGISTERED"),
    "unconfirmed": Fate("UNCLAIMED", "RECEIVER_UNCONFIRMED"),
    "currency": Fate("UNCLAIMED", "PENDING_RECIPIENT_NON_HOLDING_CURRENCY_PAYMENT_PREFERENCE"),
    "claimed": Fate("UNCLAIMED", "RECEIVER_UNREGISTERED", later="SUCCESS"),
    "blocked": Fate("BLOCKED", "RISK_DECLINE"),
    "failed": Fate("FAILED", "RECEIVER_ACCOUNT_LOCKED"),
    "limit": Fate("FAILED", "RECEIVING_LIMIT_EXCEEDED"),
    "denied": Fate(
        "DENIED", "RISK_DECLINE"
    ),  # in PayPal's pages and webhooks, though not in its published file
    "onhold": Fate("ONHOLD"),
    "limited": Fate("ONHOLD", "RECEIVER_ACCOUNT_LIMITATION"),
    "released": Fate("ONHOLD", later="SUCCESS"),
    "returned": Fate("SUCCESS", later="RETURNED"),
    "refunded": Fate("SUCCESS", later="REFUNDED"),
    "reversed": Fate("SUCCESS", later="REVERSED"),
    "pending": Fate("PENDING"),
}
_SUCCESS = Fate("SUCCESS")

OUT = frozenset({"SUCCESS", "UNCLAIMED", "ONHOLD"})
"""Our account is debited."""
BACK = frozenset({"RETURNED", "REFUNDED", "REVERSED"})
"""Our account was debited and credited again."""
NEVER = frozenset({"FAILED", "BLOCKED", "DENIED"})
"""Our account is not debited."""
STATUSES = OUT | BACK | NEVER | {"PENDING"}

_REASONS = {
    "UNCLAIMED": "RECEIVER_UNREGISTERED",
    "BLOCKED": "RISK_DECLINE",
    "FAILED": "RECEIVER_ACCOUNT_LOCKED",
    "DENIED": "RISK_DECLINE",
}


def reason_of(status: str) -> str | None:
    """Give the usual reason that goes with a status."""
    return _REASONS.get(status)


def checked(status: str) -> str:
    """Give the status in PayPal's spelling.

    :raises BadRequest: when PayPal has none like it.
    """
    spelled = status.upper()
    if spelled not in STATUSES:
        raise BadRequest(f"Unknown status {status!r}; known: {', '.join(sorted(STATUSES))}")
    return spelled


def fate_of(item: Item, books: Books) -> Fate:
    """Decide what becomes of an item."""
    if books.fates:
        for name in item.names():
            status = books.fates.get(name)
            if status is not None:
                return Fate(status, reason_of(status))
    prefix, plus, _ = item.line.receiver.partition("+")
    return BY_LOCAL_PART.get(prefix, _SUCCESS) if plus else _SUCCESS
