"""Payments in, as far as payouts depend on them, and what was refused of what was said of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.utils.safestring import SafeString

from accounts.backoffice import cells
from accounts.backoffice.acting import Act, ActingAdmin, Doing, Outcome, Result
from accounts.backoffice.base import BackOfficeAdmin
from accounts.backoffice.filters import amount_filter, days_filter, id_filter, is_set_filter, word_filter
from payments import recording
from payments.models import PaymentIn, RefusedPayment


class _Shown:
    """The columns that both lists share."""

    @admin.display(description="What")
    def what(self, row: Any) -> SafeString:
        return cells.badge(row.kind, row.get_kind_display().partition(":")[0])

    @admin.display(description="Transaction")
    def transaction(self, row: Any) -> SafeString:
        return cells.code(row.transaction_id)

    @admin.display(description="Amount")
    def amount(self, row: Any) -> SafeString:
        return cells.amount(row.units, row.currency)


@admin.register(PaymentIn)
class PaymentInAdmin(_Shown, BackOfficeAdmin):
    """Payments in: what buyers paid, and what went back."""

    section = "Books"
    list_display = ("happened", "what", "transaction", "amount", "origin", "reference", "counted")
    list_filter = (
        "kind",
        amount_filter(),
        is_set_filter(field="next_at", title="of a transaction that is not known"),
        word_filter(title="origin", field="origin"),
        days_filter(field="happened_at", title="day"),
        id_filter(title="transaction", field="transaction_id", name="transaction"),
    )
    search_fields = ("=transaction_id", "=reference")
    page = (
        "happened",
        "what",
        "transaction",
        "amount",
        "origin",
        "reference",
        "detail",
        "made_by",
        "seconded_by",
        "recorded",
        "counted",
        "marketplace",
    )

    @admin.display(description="Happened")
    def happened(self, row: PaymentIn) -> SafeString | str:
        return cells.moment(row.happened_at)

    @admin.display(description="Recorded")
    def recorded(self, row: PaymentIn) -> SafeString | str:
        return cells.moment(row.recorded_at)

    @admin.display(description="Counted")
    def counted(self, row: PaymentIn) -> SafeString:
        if row.next_at is None:
            return cells.badge("paid", "Yes")
        return cells.badge("waits", "Not yet")


class Explain(Act):
    """Notes that somebody looked into refused words."""

    name, label, needs, done_word = "explain", "Looked into it", "act_release", "Looked into"

    def fits(self, row: RefusedPayment) -> str:
        return "" if row.closed_at is None else "Somebody looked into it already."

    def will(self, rows: Sequence[RefusedPayment]) -> list[str]:
        return [
            "Take them off the first page, with what you found out. Nothing is recorded by it.",
            "What is true of them and not recorded is recorded by a request, or told again with another reference.",
        ]

    def perform(self, doing: Doing) -> Result:
        done = recording.explain(by=doing.by, ids=doing.ids, explanation=doing.reason, now=doing.now)
        return Outcome(done=[row.reference for row in done])


@admin.register(RefusedPayment)
class RefusedPaymentAdmin(_Shown, ActingAdmin):
    """Refused payments: words about buyers' money that contradict what is recorded."""

    section = "Books"
    acts = (Explain(),)
    act_columns = (
        ("Transaction", lambda row: cells.code(row.transaction_id)),
        ("Amount", lambda row: cells.amount(row.units, row.currency)),
        ("Why", lambda row: row.reason),
    )
    change_form_template = "admin/backoffice/change_form.html"
    list_display = ("last", "what", "transaction", "amount", "origin", "reference", "times", "standing")
    list_filter = (
        is_set_filter(field="closed_at", title="looked into"),
        word_filter(title="origin", field="origin"),
        id_filter(title="transaction", field="transaction_id", name="transaction"),
    )
    search_fields = ("=transaction_id", "=reference")
    page = (
        "what",
        "transaction",
        "amount",
        "origin",
        "reference",
        "reason",
        "times",
        "first",
        "last",
        "standing",
        "closed_by",
        "explanation",
    )

    @admin.display(description="First said")
    def first(self, row: RefusedPayment) -> SafeString | str:
        return cells.moment(row.first_at)

    @admin.display(description="Last said")
    def last(self, row: RefusedPayment) -> SafeString | str:
        return cells.moment(row.last_at)

    @admin.display(description="Standing")
    def standing(self, row: RefusedPayment) -> SafeString:
        if row.closed_at:
            return cells.badge("cancelled", "Looked into")
        return cells.badge("incident", "To be looked into")
