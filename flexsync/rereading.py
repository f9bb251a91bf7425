"""Before sending: each transaction is read again, and told which payout is about to be sent. Both are gates.

The announcement is the second, independent record of what we sent: a database that was restored to an earlier state
finds there a payout that it does not know, and stops.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from accounts.models import Marketplace
from flexsync import calls, identity, profiles, speaking, storing, telling
from flexsync.models import FlexCursor, WriteBack
from flexsync.profiles import Learned
from flexsync.snapshots import METADATA_KEY, Nonsense, Snapshot, named_payouts, read_snapshot
from flexsync.telling import ANNOUNCED, CANCELLED, Telling, moment
from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.crash_points import crash_point
from marketplace_payouts.lib.ids import uuid7
from marketplace_payouts.lib.logs import logger
from marketplace_payouts.lib.sharetribe import (
    FlexBadAnswer,
    FlexClient,
    FlexError,
    FlexNotFound,
    FlexUnauthorized,
)
from marketplace_payouts.lib.sharetribe.records import parse_user
from payouts import incarnation
from payouts.models import Announcement, OutboxMessage, Payout, Source, SourceCheck, State

log = logger(__name__)

_AT_ONCE: Final = 200
_LONGEST_WAIT: Final = timedelta(minutes=10)
_FIRST_WAIT: Final = timedelta(seconds=10)
# Gates that this stage opens; a payout that stops at an earlier one need not be read again and again meanwhile.
_OUR_GATES: Final = ("", "reread", "announced")

_CANDIDATES: Final = """
    SELECT s.id, array_agg(DISTINCT p.id)
    FROM payouts_payout p
    JOIN payouts_payoutline l ON l.payout_id = p.id AND l.released_at IS NULL
    JOIN payouts_payable b ON b.id = l.payable_id
    JOIN payouts_source s ON s.id = b.source_id
    LEFT JOIN payouts_sourcecheck c ON c.source_id = s.id
    LEFT JOIN payouts_announcement a ON a.payout_id = p.id AND a.source_id = s.id
    LEFT JOIN flexsync_writeback w ON w.source_id = s.id
    WHERE p.state = 'approved' AND p.blocked_by = ANY(%s)
      AND s.heard <= s.understood AND s.next_at IS NULL AND s.parked_at IS NULL
      AND (a.id IS NULL OR c.checked_at IS NULL OR c.checked_at < %s OR c.digest <> s.digest)
      AND (c.next_at IS NULL OR c.next_at <= clock_timestamp())
      AND (w.lease_until IS NULL OR w.lease_until < clock_timestamp())
    GROUP BY s.id ORDER BY min(p.state_since), s.id LIMIT %s
"""


# What Sharetribe last answered stays where this time it did not answer.
_MERGE_CHECK: Final = """
    (source_id) DO UPDATE SET
        checked_at = coalesce(excluded.checked_at, payouts_sourcecheck.checked_at),
        digest = CASE WHEN excluded.checked_at IS NULL THEN payouts_sourcecheck.digest ELSE excluded.digest END,
        foreign_payout = CASE WHEN excluded.checked_at IS NULL THEN payouts_sourcecheck.foreign_payout
                              ELSE excluded.foreign_payout END,
        next_at = excluded.next_at,
        tries = CASE WHEN excluded.error = '' THEN 0 ELSE payouts_sourcecheck.tries + 1 END,
        error = excluded.error
"""


@dataclass(slots=True)
class _Reading:
    """One transaction to be read, and what came of it."""

    source: Source
    telling: Telling
    payouts: list[Payout]
    """Those that are about to be sent."""
    raw: dict[str, Any] = field(default_factory=dict)
    included: Sequence[dict[str, Any]] = ()
    snapshot: Snapshot | None = None
    changed: bytes = b""
    """The digest of what Sharetribe showed when it was told, where that is no longer what was read."""
    foreign: str = ""
    is_announced: bool = False
    told: dict[str, Any] | None = None
    """Our value as it was last read; None where that is not known."""
    is_doubtful: bool = False
    """Whether something was written that was not read back."""
    is_done: bool = False
    is_gone: bool = False
    latest: float = 0.0
    """By the monotonic clock: when the sole right to tell it is too near its end for a call to be begun."""
    calls: int = 0
    error: str = ""


def reread(*, limit: int, now: datetime) -> int:
    """This will read up to `limit` transactions of approved payouts again, announce the payouts, and record both.

    Gives how many were read. A transaction that reads differently is stored for the interpreter, and not announced.
    A database that was restored announces nothing: what it forgot stands there, and is a witness until it is accepted.
    """
    candidates = _candidates(limit=min(limit, _AT_ONCE), now=now)
    if not candidates or not incarnation.is_accepted():
        return 0
    marketplace = identity.confirm()
    cursor = (
        FlexCursor.objects.filter(marketplace=marketplace).values_list("last_sequence_id", flat=True).first()
        or 0
    )
    readings = _claim(candidates)
    _read_all(readings, now=now)
    # First, because a ban must be known before the gates open; and on its own, because whoever holds a payee's row may
    # be waiting for one of the payouts below.
    with transaction.atomic():
        profiles.learn(_profiles(readings, now=now), marketplace_id=marketplace.pk)
        crash_point("reread.before_learning")
    crash_point("reread.after_learning")
    with transaction.atomic():
        _record(readings, marketplace, cursor=cursor, now=now)
        crash_point("reread.before_commit")
    crash_point("reread.after_commit")
    calls.flush(today=now.date())
    return sum(one.is_done for one in readings)


def _candidates(*, limit: int, now: datetime) -> dict[UUID, list[UUID]]:
    # A check that is about to run out before the sender looks would be for nothing.
    fresh_since = now - settings.SOURCE_CHECK_VALID_FOR * 2 / 3
    with connection.cursor() as cursor:
        cursor.execute(_CANDIDATES, [list(_OUR_GATES), fresh_since, limit])
        return {row[0]: row[1] for row in cursor.fetchall()}


def _claim(candidates: dict[UUID, list[UUID]]) -> list[_Reading]:
    latest = speaking.latest()
    with transaction.atomic():
        taken = speaking.take(WriteBack, candidates)
        crash_point("reread.before_claim")
    crash_point("reread.after_claim")
    tellings = telling.load(taken)
    sources = Source.objects.in_bulk(list(tellings))
    payouts = Payout.objects.in_bulk([payout for source in tellings for payout in candidates[source]])
    return [
        _Reading(
            sources[pk],
            one,
            sorted((payouts[payout] for payout in candidates[pk]), key=lambda p: p.created_at),
            latest=latest,
        )
        for pk, one in tellings.items()
    ]


def _read_all(readings: Sequence[_Reading], *, now: datetime) -> None:
    end = time.monotonic() + telling.WORK_S
    client = calls.client()
    refused: list[str] = []

    def read(one: _Reading) -> None:
        # What is not reached in time, or after our credentials were refused, is left as if never begun.
        if time.monotonic() >= end or refused:
            return
        try:
            _read(one, client, now=now)
        except FlexUnauthorized as error:
            refused.append(str(error))
            one.error = str(error)
        except FlexNotFound:
            one.is_gone = True
            one.error = "Sharetribe does not know this transaction any more."
        except (FlexError, Nonsense) as error:
            one.error = str(error)
        one.is_done = True

    calls.side_by_side(read, readings)


def _read(one: _Reading, client: FlexClient, *, now: datetime) -> None:
    crash_point("reread.before_call")
    answer = client.transaction(one.source.reference, include=("provider",), patience_s=telling.PATIENCE_S)
    crash_point("reread.after_call")
    one.calls += 1
    one.raw, one.included = answer.raw, answer.included
    one.snapshot = shown = read_snapshot(answer.raw)
    one.told = dict(shown.told)
    strangers = [name for name in named_payouts(shown.told) if name not in one.telling.numbers]
    one.foreign = (", ".join(strangers) or _forgotten(one, shown.told))[:120]
    if one.foreign:
        one.error = f"The transaction names a payout that we do not know: {one.foreign}."
    elif shown.digest != bytes(one.source.digest):
        one.error = "The transaction reads differently than when it was understood; it is understood anew."
    elif _is_to_be_announced(one, shown):
        _announce(one, client, now=now)


def _forgotten(one: _Reading, told: Mapping[str, Any]) -> str:
    """Give the payout that was told as sent later than we know of: a snapshot of the disk that was put back looks like
    the same database, and only Sharetribe remembers."""
    for payout in one.payouts:
        is_about = told.get("reference") == payout.number and told.get("status") not in (ANNOUNCED, CANCELLED)
        if (
            is_about
            and payout.state == State.APPROVED
            and str(told.get("at", "")) > moment(payout.state_since)
        ):
            return f"{payout.number} as {told['status']}, since {told['at']}"
    return ""


def _is_to_be_announced(one: _Reading, shown: Snapshot) -> bool:
    # Asked of what Sharetribe shows, so that a value which somebody removed there is put back.
    named = set(named_payouts(shown.told))
    return any(p.pk not in one.telling.announced or p.number not in named for p in one.payouts)


def _announce(one: _Reading, client: FlexClient, *, now: datetime) -> None:
    for payout in one.payouts:
        one.telling.announced[payout.pk] = now
    value = one.telling.value_of(one.payouts[-1], ANNOUNCED, now)
    crash_point("announce.before_call")
    if time.monotonic() >= one.latest:
        # We stood still for so long that others may have announced it, and told what became of it, since.
        one.error = "There was no time left to announce it."
        return
    one.told, one.is_doubtful = None, True
    answer = client.update_metadata(
        one.source.reference, {METADATA_KEY: value}, patience_s=telling.PATIENCE_S
    )
    crash_point("announce.after_call")
    one.calls += 1
    repeated = read_snapshot(answer.raw, payee=one.source.payee_reference) if answer is not None else None
    if repeated is None or dict(repeated.told) != value:
        one.error = "Sharetribe did not repeat the announcement as it was sent."
        return
    one.told, one.is_announced, one.is_doubtful = value, True, False
    if repeated.digest != bytes(one.source.digest):
        # Without the seller it cannot be stored, but what was read before must not count any more.
        one.snapshot, one.changed = None, repeated.digest
        one.error = "The transaction changed while it was being told; it is read again."


# ---------------------------------------------------------------------------------------------------- recording


def _record(readings: Sequence[_Reading], marketplace: Marketplace, *, cursor: int, now: datetime) -> None:
    done = [one for one in readings if one.is_done]
    _store_changed(done, marketplace, cursor=cursor, now=now)
    rowsets.insert(SourceCheck, [_check(one, now=now) for one in done], on_conflict=_MERGE_CHECK)
    _back_off([one for one in done if one.error])
    rowsets.insert(
        Announcement,
        [
            Announcement(id=uuid7(), payout=payout, source=one.source, confirmed_at=now)
            for one in done
            for payout in one.payouts
            if one.is_announced
        ],
        on_conflict="(payout_id, source_id) DO UPDATE SET confirmed_at = excluded.confirmed_at",
    )
    rowsets.update(
        WriteBack,
        [
            {"source_id": one.source.pk, "value": one.told, "confirmed_at": now}
            for one in done
            if one.told is not None
        ],
        match=("source_id",),
        returning="source_id",
    )
    _give_back(readings)
    _wake([payout for one in done if not one.error for payout in one.payouts], now=now)
    _tell_anew(
        [payout for one in done if one.is_announced or one.is_doubtful for payout in one.payouts], now=now
    )


def _check(one: _Reading, *, now: datetime) -> SourceCheck:
    is_answered = one.snapshot is not None or one.is_gone or bool(one.changed)
    return SourceCheck(
        source=one.source,
        checked_at=now if is_answered else None,
        digest=one.snapshot.digest if one.snapshot else one.changed,
        foreign_payout=one.foreign,
        tries=1 if one.error else 0,
        error=one.error[:2000],
    )


def _back_off(failed: Sequence[_Reading]) -> None:
    """Push ahead what failed, by the database's clock, longer each time."""
    if not failed:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE payouts_sourcecheck SET next_at = clock_timestamp()"
            " + least(%s * power(2, least(tries - 1, 10)), %s) * interval '1 second' WHERE source_id = ANY(%s)",
            [_FIRST_WAIT.total_seconds(), _LONGEST_WAIT.total_seconds(), [one.source.pk for one in failed]],
        )


def _store_changed(done: Sequence[_Reading], marketplace: Marketplace, *, cursor: int, now: datetime) -> None:
    changed = [
        storing.snapshot_heard(one.snapshot, one.raw, cursor=cursor)
        for one in done
        if one.snapshot is not None and one.snapshot.digest != bytes(one.source.digest)
    ]
    changed.sort(key=lambda row: row.resource_id)
    storing.store(changed, marketplace_id=marketplace.pk, now=now)


def _profiles(done: Sequence[_Reading], *, now: datetime) -> list[Learned]:
    found = []
    for one in done:
        for record in one.included:
            if one.snapshot is None or record.get("id") != str(one.snapshot.payee):
                continue
            try:
                user = parse_user(record)
            except FlexBadAnswer as error:
                log.warning("user_unreadable", user=str(one.snapshot.payee), reason=str(error))
                continue
            found.append(Learned(user.id, user, now))
    return found


def _give_back(readings: Sequence[_Reading]) -> None:
    """Note the calls, and let others write to these transactions again."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE flexsync_writeback AS w SET calls = w.calls + d.calls, lease_until = NULL,"
            " confirmed_at = CASE WHEN d.is_doubtful THEN NULL ELSE w.confirmed_at END"
            " FROM unnest(%s::uuid[], %s::int[], %s::boolean[]) AS d(id, calls, is_doubtful)"
            " WHERE w.source_id = d.id",
            [
                [one.source.pk for one in readings],
                [one.calls for one in readings],
                [one.is_doubtful for one in readings],
            ],
        )


def _wake(payouts: Sequence[Payout], *, now: datetime) -> None:
    """Let the sender look at once."""
    ids = {payout.pk for payout in payouts}
    woken = (
        Payout.objects.filter(pk__in=ids, state=State.APPROVED).order_by("pk").select_for_update(no_key=True)
    )
    Payout.objects.filter(pk__in=[payout.pk for payout in woken]).update(next_at=now)


def _tell_anew(payouts: Sequence[Payout], *, now: datetime) -> None:
    """Where a payout went on while it was being announced, have its transaction told how it stands.

    It was let go, or we stood still for longer than our right to tell lasted, and our word came after a newer one.
    """
    gone_on = Payout.objects.filter(pk__in={payout.pk for payout in payouts}).exclude(state=State.APPROVED)
    rowsets.insert(
        OutboxMessage,
        [
            OutboxMessage(id=uuid7(), kind="write_back", subject=pk, facts={}, created_at=now, next_at=now)
            for pk in sorted(gone_on.values_list("pk", flat=True))
        ],
    )
