"""The payments that were prepared at Stripe for buyers: what each is for, and whether it can still be paid."""

from __future__ import annotations

from django.contrib import admin
from django.utils.safestring import SafeString

from accounts.backoffice import cells
from accounts.backoffice.base import BackOfficeAdmin
from accounts.backoffice.filters import amount_filter, days_filter, id_filter, is_set_filter
from payments.models import Intent


@admin.register(Intent)
class IntentAdmin(BackOfficeAdmin):
    """Payments through Stripe: prepared for buyers, whether they paid or not."""

    section = "Books"
    list_display = ("asked_", "transaction", "amount", "standing", "at_stripe", "told")
    list_filter = (
        amount_filter(),
        is_set_filter(field="ended_at", title="given up"),
        days_filter(field="recorded_at", title="day"),
        id_filter(title="transaction", field="transaction_id", name="transaction"),
    )
    search_fields = ("=transaction_id", "=stripe_id")
    page = (*list_display, "buyer", "changes", "error", "recorded", "ended", "marketplace")

    @admin.display(description="Asked for")
    def asked_(self, row: Intent) -> SafeString | str:
        return cells.moment(row.asked_at)

    @admin.display(description="Transaction")
    def transaction(self, row: Intent) -> SafeString:
        return cells.code(row.transaction_id)

    @admin.display(description="Amount")
    def amount(self, row: Intent) -> SafeString:
        return cells.amount(row.units, row.currency)

    @admin.display(description="Standing")
    def standing(self, row: Intent) -> SafeString:
        if row.ended_at is not None:
            return cells.badge("cancelled", "Given up")
        return cells.badge("waits", "Prepared") if row.stripe_id else cells.badge("waits", "Not made yet")

    @admin.display(description="At Stripe")
    def at_stripe(self, row: Intent) -> SafeString:
        return cells.code(row.stripe_id)

    @admin.display(description="Told to its transaction")
    def told(self, row: Intent) -> str:
        return "yes" if row.stripe_id and row.next_at is None else "not yet"

    @admin.display(description="Buyer, in Sharetribe")
    def buyer(self, row: Intent) -> SafeString:
        return cells.code(row.buyer_id)

    @admin.display(description="Made")
    def recorded(self, row: Intent) -> SafeString | str:
        return cells.moment(row.recorded_at)

    @admin.display(description="Found given up")
    def ended(self, row: Intent) -> SafeString | str:
        return cells.moment(row.ended_at)
