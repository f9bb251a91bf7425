"""Everything that exists, found by id, by owner and kind, and by the few fields that are asked for."""

from __future__ import annotations

import itertools
from bisect import insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.core import World

Data = dict[str, Any]

INDEXED = {
    "balance_transaction": ("source", "payout"),
    "bank_account": ("account",),
    "charge": ("customer", "payment_intent", "source_transfer", "transfer_group"),
    "customer": ("email",),
    "dispute": ("charge", "payment_intent"),
    "payment_intent": ("customer",),
    "payment_method": ("customer",),
    "refund": ("charge", "payment_intent"),
    "transfer": ("destination", "source_transaction", "transfer_group"),
    "transfer_reversal": ("transfer",),
}
"""Kind → the fields by which its records are found without looking at all of them."""

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_PAIRS = [a + b for a in _LETTERS for b in _LETTERS]


@dataclass(slots=True, eq=False)
class Record:
    """One resource. `account`: whose it is; `data`: as it is shown; `hidden`: what Stripe knows and does not show."""

    n: int
    kind: str
    account: str
    data: Data
    hidden: Data
    keys: tuple[tuple[str, Any], ...] = field(default=(), repr=False)

    @property
    def id(self) -> str:
        """Give its id."""
        return str(self.data["id"])

    def __lt__(self, other: Record) -> bool:
        return self.n < other.n


class Store:
    """All records; lists are in the order of creation."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self._serial = itertools.count(1)
        self._by_id: dict[str, Record] = {}
        self._lists: dict[tuple[str, str], list[Record]] = {}
        self._index: dict[tuple[str, str, Any], list[Record]] = {}

    # Making and changing -------------------------------------------------------------------------------------

    def new_id(self, prefix: str, size: int = 24) -> str:
        """Give a fresh id, repeatable with --seed."""
        return f"{prefix}_{''.join(self._world.rng.choices(_PAIRS, k=size // 2))}"

    def now(self) -> int:
        """Give the sandbox's present second."""
        return int(self._world.clock.time())

    def add(self, kind: str, account: str, data: Data, hidden: Data | None = None) -> Record:
        """Take in something new."""
        record = Record(next(self._serial), kind, account, data, hidden or {})
        self._put(record)
        self._write(record)
        return record

    def keep(self, record: Record) -> None:
        """Note that a record has changed."""
        if record.kind in INDEXED:
            self._reindex(record)
        self._write(record)

    def remove(self, record: Record) -> None:
        """Forget a record."""
        del self._by_id[record.id]
        self._lists[record.account, record.kind].remove(record)
        for name, value in record.keys:
            self._index[record.kind, name, value].remove(record)
        self._world.journal.write("gone", record.id)

    def restore(self, kind: str, fact: Any) -> None:
        """Take back one fact from the state file."""
        if kind == "gone":
            self.remove(self._by_id[fact])
            return
        n, name, account, data, hidden = fact
        known = self._by_id.get(data["id"])
        if known is None:
            self._put(Record(n, name, account, data, hidden))
            self._serial = itertools.count(n + 1)
        else:
            known.data, known.hidden = data, hidden
            self._reindex(known)

    def _write(self, record: Record) -> None:
        if self._world.journal.kept:
            fact = [record.n, record.kind, record.account, record.data, record.hidden]
            self._world.journal.write("record", fact)

    def _put(self, record: Record) -> None:
        self._by_id[record.id] = record
        self._lists.setdefault((record.account, record.kind), []).append(record)
        self._reindex(record)

    def _reindex(self, record: Record) -> None:
        values = ((name, _value(record, name)) for name in INDEXED.get(record.kind, ()))
        keys = tuple((name, value) for name, value in values if value is not None)
        if keys == record.keys:
            return
        for name, value in set(record.keys) - set(keys):
            self._index[record.kind, name, value].remove(record)
        for name, value in set(keys) - set(record.keys):
            insort(self._index.setdefault((record.kind, name, value), []), record)
        record.keys = keys

    # Finding -------------------------------------------------------------------------------------------------

    def get(self, identity: str, kind: str | None = None) -> Record | None:
        """Find by id; with `kind`, only one of that kind."""
        record = self._by_id.get(identity)
        return record if record is not None and kind in (None, record.kind) else None

    def listed(self, account: str, kind: str) -> Sequence[Record]:
        """Give everything of one kind that belongs to an account."""
        return self._lists.get((account, kind), ())

    def where(self, kind: str, name: str, value: Any) -> Sequence[Record]:
        """Give everything of one kind with this value in an indexed field."""
        return self._index.get((kind, name, value), ())

    def all(self, kind: str) -> Iterator[Record]:
        """Give everything of one kind, whoever owns it."""
        return (record for record in self._by_id.values() if record.kind == kind)

    def everything(self) -> Iterator[Record]:
        """Give all records."""
        return iter(self._by_id.values())


def _value(record: Record, name: str) -> Any:
    return record.data[name] if name in record.data else record.hidden.get(name)
