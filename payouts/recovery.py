"""Finding out what became of a batch whose sender died or heard nothing certain; never a new key while in doubt."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection, transaction

from marketplace_payouts.lib.clock import database_now
from marketplace_payouts.lib.crash_points import crash_point
from marketplace_payouts.lib.locks import LockLost, LockTaken, SendLock
from marketplace_payouts.lib.logs import logger
from payouts import doubt, item_readings, pacing, transmission
from payouts.deferring import defer
from payouts.models import AttemptState, Batch, BatchState
from payouts.pacing import NoTurn
from payouts.providers.base import (
    Absent,
    Accepted,
    BatchView,
    CannotTell,
    Deferred,
    Found,
    Key,
    PayoutProvider,
    ProviderUnavailable,
    Unknown,
)
from payouts.sending import load

log = logger(__name__)

_OPEN = (BatchState.COMMITTED, BatchState.SENT, BatchState.UNKNOWN)
# Well inside the provider's window: a key it is about to forget is not sent again.
_WINDOW_MARGIN_AT_MOST = timedelta(hours=24)


def recover(provider: PayoutProvider, batch: Batch, *, now: datetime) -> None:
    """This will bring an open batch, whose lease is over, as near to certainty as the provider allows."""
    try:
        with SendLock(transmission.lock_name(batch.pk)) as lock:
            _under_lock(provider, batch, lock, now=now)
    except LockTaken:
        # Its sender lives, and may be in the middle of the call: nobody can say anything yet.
        log.info("sender_alive", batch=str(batch.pk))
    except LockLost:
        log.warning("send_lock_lost", batch=str(batch.pk))


def _under_lock(provider: PayoutProvider, batch: Batch, lock: SendLock, *, now: datetime) -> None:
    with transaction.atomic():
        batch = Batch.objects.select_for_update().get(pk=batch.pk)
        clock = database_now(connection)
        proven = transmission.has_ended(batch)
        if proven and batch.sender and batch.answers < batch.transmissions:
            # Whoever ended without an answer may have sent right before its end, which may have been just now. (Of a
            # database that was lost nobody is named, but it is known when it stopped.)
            batch.answers, batch.last_sent_at = batch.transmissions, clock
            batch.save(update_fields=["answers", "last_sent_at"])
        is_decided = batch.state == BatchState.CLOSED and not batch.reference
        is_doubtful = _take_over(batch, is_decided=is_decided, clock=clock)
        crash_point("recover.before_commit")
    crash_point("recover.after_commit")
    if not is_doubtful:
        return
    # People who decided about it, or about one of its items, decided that it never goes out again.
    may_send = not is_decided and _may_send_again(provider, batch, now=clock)
    asks_first = _asks_first(provider, batch)
    if may_send and not asks_first and provider.capabilities.lookup_by_key:
        # Asking costs nothing, and sent again the key may only bring back the same failure that is kept under it.
        found = _find(provider, _key_of(batch))
        if isinstance(found, Found):
            _adopt(batch, found.view, lock)
            return
    if may_send and not asks_first and transmission.transmit_again(batch, lock):
        return
    if not _look_up(provider, batch, lock, proven=proven) and may_send and asks_first:
        # The provider could not say; sent once more it may name what it has, or take what it has not.
        transmission.transmit_again(batch, lock)


def _take_over(batch: Batch, *, is_decided: bool, clock: datetime) -> bool:
    """Write down what is certain about a batch whose sender ended; tells whether its outcome must be found out."""
    if is_decided:
        doubt.watch(batch, now=clock)
        return True
    if batch.state not in _OPEN or (batch.lease_until is not None and batch.lease_until > clock):
        return False
    sending = load(batch, now=clock)
    if any(attempt.state == AttemptState.DEFERRED for attempt in sending.attempts):
        # Its sender wrote down after all, since somebody asked for this batch, that it was not processed: it goes out
        # again as it stands, or is withdrawn, and there is nothing to find out.
        return False
    if batch.transmissions == 0 and batch.state == BatchState.COMMITTED:
        # Counted before each call: it was never transmitted, and its lease forbids that from now on.
        defer(sending, Deferred(reason="Its sender stopped before the call."))
        return False
    doubt.unknown(sending, batch.reason or "Its sender stopped without a certain answer.")
    return True


def _asks_first(provider: PayoutProvider, batch: Batch) -> bool:
    """Tell whether to look before sending once more: for what is there already, or may have lapsed meanwhile."""
    step = batch.steps.order_by("-n").first()
    assert step is not None
    return step.outcome == "exists" or (provider.capabilities.steps_lapse and step.moves_money)


def _may_send_again(provider: PayoutProvider, batch: Batch, *, now: datetime) -> bool:
    """Only the stored step, only where the provider dedupes it, only while it certainly remembers the key."""
    if not provider.capabilities.dedupes or batch.reference:
        return False
    if batch.attempts.exclude(state=AttemptState.UNKNOWN).exists() or transmission.is_wanted_no_more(batch):
        return False
    first, window = batch.first_sent_at or now, provider.capabilities.key_window
    return now < first + window - min(_WINDOW_MARGIN_AT_MOST, window / 2)


def _look_up(provider: PayoutProvider, batch: Batch, lock: SendLock, *, proven: bool) -> bool:
    """Ask by our key, without sending anything; tells whether the provider could say for sure."""
    found = _find(provider, _key_of(batch))
    if isinstance(found, Found):
        _adopt(batch, found.view, lock)
    else:
        _not_found(provider, batch, found, proven=proven)
    return isinstance(found, Found) or (isinstance(found, Absent) and found.authoritative)


def _key_of(batch: Batch) -> Key:
    step = batch.steps.order_by("-n").first()
    assert step is not None
    assert batch.first_sent_at is not None
    assert batch.last_sent_at is not None
    return Key(
        step_key=step.key,
        batch_key=batch.key,
        item_keys=list(batch.attempts.order_by("pk").values_list("key", flat=True)),
        first_sent_at=batch.first_sent_at,
        last_sent_at=batch.last_sent_at,
    )


def _find(provider: PayoutProvider, key: Key) -> Found | Absent | CannotTell:
    try:
        pacing.take_turn(provider)
    except NoTurn as error:
        return CannotTell(str(error))
    crash_point("look_up.before_call")
    found = provider.find(key)
    crash_point("look_up.after_call")
    return found


def _covers(found: Absent | CannotTell, until: datetime) -> bool:
    return isinstance(found, Absent) and found.as_of >= until


def adopt_reference(provider: PayoutProvider, batch: Batch, reference: str) -> bool:
    """This will adopt what exists under a reference that a webhook names, if it is what we sent.

    Gives False while the batch's sender may still be in its call, or when the provider cannot be read.
    """
    try:
        with SendLock(transmission.lock_name(batch.pk)) as lock:
            pacing.take_turn(provider)
            crash_point("adopt.before_call")
            view = item_readings.view_of(provider, batch, reference=reference, now=database_now(connection))
            crash_point("adopt.after_call")
            _adopt(batch, view, lock)
            return True
    except (LockTaken, LockLost, ProviderUnavailable) as error:
        log.info("reference_not_adopted", batch=str(batch.pk), reason=str(error))
        return False


def _adopt(batch: Batch, view: BatchView, lock: SendLock) -> None:
    difference = transmission.why_not_ours(batch, view)
    references = {one.item_key: one.reference for one in view.observations if one.reference}
    outcome = Unknown(reason=difference) if difference else Accepted(view.reference, references)
    transmission.adopt(batch, outcome, lock)


def _not_found(provider: PayoutProvider, batch: Batch, found: Absent | CannotTell, *, proven: bool) -> None:
    """Only an authoritative absence, after the settle time, with no sender left, proves that nothing was sent."""
    with transaction.atomic():
        clock = database_now(connection)
        sending = load(Batch.objects.select_for_update().get(pk=batch.pk), now=clock)
        last = sending.batch.last_sent_at
        if sending.batch.state not in (*_OPEN, BatchState.CLOSED) or last is None:
            return
        is_certain = isinstance(found, Absent) and found.authoritative
        if is_certain and proven and _covers(found, last + provider.capabilities.settle_time):
            doubt.absent(sending, f"The provider has nothing: {found.reason}")
        elif sending.batch.state in _OPEN:
            why = "Not found, but it may still turn up." if is_certain else "The provider cannot tell"
            doubt.unknown(sending, why if is_certain else f"{why}: {found.reason}")
        crash_point("look_up.before_commit")
    crash_point("look_up.after_commit")
