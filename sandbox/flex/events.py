"""The marketplace's events: a long list that only grows, kept in columns and rendered when asked for.

A hundred thousand transactions make half a million events; as dictionaries they would fill the memory. Here one
takes some forty bytes, and its body is put together from the versions of the record that it is about.
"""

from __future__ import annotations

import uuid
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from random import Random
from typing import Any, Final, NamedTuple

from sandbox.flex.records import Record, difference, linked
from sandbox.flex.values import Keyword, Uuid, instant

PER_PAGE: Final = 100
_POISON: Final = {
    "attributes": {
        "createdAt": "the day before yesterday",
        "processName": ["?"],
        "lastTransition": None,
        "payoutTotal": {"amount": "plenty", "currency": 978},
        "lineItems": "all of them",
        "metadata": 42,
        "transitions": [{"transition": {"by": None}}, None],
    },
    "relationships": {"provider": {"data": "nobody"}},
}


class Audit(NamedTuple):
    """Who caused an event."""

    user: Uuid | None = None
    admin: Uuid | None = None
    client: Uuid | None = None


NOBODY: Final = Audit()


class Kind(NamedTuple):
    """What many events have in common."""

    event_type: str
    source: str


class Query(NamedTuple):
    """What `events/query` was asked for; None means not asked."""

    after: int | None = None
    created_from: int | None = None
    resource: str | None = None
    related: str | None = None
    types: frozenset[str] | None = None
    limit: int = PER_PAGE


class EventLog:
    """All events in the order of their sequence ids, which rise with gaps."""

    def __init__(self, *, marketplace: Uuid, first: int) -> None:
        self._marketplace = marketplace
        self._last = first
        self._ids = array("q")
        self._times = array("q")
        self._kinds = array("L")
        self._audits: list[Audit] = []
        self._records: list[Record] = []
        self._versions: list[Any] = []
        self._previous: list[Any] = []
        self._table: list[Kind] = []
        self._index_of_kind: dict[Kind, int] = {}
        self.withheld: dict[int, float] = {}
        """Position → the moment from which it is shown (`inf`: never)."""
        self.poisoned: set[int] = set()
        self.doubled: set[int] = set()

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def last_time(self) -> int:
        """Give when the last event was created."""
        return self._times[-1] if self._times else 0

    def sequence_id(self, position: int) -> int:
        """Give the sequence id at a position."""
        return self._ids[position]

    def append(
        self, *, kind: Kind, audit: Audit, record: Record, version: Any, previous: Any, at: int, rng: Random
    ) -> int:
        """Add an event and give its position. `version` None: the record is gone; `previous` None: it is new."""
        # Other marketplaces use the same sequence: now and then the step is large.
        self._last += 1 + int(rng.random() ** 12 * 400)
        index = self._index_of_kind.get(kind)
        if index is None:
            index = self._index_of_kind[kind] = len(self._table)
            self._table.append(kind)
        self._ids.append(self._last)
        self._times.append(max(at, self.last_time))
        self._kinds.append(index)
        self._audits.append(audit)
        self._records.append(record)
        self._versions.append(version)
        self._previous.append(previous)
        return len(self._ids) - 1

    def first_position(self, query: Query, *, oldest: int) -> int:
        """Give the position from which to look on. `oldest`: the moment before which everything is forgotten."""
        start = bisect_left(self._times, max(oldest, query.created_from or 0))
        if query.after is not None:
            start = max(start, bisect_right(self._ids, query.after))
        return start

    def positions(self, query: Query, *, start: int, now: float) -> list[int]:
        """Give the positions of the first events from `start` on that fit."""
        found: list[int] = []
        for position in self._fitting(query, start):
            if self.withheld and self.withheld.get(position, 0) > now:
                continue
            found.append(position)
            if position in self.doubled and len(found) < query.limit:
                found.append(position)
            if len(found) >= query.limit:
                break
        return found

    def _fitting(self, query: Query, start: int) -> Iterator[int]:
        kinds, records = self._kinds, self._records
        wanted = self._wanted(query.types)
        for position in range(start, len(kinds)):
            if wanted is not None and kinds[position] not in wanted:
                continue
            if query.resource is not None and records[position].id != query.resource:
                continue
            if query.related is not None and not _concerns(records[position], query.related):
                continue
            yield position

    def _wanted(self, types: frozenset[str] | None) -> set[int] | None:
        if types is None:
            return None
        return {
            index
            for index, kind in enumerate(self._table)
            if kind.event_type in types or kind.event_type.partition("/")[0] in types
        }

    def event_id(self, position: int) -> Uuid:
        """Give the id of the event, which is made of its place in the sequence."""
        return self._derived(f"event:{self._ids[position]}")

    def _derived(self, name: str) -> Uuid:
        return Uuid(uuid.uuid5(uuid.UUID(self._marketplace), name))

    def render(self, position: int) -> dict[str, Any]:
        """Put the event together as the API shows it."""
        kind, audit = self._table[self._kinds[position]], self._audits[position]
        record = self._records[position]
        return {
            "id": self.event_id(position),
            "type": Keyword("event"),
            "attributes": {
                "createdAt": instant(self._times[position]),
                "sequenceId": self._ids[position],
                "marketplaceId": self._marketplace,
                "eventType": Keyword(kind.event_type),
                "source": Keyword(kind.source),
                "resourceId": record.id,
                "resourceType": Keyword(record.type),
                "resource": self._after_image(position),
                "previousValues": self._before_image(position),
                "auditData": {
                    "userId": audit.user,
                    "adminId": audit.admin,
                    "clientId": audit.client,
                    "requestId": self._derived(f"request:{self._ids[position]}"),
                },
            },
        }

    def _after_image(self, position: int) -> dict[str, Any] | None:
        record, version = self._records[position], self._versions[position]
        if version is None:
            return None
        if position in self.poisoned:
            return {"id": record.id, "type": Keyword(record.type), **_POISON}
        return {
            "id": record.id,
            "type": Keyword(record.type),
            "attributes": record.attributes_of(version),
            "relationships": _to_one(record),
        }

    def _before_image(self, position: int) -> dict[str, Any]:
        record, version, previous = (
            self._records[position],
            self._versions[position],
            self._previous[position],
        )
        if previous is None or position in self.poisoned:
            return {"attributes": {}, "relationships": {}}
        if version is None:
            return {"attributes": record.attributes_of(previous), "relationships": _to_one(record)}
        changed = difference(record.attributes_of(previous), record.attributes_of(version))
        return {"attributes": changed, "relationships": {}}


def _to_one(record: Record) -> dict[str, Any]:
    # Of the many-sided relationships only a listing's images travel with an event.
    return {
        name: linked(related)
        for name, related in record.relationships.items()
        if not isinstance(related, list) or name == "images"
    }


def _concerns(record: Record, wanted: str) -> bool:
    if record.id == wanted:
        return True
    return any(
        wanted == related[1] for related in record.relationships.values() if not isinstance(related, list)
    )
