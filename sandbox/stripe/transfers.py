"""Transfers to connected accounts: the money that leaves the platform."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.core import Fault
from sandbox.stripe import params as p
from sandbox.stripe import problems
from sandbox.stripe.charge_shapes import destination_payment
from sandbox.stripe.currencies import check_divisible, currency, reaches, shown
from sandbox.stripe.desk import Call, Endpoint
from sandbox.stripe.ground import Ground, Part
from sandbox.stripe.names import names_of
from sandbox.stripe.params import NOTHING, Form, Params, merged, paged
from sandbox.stripe.paying_out import PayingOut
from sandbox.stripe.problems import Problem
from sandbox.stripe.reversals import Reversals
from sandbox.stripe.store import Data, Record

_CREATE = Form(
    {
        "amount": p.positive,
        "currency": currency,
        "description": p.text,
        "destination": p.text,
        "metadata": p.metadata,
        "source_transaction": p.text,
        "source_type": p.choice("bank_account", "card", "fpx"),
        "transfer_group": p.text,
    },
    needs=("amount", "currency", "destination"),
)


class Transfers(Part):
    """Handlers."""

    def __init__(self, ground: Ground, *, paying_out: PayingOut, reversals: Reversals) -> None:
        super().__init__(ground)
        self._paying_out = paying_out
        self._reversals = reversals

    def endpoints(self) -> Iterable[Endpoint]:
        """Give all operations on transfers."""
        root = "/v1/transfers"
        one = f"{root}/{{id}}"
        return [
            Endpoint("GET", root, paged(destination=p.text, transfer_group=p.text), self.list),
            Endpoint("POST", root, _CREATE, self.create),
            Endpoint("GET", one, NOTHING, self.show),
            Endpoint("POST", one, Form({"metadata": p.metadata, "description": p.text}), self.modify),
        ]

    def list(self, call: Call) -> Data:
        """List them."""
        return self._lists.page(
            kind="transfer", account=call.account, params=call.params, url="/v1/transfers"
        )

    def show(self, call: Call) -> Data:
        """Show one."""
        return self._shows.show(self._get(call))

    def modify(self, call: Call) -> Data:
        """Change what may be changed."""
        record = self._get(call)
        before = self._shows.show(record)
        record.data["metadata"] = merged(record.data["metadata"], call.params.get("metadata"))
        if "description" in call.params:
            record.data["description"] = call.params["description"] or None
        self._store.keep(record)
        self._events.tell("transfer.updated", record, before=before)
        return self._shows.show(record)

    def _get(self, call: Call) -> Record:
        record = self._store.get(call.path["id"], "transfer")
        if record is None or record.account != call.account:
            raise problems.absent("transfer", call.path["id"])
        return record

    # Creating ------------------------------------------------------------------------------------------------

    def create(self, call: Call) -> Data:
        """Move money to a connected account, at once, or refuse to."""
        params = call.params
        units, code = params["amount"], params["currency"]
        check_divisible(units, code)
        destination = self._destination(call)
        source = self._source(call) if params.get("source_transaction") else None
        self._refuse_by_fault(call)
        if source is None and units > self._balances.available[call.account][code]:
            raise problems.too_little()
        record = self._move(call, destination, source)
        self._world.ledger.record(
            reference=record.hidden["reference"],
            key=call.key or "",
            destination=destination.id,
            currency=code.upper(),
            units=units,
            kind="debit",
        )
        self._events.tell("transfer.created", record)
        self._come_back(record)
        return self._shows.show(record)

    def _destination(self, call: Call) -> Record:
        identity = call.params["destination"]
        record = self._store.get(identity, "account")
        if record is None or record.hidden.get("deauthorized") or record.hidden.get("platform"):
            raise problems.absent("destination", identity, param="destination")
        platform = self._store.get(call.account, "account")
        if platform is not None and not reaches(platform.data["country"], record.data["country"]):
            raise problems.invalid(
                f"Funds can't be sent to accounts located in {record.data['country']} because it's restricted outside "
                "of your platform's region. Learn more here: https://stripe.com/docs/connect/cross-border-payouts.",
                "destination",
            )
        if record.data["capabilities"].get("transfers") != "active":
            raise problems.incapable()
        return record

    def _source(self, call: Call) -> Record:
        """Find the charge whose money is passed on, and see that enough of it is left."""
        identity, code = call.params["source_transaction"], call.params["currency"]
        charge = self._store.get(identity, "charge")
        if charge is None or charge.account != call.account or not charge.data["paid"]:
            raise problems.absent("charge", identity, param="source_transaction")
        if charge.data["currency"] != code:
            raise problems.invalid(
                f"The currency of source_transaction's balance transaction ({charge.data['currency']}) must be the "
                f"same as the transfer currency ({code})",
                "currency",
            )
        whole = charge.data["amount_captured"]
        passed = self._store.where("transfer", "source_transaction", charge.id)
        used = sum(one.data["amount"] - one.data["amount_reversed"] for one in passed)
        if used + call.params["amount"] > whole:
            already = (
                f" (There is already a transfer using this source, amounting to {shown(used, code)}.)"
                if used
                else ""
            )
            raise problems.invalid(
                f"Transfers using this transaction as a source must not exceed the source amount of "
                f"{shown(whole, code)}.{already}"
            )
        return charge

    def _refuse_by_fault(self, call: Call) -> None:
        if not self._world.faults:
            return
        if self._world.faults.take("insufficient_funds", request=call.request):
            raise problems.too_little()
        fault = self._world.faults.take("refuse", request=call.request)
        if fault is not None:
            if fault.value is None:
                raise problems.incapable()
            raise Problem(fault.status or 400, "Steered to be refused.", code=str(fault.value))

    def _move(self, call: Call, destination: Record, source: Record | None) -> Record:
        params, now = call.params, self._store.now()
        units, code = params["amount"], params["currency"]
        identity, on = self._store.new_id("tr"), None
        group = params.get("transfer_group") or None
        if source is not None:
            group = group or self._group_of(source)
            on = source.hidden["available_on"]
        payment = destination_payment(
            self._store,
            amount=units,
            currency=code,
            created=now,
            transfer=identity,
            livemode=self._events.livemode,
        )
        received = self._balances.book(
            account=destination.id,
            kind="payment",
            currency=code,
            amount=units,
            source=payment["id"],
            available_on=on,
        )
        payment["balance_transaction"] = received.id
        credited = self._store.add(
            "charge", destination.id, payment, {"available_on": received.data["available_on"]}
        )
        sent = self._balances.book(
            account=call.account,
            kind="transfer",
            currency=code,
            amount=-units,
            source=identity,
            available_on=on,
        )
        data: Data = {
            "id": identity,
            "object": "transfer",
            "amount": units,
            "amount_reversed": 0,
            "balance_transaction": sent.id,
            "created": now,
            "currency": code,
            "description": params.get("description") or None,
            "destination": destination.id,
            "destination_payment": credited.id,
            "livemode": self._events.livemode,
            "metadata": merged({}, params.get("metadata")),
            "reversed": False,
            "source_transaction": source.id if source is not None else None,
            "source_type": params.get("source_type", "card"),
            "transfer_group": group,
        }
        record = self._store.add(
            "transfer", call.account, data, {"key": call.key or "", "reference": _reference(params, identity)}
        )
        self._events.tell("payment.created", credited)
        self._paying_out.consider(destination.id, code)
        return record

    def _group_of(self, charge: Record) -> str:
        """Give the group of a charge, which it gets with its first transfer."""
        if charge.data["transfer_group"] is None:
            charge.data["transfer_group"] = f"group_{charge.data['payment_intent'] or charge.id}"
            self._store.keep(charge)
        return str(charge.data["transfer_group"])

    def _come_back(self, record: Record) -> None:
        """Reverse it later, where steering asks for it: as somebody would in the Dashboard."""
        names = names_of(record, self._store)
        fault: Fault | None = (
            self._world.faults.take("return", references=names) if self._world.faults else None
        )
        if fault is None and self._fates.of("transfer", names) != "reversed":
            return
        seconds = fault.after(0.0) if fault is not None else 0.0
        units = fault.value if fault is not None and isinstance(fault.value, int) else None
        self._world.clock.call_later(seconds, lambda: self._reversals.give_back(record, units))


def _reference(params: Params, identity: str) -> str:
    """Give our caller's name of a payment, else Stripe's."""
    values = (params.get("metadata") or {}).values()
    return str(params.get("transfer_group") or next(iter(values), "") or identity)
