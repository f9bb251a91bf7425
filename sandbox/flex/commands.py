"""Every change to the marketplace, by name: noted in the state file and done again from it.

A command is repeatable: its time is noted, its chance comes of its number, and the faults that struck its events
are noted too. So the state file needs no snapshot.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from random import Random
from typing import Any, Final

from sandbox.core import World
from sandbox.flex import bulk, people, trading, transit
from sandbox.flex.errors import ApiError
from sandbox.flex.events import NOBODY, Audit
from sandbox.flex.market import Doing, Market
from sandbox.flex.processes import Process
from sandbox.flex.values import Uuid

EVENT_FAULTS: Final = {
    "event_gap": "The event about a transaction is never given out by events/query.",
    "event_late_visible": "The event is given out only `seconds` (else 5) later, when larger ids are out already.",
    "event_duplicate": "The event is given out twice.",
    "event_unknown_type": "An event of a type that nobody knows comes before the true one.",
    "poison_event": "The event's resource is nonsense.",
}
_LATE_S: Final = 5.0


def _timers(_market: Market, _doing: Doing, _args: Mapping[str, Any]) -> None:
    """Do nothing: what is due is done around every command."""


_COMMANDS: Final[Mapping[str, Callable[[Market, Doing, Mapping[str, Any]], Any]]] = {
    "user": people.create_user,
    "change-user": people.change_user,
    "listing": people.create_listing,
    "transaction": trading.create_transaction,
    "transition": trading.make_transition,
    "metadata": trading.write_metadata,
    "lines": trading.set_lines,
    "delete": trading.delete_transaction,
    "event": trading.add_event,
    "bulk": bulk.create_many,
    "timers": _timers,
}


class Commands:
    """Does commands, and remembers them."""

    def __init__(self, *, world: World, market_id: Uuid, name: str, processes: Iterable[Process]) -> None:
        self._world = world
        self._id = market_id
        self._name = name
        self._processes = {process.name: process for process in processes}
        self._life = 0
        self._begin()

    def _begin(self) -> None:
        self._count = 0
        # The ids of one life never come back in the next, whatever the seed.
        rng = Random(f"{self._id}:{self._life}")
        first = 3_000_000 + self._life * 50_000_000 + rng.randrange(1_000_000)
        self.market = Market(
            market_id=self._id, name=self._name, processes=self._processes, first_event=first
        )

    def start_over(self) -> None:
        """Forget everything that was ever done."""
        self._life += 1
        self._world.journal.write("life", self._life)
        self._begin()

    def now(self) -> int:
        """Give the sandbox's present moment in milliseconds."""
        return int(self._world.clock.time() * 1000)

    def catch_up(self) -> None:
        """Do every timed transition that has come due."""
        due = self.market.next_due
        if due is not None and due <= self.now():
            self.do("timers", {})

    def do(
        self, name: str, args: Mapping[str, Any], *, audit: Audit = NOBODY, source: str = "source/transaction"
    ) -> Any:
        """Do a command, and what comes of it by itself, and note it.

        :raises ApiError: when it is refused; what was done until then stays done.
        """
        if name != "timers":
            self.catch_up()
        at, struck, before = self.now(), _Struck(self._world), self.market.revision
        try:
            return self._perform(name, args, at=at, fates=struck, audit=audit, source=source)
        finally:
            if self.market.revision != before:
                self._count += 1
                if self._world.journal.kept:
                    text = transit.dumps(dict(args)).decode()
                    self._world.journal.write("done", [name, at, text, list(audit), source, struck.noted])

    def _perform(
        self,
        name: str,
        args: Mapping[str, Any],
        *,
        at: int,
        fates: Callable[[str, str], Mapping[str, float]],
        audit: Audit,
        source: str,
    ) -> Any:
        rng = Random(f"{self._id}:{self._life}:{self._count}")
        doing = Doing(at=at, rng=rng, fates=fates, audit=audit, source=source)
        try:
            return _COMMANDS[name](self.market, doing, args)
        finally:
            self.market.run_timers(Doing(at=at, rng=rng, fates=fates))

    def restore(self, kind: str, fact: Any) -> None:
        """Do one noted command again."""
        if kind == "life":
            self._life = fact
            self._begin()
            return
        name, at, text, audit, source, noted = fact
        who = Audit(*(value and Uuid(value) for value in audit))
        # What was refused half-way the first time is refused again.
        with contextlib.suppress(ApiError):
            self._perform(name, transit.loads(text), at=at, fates=_Again(noted), audit=who, source=source)
        self._count += 1


class _Struck:
    """Asks steering which faults strike an event, and notes the answer."""

    def __init__(self, world: World) -> None:
        self._faults = world.faults
        self._asked = 0
        self.noted: dict[str, dict[str, float]] = {}

    def __call__(self, event_type: str, record_id: str) -> Mapping[str, float]:
        self._asked += 1
        if not self._faults:
            return {}
        found = {}
        for kind in EVENT_FAULTS:
            fault = self._faults.take(kind, references=(record_id,), subject=event_type)
            if fault is not None:
                found[kind] = fault.after(_LATE_S) * 1000
        if found:
            self.noted[str(self._asked)] = found
        return found


class _Again:
    """Gives the noted answers once more."""

    def __init__(self, noted: Mapping[str, Mapping[str, float]]) -> None:
        self._noted = noted
        self._asked = 0

    def __call__(self, _event_type: str, _record_id: str) -> Mapping[str, float]:
        self._asked += 1
        return self._noted.get(str(self._asked), {})
