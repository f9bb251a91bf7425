"""All stored rows of one transaction, put in the order of truth; only those that are needed are read. Pure.

The newest truth tells everything about the present, for a transaction carries its whole list of transitions. Earlier
ones are read for what it does not tell: the price as of a transition.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from flexsync.snapshots import SNAPSHOT, Nonsense, Snapshot, carries_stripe, read_snapshot

_WITH_RESOURCE: Final = frozenset(
    {"transaction/initiated", "transaction/transitioned", "transaction/updated", SNAPSHOT}
)
_DELETED: Final = "transaction/deleted"


class Row(NamedTuple):
    """One stored event or snapshot of a transaction; `read_at` is when it came to us, in seconds."""

    sequence_id: int
    event_type: str
    resource: Any
    read_at: float


# Transitions are only ever added, so their number tells which of two truths is newer, even where a snapshot that we
# read ourselves lies between events that had not been heard yet. The rest decides between equals.
_Age = tuple[int, str, int, bool, float]


class Truths:
    """The rows of one transaction."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._aged: list[tuple[_Age, Row]] = []
        self._read: dict[int, Snapshot | Nonsense] = {}
        self._unreadable: list[tuple[int, Nonsense]] = []
        self.is_deleted = False
        for row in rows:
            if row.event_type == _DELETED:
                self.is_deleted = True
            elif row.event_type in _WITH_RESOURCE:
                self._add(row)
        self._aged.sort(key=lambda pair: pair[0])

    def newest(self) -> Snapshot | None:
        """Give the newest truth; None where there is none at all.

        :raises Nonsense: when a row cannot be read and none that can be read came after it.
        """
        found = next(((row, shown) for row, shown in self._readable(reversed(self._aged))), None)
        healed_up_to = -1 if found is None else found[0].sequence_id
        later = [pair for pair in self._aged if pair[1].sequence_id > healed_up_to]
        later.sort(key=lambda pair: pair[1].sequence_id, reverse=True)
        for row, _shown in self._readable(later):
            healed_up_to = row.sequence_id
            break
        worst = max(self._unreadable, key=lambda pair: pair[0], default=None)
        if worst is not None and worst[0] > healed_up_to:
            raise worst[1]
        return None if found is None else found[1]

    def first_with(self, transitions: int) -> Snapshot:
        """Give the oldest truth that has at least so many transitions; there must be one."""
        old_enough = (pair for pair in self._aged if pair[0][0] >= transitions)
        return next(shown for _row, shown in self._readable(old_enough))

    def shows_stripe(self) -> bool:
        """Tell whether any truth carries what Sharetribe's Stripe integration leaves behind."""
        return any(_has_stripe(row.resource) for _age, row in self._aged)

    def _add(self, row: Row) -> None:
        try:
            attributes = row.resource["attributes"]
            transitions, last = attributes["transitions"], attributes["lastTransitionedAt"]
        except (TypeError, KeyError, IndexError):
            transitions, last = None, None
        if not isinstance(transitions, list) or not isinstance(last, str):
            self._unreadable.append(
                (row.sequence_id, Nonsense("The transaction has no readable attributes."))
            )
            return
        age = (len(transitions), last, row.sequence_id, row.event_type == SNAPSHOT, row.read_at)
        self._aged.append((age, row))

    def _readable(self, pairs: Iterable[tuple[_Age, Row]]) -> Iterable[tuple[Row, Snapshot]]:
        for _age, row in pairs:
            shown = self._read.get(id(row))
            if shown is None:
                shown = self._read[id(row)] = self._try(row)
            if isinstance(shown, Snapshot):
                yield row, shown

    def _try(self, row: Row) -> Snapshot | Nonsense:
        try:
            return read_snapshot(row.resource)
        except Nonsense as error:
            self._unreadable.append((row.sequence_id, error))
            return error


def _has_stripe(resource: Any) -> bool:
    protected = resource["attributes"].get("protectedData")
    return isinstance(protected, dict) and carries_stripe(protected)
