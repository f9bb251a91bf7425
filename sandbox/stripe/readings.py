"""What can only be read: balances, their transactions, and events; and lists of what nobody has here."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.stripe import params as p
from sandbox.stripe import problems
from sandbox.stripe.currencies import currency
from sandbox.stripe.desk import Call, Endpoint
from sandbox.stripe.events import KEPT_S
from sandbox.stripe.ground import Part
from sandbox.stripe.params import NOTHING, Form, paged
from sandbox.stripe.showing import list_of
from sandbox.stripe.store import Data, Record

_EMPTY = """
application_fees checkout/sessions country_specs coupons entitlements/active_entitlements entitlements/features
file_links files identity/verification_reports identity/verification_sessions invoiceitems invoices
issuing/authorizations issuing/cardholders issuing/cards issuing/disputes issuing/transactions plans prices
products promotion_codes quotes radar/early_fraud_warnings reviews setup_intents shipping_rates
subscription_schedules subscriptions tax_codes tax_ids tax_rates topups
"""
EMPTY = tuple(_EMPTY.split())
"""Lists that dj-stripe asks for when it syncs everything. Nothing of this is in the sandbox."""


class Readings(Part):
    """Handlers."""

    def endpoints(self) -> Iterable[Endpoint]:
        """Give all of it."""
        entries = paged(currency=currency, payout=p.text, source=p.text, type=p.text)
        happened = paged(type=p.text, types=p.many(p.text), delivery_success=p.flag)
        whatever = Form(takes_all=True)
        return [
            Endpoint("GET", "/v1/balance", NOTHING, lambda call: self._balances.shown(call.account)),
            Endpoint("GET", "/v1/balance_transactions", entries, self.list_entries),
            Endpoint("GET", "/v1/balance_transactions/{id}", NOTHING, self.show_entry),
            Endpoint("GET", "/v1/events", happened, self.list_events),
            Endpoint("GET", "/v1/events/{id}", NOTHING, self.show_event),
            *(
                Endpoint("GET", f"/v1/{name}", whatever, lambda call: list_of((), call.request.path))
                for name in EMPTY
            ),
        ]

    def list_entries(self, call: Call) -> Data:
        """List balance transactions; with `payout`, those that an automatic payout is made of."""
        payout = call.params.get("payout")
        if payout is not None:
            record = self._store.get(payout, "payout")
            if record is None or record.account != call.account:
                raise problems.absent("payout", payout, param="payout")
            if not record.data["automatic"]:
                raise problems.invalid(
                    "Balance transaction history can only be filtered on automatic transfers, not manual.",
                    "payout",
                )
        return self._lists.page(
            kind="balance_transaction",
            account=call.account,
            params=call.params,
            url="/v1/balance_transactions",
        )

    def show_entry(self, call: Call) -> Data:
        """Show one."""
        return self._shows.show(self._get(call, "balance_transaction"))

    def list_events(self, call: Call) -> Data:
        """List what happened in the last thirty days."""
        params = dict(call.params)
        kind, kinds = params.pop("type", None), params.pop("types", None)
        delivered = params.pop("delivery_success", None)
        since = self._store.now() - KEPT_S

        def fits(record: Record) -> bool:
            return (
                record.data["created"] >= since
                and _is_of(record.data["type"], kind, kinds)
                and (delivered is None or (not record.data["pending_webhooks"]) is delivered)
            )

        return self._lists.page(
            kind="event", account=call.account, params=params, url="/v1/events", fits=fits
        )

    def show_event(self, call: Call) -> Data:
        """Show one."""
        record = self._get(call, "event")
        if record.data["created"] < self._store.now() - KEPT_S:
            raise problems.absent("event", record.id)
        return self._shows.show(record)

    def _get(self, call: Call, kind: str) -> Record:
        record = self._store.get(call.path["id"], kind)
        if record is None or record.account != call.account:
            raise problems.absent(kind.replace("_", " "), call.path["id"])
        return record


def _is_of(have: str, kind: str | None, kinds: list[str] | None) -> bool:
    """Say whether a type is asked for, by its name or as `transfer.*`."""
    if kinds is not None and have not in kinds:
        return False
    return kind is None or have == kind or (kind.endswith(".*") and have.startswith(kind[:-1]))
