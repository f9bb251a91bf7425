"""The records of payouts, recomputed hash by hash."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from uuid import UUID

from django.db import transaction

from payouts.invariants.base import since_id
from payouts.lifecycle import chain_hash
from payouts.models import PayoutEvent

_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class Broken:
    """A record whose hashes do not follow from its content; `n` is the first event that does not fit."""

    payout_id: UUID
    n: int


def first_wrong(events: Iterable[PayoutEvent]) -> int:
    """This will give the number of the first event of one record, in order, whose hash does not fit; 0 if all do."""
    previous = b""
    for event in events:
        if bytes(event.hash) != chain_hash(event, previous):
            return event.n
        previous = bytes(event.hash)
    return 0


def broken(*, since: datetime | None) -> Iterator[Broken]:
    """This will recompute the records that were written to since a moment, or all, and give the broken ones."""
    events = PayoutEvent.objects.order_by("payout_id", "n")
    if since is not None:
        changed = PayoutEvent.objects.filter(pk__gte=since_id(since)).values("payout_id")
        events = events.filter(payout_id__in=changed)
    with transaction.atomic():
        for payout_id, record in groupby(
            events.iterator(chunk_size=_AT_ONCE), key=lambda event: event.payout_id
        ):
            if n := first_wrong(record):
                yield Broken(payout_id, n)
