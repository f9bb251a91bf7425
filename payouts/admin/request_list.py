"""Requests: what one person asked for and another must second."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString

from accounts.backoffice import cells
from accounts.backoffice.acting import Act, ActingAdmin, Doing, Outcome, ReasonForm, Result
from accounts.backoffice.base import may
from accounts.backoffice.filters import days_filter
from accounts.models import User
from marketplace_payouts.lib.money import Money
from payouts import requests
from payouts.acts import ACTS
from payouts.admin import columns
from payouts.admin.choices import chosen_filter
from payouts.admin.domain_act import DomainAct, count
from payouts.errors import DomainError
from payouts.models import Request


class NoteForm(forms.Form):
    """Asks for a note, which may stay empty."""

    reason = forms.CharField(
        required=False, max_length=2000, label="Note", widget=forms.Textarea(attrs={"rows": 3})
    )


class _RequestAct(DomainAct):
    def fits(self, row: Request) -> str:
        return "" if row.state == Request.State.OPEN else f"It is {row.get_state_display().lower()} already."

    def call(self, pk: Any, doing: Doing) -> Any:
        """This will close one request."""
        raise NotImplementedError

    def perform(self, doing: Doing) -> Result:
        outcome = Outcome()
        summaries = {row.pk: row.summary for row in Request.objects.filter(pk__in=doing.ids)}
        for pk in doing.ids:
            try:
                self.call(pk, doing)
            except DomainError as error:
                outcome.refused.append((summaries.get(pk, str(pk)), str(error)))
            else:
                outcome.done.append(summaries.get(pk, str(pk)))
        return outcome


class Second(_RequestAct):
    """Seconds requests, which makes them happen."""

    name, label, needs, done_word = "second", "Second", "act_second", "Seconded and done"
    form_class = NoteForm
    fresh = True

    def fits_for(self, row: Request, user: User) -> str:
        if row.made_by_id == user.pk:
            return "You made it; another person must second it."
        return self.fits(row)

    def will(self, rows: Sequence[Request]) -> list[str]:
        return [f"Make {count(rows, 'request')} happen at once:", *(row.summary for row in rows)]

    def call(self, pk: Any, doing: Doing) -> Any:
        return requests.second(request_id=pk, by=doing.by, note=doing.reason, now=doing.now)


class Decline(_RequestAct):
    """Declines requests."""

    name, label, needs, done_word = "decline", "Decline", "act_second", "Declined"
    form_class = ReasonForm

    def will(self, rows: Sequence[Request]) -> list[str]:
        return [f"Close {count(rows, 'request')} without doing anything."]

    def call(self, pk: Any, doing: Doing) -> Any:
        return requests.decline(request_id=pk, by=doing.by, note=doing.reason, now=doing.now)


class Withdraw(_RequestAct):
    """Takes one's own requests back."""

    name, label, needs, done_word = "withdraw", "Withdraw", "act_view", "Withdrawn"
    form_class = NoteForm

    def fits_for(self, row: Request, user: User) -> str:
        return self.fits(row) if row.made_by_id == user.pk else "Only its maker can withdraw it."

    def will(self, rows: Sequence[Request]) -> list[str]:
        return [f"Take back {count(rows, 'request')} of yours; nothing happens."]

    def call(self, pk: Any, doing: Doing) -> Any:
        return requests.withdraw(request_id=pk, by=doing.by, note=doing.reason, now=doing.now)


@admin.register(Request)
class RequestAdmin(ActingAdmin):
    """Requests: acts that need two people."""

    section = "Payouts"
    rank = 20
    acts = (Second(), Decline(), Withdraw())
    act_columns = (
        ("What will happen", lambda row: row.summary),
        ("Reason", lambda row: row.reason),
        ("Made by", lambda row: str(row.made_by)),
        ("At", lambda row: cells.moment(row.made_at)),
    )
    list_display = ("summary_", "label", "made_by", columns.moment("made_at"), columns.state(), "closed_by")
    list_filter = (
        "state",
        chosen_filter(title="act", column="act", choices=[(name, act.label) for name, act in ACTS.items()]),
        days_filter(field="made_at", title="made"),
    )
    list_select_related = ("made_by", "closed_by")
    search_fields = ("=subject", "summary", "made_by__email")
    page = (
        "summary",
        "label",
        columns.state(),
        "reason",
        columns.json("payload", "As asked"),
        "details",
        "made_by",
        columns.moment("made_at"),
        "closed_by",
        columns.moment("closed_at"),
        "closing_note",
    )
    change_form_template = "admin/backoffice/change_form.html"
    change_list_template = "admin/backoffice/change_list.html"

    def act_rows(self, ids: Sequence[Any]) -> QuerySet[Request]:
        """This will load requests with their makers."""
        return super().act_rows(ids).select_related("made_by")

    def act_amounts(self, act: Act, rows: Sequence[Any]) -> list[tuple[str, Money]]:
        """This will add up what requests of the same kind move: a bonus and a payment by hand are no sum."""
        found = ((self.label(row), requests.amount_of(row)) for row in rows)
        return [(name, money) for name, money in found if money is not None]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """This will draw the list with the way to a new request."""
        context = dict(extra_context or {})
        if any(may(request, act.needs) for act in ACTS.values()):
            context["request_links"] = [{"label": "Make a request", "url": reverse("admin:new_request")}]
        response: HttpResponse = super().changelist_view(request, context)
        return response

    @admin.display(description="What will happen")
    def summary_(self, row: Request) -> SafeString | str:
        return cells.short(row.summary, 110)

    @admin.display(description="Act")
    def label(self, row: Request) -> str:
        act = ACTS.get(row.act)
        return act.label if act else row.act

    @admin.display(description="Payout details")
    def details(self, row: Request) -> str:
        return (
            "sealed; whoever seconds it sees them masked above" if row.sealed else "none, or no longer kept"
        )
