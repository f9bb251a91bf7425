"""The product without one of its safeguards: small patches of its functions, for proofs that must then fail.

A proof that no mutant breaks proves nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from types import TracebackType
from typing import Any, Self
from unittest import mock

import psycopg
from django.db import transaction

from flexsync import poller, rereading, restoring
from flexsync.models import FlexCursor
from marketplace_payouts.lib.ids import uuid7
from payouts import (
    folding,
    incarnation,
    pacing,
    reconciliation,
    recovery,
    settlement,
    steps,
    submission,
    transmission,
    webhooks,
)
from payouts.models import Attempt, Observation, Step, WebhookDelivery
from payouts.providers.base import Absent, Key, PayoutProvider, RefusalClass, Refused
from payouts.providers.base import Step as ProviderStep
from payouts.providers.paypal import outcomes
from tests.chaos import proofs
from tests.chaos.miniature import Ground
from tests.chaos.proofs import Proof


@dataclass(frozen=True, slots=True)
class Mutant:
    """One safeguard taken away, and the story that must then end badly."""

    name: str
    apply: Callable[[Ground], AbstractContextManager[None]]
    proof: Proof
    also: tuple[str, ...] = ()
    """Services of the sandbox that the story needs."""

    def __str__(self) -> str:
        return self.name


def _instead(target: Any, name: str, other: Any) -> Callable[[Ground], AbstractContextManager[None]]:
    @contextmanager
    def apply(_ground: Ground) -> Iterator[None]:
        with mock.patch.object(target, name, other):
            yield

    return apply


@contextmanager
def _all(*patches: tuple[Any, str, Any]) -> Iterator[None]:
    with ExitStack() as stack:
        for target, name, other in patches:
            stack.enter_context(mock.patch.object(target, name, other))
        yield


def _committed_after_the_call(_ground: Ground) -> AbstractContextManager[None]:
    """Intent, call and answer in one transaction, as a careless hand would write it."""
    send = submission.send

    def in_one_transaction(*, limit: int, now: datetime) -> int:
        with transaction.atomic():
            return send(limit=limit, now=now)

    return _all(
        (submission, "send", in_one_transaction), (pacing, "take_turn", lambda *_args, **_kwargs: None)
    )


def _another_key(_ground: Ground) -> AbstractContextManager[None]:
    stored_body = steps.stored_body

    def renewed(row: Step) -> bytes:
        return stored_body(row).replace(row.key.encode(), str(uuid.uuid4()).encode())

    return _all((transmission, "stored_body", renewed))


def _nothing_is_there(_provider: PayoutProvider, key: Key) -> Absent:
    return Absent(as_of=key.last_sent_at + timedelta(days=1), authoritative=True, reason="Nobody looked.")


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


def _no_locks(_ground: Ground) -> AbstractContextManager[None]:
    return _all((transmission, "SendLock", _NoLock), (recovery, "SendLock", _NoLock))


@contextmanager
def _without_index(ground: Ground, *, name: str) -> Iterator[None]:
    with psycopg.connect(ground.url, autocommit=True) as session:
        found = session.execute("SELECT indexdef FROM pg_indexes WHERE indexname = %s", [name]).fetchone()
        assert found is not None, f"there is no index {name}"
        session.execute(f'DROP INDEX "{name}"')
        try:
            yield
        finally:
            ground.restart().leave()
            session.execute(found[0])


def _applied_from_its_body(_ground: Ground) -> AbstractContextManager[None]:
    work_off = webhooks.work_off

    def believe(*, limit: int, now: datetime) -> int:
        for row in WebhookDelivery.objects.filter(state=WebhookDelivery.State.NEW):
            attempt = Attempt.objects.get(key=row.hint["item_key"])
            said = Observation(
                id=uuid7(),
                attempt=attempt,
                seq=reconciliation.reading(),
                status=row.kind,
                raw_status=row.kind,
                created_at=now,
            )
            with transaction.atomic():
                reconciliation.store([said])
        return work_off(limit=limit, now=now)

    return _all((webhooks, "work_off", believe))


def _errors_are_refusals(_ground: Ground) -> AbstractContextManager[None]:
    read = outcomes.read_creation

    def refuse(*, answer: Any, step: ProviderStep) -> Any:
        if answer.status >= 500:
            return Refused("INTERNAL_ERROR", RefusalClass.WAIT, "It failed.", raw=answer.body)
        return read(answer=answer, step=step)

    return _all((outcomes, "read_creation", refuse))


def _cursor_first(_ground: Ground) -> AbstractContextManager[None]:
    store = poller._store

    def advance_first(page: Any, walk: Any, *, is_overlap_done: bool) -> int:
        if page.events:
            FlexCursor.objects.update(last_sequence_id=page.events[-1].sequence_id)
        return store(page, walk, is_overlap_done=is_overlap_done)

    return _all((poller, "_store", advance_first))


def _newest_first(_ground: Ground) -> AbstractContextManager[None]:
    fold = folding.fold

    def backwards(change: Any, observations: Sequence[Observation]) -> Any:
        return fold(change, list(reversed(observations)))

    return _all((settlement, "fold", backwards))


def _announcement_ignored(_ground: Ground) -> AbstractContextManager[None]:
    return _all(
        (rereading, "named_payouts", lambda _told: []),
        (rereading, "_forgotten", lambda _one, _told: ""),
        (restoring, "named_payouts", lambda _told: []),
    )


def _lease_ignored(_ground: Ground) -> AbstractContextManager[None]:
    look = transmission._last_look

    def look_elsewhere(provider: Any, batch: Any, row: Any, sender: str, *, again: bool) -> Any:
        return look(provider, batch, row, sender, again=True)

    return _all((transmission, "_last_look", look_elsewhere))


MUTANTS = (
    Mutant(
        "attempt committed after the call", _committed_after_the_call, proofs.the_sender_dies_after_its_call
    ),
    Mutant("new key per try", _another_key, proofs.the_answer_is_lost),
    Mutant("lookup skipped", _instead(recovery, "_find", _nothing_is_there), proofs.the_teller_takes_it_late),
    Mutant("advisory lock skipped", _no_locks, proofs.the_sender_stalls),
    Mutant(
        "unique index gone",
        partial(_without_index, name="payouts_payoutline_live"),
        proofs.somebody_forgets_a_lock,
    ),
    Mutant("webhook applied from its body", _applied_from_its_body, proofs.a_webhook_says_more_than_is_so),
    Mutant("5xx as failed", _errors_are_refusals, proofs.paypal_answers_500_and_has_paid, ("paypal",)),
    Mutant("cursor committed first", _cursor_first, proofs.the_poller_dies_before_its_commit),
    Mutant(
        "hold not looked at before transmit",
        _instead(transmission, "_is_stopped", lambda _batch: False),
        proofs.it_is_held_at_the_last_moment,
    ),
    Mutant(
        "observations not folded",
        _instead(settlement, "settle", lambda **_options: 0),
        proofs.the_answer_is_lost,
    ),
    Mutant("observations folded in any order", _newest_first, proofs.it_comes_back),
    Mutant("announcement ignored after a restore", _announcement_ignored, proofs.the_disk_is_put_back),
    Mutant(
        "another database goes on",
        _instead(incarnation, "is_accepted", lambda: True),
        proofs.another_database_goes_on,
    ),
    Mutant("lease not looked at before transmit", _lease_ignored, proofs.the_lease_runs_out_before_the_call),
)
