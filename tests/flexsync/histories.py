"""Transactions as Sharetribe writes them, taken through histories, for tests of meaning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from flexsync.snapshots import SNAPSHOT
from flexsync.translation import Decimals, ProcessRules, TriggerRule
from flexsync.truths import Row

TRANSACTION = UUID("11111111-1111-4111-8111-111111111111")
SELLER = UUID("22222222-2222-4222-8222-222222222222")
START = datetime(2026, 11, 1, 12, tzinfo=UTC)

DUE, CONFIRM = (
    TriggerRule(
        id=1,
        transition="transition/mark-received",
        is_enabled=True,
        payment_transitions=frozenset({"transition/operator-confirm-payment"}),
    ),
    "transition/operator-confirm-payment",
)
RULES = {
    "payout-process": ProcessRules(
        triggers=(DUE,), cancel_transitions=frozenset({"transition/cancel", "transition/operator-refund"})
    )
}
EUROS = Decimals(table={"EUR": 2, "JPY": 0, "JOD": 2, "XXX": 2}, confirmed=True)


def money(amount: int, currency: str = "EUR") -> dict[str, Any]:
    """This will write an amount."""
    return {"amount": amount, "currency": currency}


def line(code: str, amount: int, *, reversal: bool = False, sellers_only: bool = False) -> dict[str, Any]:
    """This will write a line item of one piece."""
    return {
        "code": f"line-item/{code}",
        "unitPrice": money(amount),
        "quantity": 1,
        "lineTotal": money(amount),
        "reversal": reversal,
        "includeFor": ["provider"] if sellers_only else ["customer", "provider"],
    }


PRICED = (line("item", 10_000), line("provider-commission", -1_000, sellers_only=True))
REFUNDED = (
    *PRICED,
    line("item", -10_000, reversal=True),
    line("provider-commission", 1_000, reversal=True, sellers_only=True),
)
PARTLY = (*PRICED, line("item", -4_000, reversal=True))


@dataclass(slots=True)
class History:
    """A transaction that is taken further step by step; every step leaves an event behind."""

    process: str = "payout-process"
    currency: str = "EUR"
    protected: dict[str, Any] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    steps: list[dict[str, Any]] = field(default_factory=list)
    lines: Sequence[dict[str, Any]] = PRICED
    sequence: int = 100

    def go(self, *names: str, lines: Sequence[dict[str, Any]] | None = None) -> History:
        """This will make transitions, the last of which sets the lines."""
        for name in names:
            at = START + timedelta(hours=len(self.steps))
            self.steps.append({"transition": f"transition/{name}", "createdAt": _iso(at), "by": "operator"})
            self.lines = lines if lines is not None and name == names[-1] else self.lines
            kind = "initiated" if len(self.steps) == 1 else "transitioned"
            self.note(f"transaction/{kind}", self.resource())
        return self

    def note(self, event_type: str, resource: object) -> History:
        """This will leave an event behind that is no step."""
        self.sequence += 37
        self.rows.append(Row(self.sequence, event_type, resource, float(self.sequence)))
        return self

    def resource(self) -> dict[str, Any]:
        """This will write the transaction as it stands."""
        sellers = sum(one["lineTotal"]["amount"] for one in self.lines)
        buyers = sum(one["lineTotal"]["amount"] for one in self.lines if "customer" in one["includeFor"])
        return {
            "id": str(TRANSACTION),
            "type": "transaction",
            "attributes": {
                "createdAt": _iso(START),
                "processName": self.process,
                "processVersion": 1,
                "lastTransition": self.steps[-1]["transition"],
                "lastTransitionedAt": self.steps[-1]["createdAt"],
                "state": "state/somewhere",
                "payinTotal": money(buyers, self.currency),
                "payoutTotal": money(sellers, self.currency),
                "lineItems": list(self.lines),
                "protectedData": dict(self.protected),
                "metadata": {},
                "transitions": list(self.steps),
            },
            "relationships": {"provider": {"data": {"id": str(SELLER), "type": "user"}}},
        }

    def snapshot(self, *, cursor: int) -> Row:
        """This will read the transaction ourselves, having heard events up to a cursor."""
        return Row(cursor, SNAPSHOT, self.resource(), float(1_000_000 + self.sequence))


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def received(**options: Any) -> History:
    """This will give a transaction whose payout is due."""
    return History(**options).go(
        "request-payment", "operator-confirm-payment", "mark-delivered", "mark-received"
    )
