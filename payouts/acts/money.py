"""Two-person acts about money: payables of staff, clawbacks, unknown outcomes, payments by hand, incidents."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Final

from django.conf import settings

from accounts.models import Payee
from marketplace_payouts.lib.currencies import format_amount
from marketplace_payouts.lib.ids import uuid7
from marketplace_payouts.lib.locks import keep_senders_out
from marketplace_payouts.lib.money import Money
from payouts import doubt, incarnation, incidents, ledger
from payouts.accrual import wake
from payouts.actors import Actor
from payouts.acts.base import Act, Asked, ended
from payouts.attempt_postings import debit_draft, let_go_drafts, pay_draft
from payouts.errors import Refused
from payouts.ledger import Draft
from payouts.lifecycle import Move, move
from payouts.models import (
    OPEN_ATTEMPTS,
    Attempt,
    AttemptState,
    Batch,
    BatchState,
    Incident,
    Payable,
    Payout,
    State,
)
from payouts.providers import registry
from payouts.transmission import is_seen_sending, lock_name

_STAFF_PURPOSES: Final = (Payable.Purpose.BONUS, Payable.Purpose.CORRECTION, Payable.Purpose.DEDUCTION)


def _staff_money(asked: Asked) -> Money:
    amount, purpose = asked.money(), asked.text("purpose")
    if purpose not in _STAFF_PURPOSES:
        raise Refused(f"The purpose is one of {', '.join(_STAFF_PURPOSES)}.")
    if amount.units == 0 or (purpose == Payable.Purpose.BONUS and amount.units < 0):
        raise Refused("A bonus is positive; nothing is never owed.")
    return -amount if purpose == Payable.Purpose.DEDUCTION and amount.units > 0 else amount


def _payable_summary(asked: Asked) -> str:
    return f"Owe {asked.row(Payee, 'payee')} {format_amount(_staff_money(asked))}: {asked.text('purpose')}."


def _add_payable(asked: Asked) -> None:
    """A negative one is a decision to net, made by two people: it lowers the payee's next payout."""
    payee, amount = asked.row(Payee, "payee"), _staff_money(asked)
    row = Payable.objects.create(
        marketplace_id=payee.marketplace_id,
        payee=payee,
        origin=Payable.Origin.STAFF,
        reference=str(asked.request_id),
        purpose=asked.text("purpose"),
        source_event="request",
        units=amount.units,
        currency=amount.currency,
        reason=asked.reason,
        made_by=asked.made_by,
        became_due_at=asked.now,
        created_at=asked.now,
        hold_until=asked.now,
        due_at=asked.now,
        decided=f"net by request {asked.request_id}" if amount.units < 0 else "",
    )
    if amount.units > 0:
        draft = Draft("accrue", row.pk, ledger.DUE, ledger.owed(payee.pk), amount, payable_id=row.pk)
    else:
        draft = Draft("clawback", row.pk, ledger.receivable(payee.pk), ledger.DUE, -amount, payable_id=row.pk)
    ledger.post([draft], now=asked.now)
    wake([row])


def _clawback(asked: Asked) -> Payable:
    row = asked.row(Payable, "payable", lock=True)
    if row.waits_for != Payable.Waits.CLAWBACK or row.settled:
        raise Refused("It is no clawback that waits for a decision.")
    if asked.text("decision") not in ("net", "write_off", "repaid"):
        raise Refused("The decision is one of net, write_off, repaid.")
    return row


def _clawback_summary(asked: Asked) -> str:
    row, decision = _clawback(asked), asked.text("decision").replace("_", " ").capitalize()
    return (
        f"{decision} the clawback of {format_amount(Money(-int(row.units), row.currency))} from {row.payee}."
    )


def _clawback_amount(asked: Asked) -> Money:
    row = asked.row(Payable, "payable")
    return Money(-int(row.units), row.currency)


def _decide_clawback(asked: Asked) -> None:
    row, decision = _clawback(asked), asked.text("decision")
    row.waits_for, row.decided = Payable.Waits.NOTHING, f"{decision} by request {asked.request_id}"
    if decision == "net":
        row.due_at = row.hold_until = asked.now
        row.save(update_fields=["waits_for", "decided", "due_at", "hold_until"])
        wake([row])
        return
    row.settled = Payable.Settled.WRITTEN_OFF if decision == "write_off" else Payable.Settled.REPAID
    row.save(update_fields=["waits_for", "decided", "settled"])
    kind, debit = ("write_off", "write_off") if decision == "write_off" else ("repay", "provider_cash:manual")
    amount = Money(-int(row.units), row.currency)
    ledger.post(
        [Draft(kind, row.pk, debit, ledger.receivable(row.payee_id), amount, payable_id=row.pk)],
        now=asked.now,
    )


def _sent(asked: Asked) -> Money:
    payout = asked.row(Payout, "payout")
    return Money(int(payout.sent_units), payout.sent_currency)


def _unknown(asked: Asked) -> tuple[Payout, Attempt]:
    payout = asked.row(Payout, "payout", lock=True)
    if payout.state != State.UNKNOWN:
        raise Refused(f"{payout.number} is {payout.get_state_display().lower()}, not unknown.")
    if asked.text("outcome") not in ("paid", "not_paid"):
        raise Refused("The outcome is paid or not_paid.")
    asked.text("document")
    attempt = payout.attempts.get(state=AttemptState.UNKNOWN)
    if attempt.pk > asked.request_id:
        # Ids rise with time. A document about one attempt says nothing of the next.
        raise Refused(f"{payout.number} was sent again since this was asked for: decline it, and ask anew.")
    return payout, attempt


def _resolve(asked: Asked) -> None:
    """Two people with a document decide; the batch is never transmitted again, and later evidence still counts."""
    payout, attempt = _unknown(asked)
    if not keep_senders_out(lock_name(attempt.batch_id)):
        # What is called not paid may go out again under a new key, and the old one must not be on its way then.
        raise Refused(f"{payout.number} is being sent or asked about just now: try again in a minute.")
    if is_seen_sending(attempt.batch):
        raise Refused(
            f"The worker that was sending {payout.number} lost its lock and lives on, and may still send it: stop that"
            " worker first."
        )
    attempt = Attempt.objects.select_for_update().get(pk=attempt.pk)
    reason = f"{asked.text('outcome').replace('_', ' ')} by {asked.text('document')}"
    if asked.text("outcome") == "paid":
        # The provider may have debited us before it knew nothing of it any more.
        drafts = [] if attempt.debited else [debit_draft(attempt, ordinal=attempt.postings_made)]
        attempt.postings_made += len(drafts)
        attempt.state, attempt.debited, to = AttemptState.SETTLED, True, State.PAID
        drafts.append(pay_draft(attempt))
    else:
        attempt.state, to = AttemptState.ABSENT, State.FAILED
        attempt.refusal_code, attempt.refusal_class, attempt.message = "absent", "wait", reason
        drafts = let_go_drafts(attempt)
    attempt.closed_at, attempt.watch_until = asked.now, asked.now + _window(attempt.provider)
    attempt.save()
    changes = {"paid_at": asked.now} if to is State.PAID else {}
    assert asked.seconded_by is not None
    move(
        [Move(payout=payout, to=to, reason=reason, kind="resolved", drafts=drafts, changes=changes)],
        actor=Actor.staff(asked.seconded_by),
        now=asked.now,
    )
    if to is State.FAILED:
        doubt.hold_what_was_lost([attempt], now=asked.now)
    if not attempt.batch.attempts.filter(state=AttemptState.UNKNOWN).exists():
        # Closed, and yet asked for: what turns up until its windows close is evidence.
        Batch.objects.filter(pk=attempt.batch_id).update(
            state=BatchState.CLOSED, reason=reason, next_at=asked.now, person_after=None, tries=0
        )


def _window(provider: str) -> timedelta:
    """For how long what was sent may still turn up, or come back."""
    offered = registry.find(provider)
    return timedelta(days=60) if offered is None else offered.capabilities.return_window


def _by_hand(asked: Asked) -> Payout:
    payout = asked.row(Payout, "payout", lock=True)
    if payout.state != State.APPROVED:
        raise Refused(
            f"{payout.number} is {payout.get_state_display().lower()}; only an approved one is paid by hand."
        )
    if payout.attempts.filter(state__in=OPEN_ATTEMPTS).exists():
        raise Refused(f"An attempt to pay {payout.number} is open; its outcome comes first.")
    if not incarnation.is_accepted():
        raise Refused(
            "The database was restored, and may have forgotten that it was paid: run after_restore first."
        )
    if not payout.holds.filter(lifted_at__isnull=True).exists():
        raise Refused(f"Hold {payout.number} first, or it may be sent while it is paid by hand.")
    asked.text("document")
    return payout


def _pay_by_hand(asked: Asked) -> None:
    payout = _by_hand(asked)
    last = payout.attempts.order_by("-n").first()
    batch = Batch.objects.create(
        provider="manual",
        key=str(uuid.uuid4()),
        currency=payout.sent_currency,
        item_count=1,
        total_units=payout.sent_units,
        state=BatchState.CLOSED,
        reference=f"{asked.request_id}",
        reason=asked.text("document"),
        environment=settings.ENVIRONMENT,
        created_at=asked.now,
    )
    approval = payout.approvals.filter(result="given", revoked_at__isnull=True).order_by("-at").first()
    assert approval is not None
    attempt = Attempt.objects.create(
        id=uuid7(),
        payout=payout,
        n=1 if last is None else last.n + 1,
        batch=batch,
        provider="manual",
        key=str(uuid.uuid4()),
        method=payout.method,
        units=payout.sent_units,
        currency=payout.sent_currency,
        destination=payout.method.fingerprint,
        digest=approval.digest,
        state=AttemptState.SETTLED,
        debited=True,
        created_at=asked.now,
        closed_at=asked.now,
        message=asked.text("document"),
        postings_made=1,
    )
    assert asked.seconded_by is not None
    actor = Actor.staff(asked.seconded_by)
    commit = Draft(
        "commit",
        attempt.pk,
        ledger.allocated(payout.pk),
        "committed:manual",
        Money(int(attempt.units), attempt.currency),
        payout_id=payout.pk,
        attempt_id=attempt.pk,
    )
    move(
        [Move(payout=payout, to=State.SUBMITTING, reason="Paid by hand.", drafts=[commit])],
        actor=actor,
        now=asked.now,
    )
    paid = Move(
        payout=payout,
        to=State.PAID,
        reason=f"Paid by hand: {asked.text('document')}",
        drafts=[debit_draft(attempt, ordinal=1), pay_draft(attempt)],
        changes={"paid_at": asked.now},
    )
    move([paid], actor=actor, now=asked.now)


_EXPLANATIONS: Final = ("owner_funding", "write_off", "provider_cash:manual")


def _on_suspense(asked: Asked) -> tuple[str, Money]:
    """The account and what of it is explained: never more than is there, and with its sign."""
    account, amount = f"suspense:{asked.text('provider')}", asked.money()
    there = ledger.balance(account, amount.currency)
    if asked.text("account") not in _EXPLANATIONS:
        raise Refused(f"The account is one of {', '.join(_EXPLANATIONS)}.")
    asked.text("document")
    if amount.units == 0 or amount.units * there <= 0 or abs(amount.units) > abs(there):
        raise Refused(f"On {account} there is {format_amount(Money(there, amount.currency))}.")
    return account, amount


def _explain(asked: Asked) -> None:
    account, amount = _on_suspense(asked)
    money, debit, credit = ledger.flipped(amount, asked.text("account"), account)
    ledger.post([Draft("explain", asked.request_id, debit, credit, money)], now=asked.now)


def _close_incident(asked: Asked) -> None:
    incident = asked.row(Incident, "incident", lock=True)
    if incident.closed_at is not None:
        raise Refused("The incident is closed already.")
    assert asked.seconded_by is not None
    incidents.close(
        incident, explanation=asked.text("explanation"), by_id=asked.seconded_by.pk, now=asked.now
    )


ACTS = {
    "payable_add": Act(
        label="Owe a payee a bonus, correction or deduction",
        needs="act_request",
        fields=("payee", "purpose", "units", "currency"),
        amount=_staff_money,
        check=_payable_summary,
        summary=_payable_summary,
        apply=_add_payable,
    ),
    "clawback_decide": Act(
        label="Decide a clawback",
        needs="act_request",
        fields=("payable", "decision"),
        amount=_clawback_amount,
        check=_clawback,
        summary=_clawback_summary,
        apply=_decide_clawback,
    ),
    "resolve_unknown": Act(
        label="Resolve an unknown outcome",
        needs="act_resolve",
        seconds="act_resolve",
        fields=("payout", "outcome", "document"),
        amount=_sent,
        check=_unknown,
        summary=lambda asked: (
            f"{_unknown(asked)[0].number} was {asked.text('outcome').replace('_', ' ')}:"
            f" {ended(asked.text('document'))}"
        ),
        apply=_resolve,
    ),
    "pay_by_hand": Act(
        label="Record a payment made by hand",
        needs="act_resolve",
        seconds="act_resolve",
        fields=("payout", "document"),
        amount=_sent,
        check=_by_hand,
        summary=lambda asked: f"{_by_hand(asked).number} was paid by hand: {ended(asked.text('document'))}",
        apply=_pay_by_hand,
    ),
    "suspense_explain": Act(
        label="Explain what is on suspense",
        needs="act_resolve",
        seconds="act_resolve",
        fields=("provider", "currency", "units", "account", "document"),
        amount=Asked.money,
        check=_on_suspense,
        summary=lambda asked: (
            f"Move {format_amount(_on_suspense(asked)[1])} from {_on_suspense(asked)[0]}"
            f" to {asked.text('account')}: {ended(asked.text('document'))}"
        ),
        apply=_explain,
    ),
    "incident_close": Act(
        label="Close an incident",
        needs="act_resolve",
        seconds="act_resolve",
        fields=("incident", "explanation"),
        check=lambda asked: (asked.row(Incident, "incident"), asked.text("explanation")),
        summary=lambda asked: (
            f"Close the incident “{asked.row(Incident, 'incident')}”: {ended(asked.text('explanation'))}"
        ),
        apply=_close_incident,
    ),
}
