"""What we owe: payables, why each is not paid yet, and the release of what waits for a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from accounts.backoffice import cells
from accounts.backoffice.acting import ActingAdmin, Doing, Result
from accounts.backoffice.filters import amount_filter, days_filter, id_filter, word_filter
from marketplace_payouts.lib.clock import utc_now
from marketplace_payouts.lib.money import Money
from payouts import gates, intervention
from payouts.admin import columns
from payouts.admin.choices import chosen_filter
from payouts.admin.choices import gates as gate_choices
from payouts.admin.domain_act import DomainAct, count, different
from payouts.admin.request_links import links_for
from payouts.models import Payable

_RELEASABLE = (Payable.Waits.OPENING, Payable.Waits.RETURNED)


class ReleasePayables(DomainAct):
    """Lets what waits for a person be gathered."""

    name, label, needs, done_word = "release", "Release for paying", "act_release", "Released"

    def fits(self, row: Payable) -> str:
        if row.waits_for == Payable.Waits.CLAWBACK:
            return "A clawback is decided by a request: net it, ask it back, or write it off."
        if row.waits_for not in _RELEASABLE:
            return "It does not wait for a person."
        return "It is settled." if row.settled else ""

    def will(self, rows: Sequence[Payable]) -> list[str]:
        told = [
            (
                f"Let {count(rows, 'payable')} of {different((row.payee_id for row in rows), 'payee')} be gathered into"
                " payouts, each of which still needs its approval."
            )
        ]
        if any(row.waits_for == Payable.Waits.OPENING for row in rows):
            told.append(
                "Opening items became due before go-live: be sure that they were not paid by hand already."
            )
        return told

    def perform(self, doing: Doing) -> Result:
        return intervention.release_payables(
            by=doing.by, payable_ids=doing.ids, reason=doing.reason, now=doing.now
        )


@admin.register(Payable)
class PayableAdmin(ActingAdmin):
    """Payables: what each Sharetribe transaction, or decision of staff, makes us owe."""

    section = "Payouts"
    rank = 30
    acts = (ReleasePayables(),)
    act_columns = (
        ("Purpose", lambda row: row.get_purpose_display()),
        ("Payee", lambda row: str(row.payee)),
        ("Reference", lambda row: cells.code(row.reference)),
        ("Amount", lambda row: cells.amount(row.units, row.currency)),
        ("Waits for", lambda row: row.get_waits_for_display()),
    )
    list_display = (
        columns.code("reference"),
        columns.page("payee"),
        "purpose",
        columns.amount(),
        "standing",
        columns.moment("due_at", "Due"),
    )
    list_filter = (
        chosen_filter(
            title="waits for", column="waits_for", choices=[c for c in Payable.Waits.choices if c[0]]
        ),
        chosen_filter(
            title="settled", column="settled", choices=[c for c in Payable.Settled.choices if c[0]]
        ),
        "origin",
        "purpose",
        chosen_filter(title="blocked by", column="blocked_by", choices=gate_choices()),
        amount_filter(),
        days_filter(field="due_at", title="due"),
        word_filter(title="reference", field="reference"),
        id_filter(title="payee's id", field="payee_id", name="payee"),
    )
    list_select_related = ("payee",)
    search_fields = ("=reference", "payee__name", "payee__email")
    search_help_text = "The reference (Sharetribe's transaction id), or the payee's name or e-mail."
    change_form_template = "admin/payouts/payable/change_form.html"
    page = (
        columns.page("payee"),
        "origin",
        columns.code("reference"),
        columns.page("source", "Sharetribe transaction"),
        columns.page("trigger"),
        "purpose",
        columns.amount(),
        "standing",
        "decided",
        columns.json("lines", "Lines as of the trigger"),
        "reason",
        "made_by",
        columns.page("original"),
        columns.moment("became_due_at"),
        columns.moment("hold_until"),
        columns.moment("due_at"),
        "source_event",
        "payouts_",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Payable]:
        """This will load payables with what lists show."""
        return super().get_queryset(request).select_related("payee")

    def act_rows(self, ids: Sequence[Any]) -> QuerySet[Payable]:
        """This will load payables with what acts show."""
        return super().act_rows(ids).select_related("payee")

    def act_amount(self, row: Payable) -> Money | None:
        """This will give what is owed."""
        return Money(int(row.units), row.currency)

    @admin.display(description="Standing")
    def standing(self, row: Payable) -> SafeString | str:
        if row.settled:
            return cells.badge(row.settled, row.get_settled_display())
        if row.waits_for:
            return cells.badge("waits", row.get_waits_for_display().partition(":")[0].partition(";")[0])
        return cells.badge("open", "Open")

    @admin.display(description="Payouts")
    def payouts_(self, row: Payable) -> SafeString | str:
        from django.utils.html import format_html_join

        lines = row.payout_lines.select_related("payout").order_by("-id")
        parts = [
            (cells.page_of(line.payout), "released" if line.released_at else line.payout.get_state_display())
            for line in lines
        ]
        return format_html_join(", ", "{} ({})", parts) or cells.EMPTY

    def page_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """This will add the answers of the payable's gates, and the way to decide a clawback."""
        context = super().page_context(request, row)
        if row.settled:
            return context
        context["answers"] = gates.explain_payables([row.pk], now=utc_now()).get(row.pk, [])
        if row.waits_for == Payable.Waits.CLAWBACK:
            context["request_links"] = links_for(request, "payable", payable=str(row.pk))
        elif row.blocked_by == "payment_received" and row.source is not None:
            given = str(row.source.reference)
            context["request_links"] = links_for(request, "transaction", transaction=given)
        return context
