"""What a payment does to money: charges, refunds and disputes, with their balance transactions and events."""

from __future__ import annotations

from typing import Any

from sandbox.stripe.cards import CARDS, Decline
from sandbox.stripe.charge_shapes import card_charge, refund
from sandbox.stripe.currencies import ZERO_DECIMAL
from sandbox.stripe.dispute_shapes import dispute
from sandbox.stripe.ground import Part
from sandbox.stripe.store import Data, Record

DISPUTE_FEE = 1500
_ANSWER_S = 9 * 86_400


class Charging(Part):
    """Books payments."""

    # Charges -------------------------------------------------------------------------------------------------

    def charge(self, intent: Record, method: Record, *, decline: Decline | None, capture: bool) -> Record:
        """Try a card for a payment: charged, only authorised, or declined."""
        data = card_charge(
            self._store,
            intent=intent.data,
            method=method.data,
            created=self._store.now(),
            livemode=self._events.livemode,
            origin=self._world.url,
        )
        if decline is not None:
            data |= _declined(decline, data["outcome"])
        record = self._store.add(
            "charge", intent.account, data, {"card": method.hidden["card"], "available_on": None}
        )
        if decline is not None:
            self._events.tell("charge.failed", record)
        elif capture:
            self.capture(record, data["amount"])
        else:
            data |= {"amount_captured": 0, "captured": False}
            self._store.keep(record)
            self._events.tell("charge.succeeded", record)
        return record

    def capture(self, record: Record, units: int) -> None:
        """Collect an authorised payment, or so much of it."""
        data = record.data
        late = data["captured"] is False
        data |= {"amount_captured": units, "captured": True}
        now = self._store.now()
        on = now if CARDS[record.hidden["card"]].at_once else now + int(self._settings.settling_s)
        entry = self._balances.book(
            account=record.account,
            kind="charge",
            currency=data["currency"],
            amount=units,
            fee=_fee(units, data["currency"]),
            source=record.id,
            available_on=on,
            description=data["description"],
        )
        data["balance_transaction"] = entry.id
        record.hidden["available_on"] = on
        self._store.keep(record)
        self._events.tell("charge.captured" if late else "charge.succeeded", record)

    # Refunds -------------------------------------------------------------------------------------------------

    def refund(
        self, charge: Record, units: int, *, reason: str | None = None, metadata: Data | None = None
    ) -> Record:
        """Give the buyer so much back; the balance may become negative."""
        source = charge.data
        data = refund(
            self._store.new_id("re"),
            charge=charge.id,
            amount=units,
            currency=source["currency"],
            created=self._store.now(),
        )
        data |= {
            "metadata": metadata or {},
            "payment_intent": source["payment_intent"],
            "reason": reason,
        }
        entry = self._balances.book(
            account=charge.account,
            kind="refund",
            currency=source["currency"],
            amount=-units,
            source=data["id"],
            description=f"REFUND FOR CHARGE ({source['description'] or charge.id})",
        )
        data["balance_transaction"] = entry.id
        record = self._store.add("refund", charge.account, data)
        self._count(charge, units)
        self._events.tell("refund.created", record)
        self._events.tell("charge.refunded", charge)
        if CARDS[charge.hidden["card"]].then == "refund_fails":
            self._world.clock.call_later(self._settings.after_s, lambda: self._fail(record, charge))
        return record

    def _count(self, charge: Record, units: int) -> None:
        charge.data["amount_refunded"] += units
        charge.data["refunded"] = charge.data["amount_refunded"] >= charge.data["amount_captured"]
        self._store.keep(charge)

    def _fail(self, record: Record, charge: Record) -> None:
        """Have the bank send a refund back: the money is ours again."""
        data = record.data
        entry = self._balances.book(
            account=record.account,
            kind="refund_failure",
            currency=data["currency"],
            amount=data["amount"],
            source=record.id,
        )
        data |= {
            "status": "failed",
            "failure_reason": "expired_or_canceled_card",
            "failure_balance_transaction": entry.id,
        }
        self._store.keep(record)
        self._count(charge, -data["amount"])
        self._events.tell("refund.failed", record)
        self._events.tell("charge.refund.updated", record)

    # Disputes ------------------------------------------------------------------------------------------------

    def dispute(self, charge: Record, units: int, *, reason: str = "fraudulent") -> Record:
        """Have the buyer's bank take so much back, until the dispute is decided."""
        now = self._store.now()
        data = dispute(
            self._store.new_id("du"),
            charge=charge.data,
            amount=units,
            reason=reason,
            created=now,
            due=now + _ANSWER_S,
            livemode=self._events.livemode,
        )
        record = self._store.add("dispute", charge.account, data)
        charge.data["disputed"] = True
        self._store.keep(charge)
        self._withdraw(record, -units, fee=DISPUTE_FEE)
        self._events.tell("charge.dispute.created", record)
        self._events.tell("charge.dispute.funds_withdrawn", record)
        return record

    def decide(self, record: Record, *, won: bool) -> bool:
        """End a dispute; False when it has ended already."""
        if record.data["status"] in ("won", "lost"):
            return False
        before = dict(record.data)
        record.data["status"] = "won" if won else "lost"
        if won:
            self._withdraw(record, record.data["amount"], fee=-DISPUTE_FEE)
        self._store.keep(record)
        if won:
            self._events.tell("charge.dispute.funds_reinstated", record)
        self._events.tell("charge.dispute.closed", record, before=before)
        return True

    def _withdraw(self, record: Record, units: int, *, fee: int) -> None:
        code = record.data["currency"]
        entry = self._balances.book(
            account=record.account,
            kind="adjustment",
            category="dispute" if units < 0 else "dispute_reversal",
            currency=code,
            amount=units,
            fee=0 if code in ZERO_DECIMAL else fee,
            source=record.id,
            description="Chargeback withdrawal" if units < 0 else "Chargeback reversal",
        )
        record.data["balance_transactions"] = [*record.data["balance_transactions"], dict(entry.data)]
        self._store.keep(record)


def _fee(units: int, currency: str) -> int:
    """Give what Stripe keeps of a payment: 2.9 %, and thirty cents."""
    return min(units, round(units * 0.029) + (0 if currency in ZERO_DECIMAL else 30))


def _declined(decline: Decline, outcome: Data) -> dict[str, Any]:
    return {
        "amount_captured": 0,
        "captured": False,
        "paid": False,
        "status": "failed",
        "failure_code": decline.code,
        "failure_message": decline.message,
        "outcome": outcome
        | {
            "network_decline_code": decline.decline_code,
            "network_status": "declined_by_network",
            "reason": decline.decline_code or decline.code,
            "seller_message": f"The bank returned the decline code `{decline.decline_code or decline.code}`.",
            "type": "issuer_declined",
        },
    }
