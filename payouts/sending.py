"""One batch under lock with what it carries, as everything that records an outcome sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from payouts.actors import Actor
from payouts.lifecycle import Move, move
from payouts.models import Attempt, AttemptState, Batch, Payout


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


def load(batch: Batch, *, now: datetime) -> Sending:
    """This will lock a batch's attempts and payouts, attempts first, each in the order of ids."""
    attempts = list(batch.attempts.order_by("pk").select_for_update(of=("self",)))
    payouts = (
        Payout.objects.filter(pk__among=[a.payout_id for a in attempts]).order_by("pk").select_for_update()
    )
    return Sending(batch, attempts, {p.pk: p for p in payouts}, Actor.provider(batch.provider), now)


def move_all(sending: Sending, moves: Sequence[Move]) -> None:
    """This will make moves of payouts that are under our lock, in the name of who brought the news."""
    moved = move(moves, actor=sending.actor, now=sending.now)
    if moved.refused:
        raise RuntimeError("A payout changed under its own lock.")  # cannot happen; nothing is committed


def save(batch: Batch) -> None:
    """This will write what the news changed of a batch."""
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
            "last_sent_at",
        ]
    )
