"""Writing what was heard: events, and the transactions that must therefore be looked at; a page in a few statements.

Storing the same thing twice changes nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final
from uuid import UUID, uuid5

from django.db import connection

from flexsync.snapshots import SNAPSHOT, Snapshot
from marketplace_payouts.lib.ids import uuid7
from payouts import counting
from payouts.models import Source

_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_BEYOND_UNICODE: Final = range(0xD800, 0xE000)


@dataclass(frozen=True, slots=True)
class Heard:
    """One event or snapshot to be stored; `is_echo` says that it tells us nothing but what we did ourselves."""

    event_id: UUID
    sequence_id: int
    event_type: str
    resource_id: UUID
    client_id: UUID | None
    payload: dict[str, Any]
    created_at: datetime
    is_echo: bool = False

    @property
    def is_about_a_transaction(self) -> bool:
        """Whether a transaction is to be interpreted because of it."""
        return self.event_type == SNAPSHOT or self.event_type.startswith("transaction/")


def snapshot_heard(snapshot: Snapshot, raw: dict[str, Any], *, cursor: int) -> Heard:
    """This will make a row of a transaction that we read ourselves, in the shape of an event.

    Its id follows from its content, so that reading the same thing again stores nothing.
    """
    return Heard(
        event_id=uuid5(snapshot.reference, f"{cursor}:{snapshot.digest.hex()}"),
        sequence_id=cursor,
        event_type=SNAPSHOT,
        resource_id=snapshot.reference,
        client_id=None,
        payload={"attributes": {"resource": raw}},
        created_at=snapshot.last_transitioned_at,
    )


def store(rows: Sequence[Heard], *, marketplace_id: UUID, now: datetime) -> list[Heard]:
    """This will store what is new, mark its transactions as to be looked at, and give it; in the caller's transaction.

    `now` is when the transactions are to be looked at.
    """
    if not rows:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO flexsync_flexevent (id, marketplace_id, event_id, sequence_id, event_type, resource_id,
                                            client_id, payload, created_at, received_at)
            SELECT d.id, %s, d.event_id, d.sequence_id, d.event_type, d.resource_id, d.client_id, d.payload,
                   d.created_at, clock_timestamp()
            FROM ROWS FROM (unnest(%s::uuid[], %s::uuid[], %s::bigint[], %s::text[], %s::uuid[], %s::uuid[],
                                   %s::timestamptz[]), jsonb_array_elements(%s::jsonb))
                 AS d(id, event_id, sequence_id, event_type, resource_id, client_id, created_at, payload)
            ON CONFLICT (marketplace_id, event_id, created_at) DO NOTHING
            RETURNING event_id
            """,
            [
                marketplace_id,
                [uuid7() for _ in rows],
                [row.event_id for row in rows],
                [row.sequence_id for row in rows],
                [row.event_type[:60] for row in rows],
                [row.resource_id for row in rows],
                [row.client_id for row in rows],
                [row.created_at for row in rows],
                # One document rather than an array of documents: an array's quoting costs more than all the rest.
                _jsonb_text([row.payload for row in rows]),
            ],
        )
        stored = {found[0] for found in cursor.fetchall()}
    # The same event may stand twice on a page.
    new = list({row.event_id: row for row in rows if row.event_id in stored}.values())
    look_at(new, marketplace_id=marketplace_id, now=now)
    return new


def look_at(rows: Iterable[Heard], *, marketplace_id: UUID, now: datetime) -> None:
    """This will have the transactions of these rows interpreted, in two statements, in the order of their ids.

    Where all that is new is an echo of ours, and nothing else waits, the transaction counts as understood already.
    """
    newest: dict[UUID, int] = {}
    echoes: dict[UUID, bool] = {}
    for row in rows:
        if row.is_about_a_transaction:
            newest[row.resource_id] = max(row.sequence_id, newest.get(row.resource_id, 0))
            echoes[row.resource_id] = row.is_echo and echoes.get(row.resource_id, True)
    if not newest:
        return
    references = sorted(newest)
    names, places, values = _other_columns()
    with connection.cursor() as cursor:
        # `understood` of the new row carries the news: 0 where there is something to understand.
        cursor.execute(
            f"""
            INSERT INTO payouts_source AS s (id, marketplace_id, reference, heard, understood, next_at{names})
            SELECT d.id, %s, d.reference, d.heard, CASE WHEN d.is_echo THEN d.heard ELSE 0 END, %s{places}
            FROM unnest(%s::uuid[], %s::uuid[], %s::bigint[], %s::boolean[]) AS d(id, reference, heard, is_echo)
            ON CONFLICT (marketplace_id, reference) DO UPDATE SET
                heard = greatest(s.heard, excluded.heard),
                understood = CASE WHEN excluded.understood > 0 AND s.next_at IS NULL AND s.parked_at IS NULL
                                  THEN greatest(s.understood, excluded.heard) ELSE s.understood END,
                next_at = CASE WHEN excluded.understood > 0 THEN s.next_at
                               ELSE least(coalesce(s.next_at, excluded.next_at), excluded.next_at) END,
                tries = CASE WHEN excluded.understood > 0 THEN s.tries ELSE 0 END,
                parked_at = CASE WHEN excluded.understood > 0 THEN s.parked_at END
            """,  # noqa: S608 - the names come from the model, the values are parameters
            [
                marketplace_id,
                now,
                *values,
                [uuid7() for _ in references],
                references,
                [newest[reference] for reference in references],
                [echoes[reference] for reference in references],
            ],
        )
    counting.wake(references, now=now)


@cache
def _other_columns() -> tuple[str, str, tuple[Any, ...]]:
    """Give names, placeholders and defaults of the columns that a new source starts with."""
    ours = {"id", "marketplace_id", "reference", "heard", "understood", "next_at"}
    fields = [field for field in Source._meta.concrete_fields if field.column not in ours]
    blank = Source()
    names = "".join(f', "{field.column}"' for field in fields)
    places = "".join(f", %s::{field.db_type(connection)}" for field in fields)
    return (
        names,
        places,
        tuple(field.get_db_prep_save(getattr(blank, field.attname), connection) for field in fields),
    )


def _jsonb_text(payloads: list[dict[str, Any]]) -> str:
    """Write JSON that PostgreSQL takes: some of what JSON allows, it does not (NUL, halves of surrogate pairs)."""
    try:
        text = _ENCODER.encode(payloads)
        if "\\u0000" not in text:
            text.encode()
            return text
    except ValueError:
        pass
    return _ENCODER.encode(_storable(payloads))


def _storable(value: Any) -> Any:
    match value:
        case str():
            return "".join("\ufffd" if ord(one) in _BEYOND_UNICODE or one == "\x00" else one for one in value)
        case dict():
            return {_storable(key): _storable(entry) for key, entry in value.items()}
        case list():
            return [_storable(entry) for entry in value]
        case float() if not math.isfinite(value):
            return None
        case _:
            return value
