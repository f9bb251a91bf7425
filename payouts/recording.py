"""What a provider answered to a step, made into states, postings and events; inside one transaction.

Reached from the sender, and from recovery, which transmits a stored step again or finds out what became of it.
"""

from __future__ import annotations

from datetime import datetime
from typing import assert_never
from uuid import UUID

from marketplace_payouts.lib import rowsets
from payouts.attempt_postings import debit_draft, pay_draft
from payouts.deferring import defer
from payouts.doubt import ASK_SOON, unknown
from payouts.ledger import Draft
from payouts.lifecycle import Move
from payouts.models import Attempt, AttemptState, Batch, BatchState, State, Step
from payouts.providers import registry
from payouts.providers.base import Accepted, AlreadyExists, Deferred, Outcome, Refused, Unknown
from payouts.refusing import refuse
from payouts.sending import Sending, load, move_all, save


def answer(
    batch_id: UUID, step: Step, outcome: Outcome, *, final: bool, transmitted: bool = True, now: datetime
) -> None:
    """This will record the outcome of one transmission; `final` where no step follows an acceptance."""
    batch = Batch.objects.select_for_update().get(pk=batch_id)
    if transmitted:
        # Its bytes may have left as late as now, however long ago was the last look before the call: a process that
        # stood still in between sends afterwards, and whether it landed is settled only so long after that.
        batch.answers, batch.last_sent_at = batch.answers + 1, now
    _close_step(step, outcome, now=now)
    apply(load(batch, now=now), outcome, final=final)


def apply(sending: Sending, outcome: Outcome, *, final: bool = True) -> None:
    """This will bring batch, attempts and payouts to what the outcome says; what is decided already stays."""
    if sending.batch.state not in (BatchState.COMMITTED, BatchState.SENT, BatchState.UNKNOWN):
        _too_late(sending, outcome, final=final)
        return
    match outcome:
        case Accepted():
            if final:
                _accepted(sending, outcome)
            else:
                _named(sending, outcome)
        case Refused():
            refuse(sending, outcome)
        case Deferred():
            defer(sending, outcome)
        case Unknown():
            unknown(sending, outcome.reason)
        case AlreadyExists():
            unknown(sending, "The provider knows this key already, but does not say under which reference.")
        case _:
            assert_never(outcome)


def _close_step(step: Step, outcome: Outcome, *, now: datetime) -> None:
    names = {
        Accepted: "accepted",
        Refused: "refused",
        Deferred: "deferred",
        AlreadyExists: "exists",
        Unknown: "unknown",
    }
    step.outcome = names[type(outcome)]
    step.answered_at = now
    if isinstance(outcome, Accepted):
        step.reference, step.facts = outcome.reference, dict(outcome.facts)
    step.save(update_fields=["outcome", "answered_at", "reference", "facts"])


def _too_late(sending: Sending, outcome: Outcome, *, final: bool) -> None:
    """What counted as not sent, or was decided by people, exists: it is read from now on, and settlement judges it."""
    batch = sending.batch
    if not isinstance(outcome, Accepted) or not final or batch.reference:
        batch.save(update_fields=["answers", "last_sent_at"])
        return
    batch.state, batch.reference, batch.next_at, batch.tries = (
        BatchState.ACCEPTED,
        outcome.reference,
        sending.now,
        0,
    )
    save(batch)


def _named(sending: Sending, outcome: Accepted) -> None:
    """What the provider has a name for already is found by it from now on, whatever becomes of the next step."""
    sending.batch.save(update_fields=["answers", "last_sent_at"])
    names = outcome.item_references
    rowsets.update(
        Attempt, [{"id": a.pk, "reference": names[a.key]} for a in sending.undecided if names.get(a.key)]
    )


def _accepted(sending: Sending, outcome: Accepted) -> None:
    batch, now = sending.batch, sending.now
    batch.state, batch.reference, batch.reason = BatchState.ACCEPTED, outcome.reference, ""
    batch.next_at, batch.person_after, batch.tries = now + ASK_SOON, None, 0
    save(batch)
    waiting = [sending.payouts[a.payout_id] for a in sending.undecided]
    watch_until = now + registry.get(batch.provider).capabilities.return_window
    rowsets.update(
        Attempt,
        [
            {
                "id": attempt.pk,
                "state": AttemptState.ACCEPTED,
                "reference": outcome.item_references.get(attempt.key, attempt.reference),
                "watch_until": watch_until,
            }
            for attempt in sending.undecided
        ],
    )
    drafts = _paid_now(sending) if outcome.paid_now else {}
    to = State.PAID if outcome.paid_now else State.SUBMITTED
    changes = {"paid_at": now} if outcome.paid_now else {}
    move_all(
        sending,
        [
            Move(
                payout=p,
                to=to,
                reason="Accepted by the provider.",
                drafts=drafts.get(p.pk, ()),
                changes=changes,
            )
            for p in waiting
        ],
    )


def _paid_now(sending: Sending) -> dict[UUID, list[Draft]]:
    settled = {"state": AttemptState.SETTLED, "debited": True, "closed_at": sending.now}
    rowsets.update(Attempt, [{"id": a.pk, **settled} for a in sending.undecided])
    return {a.payout_id: [debit_draft(a), pay_draft(a)] for a in sending.undecided}
