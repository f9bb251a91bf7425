"""The product without one of its safeguards: small patches of its functions, which the proofs must then find out.

Each is tried where it can do harm: in a few cases of the sweep, or in a history of the state machine. A proof that no
mutant breaks proves nothing.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import methodcaller
from types import TracebackType
from typing import Any, Self
from unittest import mock

from django.db import IntegrityError, connections, transaction
from django.db.models import QuerySet

from flexsync import poller, rereading, restoring
from flexsync.models import FlexCursor
from marketplace_payouts.lib.ids import uuid7
from payouts import (
    folding,
    incarnation,
    pacing,
    reconciliation,
    recovery,
    scheduling,
    settlement,
    steps,
    submission,
    transmission,
    webhooks,
)
from payouts.models import Attempt, Observation, Payable, Payout, Step, WebhookDelivery
from payouts.providers.base import Absent, CannotTell, Key, PayoutProvider, RefusalClass, Refused, Status
from payouts.providers.base import Step as ProviderStep
from payouts.providers.paypal import outcomes
from tests import network
from tests.chaos.cases import KILL, STALL, STOP, Case, case
from tests.chaos.lives import AS_IS, Product

Call = Callable[[Any], None]
"""A call of one of the machine's rules."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One safeguard taken away, and how that comes out."""

    name: str
    product: Product
    sentence: str
    """A pattern of what must then be said."""
    cases: tuple[Case, ...] = ()
    """Those of the sweep that it concerns."""
    histories: tuple[tuple[Call, ...], ...] = ()
    """Or, where the sweep does not come to it, what the state machine does, rule by rule."""
    beside: Product = AS_IS
    """What all the same ends well."""

    def __str__(self) -> str:
        return self.name


Patches = AbstractContextManager[None]


def _without(target: Any, name: str, other: Any) -> Product:
    return Product(lambda: _all((target, name, other)))


@contextmanager
def _all(*patches: tuple[Any, str, Any]) -> Iterator[None]:
    with ExitStack() as stack:
        for target, name, other in patches:
            stack.enter_context(mock.patch.object(target, name, other))
        yield


def _committed_after_the_call() -> Patches:
    """Intent, call and answer in one transaction, as a careless hand would write it."""
    send = submission.send

    def in_one_transaction(*, limit: int, now: datetime) -> int:
        with transaction.atomic():
            return send(limit=limit, now=now)

    return _all(
        (submission, "send", in_one_transaction),
        (pacing, "take_turn", lambda *_args, **_kwargs: None),
        # The tests' own rule, that nothing is called within a transaction, would see it first.
        (network, "in_transaction", lambda: False),
    )


def _another_key() -> Patches:
    stored_body = steps.stored_body

    def renewed(row: Step) -> bytes:
        return stored_body(row).replace(row.key.encode(), str(uuid.uuid4()).encode())

    return _all((transmission, "stored_body", renewed))


def _nothing_is_there(_provider: PayoutProvider, key: Key) -> Absent:
    return Absent(as_of=key.last_sent_at + timedelta(days=1), authoritative=True, reason="Nobody looked.")


def _resent_without_looking() -> Patches:
    """The stored step goes out again before anybody is asked for it, to whomever."""
    return _all(
        (recovery, "_may_send_again", lambda _provider, _batch, *, now: True),
        (recovery, "_asks_first", lambda _provider, _batch: False),
        (recovery, "_find", lambda _provider, _key: CannotTell("Nobody was asked.")),
    )


class _NoLock:
    """A send lock that locks nothing."""

    def __init__(self, _name: str) -> None:
        self.sender = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of nothing."""

    def still_held(self) -> None:
        """Be content."""


def _no_locks() -> Patches:
    return _all((transmission, "SendLock", _NoLock), (recovery, "SendLock", _NoLock))


@contextmanager
def _two_gather_at_once() -> Iterator[None]:
    """No lock keeps them apart, and both have looked before either writes: what is left is the database's word."""
    gather, make = scheduling.gather, scheduling._make

    def both(*, limit: int, now: datetime) -> int:
        made: list[int] = []
        meet = threading.Barrier(2)

        def make_together(groups: Any, *, now: datetime) -> tuple[list[Payout], list[Payable]]:
            if groups:
                with suppress(threading.BrokenBarrierError):
                    meet.wait(30)
            return make(groups, now=now)

        def run() -> None:
            # Whoever comes too late is left alone, and has nothing done.
            with suppress(IntegrityError):
                made.append(gather(limit=limit, now=now))
            connections.close_all()

        with _all((QuerySet, "select_for_update", _unlocked), (scheduling, "_make", make_together)):
            threads = [threading.Thread(target=run) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        return sum(made)

    with _all((scheduling, "gather", both)):
        yield


def _unlocked(rows: QuerySet[Any], **_options: Any) -> QuerySet[Any]:
    return rows


def _applied_from_its_body() -> Patches:
    work_off = webhooks.work_off

    def believe(*, limit: int, now: datetime) -> int:
        new = WebhookDelivery.objects.filter(state=WebhookDelivery.State.NEW)
        told = {row.hint["item_key"]: row.kind for row in new.order_by("received_at", "id")}
        said = [
            Observation(
                id=uuid7(),
                attempt=attempt,
                seq=reconciliation.reading(),
                status=told[attempt.key],
                raw_status=told[attempt.key],
                created_at=now,
            )
            for attempt in Attempt.objects.filter(key__in=told)
        ]
        with transaction.atomic():
            reconciliation.store(said)
        return work_off(limit=limit, now=now)

    return _all((webhooks, "work_off", believe))


def _errors_are_refusals() -> Patches:
    read = outcomes.read_creation

    def refuse(*, answer: Any, step: ProviderStep) -> Any:
        if answer.status >= 500:
            return Refused("INTERNAL_ERROR", RefusalClass.WAIT, "It failed.", raw=answer.body)
        return read(answer=answer, step=step)

    return _all((outcomes, "read_creation", refuse))


def _cursor_first() -> Patches:
    """And nothing is read twice, so that what was never heard is not found by chance."""
    store = poller._store

    def advance_first(page: Any, walk: Any, *, is_overlap_done: bool) -> int:
        if page.events:
            FlexCursor.objects.update(last_sequence_id=page.events[-1].sequence_id)
        return store(page, walk, is_overlap_done=is_overlap_done)

    return _all((poller, "_store", advance_first), (poller, "_overlap_is_due", lambda *_: False))


def _newest_first() -> Patches:
    fold = folding.fold

    def backwards(change: Any, observations: Sequence[Observation]) -> Any:
        return fold(change, list(reversed(observations)))

    return _all((settlement, "fold", backwards))


def _newer_noted_only() -> Patches:
    """Where several came together, the oldest is acted upon, and of the newest is written only what it says."""
    fold = folding.fold

    def fold_oldest(change: Any, observations: Sequence[Observation]) -> Any:
        folded, newest = fold(change, observations[:1]), observations[-1]
        attempt = change.attempt
        attempt.folded, attempt.status, attempt.raw_status = newest.seq, newest.status, newest.raw_status
        return folded

    return _all((settlement, "fold", fold_oldest))


def _announcement_ignored() -> Patches:
    return _all(
        (rereading, "named_payouts", lambda _told: []),
        (rereading, "_forgotten", lambda _one, _told: ""),
        (restoring, "named_payouts", lambda _told: []),
    )


def _lease_ignored() -> Patches:
    look = transmission._last_look

    def look_elsewhere(provider: Any, batch: Any, row: Any, sender: str, *, again: bool) -> Any:
        return look(provider, batch, row, sender, again=True)

    return _all((transmission, "_last_look", look_elsewhere))


LIVE_LINE = "payouts_payoutline_live"

_SOLD = methodcaller("it_begins", seller="anna", price=10_000, sent=2)
_ACCEPTED = methodcaller("send", script=["accepted"])
_TAKEN_LATE = methodcaller("send", script=["taken late"])
_BACK_UP, _TELL, _RESTORE = methodcaller("back_up"), methodcaller("tell"), methodcaller("restore")
_DISK_BACK = methodcaller("put_the_disk_back")
_GOES_BY = methodcaller("time_goes_by", hours=0.1)
_GOES_ON = (methodcaller("after_restore"), methodcaller("announce"), _ACCEPTED, _GOES_BY)

MUTANTS = (
    Mutant(
        "attempt committed after the call",
        Product(_committed_after_the_call),
        "duplicates: .* is no attempt of ours",
        (case("paypal", "send.after_call", kind=KILL),),
    ),
    Mutant(
        "new key per try",
        Product(_another_key),
        r"duplicates: .* was debited \d times",
        (case("paypal, silent"),),
    ),
    Mutant(
        "sent again without looking",
        Product(_resent_without_looking),
        r"duplicates: .* was debited \d times",
        (case("two_step, silent"),),
    ),
    Mutant(
        "absence made up",
        _without(recovery, "_find", _nothing_is_there),
        "duplicates: .* counts as absent, and was debited",
        (case("two_step, silent"),),
    ),
    Mutant(
        "advisory lock skipped",
        Product(_no_locks),
        "duplicates: .* counts as absent, and was debited",
        (case("two_step", "send.before_call", n=4, kind=STALL),),
    ),
    Mutant(
        "unique index gone",
        Product(_two_gather_at_once, f"DROP INDEX {LIVE_LINE}"),
        "duplicates: .* was paid by .*, .*",
        (case("two_step"),),
        beside=Product(_two_gather_at_once),
    ),
    Mutant(
        "webhook applied from its body",
        Product(_applied_from_its_body),
        "lost: .* is paid, but 0 left",
        (case("two_step, boastful"),),
    ),
    Mutant(
        "5xx as failed",
        Product(_errors_are_refusals),
        "duplicates: .* of 9000 was paid 18000",
        (case("paypal, silent"),),
    ),
    Mutant(
        "cursor committed first",
        Product(_cursor_first),
        "lost: .* owes 9000, 0 is accrued, and nobody is told why",
        (case("two_step", "poll.before_commit", kind=KILL),),
    ),
    Mutant(
        "hold not looked at before transmit",
        _without(transmission, "_is_stopped", lambda _batch: False),
        "sent after the stop: 9000",
        (
            case("paypal", "send.after_intent", kind=STOP),
            case("two_step", "send.after_intent", kind=STOP),
        ),
    ),
    Mutant(
        "newer observations noted only",
        Product(_newer_noted_only),
        r"is submitted: ",
        histories=(
            (
                _SOLD,
                _ACCEPTED,
                _GOES_BY,
                methodcaller("ask", blind=0),
                methodcaller("go_on", nth=0, status=Status.PAID),
                _GOES_BY,
                methodcaller("ask", blind=0),
                methodcaller("settle"),
            ),
        ),
    ),
    Mutant(
        "observations folded in any order",
        Product(_newest_first),
        "incident contradiction: .* came back, and now is said to be paid",
        histories=(
            (
                _SOLD,
                _ACCEPTED,
                methodcaller("go_on", nth=0, status=Status.PAID),
                _GOES_BY,
                methodcaller("ask", blind=0),
                methodcaller("come_back", nth=0, part=None),
                _GOES_BY,
                methodcaller("ask", blind=0),
                methodcaller("settle"),
            ),
        ),
    ),
    Mutant(
        "announcement ignored after a restore",
        Product(_announcement_ignored),
        "paid twice: ",
        histories=(
            (_SOLD, _BACK_UP, _TAKEN_LATE, _TELL, _RESTORE, *_GOES_ON),
            (_SOLD, _BACK_UP, _ACCEPTED, _DISK_BACK, methodcaller("announce"), _GOES_BY, _ACCEPTED),
        ),
    ),
    Mutant(
        "another database goes on",
        _without(incarnation, "is_accepted", lambda: True),
        "paid twice: ",
        histories=((_SOLD, _BACK_UP, methodcaller("send", script=["paid at once"]), _RESTORE, _ACCEPTED),),
    ),
    Mutant(
        "lease not looked at before transmit",
        Product(_lease_ignored),
        "duplicates: .* is approved, but 9000 left for it",
        (case("two_step", "send.after_intent", kind=STALL, then="resend.before_intent"),),
    ),
)
