"""What a provider answered to a step, made into states, postings and events; inside one transaction.

Reached from the sender, and from recovery, which transmits a stored step again or finds out what became of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never
from uuid import UUID

from django.db.models import Max

from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.money import Money
from payouts import ledger
from payouts.actors import Actor
from payouts.holding import alarm_ours, hold_by_rule
from payouts.incidents import Evidence, open_incidents
from payouts.ledger import Draft
from payouts.lifecycle import Move, move
from payouts.models import Attempt, AttemptState, Batch, BatchState, Payout, State, Step
from payouts.providers import registry
from payouts.providers.base import (
    Accepted,
    AlreadyExists,
    Deferred,
    ItemRefusal,
    Outcome,
    RefusalClass,
    Refused,
    Unknown,
)

_ASK_SOON = timedelta(seconds=5)
_RETRY_DEFERRED = timedelta(minutes=1)
ROUNDS_AT_MOST = 20


@dataclass(slots=True)
class Sending:
    """One batch under lock with what it carries."""

    batch: Batch
    attempts: list[Attempt]
    payouts: dict[UUID, Payout]
    actor: Actor
    now: datetime

    @property
    def undecided(self) -> list[Attempt]:
        """The attempts whose outcome is not known; people may have decided about others of the same batch."""
        return [a for a in self.attempts if a.state in (AttemptState.COMMITTED, AttemptState.UNKNOWN)]


def answer(
    batch_id: UUID, step: Step, outcome: Outcome, *, final: bool, transmitted: bool = True, now: datetime
) -> None:
    """This will record the outcome of one transmission; `final` where no step follows an acceptance."""
    batch = Batch.objects.select_for_update().get(pk=batch_id)
    batch.answers += int(transmitted)
    _close_step(step, outcome, now=now)
    apply(load(batch, now=now), outcome, final=final)


def load(batch: Batch, *, now: datetime) -> Sending:
    """This will lock a batch's attempts and payouts, attempts first, each in the order of ids."""
    attempts = list(batch.attempts.order_by("pk").select_for_update(of=("self",)))
    payouts = Payout.objects.filter(pk__in=[a.payout_id for a in attempts]).order_by("pk").select_for_update()
    return Sending(batch, attempts, {p.pk: p for p in payouts}, Actor.provider(batch.provider), now)


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
                sending.batch.save(update_fields=["answers"])
        case Refused():
            _refused(sending, outcome)
        case Deferred():
            _deferred(sending, outcome)
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
        batch.save(update_fields=["answers"])
        return
    batch.state, batch.reference, batch.next_at, batch.tries = (
        BatchState.ACCEPTED,
        outcome.reference,
        sending.now,
        0,
    )
    _save(batch)


def _accepted(sending: Sending, outcome: Accepted) -> None:
    batch, now = sending.batch, sending.now
    batch.state, batch.reference, batch.reason = BatchState.ACCEPTED, outcome.reference, ""
    batch.next_at, batch.person_after, batch.tries = now + _ASK_SOON, None, 0
    _save(batch)
    waiting = [sending.payouts[a.payout_id] for a in sending.undecided]
    window = registry.get(batch.provider).capabilities.return_window
    rowsets.update(
        Attempt,
        [
            {
                "id": attempt.pk,
                "state": AttemptState.ACCEPTED,
                "reference": outcome.item_references.get(attempt.key, attempt.reference),
                "watch_until": now + window,
            }
            for attempt in sending.undecided
        ],
    )
    drafts = _paid_now(sending) if outcome.paid_now else {}
    to = State.PAID if outcome.paid_now else State.SUBMITTED
    changes = {"paid_at": now} if outcome.paid_now else {}
    _move(
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
    rowsets.update(
        Attempt, [{"id": a.pk, "state": AttemptState.SETTLED, "debited": True} for a in sending.undecided]
    )
    return {a.payout_id: [debit_draft(a), pay_draft(a)] for a in sending.undecided}


def _refused(sending: Sending, outcome: Refused) -> None:
    """A certain refusal: no money moved. Named items fail; the others are innocent and go out again."""
    batch, now = sending.batch, sending.now
    if batch.state == BatchState.UNKNOWN and not outcome.settles_earlier:
        _refused_this_try(sending, outcome)
        return
    if not outcome.key_is_spent and outcome.refusal in (RefusalClass.OURS, RefusalClass.WAIT):
        _deferred(sending, Deferred(reason=f"{outcome.code}: {outcome.message}", ours=True, raw=outcome.raw))
        return
    batch.state, batch.reason = BatchState.REFUSED, f"{outcome.code}: {outcome.message}"
    batch.next_at = batch.person_after = None
    _save(batch)
    verdicts = {
        attempt.pk: _verdict(attempt, outcome, alone=len(sending.attempts) == 1)
        for attempt in sending.attempts
    }
    rowsets.update(
        Attempt,
        [
            {
                "id": attempt.pk,
                "state": AttemptState.REFUSED,
                "refusal_code": verdicts[attempt.pk].code[:80],
                "refusal_class": verdicts[attempt.pk].refusal,
                "message": verdicts[attempt.pk].message,
                "closed_at": now,
                "postings_made": attempt.postings_made + 1,
            }
            for attempt in sending.attempts
        ],
    )
    failing, innocent = [], []
    for attempt in sending.attempts:
        verdict, payout = verdicts[attempt.pk], sending.payouts[attempt.payout_id]
        reason = f"{verdict.code}: {verdict.message}"
        drafts = [uncommit_draft(attempt)]
        if verdict.refusal in (RefusalClass.NEIGHBOUR, RefusalClass.OURS, RefusalClass.WAIT):
            innocent.append((payout, reason, drafts, verdict.refusal))
        else:
            failing.append(Move(payout=payout, to=State.FAILED, reason=reason, drafts=drafts))
    _move(sending, failing)
    _back_to_approved(sending, innocent)
    if outcome.refusal is RefusalClass.OURS and not outcome.items:
        alarm_ours(batch.provider, f"{batch.provider} refused: {outcome.code}: {outcome.message}", now=now)


def _refused_this_try(sending: Sending, outcome: Refused) -> None:
    """The reason lies in an account, which may have been well when an earlier try went unanswered: that one may have
    been taken, and a new key would pay twice."""
    reason = f"{outcome.code}: {outcome.message}"
    unknown(sending, f"This try was refused, which proves nothing about the earlier one. {reason}")
    if outcome.refusal is RefusalClass.OURS:
        provider = sending.batch.provider
        alarm_ours(provider, f"{provider} refused: {reason}", now=sending.now)


def _verdict(attempt: Attempt, outcome: Refused, *, alone: bool) -> ItemRefusal:
    named = outcome.items.get(attempt.key)
    if named is not None:
        return named
    whole = ItemRefusal(outcome.code, outcome.refusal, outcome.message)
    if outcome.items or (not alone and outcome.refusal not in (RefusalClass.OURS, RefusalClass.WAIT)):
        return ItemRefusal(outcome.code, RefusalClass.NEIGHBOUR, "Another payout of the batch was refused.")
    return whole


def _back_to_approved(
    sending: Sending, innocent: Sequence[tuple[Payout, str, list[Draft], RefusalClass]]
) -> None:
    """Without a notice to anybody. A payout whose outcome was unknown passes through failed, as the table asks."""
    through_failed = [
        Move(payout=p, to=State.FAILED, reason=reason, drafts=drafts, kind="refused", quiet=True)
        for p, reason, drafts, _ in innocent
        if p.state == State.UNKNOWN
    ]
    _move(sending, through_failed)
    passed = {one.payout.pk for one in through_failed}
    moves = []
    for payout, reason, drafts, refusal in innocent:
        rounds = payout.rounds + (refusal is RefusalClass.NEIGHBOUR)
        moves.append(
            Move(
                payout=payout,
                to=State.APPROVED,
                reason=reason,
                kind="goes_out_again",
                drafts=() if payout.pk in passed else drafts,
                changes={"rounds": rounds},
                quiet=True,
                next_at=sending.now if refusal is RefusalClass.NEIGHBOUR else sending.now + _RETRY_DEFERRED,
            )
        )
    _move(sending, moves)
    tired = [payout.pk for payout, *_ in innocent if payout.rounds >= ROUNDS_AT_MOST]
    hold_by_rule(
        rule="rounds",
        reason=f"Refused together with others {ROUNDS_AT_MOST} times; nobody could say which one is bad.",
        payouts=tired,
        now=sending.now,
    )


def _deferred(sending: Sending, outcome: Deferred) -> None:
    """Certainly not processed: the same key and bytes later. An unknown batch stays unknown and is asked later."""
    batch, now = sending.batch, sending.now
    wait = outcome.retry_after or _RETRY_DEFERRED
    batch.reason, batch.next_at = outcome.reason, now + wait
    if outcome.ours:
        alarm_ours(batch.provider, f"{batch.provider} did not process a batch: {outcome.reason}", now=now)
    if batch.state == BatchState.UNKNOWN:
        _save(batch)
        return
    batch.state, batch.lease_until, batch.person_after = BatchState.COMMITTED, None, None
    _save(batch)
    rowsets.update(
        Attempt,
        [
            {"id": a.pk, "state": AttemptState.DEFERRED, "postings_made": a.postings_made + 1}
            for a in sending.attempts
        ],
    )
    drafts = {attempt.payout_id: [uncommit_draft(attempt)] for attempt in sending.attempts}
    _move(
        sending,
        [
            Move(
                payout=payout,
                to=State.APPROVED,
                reason=outcome.reason,
                kind="deferred",
                drafts=drafts[payout.pk],
                quiet=True,
                next_at=now + wait,
            )
            for payout in sending.payouts.values()
        ],
    )


def unknown(sending: Sending, reason: str) -> None:
    """This will note that nobody can say what became of a batch; it stands before people at once."""
    batch, now = sending.batch, sending.now
    batch.state, batch.reason = BatchState.UNKNOWN, reason
    batch.lease_until = None
    batch.tries += 1
    batch.next_at = now + min(_ASK_SOON * 2 ** min(batch.tries, 10), timedelta(hours=1))
    batch.person_after = batch.person_after or now
    _save(batch)
    open_now = [*sending.undecided, *(a for a in sending.attempts if a.state == AttemptState.ACCEPTED)]
    rowsets.update(Attempt, [{"id": a.pk, "state": AttemptState.UNKNOWN} for a in open_now])
    waiting = [
        payout
        for a in open_now
        if (payout := sending.payouts[a.payout_id]).state in (State.SUBMITTING, State.SUBMITTED)
    ]
    _move(sending, [Move(payout=p, to=State.UNKNOWN, reason=reason) for p in waiting])


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
    wait = min(_ASK_SOON * 2 ** min(batch.tries, 15), timedelta(days=1))
    batch.next_at = now + wait if until is not None and until > now else None
    _save(batch)


def absent(sending: Sending, reason: str) -> None:
    """This will record an authoritative absence: the provider has nothing, and never will, under our key."""
    batch, now = sending.batch, sending.now
    gone = sending.undecided
    batch.state, batch.reason = BatchState.REFUSED, reason
    batch.next_at = batch.person_after = None
    _save(batch)
    never_paid = [_never_paid(sending, a, reason) for a in sending.attempts if a.debited]
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
    _move(
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
    open_incidents(never_paid, now=now)


def _never_paid(sending: Sending, attempt: Attempt, reason: str) -> Evidence:
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


def _move(sending: Sending, moves: Sequence[Move]) -> None:
    moved = move(moves, actor=sending.actor, now=sending.now)
    if moved.refused:
        raise RuntimeError("A payout changed under its own lock.")  # cannot happen; nothing is committed


def _save(batch: Batch) -> None:
    batch.save(
        update_fields=[
            "state",
            "reference",
            "reason",
            "next_at",
            "person_after",
            "lease_until",
            "tries",
            "answers",
        ]
    )


def _draft(attempt: Attempt, kind: str, debit: str, credit: str, *, ordinal: int) -> Draft:
    return Draft(
        kind=kind,
        subject=attempt.pk,
        ordinal=ordinal,
        debit=debit,
        credit=credit,
        amount=Money(int(attempt.units), attempt.currency),
        payout_id=attempt.payout_id,
        attempt_id=attempt.pk,
    )


def uncommit_draft(attempt: Attempt) -> Draft:
    """This will draft: the commitment to the provider goes back to the payout's allocation."""
    return _draft(
        attempt,
        "uncommit",
        f"committed:{attempt.provider}",
        ledger.allocated(attempt.payout_id),
        ordinal=attempt.postings_made,
    )


def let_go_drafts(attempt: Attempt) -> list[Draft]:
    """This will draft that neither a debit nor the commitment stands any more, and note so on the attempt."""
    drafts = []
    if attempt.debited:
        attempt.debited = False
        cash, transit = f"provider_cash:{attempt.provider}", f"in_transit:{attempt.provider}"
        drafts.append(_draft(attempt, "undebit", cash, transit, ordinal=attempt.postings_made))
        attempt.postings_made += 1
    drafts.append(uncommit_draft(attempt))
    attempt.postings_made += 1
    return drafts


def debit_draft(attempt: Attempt, *, ordinal: int = 0) -> Draft:
    """This will draft: the provider debited us."""
    provider = attempt.provider
    return _draft(attempt, "debit", f"in_transit:{provider}", f"provider_cash:{provider}", ordinal=ordinal)


def pay_draft(attempt: Attempt) -> Draft:
    """This will draft: it arrived."""
    provider = attempt.provider
    return _draft(attempt, "pay", f"committed:{provider}", f"in_transit:{provider}", ordinal=0)
