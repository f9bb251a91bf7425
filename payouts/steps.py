"""Steps and their bytes: what is committed before a call, and what a provider needs to say what comes next."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from typing import overload

from marketplace_payouts.lib import crypto
from marketplace_payouts.lib.crypto import CryptoError
from marketplace_payouts.lib.ids import uuid7
from marketplace_payouts.lib.money import Money
from payouts import methods
from payouts.models import Attempt, Batch, Step, StepBody
from payouts.providers.base import Answer, BadItem, Item, Progress
from payouts.providers.base import Step as ProviderStep


def items_of(attempts: Sequence[Attempt]) -> list[Item]:
    """This will give the attempts as the provider sees them, with their destinations in clear.

    :raises BadItem: when a destination cannot be opened, or is not the one that was approved.
    """
    return [_item(attempt) for attempt in attempts]


def _item(attempt: Attempt) -> Item:
    try:
        destination = methods.destination(attempt.method)
    except CryptoError as error:
        raise BadItem(str(error), item_key=attempt.key) from error
    return Item(
        key=attempt.key,
        amount=Money(int(attempt.units), attempt.currency),
        destination=destination,
        note=attempt.payout.number,
    )


def step_rows(batch: Batch, step: ProviderStep, *, n: int, clock: datetime) -> tuple[Step, StepBody]:
    """This will make the rows that commit a step: its key, the digest of its bytes, and the bytes sealed."""
    row = Step(
        id=uuid7(),
        batch=batch,
        n=n,
        name=step.name,
        key=step.key,
        path=step.path,
        moves_money=step.moves_money,
        digest=hashlib.sha256(step.body).digest(),
        created_at=clock,
    )
    return row, sealed_body(row, "request", step.body, clock=clock)


def sealed_body(step: Step, kind: str, body: bytes, *, clock: datetime) -> StepBody:
    """This will seal the bytes of a request or an answer, bound to their step."""
    sealed = crypto.seal(body, aad=step.pk.bytes + kind.encode())
    return StepBody(id=uuid7(), step=step, kind=kind, sealed=sealed, created_at=clock)


def progress_of(batch: Batch, answers: list[Answer]) -> Progress:
    """This will give what the provider needs to say what comes next.

    The items are read, and their destinations opened, only where the provider looks at them: mostly all is done.
    """
    return Progress(
        batch_key=batch.key,
        currency=batch.currency,
        items=_Items(batch),
        answers=answers,
        at=batch.created_at,
    )


class _Items(Sequence[Item]):
    def __init__(self, batch: Batch) -> None:
        self._batch = batch

    @cached_property
    def _read(self) -> list[Item]:
        return items_of(list(self._batch.attempts.select_related("method", "payout").order_by("pk")))

    def __len__(self) -> int:
        return len(self._read)

    @overload
    def __getitem__(self, place: int) -> Item: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Item]: ...
    def __getitem__(self, place: int | slice) -> Item | Sequence[Item]:
        return self._read[place]


def stored_body(row: Step) -> bytes:
    """This will open the exact bytes that were committed for a step."""
    body = row.bodies.get(kind="request")
    return crypto.open(bytes(body.sealed), aad=row.pk.bytes + b"request")
