"""Sharetribe transactions as we know them, and what parks one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from accounts.backoffice import cells
from accounts.backoffice.acting import ActingAdmin, Doing, Outcome, Result
from accounts.backoffice.filters import (
    YesNoFilter,
    amount_filter,
    days_filter,
    id_filter,
    is_set_filter,
    word_filter,
)
from flexsync import replaying
from payouts.admin import columns, payments_shown
from payouts.admin.domain_act import DomainAct, count
from payouts.admin.request_links import links_for
from payouts.models import Payout, Source


class Replay(DomainAct):
    """Interprets transactions once more."""

    name, label, needs, done_word = "replay", "Interpret again", "act_replay", "Interpreted again"

    def will(self, rows: Sequence[Source]) -> list[str]:
        return [
            f"Interpret {count(rows, 'transaction')} once more, from all that is stored of each.",
            "What they make us owe is worked out anew; what is unchanged stays as it is.",
        ]

    def perform(self, doing: Doing) -> Result:
        outcome = Outcome()
        for pk in doing.ids:
            source = replaying.replay(source_id=pk, now=doing.now)
            if source.parked_at is None:
                outcome.done.append(str(source.reference))
            else:
                outcome.refused.append((str(source.reference), f"It was put aside again: {source.error}"))
        return outcome


class BehindFilter(YesNoFilter):
    """By whether something was heard that is not understood yet."""

    title = "behind"
    parameter_name = "behind"

    def yes(self) -> Q:
        """This will keep what is behind."""
        return Q(heard__gt=F("understood"))


@admin.register(Source)
class SourceAdmin(ActingAdmin):
    """Sharetribe transactions: what each is, and how far it is understood."""

    section = "Sharetribe"
    rank = 10
    acts = (Replay(),)
    act_columns = (
        ("Transaction", lambda row: cells.code(row.reference)),
        ("Process", lambda row: row.process_name),
        ("Error", lambda row: cells.short(row.error)),
    )
    list_display = (
        columns.code("reference", "Transaction"),
        "process_name",
        "last_transition",
        columns.amount("payout_units", title="Payout total"),
        "standing",
        columns.moment("last_transitioned_at", "Last transition"),
    )
    list_filter = (
        is_set_filter(field="parked_at", title="parked"),
        BehindFilter,
        "stripe_payment",
        "deleted",
        amount_filter(units="payout_units"),
        days_filter(field="last_transitioned_at", title="last transition"),
        word_filter(title="process", field="process_name"),
        word_filter(title="last transition", field="last_transition"),
        id_filter(title="seller's Sharetribe id", field="payee_reference", name="seller"),
    )
    search_fields = ("=reference", "=payee_reference", "=id")
    search_help_text = "Transaction id, the seller's Sharetribe id, or our id."
    page = (
        columns.code("reference", "Transaction"),
        "marketplace",
        "standing",
        "error",
        "tries",
        "heard",
        "understood",
        columns.moment("next_at", "Interpreted next"),
        "process_name",
        "process_version",
        "last_transition",
        columns.moment("last_transitioned_at", "Last transition"),
        "state",
        columns.code("payee_reference", "Seller"),
        columns.amount("payin_units", title="Pay-in total"),
        columns.amount("payout_units", title="Payout total"),
        "stripe_payment",
        "deleted",
        columns.page("trigger"),
        "payables_",
        "payouts_",
        "checked",
        "told",
        "payment_told",
        "events_",
        columns.digest("digest", "Digest of what matters"),
    )
    change_form_template = "admin/payouts/source/change_form.html"

    def page_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """This will add what is recorded of the buyer's payment, and the way to record more."""
        return {
            **super().page_context(request, row),
            "payments": payments_shown.of([row]),
            "request_links": links_for(request, "transaction", transaction=str(row.reference)),
        }

    def get_queryset(self, request: HttpRequest) -> QuerySet[Source]:
        """This will load transactions with their marketplace."""
        return super().get_queryset(request).select_related("marketplace")

    @admin.display(description="Standing")
    def standing(self, row: Source) -> SafeString:
        if row.parked_at:
            return cells.badge("failed", "Parked")
        if row.heard > row.understood:
            return cells.badge("pending", "To be interpreted")
        return cells.badge("paid", "Understood")

    @admin.display(description="Payables")
    def payables_(self, row: Source) -> Any:
        rows = row.payables.order_by("id")
        parts = (
            (cells.page_of(one, one.get_purpose_display()), cells.amount(one.units, one.currency))
            for one in rows
        )
        return format_html_join(", ", "{} {}", parts) or cells.EMPTY

    @admin.display(description="Payouts")
    def payouts_(self, row: Source) -> Any:
        rows = Payout.objects.filter(lines__payable__source=row).order_by("-id").distinct()
        return (
            format_html_join(", ", "{} ({})", ((cells.page_of(p), p.get_state_display()) for p in rows))
            or cells.EMPTY
        )

    @admin.display(description="Read again")
    def checked(self, row: Source) -> Any:
        check = getattr(row, "check_row", None)
        if check is None:
            return "not yet"
        same = bytes(check.digest) == bytes(row.digest)
        said = "unchanged" if same else "reads differently"
        parts = [(cells.moment(check.checked_at), said, check.foreign_payout or check.error)]
        return format_html_join("", "{} · {} {}", parts)

    @admin.display(description="Written back")
    def told(self, row: Source) -> Any:
        back = getattr(row, "write_back_row", None)
        return cells.page_of(back, "what Sharetribe was told") if back is not None else "nothing yet"

    @admin.display(description="Told of the payment")
    def payment_told(self, row: Source) -> Any:
        told = getattr(row, "payment_told_row", None)
        return cells.page_of(told, "what Sharetribe was told") if told is not None else "nothing yet"

    @admin.display(description="Events")
    def events_(self, row: Source) -> Any:
        from django.urls import reverse

        return cells.link(
            f"{reverse('admin:flexsync_flexevent_changelist')}?resource={row.reference}", "all events"
        )
