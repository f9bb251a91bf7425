"""The APIs of charges, refunds and disputes: to look at them, to give money back, to give a dispute up."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.stripe import params as p
from sandbox.stripe import problems
from sandbox.stripe.charging import Charging
from sandbox.stripe.currencies import shown
from sandbox.stripe.desk import Call, Endpoint
from sandbox.stripe.ground import Ground, Part
from sandbox.stripe.params import METADATA_ONLY, NOTHING, Form, inner_page, merged, paged
from sandbox.stripe.store import Data, Record

_OF_CHARGE = paged(charge=p.text, payment_intent=p.text)
_CREATE = Form(
    {
        "amount": p.positive,
        "charge": p.text,
        "metadata": p.metadata,
        "payment_intent": p.text,
        "reason": p.choice("duplicate", "fraudulent", "requested_by_customer"),
    },
    undone="currency customer instructions_email origin refund_application_fee reverse_transfer",
)


class Refunds(Part):
    """Handlers of all three."""

    def __init__(self, ground: Ground, *, charging: Charging) -> None:
        super().__init__(ground)
        self._charging = charging

    def endpoints(self) -> Iterable[Endpoint]:
        """Give all operations on charges, refunds and disputes."""
        charges = paged(customer=p.text, payment_intent=p.text, transfer_group=p.text)
        of_charge = Form(
            {
                "description": p.text,
                "metadata": p.metadata,
                "receipt_email": p.text,
                "transfer_group": p.text,
            },
            undone="customer fraud_details shipping",
        )
        return [
            Endpoint("GET", "/v1/charges", charges, lambda call: self._list(call, "charge")),
            Endpoint("GET", "/v1/charges/{id}", NOTHING, lambda call: self._show(call, "charge")),
            Endpoint("POST", "/v1/charges/{id}", of_charge, self.modify_charge),
            Endpoint("GET", "/v1/charges/{id}/refunds", inner_page(), self.list_of_charge),
            Endpoint("GET", "/v1/refunds", _OF_CHARGE, lambda call: self._list(call, "refund")),
            Endpoint("POST", "/v1/refunds", _CREATE, self.create),
            Endpoint("GET", "/v1/refunds/{id}", NOTHING, lambda call: self._show(call, "refund")),
            Endpoint("POST", "/v1/refunds/{id}", METADATA_ONLY, self.modify),
            Endpoint("GET", "/v1/disputes", _OF_CHARGE, lambda call: self._list(call, "dispute")),
            Endpoint("GET", "/v1/disputes/{id}", NOTHING, lambda call: self._show(call, "dispute")),
            Endpoint("POST", "/v1/disputes/{id}/close", NOTHING, self.close),
        ]

    def _list(self, call: Call, kind: str) -> Data:
        return self._lists.page(kind=kind, account=call.account, params=call.params, url=f"/v1/{kind}s")

    def _show(self, call: Call, kind: str) -> Data:
        return self._shows.show(self._get(call, kind))

    def _get(self, call: Call, kind: str) -> Record:
        record = self._store.get(call.path["id"], kind)
        if record is None or record.account != call.account:
            raise problems.absent(kind, call.path["id"])
        return record

    def modify_charge(self, call: Call) -> Data:
        """Change what may be changed of a charge."""
        record = self._get(call, "charge")
        group = call.params.get("transfer_group")
        if group and record.data["transfer_group"] not in (None, group):
            raise problems.invalid(
                "You cannot update the transfer_group of a charge that has one.", "transfer_group"
            )
        for name in ("description", "receipt_email", "transfer_group"):
            if name in call.params:
                record.data[name] = call.params[name] or None
        return self._changed(call, record, "charge.updated")

    def modify(self, call: Call) -> Data:
        """Change the metadata of a refund."""
        return self._changed(call, self._get(call, "refund"), "refund.updated")

    def _changed(self, call: Call, record: Record, event: str) -> Data:
        record.data["metadata"] = merged(record.data["metadata"], call.params.get("metadata"))
        self._store.keep(record)
        self._events.tell(event, record)
        return self._shows.show(record)

    def list_of_charge(self, call: Call) -> Data:
        """List the refunds of the charge in the path."""
        charge = self._get(call, "charge")
        return self._lists.page(
            kind="refund",
            account=call.account,
            params=call.params,
            url=f"/v1/charges/{charge.id}/refunds",
            among=self._store.where("refund", "charge", charge.id),
        )

    def create(self, call: Call) -> Data:
        """Give a buyer money back."""
        charge = self._refundable(call)
        left, code = charge.data["amount_captured"] - charge.data["amount_refunded"], charge.data["currency"]
        if not left:
            raise problems.invalid(
                f"Charge {charge.id} has already been refunded.", code="charge_already_refunded"
            )
        units = call.params.get("amount", left)
        if units > left:
            raise problems.invalid(
                f"Refund amount ({shown(units, code)}) is greater than unrefunded amount on charge "
                f"({shown(left, code)})",
                "amount",
            )
        if charge.data["disputed"]:
            raise problems.invalid(
                f"Charge {charge.id} has been charged back; cannot issue a refund.", code="charge_disputed"
            )
        record = self._charging.refund(
            charge, units, reason=call.params.get("reason"), metadata=merged({}, call.params.get("metadata"))
        )
        return self._shows.show(record)

    def _refundable(self, call: Call) -> Record:
        identity, intent = call.params.get("charge"), call.params.get("payment_intent")
        if intent is not None:
            record = self._store.get(intent, "payment_intent")
            if record is None or record.account != call.account:
                raise problems.absent("payment_intent", intent, param="payment_intent")
            identity = record.data["latest_charge"]
        if identity is None:
            if intent is None:
                raise problems.invalid(
                    "One of the following params should be provided for this request: payment_intent or charge."
                )
            raise problems.invalid(
                f"This PaymentIntent ({intent}) does not have a successful charge to refund.",
                "payment_intent",
            )
        charge = self._store.get(identity, "charge")
        if charge is None or charge.account != call.account or not charge.data["captured"]:
            raise problems.absent("charge", identity, param="charge")
        return charge

    def close(self, call: Call) -> Data:
        """Give a dispute up."""
        record = self._get(call, "dispute")
        if not self._charging.decide(record, won=False):
            raise problems.invalid("This dispute is already closed.")
        return self._shows.show(record)
