"""A certain refusal of a batch: named items fail, innocent ones go out again, and what is ours is our alarm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from marketplace_payouts.lib import rowsets
from payouts import taking_back
from payouts.attempt_postings import let_go_drafts
from payouts.deferring import RETRY_AFTER, defer
from payouts.doubt import never_paid, unknown
from payouts.holding import alarm_ours, hold_by_rule
from payouts.incidents import open_incidents
from payouts.ledger import Draft
from payouts.lifecycle import Move
from payouts.models import Attempt, AttemptState, BatchState, Payout, State
from payouts.providers.base import Deferred, ItemRefusal, RefusalClass, Refused
from payouts.sending import Sending, move_all, save

# A batch refused without naming an item is sent again by halves after this many rounds, and held after the last.
ROUNDS_TOGETHER: Final = 3
ROUNDS_AT_MOST: Final = 20


def refuse(sending: Sending, outcome: Refused) -> None:
    """This will record a certain refusal: no money moved, named items fail, the others go out again."""
    batch, now = sending.batch, sending.now
    if batch.state == BatchState.UNKNOWN and not outcome.settles_earlier:
        _refused_this_try(sending, outcome)
        return
    if not outcome.key_is_spent and outcome.refusal in (RefusalClass.OURS, RefusalClass.WAIT):
        defer(sending, Deferred(reason=f"{outcome.code}: {outcome.message}", ours=True, raw=outcome.raw))
        return
    batch.state, batch.reason = BatchState.REFUSED, f"{outcome.code}: {outcome.message}"
    batch.next_at = batch.person_after = None
    save(batch)
    contradicted = [never_paid(sending, a, batch.reason) for a in sending.attempts if a.debited]
    undecided = sending.undecided
    verdicts = {
        attempt.pk: _verdict(attempt, outcome, alone=len(sending.attempts) == 1) for attempt in undecided
    }
    drafts = {attempt.pk: let_go_drafts(attempt) for attempt in undecided}
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
                "debited": attempt.debited,
                "postings_made": attempt.postings_made,
            }
            for attempt in undecided
        ],
    )
    taking_back.stage(undecided, now=now)
    failing, innocent = [], []
    for attempt in undecided:
        verdict, payout = verdicts[attempt.pk], sending.payouts[attempt.payout_id]
        reason = f"{verdict.code}: {verdict.message}"
        if verdict.refusal in (RefusalClass.NEIGHBOUR, RefusalClass.OURS, RefusalClass.WAIT):
            innocent.append((payout, reason, drafts[attempt.pk], verdict.refusal))
        else:
            failing.append(Move(payout=payout, to=State.FAILED, reason=reason, drafts=drafts[attempt.pk]))
    move_all(sending, failing)
    _back_to_approved(sending, innocent)
    open_incidents(contradicted, now=now)
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
    move_all(sending, through_failed)
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
                next_at=sending.now if refusal is RefusalClass.NEIGHBOUR else sending.now + RETRY_AFTER,
            )
        )
    move_all(sending, moves)
    tired = [payout.pk for payout, *_ in innocent if payout.rounds >= ROUNDS_AT_MOST]
    hold_by_rule(
        rule="rounds",
        reason=f"Refused together with others {ROUNDS_AT_MOST} times; nobody could say which one is bad.",
        payouts=tired,
        now=sending.now,
    )
