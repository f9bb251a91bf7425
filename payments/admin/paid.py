"""Payments in, as far as payouts depend on them; read-only."""

from __future__ import annotations

from django.contrib import admin
from django.utils.safestring import SafeString

from accounts.backoffice import cells
from accounts.backoffice.base import BackOfficeAdmin
from accounts.backoffice.filters import amount_filter, days_filter, id_filter
from payments.models import PaymentIn


@admin.register(PaymentIn)
class PaymentInAdmin(BackOfficeAdmin):
    """Payments in: what buyers paid or took back."""

    section = "Books"
    list_display = ("happened", "kind", "transaction", "amount", "origin", "reference")
    list_filter = (
        "kind",
        amount_filter(),
        days_filter(field="happened_at", title="day"),
        id_filter(title="transaction", field="transaction_id", name="transaction"),
    )
    search_fields = ("=transaction_id", "=reference")
    page = ("happened", "kind", "transaction", "amount", "origin", "reference", "recorded", "marketplace")

    @admin.display(description="Happened")
    def happened(self, row: PaymentIn) -> SafeString | str:
        return cells.moment(row.happened_at)

    @admin.display(description="Recorded")
    def recorded(self, row: PaymentIn) -> SafeString | str:
        return cells.moment(row.recorded_at)

    @admin.display(description="Transaction")
    def transaction(self, row: PaymentIn) -> SafeString:
        return cells.code(row.transaction_id)

    @admin.display(description="Amount")
    def amount(self, row: PaymentIn) -> SafeString:
        return cells.amount(row.units, row.currency)
