"""The money that really moved: append-only, and out of reach of every fault."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from sandbox.core.clock import Clock
from sandbox.core.journal import Journal

Kind = Literal["debit", "fee", "return"]


class Entry(NamedTuple):
    """One movement; `units` whole smallest units, always positive, the direction is in `kind`."""

    n: int
    at: float
    reference: str
    key: str
    destination: str
    currency: str
    units: int
    kind: str

    def shown(self) -> dict[str, Any]:
        """Give it as steering shows it."""
        at = datetime.fromtimestamp(self.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {**self._asdict(), "at": at, "units": str(self.units)}


class Ledger:
    """All movements, and their totals per currency."""

    def __init__(self, *, clock: Clock, journal: Journal) -> None:
        self._clock = clock
        self._journal = journal
        self.entries: list[Entry] = []
        self._totals: dict[str, dict[str, int]] = {}

    def record(
        self, *, reference: str, key: str, destination: str, currency: str, units: int, kind: Kind
    ) -> None:
        """Note that money moved. `reference`: our caller's name of the payment; `key`: of the request."""
        if units <= 0:
            raise ValueError(f"A movement has a positive amount, not {units}")
        entry = Entry(
            len(self.entries) + 1, self._clock.time(), reference, key, destination, currency, units, kind
        )
        self._journal.write("ledger", entry[1:])
        self._keep(entry)

    def restore(self, fact: list[Any]) -> None:
        """Take one movement back from the state file."""
        self._keep(Entry(len(self.entries) + 1, *fact))

    def _keep(self, entry: Entry) -> None:
        self.entries.append(entry)
        totals = self._totals.setdefault(entry.currency, {"debit": 0, "fee": 0, "return": 0})
        totals[entry.kind] += entry.units

    def totals(self) -> dict[str, dict[str, str]]:
        """Give per currency what left, what it cost, what came back, and the net of the three."""
        shown = {}
        for currency, sums in sorted(self._totals.items()):
            net = sums["debit"] + sums["fee"] - sums["return"]
            shown[currency] = {**{kind: str(units) for kind, units in sums.items()}, "net": str(net)}
        return shown

    def clear(self) -> None:
        """Forget all movements."""
        self.entries.clear()
        self._totals.clear()
