"""What the bank remembers: files that it took, entries of the account, payments and what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple

from sandbox.core import World

DECIMALS: Final = {"EUR": 2, "USD": 2, "GBP": 2, "CHF": 2, "VND": 0, "NGN": 2}
START_UNITS: Final = 1_000_000_00
_FIRST_DAY: Final = date(2020, 1, 1)


def units_of(currency: str, amount: Decimal) -> int:
    """Give an amount in whole units.

    :raises ValueError: when the currency is unknown, or the amount too fine.
    """
    if currency not in DECIMALS:
        raise ValueError(f"unknown currency {currency!r}")
    units = amount.scaleb(DECIMALS[currency])
    if units != units.to_integral_value():
        raise ValueError(f"{amount} is too fine for {currency}")
    return int(units)


class Entry(NamedTuple):
    """One booked movement; `units` with its sign, negative is out."""

    at: float
    reference: str
    kind: str
    """`payment`, `file` (one sum), `return`, `fee` or `owner`."""
    units: int
    end_to_end: str
    file: str
    account: str
    reason: str
    text: str

    @property
    def day(self) -> date:
        """The day on which it was booked."""
        return datetime.fromtimestamp(self.at, UTC).date()


@dataclass(slots=True)
class Paid:
    """One payment that was carried out."""

    end_to_end: str
    file: str
    account: str
    units: int
    returned: int = 0


class Books:
    """All of it, each change noted in the state file."""

    def __init__(self, world: World, *, currency: str) -> None:
        self._world = world
        self.currency = currency
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self.files: dict[str, int] = {}
        self.entries: list[Entry] = []
        self.paid: list[Paid] = []
        self.refused: dict[str, str] = {}
        self.opening = START_UNITS

    @property
    def balance(self) -> int:
        """What stands on the account now."""
        return self.opening + sum(one.units for one in self.entries)

    def balance_before(self, day: date) -> int:
        """What stood on the account when a day began."""
        return self.opening + sum(one.units for one in self.entries if one.day < day)

    def between(self, first: date, last: date) -> list[Entry]:
        """Give the entries of some days."""
        return [one for one in self.entries if first <= one.day <= last]

    def take(self, file: str) -> int:
        """Note that a file was taken; gives how often it was before."""
        before = self.files.get(file, 0)
        self.files[file] = before + 1
        self._world.journal.write("file", file)
        return before

    def book(self, kind: str, units: int, **more: str) -> Entry:
        """Book a movement."""
        named = {name: more.get(name, "") for name in ("end_to_end", "file", "account", "reason", "text")}
        entry = Entry(
            self._world.clock.time(), f"B{self._world.rng.getrandbits(56):014x}", kind, units, **named
        )
        self.entries.append(entry)
        self._world.journal.write("entry", entry)
        return entry

    def pay(self, *, end_to_end: str, file: str, account: str, units: int) -> Paid:
        """Note that a payment was carried out: the money is gone."""
        paid = Paid(end_to_end, file, account, units)
        self.paid.append(paid)
        self._world.journal.write("paid", [end_to_end, file, account, units])
        self._world.ledger.record(
            reference=end_to_end,
            key=file,
            destination=account,
            currency=self.currency,
            units=units,
            kind="debit",
        )
        return paid

    def give_back(self, paid: Paid, units: int, *, reason: str) -> None:
        """Have so much of a payment come back."""
        paid.returned += units
        self._world.journal.write("returned", [self.paid.index(paid), paid.returned])
        self.book(
            "return", units, end_to_end=paid.end_to_end, file=paid.file, account=paid.account, reason=reason
        )
        self._world.ledger.record(
            reference=paid.end_to_end,
            key=paid.file,
            destination=paid.account,
            currency=self.currency,
            units=units,
            kind="return",
        )

    def refuse(self, end_to_end: str, reason: str) -> None:
        """Note that a payment was not carried out."""
        self.refused[end_to_end] = reason
        self._world.journal.write("refused", [end_to_end, reason])

    def of(self, end_to_end: str) -> list[Paid]:
        """Find payments by their end-to-end id, account or file."""
        return [one for one in self.paid if end_to_end in (one.end_to_end, one.account, one.file)]

    def restore(self, kind: str, fact: Any) -> None:
        """Take back one fact."""
        match kind:
            case "file":
                self.files[fact] = self.files.get(fact, 0) + 1
            case "entry":
                self.entries.append(Entry(*fact))
            case "paid":
                self.paid.append(Paid(*fact))
            case "returned":
                self.paid[fact[0]].returned = fact[1]
            case "refused":
                self.refused[fact[0]] = fact[1]

    def first_day(self) -> date:
        """Give the day of the first entry, or today."""
        return min((one.day for one in self.entries), default=self.today())

    def today(self) -> date:
        """Give today by the sandbox's clock."""
        return datetime.fromtimestamp(self._world.clock.time(), UTC).date()


def day_of(text: str | None, default: date) -> date:
    """Read a day of a query.

    :raises ValueError: when it is none, or absurd.
    """
    found = date.fromisoformat(text) if text else default
    if not _FIRST_DAY <= found <= default + timedelta(days=3660):
        raise ValueError(f"{found} is no day of this account")
    return found
