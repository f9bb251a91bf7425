"""Events as they came, and how far the poller is."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from accounts.backoffice import cells
from accounts.backoffice.base import BackOfficeAdmin
from accounts.backoffice.filters import days_filter, id_filter, word_filter
from flexsync.models import FlexCursor, FlexEvent
from payouts.admin import columns
from payouts.admin.choices import chosen_filter
from payouts.models import Source

_TYPES = [
    (name, name)
    for name in (
        "transaction/initiated",
        "transaction/transitioned",
        "transaction/updated",
        "transaction/deleted",
        "user/created",
        "user/updated",
        "user/deleted",
        "snapshot",
    )
]


@admin.register(FlexEvent)
class FlexEventAdmin(BackOfficeAdmin):
    """Events: what Sharetribe said, as it came."""

    section = "Sharetribe"
    rank = 20
    ordering = ("-sequence_id",)
    list_display = (
        "sequence_id",
        "event_type",
        columns.code("resource_id", "About"),
        columns.moment("created_at", "In Sharetribe"),
        columns.moment("received_at"),
    )
    list_filter = (
        chosen_filter(title="type", column="event_type", choices=_TYPES),
        id_filter(title="transaction or user", field="resource_id", name="resource"),
        word_filter(title="sequence id", field="sequence_id"),
        days_filter(field="created_at", title="day"),
    )
    search_fields = ("=resource_id", "=event_id", "=sequence_id")
    search_help_text = "The transaction's or user's id, the event's id, or its sequence id."
    page = (
        "sequence_id",
        columns.code("event_id"),
        "event_type",
        "about",
        columns.code("client_id", "Caused by the application"),
        columns.moment("created_at", "In Sharetribe"),
        columns.moment("received_at"),
        columns.json("payload"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[FlexEvent]:
        """This will leave payloads out of lists: they are large."""
        rows = super().get_queryset(request)
        matched = request.resolver_match
        return rows.defer("payload") if matched and (matched.url_name or "").endswith("_changelist") else rows

    @admin.display(description="About")
    def about(self, row: FlexEvent) -> SafeString | str:
        source = Source.objects.filter(marketplace=row.marketplace_id, reference=row.resource_id).first()
        return cells.page_of(source) if source else cells.code(row.resource_id)


@admin.register(FlexCursor)
class FlexCursorAdmin(BackOfficeAdmin):
    """The cursor: how far events are stored."""

    section = "Sharetribe"
    list_display = (
        "marketplace",
        "last_sequence_id",
        columns.moment("polled_at"),
        columns.moment("last_event_at"),
        "interval_seconds",
        columns.short("error"),
    )
    page = (
        "marketplace",
        "last_sequence_id",
        columns.moment("start_at"),
        columns.moment("polled_at"),
        columns.moment("last_event_at"),
        "interval_seconds",
        "error",
    )
