"""What Wise's side remembers: quotes, recipients, transfers, groups, balances, and the rows of the statements."""

from __future__ import annotations

import dataclasses
import uuid
from dataclasses import dataclass, field
from typing import Any

from sandbox.core import World
from sandbox.wise.numbers import DECIMALS

START_FUNDS = 1_000_000
HELD = ("EUR", "USD", "GBP", "JPY", "AUD")
"""In which the account holds balances."""
QUOTE_LIFE_S = 1800.0
WAITING, CANCELLED = "incoming_payment_waiting", "cancelled"


@dataclass(slots=True, eq=False)
class Quote:
    """What a transfer would cost; amounts in whole smallest units. `by_target`: the target amount was given."""

    id: str
    profile: int
    source: str
    target: str
    units: int
    by_target: bool
    created: float
    expires: float
    account: int | None = None
    pay_out: str = "BANK_TRANSFER"
    nature: str = ""
    status: str = "PENDING"
    blocked: bool = False
    without_balance: bool = False


@dataclass(slots=True, eq=False)
class Recipient:
    """An account that can be paid into; never changed."""

    id: int
    profile: int
    currency: str
    type: str
    holder: str
    details: dict[str, Any]
    hash: str
    active: bool = True
    outcome: str = "SUCCESS"


@dataclass(slots=True, eq=False)
class Transfer:
    """One order to pay. `paid_in`: what left the balance, with the fee; `back`: what came back since."""

    id: int
    profile: int
    key: str
    quote: str
    account: int
    reference: str
    source: str
    target: str
    source_units: int
    target_units: int
    fee: int
    created: float
    status: str = WAITING
    nature: str = ""
    paid_in: int = 0
    payments: list[dict[str, Any]] = field(default_factory=list)
    back: int = 0
    group: str = ""
    issues: bool = False

    @property
    def sent(self) -> int:
        """Give what is on its way, in the currency of the balance, without the fee."""
        return self.source_units - self.fee

    def names(self) -> set[str]:
        """Give everything that faults and fates may call this transfer by."""
        return {str(self.id), self.key, self.quote, *([self.group] if self.group else [])}


@dataclass(slots=True, eq=False)
class Group:
    """Transfers that are funded together."""

    id: str
    profile: int
    name: str
    source: str
    version: int = 0
    status: str = "NEW"
    transfers: list[int] = field(default_factory=list)
    paid: bool = False


@dataclass(slots=True, eq=False)
class Row:
    """One row of a balance's statement; `units` with its sign, the fee included."""

    at: float
    currency: str
    units: int
    fee: int
    kind: str
    about: str
    text: str
    running: int


_KINDS: dict[str, type[Any]] = {
    "quote": Quote,
    "recipient": Recipient,
    "transfer": Transfer,
    "group": Group,
    "row": Row,
}


class Books:
    """All of it, each change noted in the state file."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.user = int(world.credential("user_id", lambda: _number(world)))
        self.business = int(world.credential("profile_id", lambda: _number(world)))
        self.personal = self.business + 1
        self._next = 50_000_000  # never again the same id, not even after everything was forgotten
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self.quotes: dict[str, Quote] = {}
        self.recipients: dict[int, Recipient] = {}
        self.transfers: dict[int, Transfer] = {}
        self.by_key: dict[tuple[int, str], Transfer] = {}
        self.groups: dict[str, Group] = {}
        self.rows: list[Row] = []
        self.fates: dict[str, str] = {}
        self.funds = {code: START_FUNDS * 10 ** DECIMALS[code] for code in HELD}

    def next_id(self) -> int:
        """Make an id of Wise's kind."""
        self._next += 1 + self.world.rng.randrange(9)
        return self._next

    def new_uuid(self) -> str:
        """Make an id of Wise's other kind."""
        return str(uuid.UUID(self.world.token(16), version=4))

    @property
    def now(self) -> float:
        """Give the present moment."""
        return self.world.clock.time()

    def keep(self, thing: Quote | Recipient | Transfer | Group) -> None:
        """Take something in, or note its change."""
        self._index(thing)
        self._write(type(thing).__name__.lower(), thing)

    def enter(self, currency: str, units: int, *, kind: str, about: str, text: str, fee: int = 0) -> None:
        """Move a balance, and write the row of its statement."""
        self.funds[currency] += units
        row = Row(self.now, currency, units, fee, kind, about, text, self.funds[currency])
        self.rows.append(row)
        self._write("row", row)

    def decree(self, reference: str, status: str) -> None:
        """Remember a fate for what is still to come."""
        self.fates[reference] = status
        self.world.journal.write("fate", [reference, status])

    def named(self, reference: str) -> list[Transfer]:
        """Find transfers by any of their names."""
        return [one for one in self.transfers.values() if reference in one.names()]

    def balance_id(self, currency: str) -> int:
        """Give the id of a balance."""
        return self.business * 100 + HELD.index(currency)

    def restore(self, kind: str, fact: Any) -> None:
        """Take back one fact from the state file."""
        if kind == "fate":
            self.fates[fact[0]] = fact[1]
            return
        thing = _KINDS[kind](**fact)
        if isinstance(thing, Row):
            self.rows.append(thing)
            self.funds[thing.currency] = thing.running
        else:
            self._index(thing)

    def _index(self, thing: Any) -> None:
        match thing:
            case Quote():
                self.quotes[thing.id] = thing
            case Group():
                self.groups[thing.id] = thing
            case Recipient():
                self.recipients[thing.id] = thing
                self._next = max(self._next, thing.id)
            case Transfer():
                self.transfers[thing.id] = thing
                self.by_key[thing.profile, thing.key] = thing
                self._next = max(self._next, thing.id)

    def _write(self, kind: str, thing: Any) -> None:
        if self.world.journal.kept:
            self.world.journal.write(kind, dataclasses.asdict(thing))


def _number(world: World) -> str:
    return str(int(world.token(4), 16) % 80_000_000 + 10_000_000)
