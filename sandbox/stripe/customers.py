"""The customers API."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.stripe import params as p
from sandbox.stripe import problems
from sandbox.stripe.cards import Cards
from sandbox.stripe.desk import Call, Endpoint
from sandbox.stripe.ground import Ground, Part
from sandbox.stripe.params import NOTHING, Form, Params, Reader, inner_page, merged, paged
from sandbox.stripe.showing import list_of
from sandbox.stripe.store import Data, Record

_ADDRESS = p.group(city=p.text, country=p.text, line1=p.text, line2=p.text, postal_code=p.text, state=p.text)
_FIELDS: dict[str, Reader] = {
    "address": _ADDRESS,
    "description": p.text,
    "email": p.text,
    "invoice_settings": p.group(default_payment_method=p.text),
    "metadata": p.metadata,
    "name": p.text,
    "phone": p.text,
    "preferred_locales": p.many(p.text),
    "shipping": p.group(address=_ADDRESS, name=p.text, phone=p.text),
    "tax_exempt": p.choice("", "exempt", "none", "reverse"),
}
_UNDONE = "balance business_name cash_balance individual_name invoice_prefix next_invoice_sequence source tax validate"
CREATE = Form({**_FIELDS, "payment_method": p.text}, undone=f"{_UNDONE} tax_id_data test_clock")
MODIFY = Form(_FIELDS, undone=f"{_UNDONE} default_source")


class Customers(Part):
    """Handlers."""

    def __init__(self, ground: Ground, *, cards: Cards) -> None:
        super().__init__(ground)
        self._cards = cards

    def endpoints(self) -> Iterable[Endpoint]:
        """Give all operations on customers."""
        root = "/v1/customers"
        one = f"{root}/{{id}}"
        search = Form({"query": p.text, "limit": p.whole, "page": p.text}, needs=("query",))
        return [
            Endpoint("GET", root, paged(email=p.text, undone="test_clock"), self.list),
            Endpoint("POST", root, CREATE, self.create),
            Endpoint("GET", f"{root}/search", search, self.search),
            Endpoint("GET", one, NOTHING, self.show),
            Endpoint("POST", one, MODIFY, self.modify),
            Endpoint("DELETE", one, NOTHING, self.delete),
            *(
                Endpoint("GET", f"{one}/{name}", inner_page(object=p.text, type=p.text), self.list_nothing)
                for name in ("sources", "subscriptions", "tax_ids")
            ),
        ]

    def list(self, call: Call) -> Data:
        """List them."""
        return self._lists.page(
            kind="customer", account=call.account, params=call.params, url="/v1/customers"
        )

    def search(self, call: Call) -> Data:
        """Search them."""
        return self._lists.search(
            kind="customer",
            account=call.account,
            params=call.params,
            request=call.request,
        )

    def list_nothing(self, call: Call) -> Data:
        """List what no customer has here."""
        self._get(call)
        return list_of((), call.request.path)

    def create(self, call: Call) -> Data:
        """Make one."""
        identity = self._store.new_id("cus", 14)
        data: Data = {
            "id": identity,
            "object": "customer",
            "address": None,
            "balance": 0,
            "created": self._store.now(),
            "currency": None,
            "default_source": None,
            "delinquent": False,
            "description": None,
            "discount": None,
            "email": None,
            "invoice_prefix": identity[-8:].upper(),
            "invoice_settings": {
                "custom_fields": None,
                "default_payment_method": None,
                "footer": None,
                "rendering_options": None,
            },
            "livemode": self._events.livemode,
            "metadata": {},
            "name": None,
            "next_invoice_sequence": 1,
            "phone": None,
            "preferred_locales": [],
            "shipping": None,
            "tax_exempt": "none",
            "test_clock": None,
        }
        self._apply(data, call.params)
        named = call.params.get("payment_method")
        method = self._cards.usable(named, account=call.account, param="payment_method") if named else None
        record = self._store.add("customer", call.account, data)
        self._events.tell("customer.created", record)
        if method is not None:
            self._cards.give(method, record)
        return self._shows.show(record)

    def _apply(self, data: Data, params: Params) -> None:
        for name in ("description", "email", "name", "phone", "shipping"):
            if name in params:
                data[name] = params[name] or None
        if "address" in params:
            empty = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
            data["address"] = {**empty, **params["address"]} if params["address"] else None
        data["preferred_locales"] = params.get("preferred_locales", data["preferred_locales"])
        data["tax_exempt"] = params.get("tax_exempt") or data["tax_exempt"]
        data["invoice_settings"] |= params.get("invoice_settings") or {}
        data["metadata"] = merged(data["metadata"], params.get("metadata"))

    def show(self, call: Call) -> Data:
        """Show one, or that it was deleted."""
        gone = self._store.get(call.path["id"], "deleted_customer")
        return dict(gone.data) if gone is not None else self._shows.show(self._get(call))

    def modify(self, call: Call) -> Data:
        """Change one."""
        record = self._get(call)
        before = {**record.data, "invoice_settings": dict(record.data["invoice_settings"])}
        self._apply(record.data, call.params)
        self._store.keep(record)
        if record.data != before:
            self._events.tell("customer.updated", record, before=before)
        return self._shows.show(record)

    def delete(self, call: Call) -> Data:
        """Delete one, for ever; that it was there can still be seen."""
        record = self._get(call)
        self._events.tell("customer.deleted", record)
        self._store.remove(record)
        data = {"id": record.id, "object": "customer", "deleted": True}
        return dict(self._store.add("deleted_customer", record.account, data).data)

    def _get(self, call: Call) -> Record:
        record = self._store.get(call.path["id"], "customer")
        if record is None or record.account != call.account:
            raise problems.absent("customer", call.path["id"])
        return record
