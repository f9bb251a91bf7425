"""The call itself: under the send lock, looked at once more, transmitted, recorded; step after step."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet

from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.clock import database_now
from marketplace_payouts.lib.crash_points import crash_point
from marketplace_payouts.lib.locks import LockLost, LockTaken, SendLock, end_is_proven, is_seen_to_live
from marketplace_payouts.lib.logs import logger
from marketplace_payouts.lib.money import Money
from payouts import incarnation, item_readings, methods, pacing, recording
from payouts.facts import rails_of
from payouts.models import Attempt, AttemptState, Batch, Hold, Payable, PayoutLine, Step, StepBody
from payouts.pacing import NoTurn
from payouts.providers import registry
from payouts.providers.base import (
    Accepted,
    AlreadyExists,
    Answer,
    BatchView,
    Deferred,
    Done,
    Outcome,
    PayoutProvider,
    ProviderError,
    ProviderUnavailable,
    Refused,
    Unknown,
)
from payouts.providers.base import Step as ProviderStep
from payouts.steps import progress_of, sealed_body, step_rows, stored_body

log = logger(__name__)


class Go(enum.Enum):
    """What the last look before a transmission says."""

    YES = "yes"
    STOPPED = "stopped"
    NO_TURN = "no turn"
    LEASE_OVER = "lease over"


_NOT_NOW: Final = {
    Go.STOPPED: "Stopped before it was transmitted.",
    Go.NO_TURN: "The provider is being called as often as it may be.",
}


def lock_name(batch_id: UUID) -> str:
    """This will name the send lock of a batch."""
    return f"send:{batch_id}"


def transmit(batch_id: UUID) -> None:
    """This will transmit a committed batch, step by step, and record each answer."""
    try:
        with SendLock(lock_name(batch_id)) as lock:
            _steps(batch_id, lock)
    except LockTaken:
        log.info("send_lock_taken", batch=str(batch_id))
    except LockLost:
        # The sweep finds the batch when its lease is over; nothing was transmitted without the lock.
        log.warning("send_lock_lost", batch=str(batch_id))


def transmit_again(batch: Batch, lock: SendLock) -> bool:
    """This will transmit the stored step of an unknown batch once more: same key, same bytes, under the lock.

    Gives False where it was not transmitted: stopped or held, or the provider is called as often as it may be.
    """
    return _steps(batch.pk, lock, again=True)


def adopt(batch: Batch, outcome: Accepted | Unknown, lock: SendLock) -> None:
    """This will record what was found out about the last step, and go on with the next where there is one."""
    row = batch.steps.order_by("-n").first()
    assert row is not None
    following = _next(registry.get(batch.provider), batch, row, outcome)
    if isinstance(following, ProviderStep) and (
        batch.attempts.exclude(state=AttemptState.UNKNOWN).exists() or is_wanted_no_more(batch)
    ):
        return  # people decided about it, or it changed meanwhile: what is left of it never goes out
    _record(batch, row, outcome, following=following, transmitted=False)
    if isinstance(following, ProviderStep):
        _steps(batch.pk, lock, again=True)


def _steps(batch_id: UUID, lock: SendLock, *, again: bool = False) -> bool:
    batch = Batch.objects.get(pk=batch_id)
    provider = registry.get(batch.provider)
    is_alone = has_ended(batch)
    # Until its end is proven, the former sender stays the one to be proven: ours is known to end with this call.
    sender = lock.sender if is_alone else batch.sender
    was_sent = False
    while True:
        row = batch.steps.order_by("-n").first()
        assert row is not None
        go = _last_look(provider, batch, row, sender, again=again)
        if go is Go.LEASE_OVER:
            log.warning("lease_over", batch=str(batch_id))
            return was_sent
        if go in _NOT_NOW:
            if not again:
                _record(batch, row, Deferred(reason=_NOT_NOW[go]), transmitted=False)
            return was_sent
        lock.still_held()
        step = ProviderStep(
            name=row.name, key=row.key, body=stored_body(row), moves_money=row.moves_money, path=row.path
        )
        crash_point("send.before_call")
        outcome = _settled(provider, batch, provider.transmit(step))
        was_sent = True
        crash_point("send.after_call")
        if isinstance(outcome, Refused) and not is_alone:
            # The lock fell with the database server, so the former sender may still be about to transmit this key.
            outcome = Unknown(
                reason=f"Refused ({outcome.code}), but another sender may live on.", raw=outcome.raw
            )
        outcome, following = _followed(provider, batch, row, outcome)
        _record(batch, row, outcome, following=following)
        if not isinstance(following, ProviderStep):
            return was_sent


def has_ended(batch: Batch) -> bool:
    """This will tell, under the batch's send lock, whether nobody else can be in the middle of sending it."""
    # Whoever wrote down what each transmission came to had ended each call.
    return batch.answers >= batch.transmissions or end_is_proven(batch.sender)


def is_wanted_no_more(batch: Batch) -> bool:
    """This will tell whether the payee is paid elsewhere by now, or the transaction took money back.

    What nobody knows of is only looked for then: a try that was never received must not go out for the first time.
    """
    covered = PayoutLine.objects.filter(payout__attempts__batch=batch, released_at__isnull=True)
    taken_back = Payable.objects.filter(
        original__in=covered.values("payable"), waits_for=Payable.Waits.CLAWBACK, settled=Payable.Settled.NOT
    )
    return batch.attempts.filter(method__retired_at__isnull=False).exists() or taken_back.exists()


def is_seen_sending(batch: Batch) -> bool:
    """This will tell whether a sender that lost its lock is seen to live on, and may be in the middle of its call."""
    return batch.answers < batch.transmissions and is_seen_to_live(batch.sender)


def _last_look(provider: PayoutProvider, batch: Batch, row: Step, sender: str, *, again: bool) -> Go:
    """Lease, holds and stop right before the call, and the transmission counted before it is made."""
    try:
        # Waited for before anything is looked at: what was seen before the wait would be old after it.
        pacing.take_turn(provider)
    except NoTurn:
        return Go.NO_TURN
    if row.moves_money and _is_stopped(batch):
        return Go.STOPPED
    lease = "" if again else "AND lease_until > clock_timestamp()"
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE payouts_batch SET transmissions = transmissions + 1, sender = %s,"  # noqa: S608 - fixed text
            f" state = CASE WHEN state = 'committed' THEN 'sent' ELSE state END, last_sent_at = clock_timestamp(),"
            f" first_sent_at = COALESCE(first_sent_at, clock_timestamp())"
            f" WHERE id = %s AND state IN ('committed', 'sent', 'unknown') {lease} RETURNING id",
            [sender, batch.pk],
        )
        return Go.YES if cursor.fetchone() else Go.LEASE_OVER


def holds_on(batch: Batch) -> QuerySet[Hold]:
    """This will give the open holds on anything that a batch is about."""
    attempts = batch.attempts.values("payout_id", "method_id", "payout__payee_id")
    held = (
        Hold.objects.filter(rail_id__in=rails_of(batch.provider, batch.currency))
        | Hold.objects.filter(payout_id__in=attempts.values("payout_id"))
        | Hold.objects.filter(method_id__in=attempts.values("method_id"))
        | Hold.objects.filter(payee_id__in=attempts.values("payout__payee_id"))
    )
    return held.filter(lifted_at__isnull=True)


def _is_stopped(batch: Batch) -> bool:
    frozen = batch.attempts.filter(payout__payee__frozen_at__isnull=False)
    return holds_on(batch).exists() or frozen.exists() or not incarnation.is_accepted()


def _settled(provider: PayoutProvider, batch: Batch, outcome: Outcome) -> Outcome:
    """What exists already under our key is looked at before it is adopted."""
    if not isinstance(outcome, AlreadyExists) or not outcome.reference:
        return outcome
    try:
        pacing.take_turn(provider)
        crash_point("exists.before_call")
        clock = database_now(connection)
        view = item_readings.view_of(provider, batch, reference=outcome.reference, now=clock)
        crash_point("exists.after_call")
    except ProviderUnavailable as error:
        return Unknown(reason=f"It exists already, but could not be read: {error}", raw=outcome.raw)
    difference = why_not_ours(batch, view)
    if difference:
        return Unknown(reason=difference, raw=outcome.raw)
    return Accepted(
        reference=view.reference,
        item_references={one.item_key: one.reference for one in view.observations if one.reference},
        raw=outcome.raw,
    )


def why_not_ours(batch: Batch, view: BatchView) -> str:
    """This will say in what the provider's batch differs from ours, or nothing where it is the same."""
    if view.batch_key and view.batch_key != batch.key:
        return "What exists under the reference carries another batch key."
    rows = Attempt.objects.filter(batch=batch).only("key", "units", "currency", "destination")
    attempts = {attempt.key: attempt for attempt in rows}
    ours = {key: Money(int(attempt.units), attempt.currency) for key, attempt in attempts.items()}
    theirs = {one.item_key: one.amount for one in view.observations}
    if theirs and not registry.get(batch.provider).capabilities.keeps_batches:
        # Each item stands by itself there; what is missing is found out when the items are read.
        ours = {key: amount for key, amount in ours.items() if key in theirs}
    if ours != theirs:
        return "What exists under our batch key carries other items or amounts than we committed."
    if any(
        one.destination
        and methods.echo_fingerprint(batch.provider, one.destination) != attempts[one.item_key].destination
        for one in view.observations
    ):
        return "What exists under our batch key goes to others than we committed."
    return ""


def _followed(
    provider: PayoutProvider, batch: Batch, row: Step, outcome: Outcome
) -> tuple[Outcome, ProviderStep | Done | None]:
    """What was answered, and the step that comes next; it cannot be made where a signer, say, does not answer."""
    try:
        return outcome, _next(provider, batch, row, outcome)
    except ProviderError as error:
        log.warning("next_step_not_made", batch=str(batch.pk), reason=str(error))
        reason = f"The next step cannot be made: {error}"
        # What moved no money may be done again from its beginning.
        return (Unknown(reason) if row.moves_money else Deferred(reason, ours=True)), None


def _next(provider: PayoutProvider, batch: Batch, row: Step, outcome: Outcome) -> ProviderStep | Done | None:
    if not isinstance(outcome, Accepted):
        return None
    answers = [
        Answer(step=s.name, outcome=s.outcome, reference=s.reference, facts=s.facts)
        for s in batch.steps.exclude(pk=row.pk).order_by("n")
    ]
    answers.append(
        Answer(step=row.name, outcome="accepted", reference=outcome.reference, facts=outcome.facts)
    )
    return provider.next_step(progress_of(batch, answers))


def _record(
    batch: Batch,
    row: Step,
    outcome: Outcome,
    *,
    following: ProviderStep | Done | None = None,
    transmitted: bool = True,
) -> None:
    with transaction.atomic():
        clock: datetime = database_now(connection)
        recording.answer(
            batch.pk, row, outcome, final=isinstance(following, Done), transmitted=transmitted, now=clock
        )
        if outcome.raw:
            rowsets.insert(StepBody, [sealed_body(row, "answer", outcome.raw, clock=clock)])
        if isinstance(following, ProviderStep):
            next_row, body = step_rows(batch, following, n=row.n + 1, clock=clock)
            rowsets.insert(Step, [next_row])
            rowsets.insert(StepBody, [body])
            Batch.objects.filter(pk=batch.pk).update(lease_until=clock + settings.SEND_LEASE)
        crash_point("send.before_result")
    crash_point("send.after_result")
