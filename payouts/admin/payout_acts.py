"""What staff may do with payouts; each is one call into the core behind a page that says what it does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import BadRequest

from accounts.backoffice.acting import Doing, NothingToSay, Outcome, ReasonForm, Remarks, Result
from accounts.models import User
from marketplace_payouts.lib.clock import utc_now
from marketplace_payouts.lib.currencies import format_amount
from marketplace_payouts.lib.money import Money
from payouts import approval, holding, intervention, limits, requests
from payouts.admin.domain_act import DomainAct, count, different
from payouts.errors import DomainError
from payouts.models import Approval, Payout, State

_CANCELLABLE = (State.PENDING, State.AWAITING_APPROVAL, State.APPROVED, State.FAILED, State.SUBMITTED)


class _PayoutAct(DomainAct):
    states: ClassVar[tuple[State, ...]] = tuple(State)
    instead: ClassVar[str] = ""

    def fits(self, row: Payout) -> str:
        if row.state in self.states:
            return ""
        return f"It is {row.get_state_display().lower()}. {self.instead}".strip()


class Approve(_PayoutAct):
    """Approves for exactly what the page showed."""

    name, label, needs, done_word = "approve", "Approve", "act_approve", "Approval given"
    fresh = True
    states = (State.AWAITING_APPROVAL,)
    instead = "Only what awaits approval can be approved."

    def fits_all(self, rows: Sequence[Payout], user: User) -> list[str]:
        refusals = approval.refusals(by=user, payout_ids=[row.pk for row in rows], now=utc_now())
        return [self.fits(row) or refusals.get(row.pk, "") for row in rows]

    def proof(self, ids: Sequence[Any]) -> dict[str, str]:
        return {str(pk): digest.hex() for pk, digest in approval.digests_of(list(ids)).items()}

    def will(self, rows: Sequence[Payout]) -> list[str]:
        return [
            (
                f"Approve {count(rows, 'payout')} to {different((row.payee_id for row in rows), 'payee')}"
                " for exactly the amounts and destinations below."
            ),
            "Send each as soon as its remaining gates pass. One above the threshold waits for a second approver.",
            "Count the amounts against your approval limit. What changed since this page was drawn is refused.",
        ]

    def remarks(self, rows: Sequence[Payout], user: User) -> Remarks:
        totals: dict[str, int] = defaultdict(int)
        for row in rows:
            totals[row.debt_currency] += int(row.debt_units)
        rooms = limits.room(by=user, currencies=totals, now=utc_now())
        told, warnings = [], []
        for code, units in sorted(totals.items()):
            if (room := rooms.get(code)) is None:
                warnings.append(f"{limits.no_limit(code)} Its payouts will be refused.")
                continue
            left = format_amount(room.left)
            told.append(
                f"Your limit in {code}: {left} left of {format_amount(room.limit)} in {room.window_hours} hours."
            )
            if units > room.left.units:
                warnings.append(
                    f"{format_amount(Money(units, code))} is more than is left of your limit, {left}:"
                    " what does not fit any more will be refused."
                )
        return Remarks(told, warnings)

    def perform(self, doing: Doing) -> Result:
        wanted = [(pk, _digest(doing.proof.get(str(pk), ""))) for pk in doing.ids]
        return approval.approve(by=doing.by, wanted=wanted, reason=doing.reason, now=doing.now)


class Revoke(_PayoutAct):
    """Takes approvals back before anything is sent."""

    name, label, needs, done_word = "revoke", "Revoke approval", "act_approve", "Approval revoked"
    states = (State.APPROVED, State.AWAITING_APPROVAL)
    instead = "There is no approval that could still be revoked."

    def fits(self, row: Payout) -> str:
        standing = any(
            one.result == Approval.Result.GIVEN and one.revoked_at is None for one in row.approvals.all()
        )
        return super().fits(row) or ("" if standing else self.instead)

    def will(self, rows: Sequence[Payout]) -> list[str]:
        return [
            f"End every approval of {count(rows, 'payout')}; it must be approved anew before it can be sent."
        ]

    def perform(self, doing: Doing) -> Result:
        return approval.revoke(by=doing.by, payout_ids=doing.ids, reason=doing.reason, now=doing.now)


class Hold(_PayoutAct):
    """Holds payouts back."""

    name, label, needs, done_word = "hold", "Hold", "act_hold", "On hold"

    def will(self, rows: Sequence[Payout]) -> list[str]:
        under_way = [row for row in rows if row.state in (State.SUBMITTING, State.SUBMITTED, State.UNKNOWN)]
        told = [f"Put a hold on {count(rows, 'payout')}: nothing more is sent until somebody releases it."]
        if under_way:
            told.append(f"{count(under_way, 'payout')} left already: the hold does not call money back.")
        return told

    def perform(self, doing: Doing) -> Result:
        return holding.hold(by=doing.by, payouts=doing.ids, reason=doing.reason, now=doing.now)


class Release(_PayoutAct):
    """Lifts the holds that stand on payouts themselves."""

    name, label, needs, done_word = "release", "Release", "act_release", "Released"

    def fits(self, row: Payout) -> str:
        holds = _open_holds([row])
        if not holds:
            return (
                "No hold stands on the payout itself; one on its payee, method or provider is lifted there."
            )
        return "" if _for_people(holds) else holding.not_for_people(holds[0])

    def will(self, rows: Sequence[Payout]) -> list[str]:
        holds = _open_holds(rows)
        reasons = [f"“{hold.reason}”" for hold in _for_people(holds)]
        shown = ", ".join(sorted(set(reasons))[:10])
        staying = sorted({sentence for hold in holds if (sentence := holding.not_for_people(hold))})
        return [
            f"Lift {count(reasons, 'hold')} on {count(rows, 'payout')}: {shown}.",
            *(f"Leave another hold where it is: {sentence}" for sentence in staying),
        ]

    def perform(self, doing: Doing) -> Result:
        payouts = Payout.objects.filter(pk__in=doing.ids).prefetch_related("holds")
        ids = [hold.pk for hold in _for_people(_open_holds(payouts))]
        return holding.lift(by=doing.by, hold_ids=ids, reason=doing.reason, now=doing.now)


class Cancel(_PayoutAct):
    """Cancels payouts from which no money moved."""

    name, label, needs, done_word = "cancel", "Cancel", "act_cancel", "Cancelled"
    asked_word = "The provider was asked to cancel, and may refuse"
    states = _CANCELLABLE
    danger = True
    instead = "It cannot be cancelled any more."

    def will(self, rows: Sequence[Payout]) -> list[str]:
        sent = [row for row in rows if row.state == State.SUBMITTED]
        told = []
        if len(sent) < len(rows):
            told.append(
                f"Dissolve {count([row for row in rows if row not in sent], 'payout')}: what it covers is owed again"
                " and may be gathered anew, under the payee's present method, with a new approval."
            )
        if sent:
            told.append(
                f"Ask the provider to cancel {count(sent, 'payout')}; only what the payee did not claim yet can be."
            )
        return told

    def perform(self, doing: Doing) -> Result:
        return intervention.cancel(by=doing.by, payout_ids=doing.ids, reason=doing.reason, now=doing.now)


class Retry(_PayoutAct):
    """Lets failed payouts go out again."""

    name, label, needs, done_word = "retry", "Retry", "act_retry", "To be sent again"
    states = (State.FAILED,)
    instead = "Only what failed for certain can be sent again; an unknown outcome must be resolved."

    def will(self, rows: Sequence[Payout]) -> list[str]:
        return [
            f"Send {count(rows, 'failed payout')} again, as a new attempt with a new key.",
            "Where the approval no longer holds, it must be approved again first.",
        ]

    def perform(self, doing: Doing) -> Result:
        return intervention.retry(by=doing.by, payout_ids=doing.ids, reason=doing.reason, now=doing.now)


class ResolveForm(ReasonForm):
    """Asks what became of the money, and what proves it."""

    outcome = forms.ChoiceField(
        choices=[("", "– choose –"), ("paid", "The money arrived"), ("not_paid", "The money never left")],
        label="What happened",
    )
    document = forms.CharField(
        max_length=500,
        help_text="What proves it: the statement, its date and line, or the provider's case number.",
    )
    field_order = ("outcome", "document", "reason")


class Resolve(_PayoutAct):
    """Asks that an unknown outcome be settled by two people."""

    name, label, needs, done_word = (
        "resolve",
        "Resolve",
        "act_resolve",
        "Asked for; another person must second it",
    )
    states = (State.UNKNOWN,)
    form_class = ResolveForm
    instead = "Only an unknown outcome is resolved by people."

    def will(self, rows: Sequence[Payout]) -> list[str]:
        return [
            f"Ask that the outcome of {count(rows, 'payout')} be settled as you say below.",
            "Nothing happens until another person has looked at the document and seconded it.",
            "The old attempt goes on being watched: evidence that contradicts you opens an incident.",
        ]

    def perform(self, doing: Doing) -> Result:
        outcome = Outcome()
        for payout in Payout.objects.filter(pk__in=doing.ids).order_by("pk"):
            payload = {
                "payout": str(payout.pk),
                "outcome": doing.given["outcome"],
                "document": doing.given["document"],
            }
            try:
                requests.make(
                    act="resolve_unknown",
                    by=doing.by,
                    subject=str(payout.pk),
                    payload=payload,
                    reason=doing.reason,
                    now=doing.now,
                )
            except DomainError as error:
                outcome.refused.append((payout.number, str(error)))
            else:
                outcome.done.append(payout.number)
        return outcome


class Refresh(_PayoutAct):
    """Asks provider and Sharetribe again."""

    name, label, needs, done_word = "refresh", "Refresh", "act_refresh", "Asked again"
    form_class = NothingToSay

    def will(self, rows: Sequence[Payout]) -> list[str]:
        return [
            (
                f"Ask the provider what became of {count(rows, 'payout')}, and read the transactions in Sharetribe"
                " again, as soon as a worker is free. Nothing is sent by it."
            )
        ]

    def perform(self, doing: Doing) -> Result:
        return intervention.refresh(by=doing.by, payout_ids=doing.ids, now=doing.now)


class NoteForm(forms.Form):
    """Asks for the note."""

    text = forms.CharField(max_length=4000, widget=forms.Textarea(attrs={"rows": 4}), label="Note")


class Note(_PayoutAct):
    """Writes a note beside payouts."""

    name, label, needs, done_word = "note", "Write a note", "act_note", "Noted"
    form_class = NoteForm

    def will(self, rows: Sequence[Payout]) -> list[str]:
        return [f"Write the note beside {count(rows, 'payout')}, with your name. It changes nothing else."]

    def perform(self, doing: Doing) -> Result:
        for pk in doing.ids:
            intervention.note(by=doing.by, payout_id=pk, text=doing.given["text"], now=doing.now)
        numbers = Payout.objects.filter(pk__in=doing.ids).order_by("pk").values_list("number", flat=True)
        return Outcome(done=list(numbers))


ACTS = (Approve(), Hold(), Release(), Retry(), Resolve(), Refresh(), Revoke(), Cancel(), Note())


def _for_people(holds: Iterable[Any]) -> list[Any]:
    return [hold for hold in holds if not holding.not_for_people(hold)]


def _open_holds(payouts: Iterable[Payout]) -> list[Any]:
    return [hold for payout in payouts for hold in payout.holds.all() if hold.lifted_at is None]


def _digest(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise BadRequest("The page was changed on its way.") from None
