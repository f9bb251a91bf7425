"""Webhook messages: what each subscriber was told, try by try."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.db import models
from django.db.models import Q
from django.http import HttpRequest
from django.utils.safestring import SafeString

from accounts.backoffice import cells
from accounts.backoffice.acting import ActingAdmin, Doing, NothingToSay, Result
from accounts.backoffice.filters import days_filter, id_filter
from marketplace_payouts.lib.ids import BadNumber, check_number
from payouts.admin import columns
from payouts.admin.choices import chosen_filter
from payouts.admin.domain_act import DomainAct, count
from payouts.models import Payable, Payout, PayoutMethod, WebhookMessage
from payouts.subscriptions import replaying, subscribing
from payouts.subscriptions.events import EVENTS, TEST
from payouts.subscriptions.replaying import Wanted

_ABOUT: dict[str, type[models.Model]] = {
    "payout": Payout,
    "payable": Payable,
    "payout_method": PayoutMethod,
}
_STANDINGS = {
    "waiting": Q(next_at__isnull=False),
    "delivered": Q(delivered_at__isnull=False),
    "given_up": Q(given_up_at__isnull=False),
}


class SendAgain(DomainAct):
    """Sends chosen messages again."""

    name, label, needs, done_word = "again", "Send again", subscribing.NEEDS, "To be sent again"
    form_class = NothingToSay

    def fits(self, row: WebhookMessage) -> str:
        return "Its subscription has ended." if row.subscription.ended_at else ""

    def will(self, rows: Sequence[WebhookMessage]) -> list[str]:
        return [
            f"Send {count(rows, 'message')} again, from the first try, with the ids and the bytes that they had.",
            "A receiver that remembers the ids will pass over those that it has worked off.",
        ]

    def perform(self, doing: Doing) -> Result:
        wanted = Wanted(messages=list(doing.ids))
        return replaying.send_again(by=doing.by, wanted=wanted, now=doing.now)


class StandingFilter(SimpleListFilter):
    """By what became of it."""

    title = "standing"
    parameter_name = "standing"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        """This will offer what may become of a message."""
        return [(name, name.replace("_", " ").capitalize()) for name in _STANDINGS]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        """This will keep those that stand so; of ended subscriptions nobody need see what was given up."""
        value = self.value()
        if value not in _STANDINGS:
            return queryset
        found = queryset.filter(_STANDINGS[value])
        return found.filter(subscription__ended_at__isnull=True) if value == "given_up" else found


@admin.register(WebhookMessage)
class WebhookMessageAdmin(ActingAdmin):
    """Webhook messages: what subscribers were told."""

    section = "System"
    rank = 41
    acts = (SendAgain(),)
    act_columns = (
        ("Message", lambda row: cells.code(row.public_id)),
        ("News", lambda row: row.type),
        ("For", lambda row: str(row.subscription)),
        ("Happened", lambda row: cells.moment(row.happened_at)),
    )
    ordering = ("-happened_at", "-id")
    list_display = (
        columns.moment("happened_at", "Happened"),
        "type",
        "about",
        columns.page("subscription", "For"),
        "standing",
        "tries",
        columns.moment("next_at", "Next try"),
        columns.short("error", "Last failure"),
    )
    list_display_links = (list_display[0],)
    list_filter = (
        StandingFilter,
        chosen_filter(title="news", column="type", choices=[(name, name) for name in (*EVENTS, TEST)]),
        days_filter(field="happened_at", title="happened"),
        id_filter(title="subscription's id", field="subscription_id", name="subscription"),
    )
    list_select_related = ("subscription",)
    search_fields = ("=subject",)
    search_help_text = "A message's id, a payout's number, or the id of what it is about."
    page = (
        columns.code("public_id", "Id"),
        "type",
        "about",
        columns.page("subscription", "For"),
        columns.moment("happened_at", "Happened"),
        "standing",
        "tries",
        columns.moment("next_at", "Next try"),
        columns.moment("delivered_at"),
        columns.moment("given_up_at", "Given up"),
        "error",
        "calls_",
        "body_",
    )
    change_form_template = "admin/backoffice/change_form.html"

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet[Any], search_term: str
    ) -> tuple[models.QuerySet[Any], bool]:
        """This will find a message as subscribers name it, and what is about a payout by its number."""
        term = search_term.strip().removeprefix("msg_")
        try:
            number = check_number(term, prefix="PO")
        except BadNumber:
            return super().get_search_results(request, queryset, term)
        return queryset.filter(subject__in=Payout.objects.filter(number=number).values("pk")), False

    def act_rows(self, ids: Sequence[Any]) -> models.QuerySet[WebhookMessage]:
        """This will load messages with their subscriptions."""
        return super().act_rows(ids).select_related("subscription")

    @admin.display(description="About")
    def about(self, row: WebhookMessage) -> SafeString | str:
        model = _ABOUT.get(row.type.partition(".")[0])
        if model is None:
            return cells.EMPTY
        kind = row.type.partition(".")[0].replace("_", " ")
        return cells.page_of(model(pk=row.subject), f"{kind} …{row.subject.hex[-6:]}")

    @admin.display(description="Standing")
    def standing(self, row: WebhookMessage) -> SafeString:
        if row.delivered_at:
            return cells.badge("paid", "Delivered")
        if row.given_up_at:
            return cells.badge("failed", "Given up")
        return (
            cells.badge("waits", "Waiting: it is off")
            if row.subscription.off_at
            else cells.badge("pending", "Waiting")
        )

    @admin.display(description="Tries")
    def calls_(self, row: WebhookMessage) -> SafeString:
        told = [
            {
                "at": call.at.isoformat(timespec="seconds"),
                "status": call.status or "no answer",
                "seconds": call.seconds,
                "error": call.error,
                "answer": call.excerpt,
            }
            for call in row.calls.order_by("-at")
        ]
        return cells.pretty(told)

    @admin.display(description="What it says")
    def body_(self, row: WebhookMessage) -> SafeString:
        return (
            cells.pretty(json.loads(row.body))
            if row.body
            else cells.badge("pending", "Written when it is first sent")
        )
