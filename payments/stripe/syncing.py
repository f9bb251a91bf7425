"""The stage that works off Stripe's webhooks: what they are about is read again, dj-stripe keeps what was read, and
what that says of a buyer's payment is recorded.

dj-stripe's handlers read in the middle of writing. So each event is tried in a transaction with what was read so far;
what it still lacks is read, for all events side by side and outside of any transaction, and it is tried again. What
several events are about is read once. One worker does this at a time, so that what is written is the newest that
anybody has read.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import stripe
from django.db import DatabaseError, transaction
from djstripe.models import Event, Payout

from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.crash_points import crash_point
from marketplace_payouts.lib.logs import logger
from marketplace_payouts.lib.pool import run_all
from marketplace_payouts.lib.shared_state import NotGranted, shared_lock
from payments.models import StripeDelivery
from payments.stripe import client, outcomes, recall
from payments.stripe.client import READERS, Question
from payments.stripe.config import is_on
from payments.stripe.errors import StripeKeyRefused, StripeProblem, StripeUnavailable, is_out_of_reach
from payments.stripe.events import EVENTS, Look
from payments.stripe.recall import MOST_READINGS, Answers, Unread

log = logger(__name__)

_CLAIM: Final = timedelta(minutes=5)
_READING_S: Final = 60.0
"""For so long what is asked for is read: a few times what an event needs where Stripe is slow. The rest comes later."""
_OUTAGE: Final = timedelta(seconds=30)
_FIRST_WAIT: Final = timedelta(seconds=15)
_LONGEST_WAIT: Final = timedelta(hours=1)
_TRIES: Final = 12
_UNSEEN: Final = "Stripe does not let us see it: the account took our access away, or is gone."
# Stripe's trouble, not the event's: it is tried again for as long as it takes.
_TROUBLE: Final = (StripeUnavailable, StripeKeyRefused)
# What dj-stripe makes of an event that is not as it expects.
_FAILURES: Final = (
    stripe.StripeError,
    StripeProblem,
    DatabaseError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
)


@dataclass(slots=True)
class _Batch:
    """Claimed deliveries, what was read for them, and what is to be noted of those that were not applied."""

    now: datetime
    end: float
    """When reading ends, on the clock of `time.monotonic`."""
    answers: Answers = field(default_factory=dict)
    is_answered: bool = False
    trouble: str = ""
    notes: list[dict[str, Any]] = field(default_factory=list)

    @property
    def is_outage(self) -> bool:
        """Whether Stripe was asked, and answered nothing at all."""
        return bool(self.trouble) and not self.is_answered

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to be read."""
        return self.is_outage or time.monotonic() >= self.end


def sync(*, limit: int, now: datetime) -> int:
    """This will read again what up to `limit` deliveries are about; gives how many it is done with."""
    if not is_on():
        return 0
    try:
        with shared_lock("stripe sync", wait_s=0):
            return _sync(limit=limit, now=now)
    except NotGranted:
        return 0


def _sync(*, limit: int, now: datetime) -> int:
    rows = _claim(limit, now=now)
    batch = _Batch(now, time.monotonic() + _READING_S)
    waiting = _try_all(rows, batch)
    for _ in range(MOST_READINGS):
        if not waiting or batch.is_over:
            break
        _read(set(waiting.values()), batch)
        waiting = _try_all([row for row in rows if row.pk in waiting], batch)
    batch.notes += [_left_over(row, batch) for row in rows if row.pk in waiting]
    _note(batch)
    return len(rows) - len([note for note in batch.notes if note["state"] == StripeDelivery.State.NEW])


def _claim(limit: int, *, now: datetime) -> list[StripeDelivery]:
    """Pushed ahead before anything is read, so that an event that kills the worker cannot starve the others."""
    with transaction.atomic():
        rows = list(
            StripeDelivery.objects.filter(state=StripeDelivery.State.NEW, next_at__lte=now)
            .order_by("next_at", "id")
            .select_for_update(skip_locked=True)[:limit]
        )
        StripeDelivery.objects.filter(pk__in=[row.pk for row in rows]).update(next_at=now + _CLAIM)
        crash_point("stripe_sync.before_claim")
    crash_point("stripe_sync.after_claim")
    return rows


def _try_all(rows: Iterable[StripeDelivery], batch: _Batch) -> dict[Any, Question]:
    """Have dj-stripe keep the events and what they are about; gives what has to be read for some of them, by row."""
    lacking = {}
    for row in rows:
        try:
            _apply(row, batch)
        except Unread as unread:
            lacking[row.pk] = unread.question
        except _TROUBLE as error:
            batch.notes.append(_put_off(row, error, batch))
        except _FAILURES as error:
            batch.notes.append(_failed(row, error, batch))
    return lacking


def _apply(row: StripeDelivery, batch: _Batch) -> None:
    with transaction.atomic():
        with recall.answering(batch.answers):
            Event.process(json.loads(row.body))
        outcomes.record(row, batch.answers, now=batch.now)
        if row.account and EVENTS[row.kind].look is Look.PAYOUT:
            # dj-stripe forgets on the way as which account it was read, and takes it for our own.
            Payout.objects.filter(id=row.object_id).update(djstripe_owner_account=row.account)
        StripeDelivery.objects.filter(pk=row.pk).update(
            **_closed(StripeDelivery.State.APPLIED, batch), body=""
        )
        crash_point("stripe_sync.before_commit")
    crash_point("stripe_sync.after_commit")


def _read(questions: Iterable[Question], batch: _Batch) -> None:
    run_all(lambda question: _read_one(question, batch), list(questions), workers=READERS)


def _read_one(question: Question, batch: _Batch) -> None:
    if batch.is_over:
        return
    crash_point("stripe_sync.before_call")
    try:
        batch.answers[question] = client.read(question)
        batch.is_answered = True
    except _TROUBLE as error:
        batch.answers[question] = error
        batch.trouble = str(error)
    crash_point("stripe_sync.after_call")


def _note(batch: _Batch) -> None:
    """Write down what became of those that were not applied; where Stripe answered nothing at all, all others wait."""
    until = batch.now + _OUTAGE
    with transaction.atomic():
        if batch.is_outage:
            log.warning("stripe_not_reached", reason=batch.trouble)
            due = StripeDelivery.objects.filter(state=StripeDelivery.State.NEW, next_at__lte=until)
            due.update(next_at=until)
            batch.notes = [note | {"next_at": until} if note["next_at"] else note for note in batch.notes]
        rowsets.update(StripeDelivery, batch.notes)
        crash_point("stripe_sync.before_note")
    crash_point("stripe_sync.after_note")


def _closed(state: StripeDelivery.State, batch: _Batch, *, error: str = "") -> dict[str, Any]:
    return {"state": state, "error": error, "next_at": None, "person_after": None, "worked_at": batch.now}


def _open(row: StripeDelivery, *, error: str, next_at: datetime) -> dict[str, Any]:
    return {
        "state": StripeDelivery.State.NEW,
        "error": error[:500],
        "next_at": next_at,
        "person_after": row.person_after,
        "worked_at": None,
    }


def _left_over(row: StripeDelivery, batch: _Batch) -> dict[str, Any]:
    if not batch.is_over:
        return _failed(row, StripeProblem("dj-stripe asks for ever more."), batch)
    return {"id": row.pk, "tries": row.tries} | _open(row, error=row.error, next_at=batch.now)


def _put_off(row: StripeDelivery, error: Exception, batch: _Batch) -> dict[str, Any]:
    wait = min(_FIRST_WAIT * 2 ** min(row.tries, 10), _LONGEST_WAIT)
    return {"id": row.pk, "tries": row.tries + 1} | _open(row, error=str(error), next_at=batch.now + wait)


def _failed(row: StripeDelivery, error: Exception, batch: _Batch) -> dict[str, Any]:
    if isinstance(error, stripe.PermissionError) and is_out_of_reach(error):
        return {"id": row.pk, "tries": row.tries} | _closed(
            StripeDelivery.State.IGNORED, batch, error=_UNSEEN
        )
    told = f"{type(error).__name__}: {error}"[:500]
    log.warning("stripe_event_not_applied", delivery=str(row.pk), kind=row.kind, reason=told)
    if row.tries + 1 < _TRIES:
        return _put_off(row, error, batch) | {"error": told}
    dead = _closed(StripeDelivery.State.DEAD, batch, error=told) | {"person_after": batch.now}
    return {"id": row.pk, "tries": row.tries + 1} | dead
