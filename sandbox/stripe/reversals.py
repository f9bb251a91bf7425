"""Reversals of transfers: the money that comes back to the platform."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.stripe import params as p
from sandbox.stripe import problems
from sandbox.stripe.charge_shapes import payment_refund
from sandbox.stripe.currencies import shown
from sandbox.stripe.desk import Call, Endpoint
from sandbox.stripe.ground import Part
from sandbox.stripe.params import METADATA_ONLY, NOTHING, Form, inner_page, merged
from sandbox.stripe.store import Data, Record

_REVERSE = Form(
    {"amount": p.positive, "description": p.text, "metadata": p.metadata, "refund_application_fee": p.flag}
)


class Reversals(Part):
    """Handlers, and what the Dashboard can do."""

    def endpoints(self) -> Iterable[Endpoint]:
        """Give all operations on reversals."""
        root = "/v1/transfers/{id}/reversals"
        return [
            Endpoint("GET", root, inner_page(), self.list),
            Endpoint("POST", root, _REVERSE, self.create),
            Endpoint("GET", f"{root}/{{reversal}}", NOTHING, self.show),
            Endpoint("POST", f"{root}/{{reversal}}", METADATA_ONLY, self.modify),
        ]

    def list(self, call: Call) -> Data:
        """List the reversals of one transfer."""
        record = self._transfer(call)
        return self._lists.page(
            kind="transfer_reversal",
            account=call.account,
            params=call.params,
            url=f"/v1/transfers/{record.id}/reversals",
            among=self._store.where("transfer_reversal", "transfer", record.id),
        )

    def create(self, call: Call) -> Data:
        """Take money back, as far as the seller still has it."""
        record = self._transfer(call)
        left = record.data["amount"] - record.data["amount_reversed"]
        if not left:
            raise problems.invalid(
                f"Transfer {record.id} is already fully reversed.", code="transfer_already_reversed"
            )
        units = call.params.get("amount", left)
        code = record.data["currency"]
        if units > left:
            raise problems.invalid(
                f"Amount {shown(units, code)} is greater than unreversed amount on transfer {shown(left, code)}",
                "amount",
            )
        if units > self._still_there(record):
            raise problems.invalid(
                "The connected account does not have sufficient funds in its Stripe balance to reverse this transfer.",
                code="balance_insufficient",
            )
        reversal = self._reverse(
            record,
            units,
            key=call.key or "",
            metadata=merged({}, call.params.get("metadata")),
        )
        return self._shows.show(reversal)

    def _still_there(self, record: Record) -> int:
        """Give what the seller has left, where this transfer's money is."""
        payment = self._store.get(record.data["destination_payment"], "charge")
        ripe = payment is None or payment.hidden["available_on"] <= self._store.now()
        sums = self._balances.available if ripe else self._balances.pending
        return sums[record.data["destination"]][record.data["currency"]]

    def _reverse(self, record: Record, units: int, *, key: str, metadata: Data) -> Record:
        now, code, seller = self._store.now(), record.data["currency"], record.data["destination"]
        identity = self._store.new_id("trr")
        payment = self._store.get(record.data["destination_payment"], "charge")
        refund = payment_refund(
            self._store,
            charge=record.data["destination_payment"],
            amount=units,
            currency=code,
            created=now,
            reversal=identity,
        )
        on = payment.hidden["available_on"] if payment is not None else None
        taken = self._balances.book(
            account=seller,
            kind="payment_refund",
            currency=code,
            amount=-units,
            source=refund["id"],
            available_on=on,
        )
        refund["balance_transaction"] = taken.id
        self._store.add("refund", seller, refund)
        if payment is not None:
            payment.data["amount_refunded"] += units
            payment.data["refunded"] = payment.data["amount_refunded"] == payment.data["amount"]
            self._store.keep(payment)
        returned = self._balances.book(
            account=record.account,
            kind="transfer_refund",
            currency=code,
            amount=units,
            source=identity,
            available_on=on,
        )
        data: Data = {
            "id": identity,
            "object": "transfer_reversal",
            "amount": units,
            "balance_transaction": returned.id,
            "created": now,
            "currency": code,
            "destination_payment_refund": refund["id"],
            "metadata": metadata,
            "source_refund": None,
            "transfer": record.id,
        }
        reversal = self._store.add("transfer_reversal", record.account, data)
        record.data["amount_reversed"] += units
        record.data["reversed"] = record.data["amount_reversed"] == record.data["amount"]
        self._store.keep(record)
        self._world.ledger.record(
            reference=record.hidden["reference"],
            key=key or record.hidden["key"],
            destination=seller,
            currency=code.upper(),
            units=units,
            kind="return",
        )
        self._events.tell("transfer.reversed", record)
        return reversal

    def show(self, call: Call) -> Data:
        """Show one."""
        return self._shows.show(self._reversal(call))

    def modify(self, call: Call) -> Data:
        """Change its metadata."""
        reversal = self._reversal(call)
        reversal.data["metadata"] = merged(reversal.data["metadata"], call.params.get("metadata"))
        self._store.keep(reversal)
        return self._shows.show(reversal)

    def _reversal(self, call: Call) -> Record:
        record = self._transfer(call)
        reversal = self._store.get(call.path["reversal"], "transfer_reversal")
        if reversal is None or reversal.data["transfer"] != record.id:
            raise problems.absent("transfer_reversal", call.path["reversal"])
        return reversal

    def _transfer(self, call: Call) -> Record:
        record = self._store.get(call.path["id"], "transfer")
        if record is None or record.account != call.account:
            raise problems.absent("transfer", call.path["id"])
        return record

    def give_back(self, record: Record, units: int | None = None) -> bool:
        """Reverse so much of a transfer (else all that is left), whatever the seller's balance says."""
        left = record.data["amount"] - record.data["amount_reversed"]
        if not 0 < (units or left) <= left:
            return False
        self._reverse(record, units or left, key="", metadata={})
        return True
