"""The heads of the records leave the database each day: whoever changes a record afterwards cannot change them too.

A day's file has one line per record that was written to on that day: number, length and hash. Its digest covers the
file and the digest of the day before, and is what people are sent.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from uuid import UUID, uuid5

from django.conf import settings
from django.db import connection, transaction

from marketplace_payouts.lib.logs import logger
from payouts import heartbeats
from payouts.alerts import raise_alert

log = logger(__name__)

_NEWS = UUID("d2a1b7a4-2a0e-4d53-a5d3-8b1f6d2f6f10")
_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class Day:
    """One day's heads."""

    day: date
    records: int
    digest: str
    before: str
    file: str


def publish(*, day: date, now: datetime) -> Day:
    """This will write a day's heads to a file, to the log, and to the operators; once more gives the same digest."""
    known = heartbeats.detail_of("chain heads")
    before = known["before"] if known.get("day") == day.isoformat() else known.get("digest", "")
    path = _path(day)
    records, digest = _write(path, day, before)
    published = Day(day, records, digest, before, str(path) if path else "")
    log.info("chain_heads", day=day.isoformat(), records=records, digest=digest, before=before)
    with transaction.atomic():
        if known.get("day") != day.isoformat() or known.get("digest") != digest:
            text = f"{records} records were written to on {day}. Digest {digest}, after {before or 'none'}."
            raise_alert(subject=uuid5(_NEWS, day.isoformat()), title=f"Records of {day}", text=text, now=now)
        heartbeats.beat(
            "chain heads", now=now, day=day.isoformat(), digest=digest, before=before, records=records
        )
    return published


def _path(day: date) -> Path | None:
    """Give where the day's file goes, in a folder that should be on another machine or write-once."""
    if not settings.RECORDS_FOLDER:
        return None
    folder = Path(settings.RECORDS_FOLDER)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder / f"records-{day.isoformat()}.jsonl"


def _write(path: Path | None, day: date, before: str) -> tuple[int, str]:
    digest = hashlib.sha256(f"{day.isoformat()}\n{before}\n".encode())
    records = 0
    partial = None if path is None else path.with_suffix(".partial")
    stream = None if partial is None else partial.open("wb")
    try:
        for line in _lines(day):
            records += 1
            digest.update(line)
            if stream is not None:
                stream.write(line)
        if stream is not None:
            stream.write(_line({"day": day.isoformat(), "before": before, "digest": digest.hexdigest()}))
    finally:
        if stream is not None:
            stream.close()
    if partial is not None and path is not None:
        partial.replace(path)
    return records, digest.hexdigest()


def _lines(day: date) -> Iterator[bytes]:
    """The newest event of the day of each record, so that what follows later changes nothing here."""
    start = datetime.combine(day, time.min, tzinfo=UTC)
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT ON (p.number) p.number, e.n, encode(e.hash, 'hex')"
            " FROM payouts_payoutevent e JOIN payouts_payout p ON p.id = e.payout_id"
            " WHERE e.created_at >= %s AND e.created_at < %s ORDER BY p.number, e.n DESC",
            [start, start + timedelta(days=1)],
        )
        while rows := cursor.fetchmany(_AT_ONCE):
            for number, length, head in rows:
                yield _line({"number": number, "length": length, "head": head})


def _line(value: dict[str, object]) -> bytes:
    return json.dumps(value, sort_keys=True).encode() + b"\n"
