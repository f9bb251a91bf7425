"""Nobody can say, or can no longer say, what became of a batch; and what an authoritative absence proves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Max

from marketplace_payouts.lib import rowsets
from payouts import holding, incarnation, taking_back
from payouts.attempt_postings import let_go_drafts
from payouts.incidents import Evidence, open_incidents
from payouts.lifecycle import Move
from payouts.models import Attempt, AttemptState, Batch, BatchState, State
from payouts.providers.base import RefusalClass
from payouts.sending import Sending, move_all, save

ASK_SOON = timedelta(seconds=5)
_LOST = (
    "Nothing was paid under the key that we know. In the time that was lost it may have been sent again under another"
    " one: look whether the provider has it."
)


def unknown(sending: Sending, reason: str) -> None:
    """This will note that nobody can say what became of a batch; it stands before people at once."""
    batch, now = sending.batch, sending.now
    batch.state, batch.reason = BatchState.UNKNOWN, reason
    batch.lease_until = None
    batch.tries += 1
    batch.next_at = now + min(ASK_SOON * 2 ** min(batch.tries, 10), timedelta(hours=1))
    batch.person_after = batch.person_after or now
    save(batch)
    open_now = [*sending.undecided, *(a for a in sending.attempts if a.state == AttemptState.ACCEPTED)]
    rowsets.update(Attempt, [{"id": a.pk, "state": AttemptState.UNKNOWN} for a in open_now])
    waiting = [
        payout
        for a in open_now
        if (payout := sending.payouts[a.payout_id]).state in (State.SUBMITTING, State.SUBMITTED)
    ]
    move_all(sending, [Move(payout=p, to=State.UNKNOWN, reason=reason) for p in waiting])


def vanished(sending: Sending, reason: str) -> None:
    """This will note that an accepted batch is not to be found any more; what is settled stays settled."""
    if any(a.state in (AttemptState.ACCEPTED, AttemptState.UNKNOWN) for a in sending.attempts):
        unknown(sending, reason)
    else:
        watch(sending.batch, now=sending.now)


def watch(batch: Batch, *, now: datetime) -> None:
    """This will go on looking for a batch that people decided about, ever more seldom, until its windows close."""
    until = batch.attempts.aggregate(until=Max("watch_until"))["until"]
    batch.tries += 1
    wait = min(ASK_SOON * 2 ** min(batch.tries, 15), timedelta(days=1))
    batch.next_at = now + wait if until is not None and until > now else None
    save(batch)


def absent(sending: Sending, reason: str) -> None:
    """This will record an authoritative absence: the provider has nothing, and never will, under our key."""
    batch, now = sending.batch, sending.now
    gone = sending.undecided
    batch.state, batch.reason = BatchState.REFUSED, reason
    batch.next_at = batch.person_after = None
    save(batch)
    contradicted = [never_paid(sending, a, reason) for a in sending.attempts if a.debited]
    drafts = {a.pk: let_go_drafts(a) for a in gone}
    rowsets.update(
        Attempt,
        [
            {
                "id": a.pk,
                "state": AttemptState.ABSENT,
                "refusal_code": "absent",
                "refusal_class": RefusalClass.WAIT,
                "message": reason,
                "closed_at": now,
                "debited": a.debited,
                "postings_made": a.postings_made,
            }
            for a in gone
        ],
    )
    taking_back.stage(gone, now=now)
    move_all(
        sending,
        [
            Move(
                payout=sending.payouts[a.payout_id],
                to=State.FAILED,
                reason=reason,
                drafts=drafts[a.pk],
            )
            for a in gone
        ],
    )
    open_incidents(contradicted, now=now)
    hold_what_was_lost(gone, now=now)


def hold_what_was_lost(gone: Sequence[Attempt], *, now: datetime) -> None:
    """This will hold what was not paid by an attempt from before a restore: it may have been sent again since, by the
    database that was lost."""
    if lost := [attempt.payout_id for attempt in gone if incarnation.was_restored_since(attempt.pk)]:
        holding.hold_by_rule(rule=holding.RESTORED, reason=_LOST, payouts=lost, now=now)


def never_paid(sending: Sending, attempt: Attempt, reason: str) -> Evidence:
    """This will write that an attempt which counts as debited certainly was not."""
    payout = sending.payouts[attempt.payout_id]
    said = "people said that it was paid" if attempt.state == AttemptState.SETTLED else "we were debited"
    return Evidence(
        kind="contradiction",
        subject=f"attempt {attempt.pk}",
        sentence=f"{payout.number}: {said}, but {reason[0].lower()}{reason[1:]}",
        provider=attempt.provider,
        facts={"payout": payout.number, "attempt": attempt.key},
        payout=payout,
        attempt=attempt,
    )
