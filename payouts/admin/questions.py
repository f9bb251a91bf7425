"""Questions of payees: what they ask about a payout, what its provider says, and the answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from accounts.backoffice import cells
from accounts.backoffice.acting import ActingAdmin, Doing, Result
from accounts.backoffice.filters import YesNoFilter, days_filter
from marketplace_payouts.lib.money import Money
from payouts import cases
from payouts.admin import columns, dashboards
from payouts.admin.domain_act import DomainAct, count
from payouts.models import Attempt, Case, CaseMessage, Observation, Payout
from payouts.notices import kinds, recipients, switches


class OpenCaseFilter(YesNoFilter):
    """By whether it waits for an answer."""

    title = "open"
    parameter_name = "open"

    def yes(self) -> Q:
        """This will keep what nobody called settled."""
        return Q(closed_at__isnull=True)


class AnswerForm(forms.Form):
    """Asks for the answer, and whether that settles it."""

    text = forms.CharField(
        max_length=cases.LONGEST,
        widget=forms.Textarea(attrs={"rows": 8}),
        label="Answer",
        help_text="The payee reads it as it stands here. Your name is not told.",
    )
    settles = forms.BooleanField(
        required=False,
        initial=True,
        label="This settles the question",
        help_text="Leave it unticked where you will write again.",
    )


class Answer(DomainAct):
    """Answers payees."""

    name, label, needs, done_word = "answer", "Answer", "act_note", "Answered"
    form_class = AnswerForm

    def fits(self, row: Case) -> str:
        return "It is settled already; the payee may ask again." if row.closed_at else ""

    def will(self, rows: Sequence[Case]) -> list[str]:
        unmailed = _not_mailed(rows)
        told = [f"Mail the answer to {count(rows, 'payee')}, once, and show it beside their payout."]
        if unmailed:
            told.append(
                f"Not mailed, for want of an address or because such mails are switched off: {len(unmailed):,} of them,"
                " who find it there alone."
            )
        return told

    def perform(self, doing: Doing) -> Result:
        return cases.answer(
            by=doing.by,
            case_ids=doing.ids,
            text=doing.given["text"],
            settles=doing.given["settles"],
            now=doing.now,
        )


@admin.register(Case)
class CaseAdmin(ActingAdmin):
    """Questions of payees about their payouts."""

    section = "Payouts"
    rank = 35
    acts = (Answer(),)
    act_columns = (
        ("Payout", lambda row: row.payout.number),
        ("Payee", lambda row: str(row.payout.payee)),
        ("Question", lambda row: row.get_kind_display()),
        ("Newest words", lambda row: cells.short(_newest(row), 200)),
    )
    list_display = ("kind", columns.page("payout"), "payee", columns.moment("opened_at", "Asked"), "standing")
    list_filter = (OpenCaseFilter, "kind", days_filter(field="opened_at", title="asked"))
    list_select_related = ("payout__payee", "closed_by")
    search_fields = ("=payout__number", "payout__payee__name", "payout__payee__email")
    search_help_text = "The payout's number, or the payee's name or e-mail."
    change_form_template = "admin/payouts/case/change_form.html"
    page = (
        columns.page("payout"),
        "payee",
        "kind",
        columns.moment("opened_at", "Asked"),
        "standing",
        "closed_by",
    )

    def act_rows(self, ids: Sequence[Any]) -> QuerySet[Case]:
        """This will load cases with what acts show."""
        return super().act_rows(ids).select_related("payout__payee__user").prefetch_related("messages")

    def act_amount(self, row: Case) -> Money | None:
        """This will give what the payout promises."""
        return Money(int(row.payout.debt_units), row.payout.debt_currency)

    def page_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """This will add what was written, and what the provider says."""
        more = {"messages_": messages([row])[row.pk], "proof": proof(row.payout)}
        return super().page_context(request, row) | more

    @admin.display(description="Payee")
    def payee(self, row: Case) -> SafeString | str:
        return cells.page_of(row.payout.payee)

    @admin.display(description="Standing")
    def standing(self, row: Case) -> SafeString | str:
        return cells.moment(row.closed_at) if row.closed_at else cells.badge("waits", "To answer")


def of(payout: Payout) -> list[dict[str, Any]]:
    """This will give the questions about a payout for its page, newest first."""
    rows = list(Case.objects.filter(payout=payout).select_related("payout").order_by("-opened_at", "-pk"))
    written = messages(rows)
    return [{"case": row, "messages": written[row.pk]} for row in rows]


def messages(rows: Iterable[Case]) -> dict[UUID, list[CaseMessage]]:
    """This will give what was written about cases, oldest first."""
    found: dict[UUID, list[CaseMessage]] = {row.pk: [] for row in rows}
    written = CaseMessage.objects.filter(case__in=list(found)).select_related("by").order_by("at", "pk")
    for message in written:
        found[message.case_id].append(message)
    return found


def proof(payout: Payout) -> list[list[tuple[str, Any]]]:
    """This will give what the provider says of each attempt to pay a payout, newest first, from its stored answers."""
    attempts = list(Attempt.objects.filter(payout=payout).select_related("batch").order_by("-n"))
    newest = {row.attempt_id: row for row in Observation.objects.filter(attempt__in=attempts).order_by("seq")}
    return [_proof(attempt, newest.get(attempt.pk)) for attempt in attempts]


def _proof(attempt: Attempt, said: Observation | None) -> list[tuple[str, Any]]:
    return [
        ("Attempt", cells.page_of(attempt, f"{attempt.n}, by {attempt.provider}")),
        ("Amount", cells.amount(attempt.units, attempt.currency)),
        ("Status", cells.badge(attempt.status or attempt.state)),
        ("The provider's word", attempt.raw_status or cells.EMPTY),
        ("The provider's time", cells.moment(said.provider_time if said is not None else None)),
        ("Read from it", cells.moment(said.created_at if said is not None else None)),
        ("The provider's reference", cells.code(attempt.reference)),
        ("In the payee's own list", cells.code(attempt.movement_reference)),
        ("Batch", dashboards.batch(attempt.batch)),
        ("Our key", cells.code(attempt.key)),
        ("Fee", cells.amount(attempt.fee_units, attempt.fee_currency)),
        ("Came back", cells.amount(attempt.returned_units, attempt.currency)),
        ("Message", attempt.message or cells.EMPTY),
    ]


def _not_mailed(rows: Sequence[Case]) -> list[Case]:
    """Those whose payee reads the answer only where they asked."""
    unwanted = switches.off({row.payout.payee_id for row in rows})
    is_off = kinds.ANSWERED in kinds.off_by_marketplace()
    return [
        row
        for row in rows
        if is_off
        or kinds.ANSWERED in unwanted[row.payout.payee_id]
        or not recipients.address(row.payout.payee)
    ]


def _newest(row: Case) -> str:
    written = max(row.messages.all(), key=lambda one: (one.at, one.pk), default=None)
    return written.text if written is not None else ""
