"""The payment intents API."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.stripe import params as p
from sandbox.stripe import problems
from sandbox.stripe.cards import Cards
from sandbox.stripe.currencies import ZERO_DECIMAL, check_divisible, shown
from sandbox.stripe.desk import Call, Endpoint
from sandbox.stripe.ground import Ground, Part
from sandbox.stripe.intent_shapes import CANCEL, CAPTURE, CONFIRM, CREATE, MODIFY, new_intent
from sandbox.stripe.params import Form, merged, paged
from sandbox.stripe.paying import Paying
from sandbox.stripe.problems import Problem
from sandbox.stripe.store import Data, Record

LEAST = 50


class Intents(Part):
    """Handlers."""

    def __init__(self, ground: Ground, *, cards: Cards, paying: Paying) -> None:
        super().__init__(ground)
        self._cards = cards
        self._paying = paying

    def endpoints(self) -> Iterable[Endpoint]:
        """Give all operations on payment intents."""
        root = "/v1/payment_intents"
        one = f"{root}/{{id}}"
        search = Form({"query": p.text, "limit": p.whole, "page": p.text}, needs=("query",))
        return [
            Endpoint("GET", root, paged(customer=p.text, undone="customer_account"), self.list),
            Endpoint("POST", root, CREATE, self.create),
            Endpoint("GET", f"{root}/search", search, self.search),
            Endpoint("GET", one, Form({"client_secret": p.text}), self.show, public=True),
            Endpoint("POST", one, MODIFY, self.modify),
            Endpoint("POST", f"{one}/confirm", CONFIRM, self.confirm, public=True),
            Endpoint("POST", f"{one}/cancel", CANCEL, self.cancel),
            Endpoint("POST", f"{one}/capture", CAPTURE, self.capture),
        ]

    def list(self, call: Call) -> Data:
        """List them."""
        return self._lists.page(
            kind="payment_intent", account=call.account, params=call.params, url="/v1/payment_intents"
        )

    def search(self, call: Call) -> Data:
        """Search them."""
        return self._lists.search(
            kind="payment_intent",
            account=call.account,
            params=call.params,
            request=call.request,
        )

    def show(self, call: Call) -> Data:
        """Show one; to a browser only with its client secret."""
        return self._shows.show(self._get(call))

    def _get(self, call: Call) -> Record:
        record = self._store.get(call.path["id"], "payment_intent")
        secret = call.params.get("client_secret")
        if record is None or record.account != call.account:
            raise problems.absent("payment_intent", call.path["id"], param="intent")
        if secret != record.data["client_secret"] and (call.public or secret is not None):
            raise problems.invalid(
                "The client_secret provided does not match any associated PaymentIntent.",
                "client_secret",
                code="resource_missing",
            )
        return record

    # Making and changing -------------------------------------------------------------------------------------

    def create(self, call: Call) -> Data:
        """Make one, and with `confirm` try it at once."""
        params = call.params
        self._check(params["amount"], params["currency"])
        data = new_intent(
            self._store.new_id("pi"),
            params,
            secret=self._store.new_id("secret", 24),
            created=self._store.now(),
            livemode=self._events.livemode,
        )
        record = self._store.add("payment_intent", call.account, self._applied(data, params, call.account))
        self._events.tell("payment_intent.created", record)
        if params.get("confirm"):
            self._paying.confirm(record, call.request)
        return self._shows.show(record)

    def _check(self, units: int, code: str) -> None:
        check_divisible(units, code)
        if units < LEAST and code not in ZERO_DECIMAL:
            raise problems.invalid(
                f"Amount must be at least {shown(LEAST, code)} {code}", "amount", code="amount_too_small"
            )

    def modify(self, call: Call) -> Data:
        """Change one that is not paid yet."""
        record, params = self._get(call), call.params
        fixed = {"amount", "currency", "payment_method", "customer"} & set(params)
        if fixed and not record.data["status"].startswith("requires_"):
            name = sorted(fixed)[0]
            raise problems.invalid(
                f"This PaymentIntent's {name} could not be updated because it has a status of "
                f"{record.data['status']}. You may only update the {name} of a PaymentIntent with one of the following "
                "statuses: requires_payment_method, requires_confirmation, requires_action.",
                name,
                code="payment_intent_unexpected_state",
            )
        now = {**record.data, **params}
        self._check(now["amount"], now["currency"])
        record.data = self._applied(record.data, params, call.account)
        self._store.keep(record)
        return self._shows.show(record)

    def _applied(self, data: Data, params: Data, account: str) -> Data:
        """Give a payment intent with what was asked for, or refuse all of it."""
        plain = ("amount", "capture_method", "currency", "payment_method_types")
        unset = (
            "description",
            "receipt_email",
            "setup_future_usage",
            "shipping",
            "statement_descriptor",
            "statement_descriptor_suffix",
            "transfer_group",
        )
        changed = {**data, **{name: params[name] for name in plain if name in params}}
        changed |= {name: params[name] or None for name in unset if name in params}
        changed["metadata"] = merged(data["metadata"], params.get("metadata"))
        if params.get("customer"):
            customer = self._store.get(params["customer"], "customer")
            if customer is None or customer.account != account:
                raise problems.absent("customer", params["customer"], param="customer")
            changed["customer"] = customer.id
        if params.get("payment_method"):
            method = self._cards.usable(params["payment_method"], account=account, param="payment_method")
            changed["payment_method"] = method.id
            if data["status"] == "requires_payment_method":
                changed["status"] = "requires_confirmation"
        return changed

    # Paying --------------------------------------------------------------------------------------------------

    def confirm(self, call: Call) -> Data:
        """Try to collect the payment."""
        record = self._get(call)
        status = record.data["status"]
        if status not in ("requires_payment_method", "requires_confirmation", "requires_action"):
            raise problems.invalid(
                f"You cannot confirm this PaymentIntent because it has a status of {status}. Only a PaymentIntent with "
                "one of the following statuses may be confirmed: requires_confirmation, requires_action.",
                code="payment_intent_unexpected_state",
            )
        record.data = self._applied(record.data, call.params, call.account)
        self._store.keep(record)
        self._paying.confirm(record, call.request)
        return self._shows.show(record)

    def cancel(self, call: Call) -> Data:
        """Give one up."""
        record = self._get(call)
        if not self._paying.cancel(record, reason=call.params.get("cancellation_reason")):
            raise problems.invalid(
                f"You cannot cancel this PaymentIntent because it has a status of {record.data['status']}. Only a "
                "PaymentIntent with one of the following statuses may be canceled: requires_payment_method, "
                "requires_capture, requires_confirmation, requires_action, processing.",
                code="payment_intent_unexpected_state",
            )
        return self._shows.show(record)

    def capture(self, call: Call) -> Data:
        """Collect what was only authorised, or a part of it."""
        record = self._get(call)
        if record.data["status"] != "requires_capture":
            raise problems.invalid(
                f"This PaymentIntent could not be captured because it has a status of {record.data['status']}. Only a "
                "PaymentIntent with one of the following statuses may be captured: requires_capture.",
                code="payment_intent_unexpected_state",
            )
        units: int = {"amount_to_capture": record.data["amount_capturable"], **call.params}[
            "amount_to_capture"
        ]
        if units > record.data["amount_capturable"]:
            raise Problem(
                400,
                "The amount you requested to capture exceeds the authorized amount.",
                code="amount_too_large",
                param="amount_to_capture",
            )
        record.data["metadata"] = merged(record.data["metadata"], call.params.get("metadata"))
        self._paying.capture(record, units)
        return self._shows.show(record)
