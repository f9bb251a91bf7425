"""The payouts API."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.stripe import banks, problems
from sandbox.stripe import params as p
from sandbox.stripe.currencies import check_divisible, currency
from sandbox.stripe.desk import Call, Endpoint
from sandbox.stripe.ground import Ground, Part
from sandbox.stripe.listing import compares
from sandbox.stripe.params import METADATA_ONLY, NOTHING, Form, merged, paged
from sandbox.stripe.paying_out import PayingOut
from sandbox.stripe.store import Data, Record

_STATUSES = ("canceled", "failed", "in_transit", "paid", "pending")
_CREATE = Form(
    {
        "amount": p.positive,
        "currency": currency,
        "description": p.text,
        "destination": p.text,
        "metadata": p.metadata,
        "method": p.choice("standard"),
        "source_type": p.choice("bank_account", "card", "fpx"),
        "statement_descriptor": p.text,
    },
    needs=("amount", "currency"),
    undone="payout_method",
)


class Payouts(Part):
    """Handlers."""

    def __init__(self, ground: Ground, *, paying_out: PayingOut) -> None:
        super().__init__(ground)
        self._paying_out = paying_out

    def endpoints(self) -> Iterable[Endpoint]:
        """Give all operations on payouts."""
        root = "/v1/payouts"
        filters = paged(arrival_date=p.moment, destination=p.text, status=p.choice(*_STATUSES))
        return [
            Endpoint("GET", root, filters, self.list),
            Endpoint("POST", root, _CREATE, self.create),
            Endpoint("GET", f"{root}/{{id}}", NOTHING, self.show),
            Endpoint("POST", f"{root}/{{id}}", METADATA_ONLY, self.modify),
            Endpoint("POST", f"{root}/{{id}}/cancel", NOTHING, self.cancel),
        ]

    def list(self, call: Call) -> Data:
        """List them."""
        params = dict(call.params)
        arriving = params.pop("arrival_date", None)
        return self._lists.page(
            kind="payout",
            account=call.account,
            params=params,
            url="/v1/payouts",
            fits=None if arriving is None else lambda record: compares(record.data["arrival_date"], arriving),
        )

    def show(self, call: Call) -> Data:
        """Show one."""
        return self._shows.show(self._get(call))

    def modify(self, call: Call) -> Data:
        """Change its metadata."""
        record = self._get(call)
        before = self._shows.show(record)
        record.data["metadata"] = merged(record.data["metadata"], call.params.get("metadata"))
        self._store.keep(record)
        self._events.tell("payout.updated", record, before=before)
        return self._shows.show(record)

    def create(self, call: Call) -> Data:
        """Pay out by hand."""
        params = call.params
        units, code = params["amount"], params["currency"]
        check_divisible(units, code, of_payout=True)
        bank = self._bank(call)
        if units > self._balances.available[call.account][code]:
            raise problems.too_little()
        extra = {
            "description": params.get("description") or None,
            "metadata": merged({}, params.get("metadata")),
            "statement_descriptor": params.get("statement_descriptor") or None,
        }
        return self._shows.show(
            self._paying_out.make(call.account, code, units, bank, automatic=False, extra=extra)
        )

    def _bank(self, call: Call) -> Record:
        wanted = call.params.get("destination")
        if wanted is not None:
            bank = self._store.get(wanted, "bank_account")
            if bank is None or bank.account != call.account:
                raise problems.absent("external account", wanted, param="destination")
            return bank
        bank = banks.bank_of(self._store, call.account)
        if bank is None:
            raise problems.invalid(
                f"Sorry, you don't have any external accounts in that currency ({call.params['currency']}).",
                "currency",
            )
        return bank

    def cancel(self, call: Call) -> Data:
        """Stop one that was made by hand, while it is pending."""
        record = self._get(call)
        if record.data["status"] != "pending" or record.data["automatic"]:
            raise problems.invalid(
                "Payouts can only be canceled while they are pending, and not when automatic."
            )
        self._paying_out.turn(record, "canceled")
        return self._shows.show(record)

    def _get(self, call: Call) -> Record:
        record = self._store.get(call.path["id"], "payout")
        if record is None or record.account != call.account:
            raise problems.absent("payout", call.path["id"])
        return record
