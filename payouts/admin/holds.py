"""Holds and incidents: what stops money, who set it, and how it ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.backoffice import cells
from accounts.backoffice.acting import Act, ActingAdmin, Doing, Result
from accounts.backoffice.base import BackOfficeAdmin, may
from accounts.backoffice.filters import YesNoFilter, days_filter, id_filter, word_filter
from marketplace_payouts.lib.ids import uuid_or_none
from marketplace_payouts.lib.money import Money
from payouts import holding
from payouts.admin import amounts, columns
from payouts.admin.choices import ProviderFilter
from payouts.admin.domain_act import DomainAct, count
from payouts.admin.request_links import links_for
from payouts.models import Hold, Incident, StaffAct


class OpenHoldFilter(YesNoFilter):
    """By whether it still holds."""

    title = "open"
    parameter_name = "open"

    def yes(self) -> Q:
        """This will keep what was not lifted."""
        return Q(lifted_at__isnull=True)


class Lift(DomainAct):
    """Lifts holds."""

    name, label, needs, done_word = "lift", "Release", "act_release", "Released"

    def fits(self, row: Hold) -> str:
        return "It is lifted already." if row.lifted_at else holding.not_for_people(row)

    def will(self, rows: Sequence[Hold]) -> list[str]:
        told = [f"Lift {count(rows, 'hold')}: what they held goes on as soon as its other gates pass."]
        if any(row.rail_id == holding.EVERYTHING for row in rows):
            told.append("One of them is the stop switch: sending starts again.")
        return told

    def perform(self, doing: Doing) -> Result:
        return holding.lift(by=doing.by, hold_ids=doing.ids, reason=doing.reason, now=doing.now)


@admin.register(Hold)
class HoldAdmin(ActingAdmin):
    """Holds: each with its reason, who set it, since when."""

    section = "Payouts"
    rank = 40
    acts = (Lift(),)
    act_columns = (
        ("On", lambda row: _target(row)),
        ("Set by", lambda row: str(row.set_by or row.rule)),
        ("Reason", lambda row: row.reason),
        ("Since", lambda row: cells.moment(row.set_at)),
    )
    list_display = ("target", columns.short("reason"), "author", columns.moment("set_at", "Since"), "lifted")
    list_filter = (
        OpenHoldFilter,
        word_filter(title="rule", field="rule"),
        days_filter(field="set_at", title="set"),
    )
    list_select_related = ("payout", "payee", "method", "rail", "set_by", "lifted_by")
    search_fields = ("=payout__number", "payee__name", "=rail__name")
    page = (
        "target",
        "reason",
        "rule",
        "author",
        columns.moment("set_at", "Since"),
        "lifted",
        "who_lifts",
        "lifted_by",
        "lift_reason",
    )
    change_form_template = "admin/backoffice/change_form.html"

    change_list_template = "admin/backoffice/change_list.html"

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """This will draw the list with the way to hold a whole provider or currency."""
        context = dict(extra_context or {})
        if may(request, "act_hold"):
            context["request_links"] = [
                {"label": "Hold a provider or currency", "url": reverse("admin:hold_rail")}
            ]
        return super().changelist_view(request, context)

    def act_rows(self, ids: Sequence[Any]) -> QuerySet[Hold]:
        """This will load holds with what they stand on."""
        return super().act_rows(ids).select_related("payout", "payee", "method", "rail", "set_by")

    def act_amounts(self, act: Act, rows: Sequence[Any]) -> list[tuple[str, Money]]:
        """This will add up what the holds stand on, once however many stand on it."""
        return amounts.unsent(holding.covered(rows))

    @admin.display(description="On")
    def target(self, row: Hold) -> str:
        return _target(row)

    @admin.display(description="Set by")
    def author(self, row: Hold) -> str:
        return str(row.set_by or f"rule {row.rule}")

    @admin.display(description="Lifted")
    def lifted(self, row: Hold) -> SafeString | str:
        return cells.moment(row.lifted_at) if row.lifted_at else cells.badge("held", "Holds")

    @admin.display(description="Who lifts it")
    def who_lifts(self, row: Hold) -> SafeString | str:
        if row.lifted_at:
            return cells.EMPTY
        told = holding.not_for_people(row) or "An approver, with a reason."
        pk = uuid_or_none(row.rule.removeprefix("incident:"))
        incident = Incident.objects.filter(pk=pk).first() if pk is not None else None
        return told if incident is None else format_html("{} {}", told, cells.page_of(incident))


def _target(row: Hold) -> str:
    if row.payout is not None:
        return f"Payout {row.payout.number}"
    if row.payee is not None:
        return f"Payee {row.payee}"
    return f"Method {row.method}" if row.method is not None else f"{row.rail_id}"


@admin.register(StaffAct)
class StaffActAdmin(BackOfficeAdmin):
    """Acts of staff about payees: who froze, thawed, paid now or released, and why."""

    section = "People"
    ordering = ("-at",)
    list_display = (columns.moment("at", "When"), "act", columns.page("payee"), "by", columns.short("reason"))
    list_display_links = (list_display[0],)
    list_filter = (
        "act",
        days_filter(field="at", title="day"),
        id_filter(title="payee's id", field="payee_id", name="payee"),
    )
    list_select_related = ("payee", "by")
    search_fields = ("payee__name", "payee__email", "by__email", "=subject")
    page = (
        columns.moment("at", "When"),
        "act",
        columns.page("payee"),
        columns.code("subject"),
        "by",
        "reason",
    )


class OpenIncidentFilter(YesNoFilter):
    """By whether it is closed."""

    title = "open"
    parameter_name = "open"

    def yes(self) -> Q:
        """This will keep what nobody closed."""
        return Q(closed_at__isnull=True)


@admin.register(Incident)
class IncidentAdmin(BackOfficeAdmin):
    """Incidents: evidence that contradicts our books."""

    section = "Payouts"
    rank = 45
    list_display = (
        columns.short("sentence", length=110),
        "kind",
        "provider",
        columns.page("payout"),
        columns.moment("opened_at"),
        "closed",
    )
    list_filter = (OpenIncidentFilter, ProviderFilter, days_filter(field="opened_at", title="opened"))
    list_select_related = ("payout", "closed_by")
    search_fields = ("=subject", "=payout__number", "kind")
    page = (
        "sentence",
        "kind",
        "subject",
        "provider",
        columns.page("payout"),
        columns.page("attempt", text="the attempt"),
        columns.json("facts"),
        columns.moment("opened_at"),
        "closed",
        "closed_by",
        "explanation",
    )
    change_form_template = "admin/backoffice/change_form.html"

    @admin.display(description="Closed")
    def closed(self, row: Incident) -> SafeString | str:
        return cells.moment(row.closed_at) if row.closed_at else cells.badge("incident", "Open")

    def page_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """This will add the request that closes the incident."""
        return (
            {"request_links": links_for(request, "incident", incident=str(row.pk))}
            if row.closed_at is None
            else {}
        )
