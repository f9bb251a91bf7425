"""Walking Sharetribe's transactions, to find what events did not bring: a snapshot is stored of each that differs."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Final
from uuid import UUID

from django.db import transaction

from accounts.models import Marketplace
from flexsync import calls, identity, storing
from flexsync.models import FlexCursor, WriteBack
from flexsync.snapshots import Nonsense, Snapshot, read_snapshot
from flexsync.storing import Heard
from marketplace_payouts.lib.crash_points import crash_point
from marketplace_payouts.lib.logs import logger
from marketplace_payouts.lib.sharetribe import FlexTooMany, JsonObject, Transaction
from payouts.models import Heartbeat, Source

log = logger(__name__)

HEARTBEAT: Final = "resync"
_DAYS_BACK: Final = timedelta(days=3)
_SET: Final = 100
# What we wrote while a page was on its way is no other hand's doing.
_JUST_NOW: Final = timedelta(minutes=10)
# Without it an answer does not name the seller.
_INCLUDE: Final = ("provider",)


@dataclass(slots=True)
class Found:
    """What a walk saw, what of it was new to us, and whether it came to its end."""

    seen: int = 0
    stored: int = 0
    unreadable: int = 0
    is_whole: bool = True


def resync_one(*, reference: UUID, now: datetime) -> Found:
    """This will read one transaction and store it where it differs from what we know.

    :raises FlexNotFound: when there is none.
    :raises FlexError: when Sharetribe does not answer.
    :raises WrongMarketplace: when the credentials are another marketplace's.
    """
    marketplace = identity.confirm()
    cursor = _cursor(marketplace)
    try:
        read = calls.client().transaction(reference, include=_INCLUDE)
    finally:
        calls.flush(today=now.date())
    return _walk([read], marketplace, cursor, now=now, deadline=None)


def resync(*, since: datetime | None, now: datetime, limit_seconds: float = 0) -> Found:
    """This will walk the transactions that changed since a moment, or all, and store those that differ.

    :raises FlexError: when Sharetribe does not answer; what was stored by then stays.
    :raises WrongMarketplace: when the credentials are another marketplace's.
    """
    marketplace = identity.confirm()
    # Taken before the walk: a snapshot is at least as new as every event up to here.
    cursor = _cursor(marketplace)
    deadline = time.monotonic() + limit_seconds if limit_seconds else None
    client = calls.client()
    try:
        changed = client.transactions(transitioned_after=since, include=_INCLUDE)
        return _walk(changed, marketplace, cursor, now=now, deadline=deadline)
    except FlexTooMany:
        log.info("resync_by_age", since=str(since))
        return _walk(client.transactions(include=_INCLUDE), marketplace, cursor, now=now, deadline=deadline)
    finally:
        calls.flush(today=now.date())


def resync_lately(*, now: datetime, limit_seconds: float) -> Found:
    """This will walk what changed in the last days, or since the last such walk where that is longer ago."""
    last = Heartbeat.objects.filter(name=HEARTBEAT).first()
    since = now - _DAYS_BACK
    if last is not None:
        since = min(since, last.at - timedelta(days=1))
    found = resync(since=since, now=now, limit_seconds=limit_seconds)
    if found.is_whole:
        detail = {"seen": found.seen, "stored": found.stored}
        Heartbeat.objects.update_or_create(name=HEARTBEAT, defaults={"at": now, "detail": detail})
    else:
        log.warning("resync_unfinished", since=str(since), seen=found.seen)
    return found


def _walk(
    transactions: Iterable[Transaction],
    marketplace: Marketplace,
    cursor: int,
    *,
    now: datetime,
    deadline: float | None,
) -> Found:
    found = Found()
    for group in _groups(transactions):
        snapshots = _readable(group, found)
        rows = _different(snapshots, cursor=cursor)
        with transaction.atomic():
            found.stored += len(storing.store(rows, marketplace_id=marketplace.pk, now=now))
            _note_foreign_hands([one for one, _raw in snapshots], now=now)
            crash_point("resync.before_commit")
        crash_point("resync.after_commit")
        if deadline is not None and time.monotonic() >= deadline:
            found.is_whole = False
            break
    return found


def _readable(group: Sequence[Transaction], found: Found) -> list[tuple[Snapshot, JsonObject]]:
    snapshots = []
    for one in group:
        found.seen += 1
        try:
            snapshots.append((read_snapshot(one.raw), one.raw))
        except Nonsense as error:
            found.unreadable += 1
            log.warning("transaction_unreadable", transaction=str(one.id), reason=str(error))
    return snapshots


def _different(snapshots: Sequence[tuple[Snapshot, JsonObject]], *, cursor: int) -> list[Heard]:
    references = [one.reference for one, _raw in snapshots]
    known = dict(Source.objects.filter(reference__in=references).values_list("reference", "digest"))
    rows = [
        storing.snapshot_heard(one, raw, cursor=cursor)
        for one, raw in snapshots
        if bytes(known.get(one.reference, b"")) != one.digest
    ]
    return sorted(rows, key=lambda row: row.resource_id)


def _note_foreign_hands(snapshots: Sequence[Snapshot], *, now: datetime) -> None:
    """Show a person where somebody changed what we wrote; replaying its message writes it again."""
    shown = {one.reference: dict(one.told) for one in snapshots}
    rows = WriteBack.objects.filter(
        source__reference__in=shown, confirmed_at__lt=now - _JUST_NOW, lease_until__isnull=True
    )
    for row in rows.select_related("source").order_by("pk").select_for_update(of=("self",)):
        if row.value != shown[row.source.reference]:
            row.confirmed_at, row.conflict_at = None, now
            row.error = f"Somebody changed what we wrote: Sharetribe shows {shown[row.source.reference]}."[
                :2000
            ]
            row.save(update_fields=["confirmed_at", "conflict_at", "error"])


def _groups(transactions: Iterable[Transaction]) -> Iterator[list[Transaction]]:
    walking = iter(transactions)
    while group := list(islice(walking, _SET)):
        yield group


def _cursor(marketplace: Marketplace) -> int:
    return (
        FlexCursor.objects.filter(marketplace=marketplace).values_list("last_sequence_id", flat=True).first()
        or 0
    )
