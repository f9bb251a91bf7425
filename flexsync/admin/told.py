"""What Sharetribe was told, and what asking and telling it costs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString

from accounts.backoffice import cells
from accounts.backoffice.acting import ActingAdmin, Doing, Outcome, Result
from accounts.backoffice.base import BackOfficeAdmin
from accounts.backoffice.filters import days_filter, is_set_filter, word_filter
from flexsync import retelling
from flexsync.models import ApiCalls, PaymentTold, Told, UserTold, WriteBack
from marketplace_payouts.lib.clock import utc_now
from marketplace_payouts.lib.sharetribe import INCLUDED_CREDITS_PER_MONTH, credits_of
from payouts.admin import columns
from payouts.admin.domain_act import DomainAct, count

_WINDOW = timedelta(days=7)


class TellAgain(DomainAct):
    """Tells Sharetribe once more."""

    name, label, needs, done_word = "tell_again", "Tell again", "act_replay", "To be told again"

    def fits(self, row: Told) -> str:
        return "" if row.conflict_at or row.error else "Sharetribe has confirmed it; nothing needs doing."

    def will(self, rows: Sequence[WriteBack]) -> list[str]:
        return [
            f"Tell Sharetribe once more how the payouts of {count(rows, 'transaction')} stand, as they stand then.",
            "Each costs API credits; clear up first why Sharetribe refused.",
        ]

    def perform(self, doing: Doing) -> Result:
        return Outcome(done=retelling.tell_again(source_ids=doing.ids, now=doing.now))


class TellPaymentAgain(TellAgain):
    """Tells Sharetribe once more of a buyer's payment."""

    def will(self, rows: Sequence[PaymentTold]) -> list[str]:  # type: ignore[override]
        return [
            f"Tell {count(rows, 'transaction')} once more how the buyer's payment stands, as it stands then.",
            "Each costs API credits; clear up first why Sharetribe refused.",
        ]

    def perform(self, doing: Doing) -> Result:
        return Outcome(done=retelling.tell_payment_again(source_ids=doing.ids, now=doing.now))


class ToldAdmin(ActingAdmin):
    """What transactions were told under one key of their metadata."""

    section = "Sharetribe"
    act_columns = (
        ("Transaction", lambda row: cells.code(row.source.reference)),
        ("Error", lambda row: cells.short(row.error)),
    )
    change_form_template = "admin/backoffice/change_form.html"
    list_display = (
        columns.page("source", "Transaction"),
        "standing",
        columns.short("transition"),
        "calls",
        "tries",
        columns.moment("confirmed_at"),
        columns.short("error"),
    )
    list_display_links = ("standing",)
    list_filter = (
        is_set_filter(field="conflict_at", title="refused by Sharetribe"),
        is_set_filter(field="confirmed_at", title="confirmed"),
        days_filter(field="confirmed_at", title="confirmed"),
        word_filter(title="transaction", field="source__reference", name="transaction"),
    )
    list_select_related = ("source",)
    search_fields = ("=source__reference",)
    page = (
        columns.page("source", "Transaction"),
        "standing",
        columns.json("value", "Metadata, as read back"),
        "transition",
        columns.moment("confirmed_at"),
        "calls",
        "tries",
        "error",
        columns.moment("conflict_at"),
    )

    @admin.display(description="Standing")
    def standing(self, row: Told) -> SafeString:
        if row.conflict_at:
            return cells.badge("incident", "Refused by Sharetribe")
        return cells.badge("paid", "Confirmed") if row.confirmed_at else cells.badge("pending", "On its way")


@admin.register(WriteBack)
class WriteBackAdmin(ToldAdmin):
    """Write-backs: what each transaction was told of its payout, as read back from it."""

    acts = (TellAgain(),)


@admin.register(PaymentTold)
class PaymentToldAdmin(ToldAdmin):
    """Payments told: what each transaction was told of its buyer's payment, as read back from it."""

    acts = (TellPaymentAgain(),)


@admin.register(UserTold)
class UserToldAdmin(BackOfficeAdmin):
    """Users told: what the public metadata of payees' users says of them by our hand, as read back from it."""

    section = "Sharetribe"
    ordering = ("-confirmed_at",)
    list_display = (
        columns.page("payee"),
        columns.json("value", "Metadata, as read back"),
        columns.moment("confirmed_at"),
        "calls",
        columns.short("error"),
    )
    list_filter = (
        is_set_filter(field="refused_at", title="unknown to Sharetribe"),
        word_filter(title="Sharetribe user id", field="payee__flex_user_id", name="user"),
    )
    list_select_related = ("payee",)
    search_fields = ("=payee__flex_user_id", "payee__name")
    page = (
        columns.page("payee"),
        columns.json("value", "Metadata, as read back"),
        columns.moment("confirmed_at"),
        "calls",
        "error",
        columns.moment("refused_at", "Unknown to Sharetribe since"),
    )


@admin.register(ApiCalls)
class ApiCallsAdmin(BackOfficeAdmin):
    """Calls to Sharetribe per day, and what a month of them comes to."""

    section = "Sharetribe"
    ordering = ("-day", "kind")
    list_display = ("day", "kind", "calls")
    list_filter = (word_filter(title="kind", field="kind"),)
    page = list_display
    change_list_template = "admin/flexsync/apicalls/change_list.html"

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """This will draw the days with an estimate of a month."""
        estimate = month_of_calls()
        context = dict(extra_context or {}) | {
            "estimate": estimate,
            "credits": sum(row["credits"] for row in estimate),
            "included": INCLUDED_CREDITS_PER_MONTH,
        }
        response: HttpResponse = super().changelist_view(request, context)
        return response


def month_of_calls() -> list[dict[str, Any]]:
    """This will estimate a month's calls and credits per kind from the last seven days."""
    since = (utc_now() - _WINDOW).date()
    rows = ApiCalls.objects.filter(day__gte=since).values("kind").annotate(n=Sum("calls")).order_by("-n")
    return [
        {
            "kind": row["kind"],
            "week": row["n"],
            "month": row["n"] * 30 // _WINDOW.days,
            "credits": row["n"] * 30 // _WINDOW.days * credits_of(row["kind"]).credits,
            "sure": credits_of(row["kind"]).verified,
        }
        for row in rows
    ]
