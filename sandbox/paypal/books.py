"""What PayPal's side remembers: batches, items, burnt ids, balances, and the rows of its statement."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sandbox.core import World
from sandbox.paypal.currencies import UNIT
from sandbox.paypal.entry import Line, Order

KEY_WINDOW_S = 30 * 86_400.0
START_FUNDS = 1_000_000
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_PAIRS = [a + b for a in _ALPHABET for b in _ALPHABET]


@dataclass(slots=True, eq=False)
class Batch:
    """One accepted request. `hold`: what it keeps of the account until its items are decided."""

    id: str
    header: dict[str, str]
    currency: str
    created: float
    status: str = "PENDING"
    completed: float | None = None
    fee: int = 0
    denial: str | None = None
    source: str | None = None
    items: list[Item] = field(default_factory=list, repr=False)
    total: int = 0
    keys: set[str] = field(default_factory=set, repr=False)

    @property
    def sender_batch_id(self) -> str:
        """Give the caller's key, or nothing."""
        return self.header.get("sender_batch_id", "")

    @property
    def fund(self) -> str:
        """Give the currency of the balance that pays."""
        return self.source or self.currency


@dataclass(slots=True, eq=False)
class Item:
    """One payment. `out`: our account was debited; `returned`: units that came back since.

    `repeats`: an earlier item of the batch has the same sender_item_id.
    """

    id: str
    batch: Batch
    line: Line
    fee: int
    status: str = "PENDING"
    error: str | None = None
    transaction_id: str | None = None
    activity_id: str | None = None
    processed: float | None = None
    shown_fee: int = 0
    decided: bool = False
    out: bool = False
    returned: int = 0
    from_units: int = 0
    cancelled: bool = False
    repeats: bool = False

    def names(self) -> set[str]:
        """Give everything that faults and fates may call this payment by."""
        names = {self.id, self.line.receiver, self.batch.id, self.batch.sender_batch_id}
        return {name for name in (*names, self.line.sender_item_id, self.transaction_id) if name}

    @property
    def reference(self) -> str:
        """Give our caller's name of the payment, else PayPal's."""
        return self.line.sender_item_id or self.id


_CHANGING = (
    "status", "error", "transaction_id", "activity_id", "processed", "shown_fee", "decided", "out", "returned",
    "from_units", "cancelled", "fee",
)  # fmt: skip


_LASTING = ("id", "header", "currency", "created", "denial", "source", "total")


class Row(NamedTuple):
    """One row of the statement; `units` with its sign; `about`: the transaction that it belongs to."""

    at: float
    id: str
    code: str
    currency: str
    units: int
    about: str | None
    custom: str | None
    receiver: str | None
    fee: int = 0


class Books:
    """All of it, each change noted in the state file."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self.batches: dict[str, Batch] = {}
        self.items: dict[str, Item] = {}
        self.burnt: dict[str, tuple[float, str | None]] = {}
        self.fates: dict[str, str] = {}
        self.rows: list[Row] = []
        self.available = {code: START_FUNDS * 10**unit for code, unit in UNIT.items()}
        self.withheld = dict.fromkeys(UNIT, 0)

    def new_id(self, pairs: int = 6) -> str:
        """Make an id of twice as many characters, and one."""
        bits = self._world.rng.getrandbits(10 * pairs + 5)
        text = _ALPHABET[bits & 31]
        bits >>= 5
        for _ in range(pairs):
            text += _PAIRS[bits & 1023]
            bits >>= 10
        return text

    # What is written -----------------------------------------------------------------------------------------

    def add(self, order: Order, *, fees: list[int], source: str | None, denial: str | None) -> Batch:
        """Take in a batch, and burn its key."""
        batch = Batch(
            self.new_id(),
            order.header,
            order.currency,
            self._world.clock.time(),
            source=source,
            denial=denial,
        )
        for line, fee in zip(order.lines, fees, strict=True):
            item = Item(self.new_id(), batch, line, fee)
            self._index(item)
        self.batches[batch.id] = batch
        batch.total = sum(line.units for line in order.lines)
        if self._world.journal.kept:
            own = {name: getattr(batch, name) for name in _LASTING}
            self._world.journal.write(
                "batch", [own, [[item.id, item.fee, *item.line] for item in batch.items]]
            )
        self.burn(batch.sender_batch_id, batch.id)
        return batch

    def burn(self, key: str | None, batch_id: str | None) -> None:
        """Remember that a key was used."""
        if key:
            self.burnt[key] = (self._world.clock.time(), batch_id)
            self._world.journal.write("burnt", [key, *self.burnt[key]])

    def keep_item(self, item: Item) -> None:
        """Note an item's change."""
        if self._world.journal.kept:
            self._world.journal.write("item", [item.id, *(getattr(item, name) for name in _CHANGING)])

    def keep_batch(self, batch: Batch) -> None:
        """Note a batch's change."""
        self._world.journal.write("state", [batch.id, batch.status, batch.completed, batch.fee])

    def keep_funds(self) -> None:
        """Note the balances."""
        if self._world.journal.kept:
            self._world.journal.write("funds", [self.available, self.withheld])

    def add_row(
        self, code: str, currency: str, units: int, item: Item | None = None, *, about: str | None = None
    ) -> None:
        """Write a row of the statement."""
        row_id = item.transaction_id if item and code == "T0001" else self.new_id(8)
        row = Row(
            self._world.clock.time(),
            row_id or self.new_id(8),
            code,
            currency,
            units,
            about,
            item.line.sender_item_id if item else None,
            item.line.receiver if item else None,
        )
        self.rows.append(row)
        self._world.journal.write("row", row)

    def decree(self, reference: str, status: str) -> None:
        """Remember a fate for what is still to come."""
        self.fates[reference] = status
        self._world.journal.write("fate", [reference, status])

    # What is read --------------------------------------------------------------------------------------------

    def used(self, key: str) -> tuple[float, str | None] | None:
        """Say when a key was used, and by which batch; None when it is free (again, after thirty days)."""
        known = self.burnt.get(key)
        if known is None or self._world.clock.time() - known[0] > KEY_WINDOW_S:
            return None
        return known

    def named(self, reference: str) -> list[Item]:
        """Find items by any of their names."""
        if reference in self.items:
            return [self.items[reference]]
        if reference in self.batches:
            return list(self.batches[reference].items)
        return [item for item in self.items.values() if reference in item.names()]

    # What comes back from the state file ---------------------------------------------------------------------

    def restore(self, kind: str, fact: Any) -> None:
        """Take back one fact."""
        match kind:
            case "batch":
                self._restore_batch(*fact)
            case "burnt":
                self.burnt[fact[0]] = (fact[1], fact[2])
            case "item":
                self._restore_item(*fact)
            case "state":
                batch = self.batches[fact[0]]
                batch.status, batch.completed, batch.fee = fact[1:]
            case "funds":
                self.available, self.withheld = fact
            case "row":
                self.rows.append(Row(*fact))
            case "fate":
                self.fates[fact[0]] = fact[1]

    def _restore_batch(self, own: dict[str, Any], items: list[list[Any]]) -> None:
        batch = Batch(**own)
        for item_id, fee, *line in items:
            self._index(Item(item_id, batch, Line(*line), fee))
        self.batches[batch.id] = batch

    def _restore_item(self, item_id: str, *values: Any) -> None:
        for name, value in zip(_CHANGING, values, strict=True):
            setattr(self.items[item_id], name, value)

    def _index(self, item: Item) -> None:
        key, keys = item.line.sender_item_id, item.batch.keys
        item.repeats = key in keys
        if key:
            keys.add(key)
        item.batch.items.append(item)
        self.items[item.id] = item
