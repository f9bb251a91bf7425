"""Webhook subscriptions: who is told of what happens, and how that goes."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString

from accounts.backoffice import cells
from accounts.backoffice.acting import ActingAdmin
from accounts.backoffice.base import may
from accounts.backoffice.filters import YesNoFilter, is_set_filter
from payouts.admin import columns
from payouts.admin.subscription_acts import ACTS
from payouts.models import WebhookMessage, WebhookSubscription
from payouts.subscriptions import figures, subscribing

_CHANGES_SHOWN = 50


class OffFilter(YesNoFilter):
    """By whether it is told nothing just now."""

    title = "switched off"
    parameter_name = "off"

    def yes(self) -> Q:
        """This will keep those that a person must switch on."""
        return figures.is_off()


class FailingFilter(YesNoFilter):
    """By whether it fails again and again."""

    title = "failing"
    parameter_name = "failing"

    def yes(self) -> Q:
        """This will keep those that are only tried now and then."""
        return figures.is_failing()


@admin.register(WebhookSubscription)
class WebhookSubscriptionAdmin(ActingAdmin):
    """Webhook subscriptions: who is told of what happens."""

    section = "System"
    rank = 40
    acts = ACTS
    act_columns = (
        ("Whose", str),
        ("Address", lambda row: cells.code(row.shown_url)),
        ("Told of", lambda row: ", ".join(row.types)),
    )
    list_display = (
        "__str__",
        columns.code("shown_url", "Address"),
        "standing",
        columns.moment("succeeded_at", "Last delivered"),
        columns.moment("failing_since"),
        columns.moment("made_at", "Subscribed"),
    )
    list_filter = (
        is_set_filter(field="ended_at", title="ended"),
        OffFilter,
        FailingFilter,
    )
    # Not by the address: its query, which is not shown, could be guessed letter by letter.
    search_fields = ("description",)
    page = (
        "description",
        columns.code("shown_url", "Address"),
        "types_",
        "standing",
        "off_why",
        "environment",
        "messages_",
        columns.moment("succeeded_at", "Last delivered"),
        "failures",
        columns.moment("failing_since"),
        columns.moment("rest_until", "Left alone until"),
        columns.moment("former_until", "Former secret signs until"),
        columns.moment("made_at", "Subscribed"),
        columns.page("made_by", "By"),
        columns.moment("hears_since", "Hears this since"),
        columns.moment("ended_at"),
        "changes_",
    )
    change_form_template = "admin/backoffice/change_form.html"
    change_list_template = "admin/backoffice/change_list.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookSubscription]:
        """This will leave the sealed secrets where they are."""
        return super().get_queryset(request).defer("secret", "former_secret")

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """This will draw the list with a link to the form of a new one."""
        link = {"label": "Subscribe an address", "url": reverse("admin:new_webhook")}
        links = [link] if may(request, subscribing.NEEDS) else []
        return super().changelist_view(request, (extra_context or {}) | {"request_links": links})

    @admin.display(description="Standing")
    def standing(self, row: WebhookSubscription) -> SafeString:
        if row.ended_at:
            return cells.badge("ended", "Ended")
        if row.off_at:
            return cells.badge("dead", "Switched off")
        if row.environment != settings.ENVIRONMENT:
            return cells.badge("dead", f"Made for {row.environment}: switch it on here")
        return cells.badge("waits", "Failing") if row.is_failing else cells.badge("active", "On")

    @admin.display(description="Told of")
    def types_(self, row: WebhookSubscription) -> str:
        return ", ".join(row.types)

    @admin.display(description="Messages")
    def messages_(self, row: WebhookSubscription) -> SafeString:
        return cells.link(cells.list_of(WebhookMessage, f"subscription={row.pk}"), "its messages")

    @admin.display(description="What was done with it")
    def changes_(self, row: WebhookSubscription) -> SafeString:
        told = [
            {
                "at": change.at.isoformat(timespec="seconds"),
                "what": change.get_what_display(),
                "by": str(change.by or "a rule of the product, or the command line"),
                "note": change.note,
            }
            for change in row.changes.select_related("by").order_by("-at")[:_CHANGES_SHOWN]
        ]
        return cells.pretty(told)
