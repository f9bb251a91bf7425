"""What keeps the product running: messages, heartbeats, which database this is."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib import admin
from django.db.models import Q
from django.utils.safestring import SafeString

from accounts.backoffice import cells
from accounts.backoffice.acting import ActingAdmin, Doing, Outcome, Result
from accounts.backoffice.base import BackOfficeAdmin
from accounts.backoffice.filters import YesNoFilter, days_filter, id_filter, is_set_filter
from payouts import outbox
from payouts.admin import columns
from payouts.admin.choices import chosen_filter
from payouts.admin.domain_act import DomainAct, count
from payouts.models import Heartbeat, Incarnation, OutboxMessage

_KINDS = [
    ("write_back", "Write-back"),
    ("tell_payment", "Telling of a buyer's payment"),
    ("tell_user", "Telling of how a payee stands"),
    ("notice", "Notice to a payee"),
    ("verify_method", "Link to confirm a payout method"),
    ("answer", "Answer to a payee's question"),
    ("alert", "Alert to operators"),
]


class Replay(DomainAct):
    """Tells dead or done messages again."""

    name, label, needs, done_word = "replay", "Tell again", "act_replay", "To be told again"

    def fits(self, row: OutboxMessage) -> str:
        return "" if row.dead_at or row.done_at else "It is still to be told; nothing needs doing."

    def will(self, rows: Sequence[OutboxMessage]) -> list[str]:
        told = [f"Tell {count(rows, 'message')} again, from the first try."]
        if any(row.kind == "notice" for row in rows):
            told.append("A notice that went out already is not sent again; one that did not, is.")
        return told

    def perform(self, doing: Doing) -> Result:
        messages = list(OutboxMessage.objects.filter(pk__in=doing.ids).order_by("pk"))
        for message in messages:
            outbox.replay(message, now=doing.now)
        return Outcome(done=[f"{message.kind} of {message.subject}" for message in messages])


class DeadFilter(YesNoFilter):
    """By whether it was given up."""

    title = "given up"
    parameter_name = "dead"

    def yes(self) -> Q:
        """This will keep what was given up."""
        return Q(dead_at__isnull=False)


@admin.register(OutboxMessage)
class OutboxMessageAdmin(ActingAdmin):
    """Outbox: news for Sharetribe, payees and operators, told at least once."""

    section = "System"
    acts = (Replay(),)
    act_columns = (
        ("Kind", lambda row: row.kind),
        ("About", lambda row: cells.code(row.subject)),
        ("Tries", lambda row: row.tries),
        ("Error", lambda row: cells.short(row.error)),
    )
    list_display = (
        columns.moment("created_at"),
        "kind",
        columns.code("subject", "About"),
        "standing",
        "tries",
        columns.moment("next_at", "Next try"),
        columns.short("error"),
    )
    list_filter = (
        DeadFilter,
        is_set_filter(field="next_at", title="waiting"),
        chosen_filter(title="kind", column="kind", choices=_KINDS),
        days_filter(field="created_at", title="made"),
        id_filter(title="about", field="subject", name="subject"),
    )
    search_fields = ("=subject", "=id")
    page = (
        "kind",
        columns.code("subject", "About"),
        "standing",
        columns.json("facts"),
        "tries",
        "error",
        columns.moment("created_at"),
        columns.moment("next_at", "Next try"),
        columns.moment("done_at"),
        columns.moment("dead_at", "Given up"),
    )
    change_form_template = "admin/backoffice/change_form.html"

    @admin.display(description="Standing")
    def standing(self, row: OutboxMessage) -> SafeString:
        if row.dead_at:
            return cells.badge("failed", "Given up")
        return cells.badge("paid", "Told") if row.done_at else cells.badge("pending", "Waiting")


@admin.register(Heartbeat)
class HeartbeatAdmin(BackOfficeAdmin):
    """Heartbeats: when each part last showed that it is alive."""

    section = "System"
    ordering = ("name",)
    list_display = ("name", columns.moment("at", "Last seen"), columns.json("detail"))
    page = list_display


@admin.register(Incarnation)
class IncarnationAdmin(BackOfficeAdmin):
    """Incarnations: which databases were accepted for sending."""

    section = "System"
    list_display = (
        columns.moment("accepted_at"),
        "accepted_by",
        "environment",
        "system_identifier",
        "timeline",
        "database_oid",
        "table_oid",
    )
    page = list_display
