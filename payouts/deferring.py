"""Certainly not processed: put off, sent again under the same key with the same bytes, or withdrawn."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F

from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.clock import database_now
from marketplace_payouts.lib.crash_points import crash_point
from marketplace_payouts.lib.logs import logger
from payouts import digests, facts, taking_back
from payouts.actors import Actor
from payouts.attempt_postings import commit_draft, uncommit_draft
from payouts.facts import Facts
from payouts.gates import Gate, Stage, first_block
from payouts.holding import alarm_ours
from payouts.ledger import Draft
from payouts.lifecycle import PATIENCE, Move, move
from payouts.models import Attempt, AttemptState, Batch, BatchState, Payout, State
from payouts.providers.base import Deferred
from payouts.sending import Sending, move_all, save

log = logger(__name__)

RETRY_AFTER: Final = timedelta(minutes=1)
_SENDER: Final = Actor.rule("sender")


def defer(sending: Sending, outcome: Deferred) -> None:
    """This will put a batch off: the same key and bytes later. An unknown one stays unknown and is asked later."""
    batch, now = sending.batch, sending.now
    wait = outcome.retry_after or RETRY_AFTER
    batch.reason, batch.next_at = outcome.reason, now + wait
    if outcome.ours:
        alarm_ours(batch.provider, f"{batch.provider} did not process a batch: {outcome.reason}", now=now)
    if batch.state == BatchState.UNKNOWN:
        save(batch)
        return
    batch.state, batch.lease_until, batch.person_after = BatchState.COMMITTED, None, None
    save(batch)
    rowsets.update(
        Attempt,
        [
            {"id": a.pk, "state": AttemptState.DEFERRED, "postings_made": a.postings_made + 1}
            for a in sending.attempts
        ],
    )
    drafts = {attempt.payout_id: [uncommit_draft(attempt)] for attempt in sending.attempts}
    patience = PATIENCE[State.APPROVED]
    assert patience is not None
    move_all(
        sending,
        [
            Move(
                payout=payout,
                to=State.APPROVED,
                reason=outcome.reason,
                kind="deferred",
                drafts=drafts[payout.pk],
                # However often it is put off, a person sees it as late as if it had never been tried.
                changes={"person_after": batch.created_at + patience},
                quiet=True,
                next_at=now + wait,
            )
            for payout in sending.payouts.values()
        ],
    )


def recommit(*, now: datetime) -> Batch | None:
    """This will commit the next deferred batch again as it is, same key, same bytes; None where none may go now.

    A batch of which no payout may go waits with its key. One in which only some are held is withdrawn, so that the
    others need not wait for people: they go out in a new one.
    """
    while (looked_at := _recommit_next(now=now)) is not None:
        batch, may_go = looked_at
        if may_go:
            return batch
    return None


def _recommit_next(*, now: datetime) -> tuple[Batch, bool] | None:
    with transaction.atomic():
        batch = (
            Batch.objects.filter(state=BatchState.COMMITTED, next_at__lte=now, pk__in=_deferred_ids())
            .order_by("next_at", "id")
            .select_for_update(skip_locked=True)
            .first()
        )
        if batch is None:
            return None
        may_go = _decide_about(batch, now=now)
        crash_point("resend.before_intent")
    crash_point("resend.after_intent")
    return batch, may_go


def _decide_about(batch: Batch, *, now: datetime) -> bool:
    """Commit a deferred batch again, put it off once more, or withdraw it; tells whether it may go out now."""
    attempts = list(batch.attempts.order_by("pk").select_for_update(of=("self",)))
    payouts = list(
        Payout.objects.filter(pk__in=[attempt.payout_id for attempt in attempts])
        .select_related("payee__marketplace", "method")
        .order_by("pk")
        .select_for_update(of=("self",))
    )
    loaded = facts.for_payouts(payouts, now=now, lock=True)
    blocked = _blocked(loaded)
    is_void = not all(_is_covered(attempt, loaded[attempt.payout_id]) for attempt in attempts)
    if is_void or _keeps_others_waiting(blocked, of=len(payouts)):
        withdraw(payouts, now=now)
        log.info("deferred_batch_withdrawn", batch=str(batch.pk), blocked=len(blocked))
    elif blocked:
        _look_later(batch, blocked, now=now)
    else:
        _commit_again(batch, attempts, payouts, now=now)
    return not (is_void or blocked)


def _deferred_ids() -> list[UUID]:
    """A plain list, because a DISTINCT cannot be locked; deferred batches are few."""
    found = Attempt.objects.filter(state=AttemptState.DEFERRED).values_list("batch_id", flat=True).distinct()
    return list(found)


def _blocked(loaded: dict[UUID, Facts]) -> dict[UUID, Gate]:
    found = {payout_id: first_block(one, up_to=Stage.SEND) for payout_id, one in loaded.items()}
    return {payout_id: block[0] for payout_id, block in found.items() if block is not None}


def _is_covered(attempt: Attempt, one: Facts) -> bool:
    """Whether the bytes that stand are still what is approved."""
    assert one.payout is not None
    return (
        one.payout.state == State.APPROVED
        and digests.standing(one).enough
        and digests.digest_of(one) == bytes(attempt.digest)
    )


def _keeps_others_waiting(blocked: dict[UUID, Gate], *, of: int) -> bool:
    """Whether people must look at some while the rest could go; the last gates open without anybody."""
    return len(blocked) < of and any(gate.stage is not Stage.SEND for gate in blocked.values())


def _look_later(batch: Batch, blocked: dict[UUID, Gate], *, now: datetime) -> None:
    batch.next_at = now + RETRY_AFTER
    batch.save(update_fields=["next_at"])
    # What a payout is said to wait for also tells the re-reading whether it is its turn.
    rowsets.update(Payout, [{"id": pk, "blocked_by": gate.name} for pk, gate in blocked.items()])


def _commit_again(
    batch: Batch, attempts: Sequence[Attempt], payouts: Sequence[Payout], *, now: datetime
) -> None:
    clock = database_now(connection)
    drafts: dict[UUID, list[Draft]] = defaultdict(list)
    for attempt in attempts:
        drafts[attempt.payout_id].append(commit_draft(attempt, ordinal=attempt.postings_made))
    batch.attempts.update(state=AttemptState.COMMITTED, postings_made=F("postings_made") + 1)
    batch.lease_until = clock + settings.SEND_LEASE
    batch.next_at = batch.lease_until
    batch.save(update_fields=["lease_until", "next_at"])
    move(
        [
            Move(payout=p, to=State.SUBMITTING, reason="Sent again as it was.", drafts=drafts[p.pk])
            for p in payouts
        ],
        actor=_SENDER,
        now=now,
    )


def withdraw(payouts: Sequence[Payout], *, now: datetime) -> None:
    """This will close deferred batches that carry one of these payouts, since they cannot go out as they are.

    A deferred batch was certainly not processed, and nobody can be sending it: it is sent only after its payouts
    were claimed under the locks that the caller holds. Its attempts end as refused; the next sending makes new ones.
    """
    attempts = Attempt.objects.filter(payout__in=payouts, state=AttemptState.DEFERRED)
    batches = list(Batch.objects.filter(pk__in=attempts.values("batch")).select_for_update().order_by("pk"))
    if not batches:
        return
    ending = Attempt.objects.filter(batch__in=batches, state=AttemptState.DEFERRED)
    taking_back.stage(list(ending.order_by("pk")), now=now)
    ending.update(
        state=AttemptState.REFUSED,
        refusal_code="withdrawn",
        refusal_class="ours",
        message="Withdrawn before it was processed.",
        closed_at=now,
    )
    Batch.objects.filter(pk__in=[batch.pk for batch in batches]).update(
        state=BatchState.REFUSED,
        reason="Withdrawn before it was processed.",
        next_at=None,
        answers=F("transmissions"),
    )
