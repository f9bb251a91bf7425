"""The other side of every call: a desk on which files lie and to which statements come.

The core keeps it (`payouts.bank_files.desk`) and hands it in at start (`use`), so that the provider itself touches no
database. What it raises is `ProviderUnavailable` alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from marketplace_payouts.lib.money import Money
from payouts.providers.bank_file.bank_statements import Entry
from payouts.providers.base import ItemRefusal, ProviderUnavailable


@dataclass(frozen=True, slots=True)
class DeskFile:
    """A file that lies on the desk."""

    message_id: str
    number: int
    body: bytes
    """Its committed bytes."""
    standing: str
    """How far people are with it: `made`, `downloaded`, `uploaded`."""
    withdrawn: str = ""
    """Why two people withdrew it; empty while it is live."""
    refused: Mapping[str, ItemRefusal] = field(default_factory=dict)
    """Payments that the bank did not carry out, by their keys, as two people say."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the statements that were taken cover."""

    since: date
    """The first of the days that follow each other without a gap up to `until`."""
    until: date
    """The newest whole day."""
    closing: Money | None
    """The balance at its end, where a statement told it."""
    closing_on: date | None
    open: int = 0
    """What live files hold that no statement shows yet, in smallest units."""


class Desk(Protocol):
    """Where files lie and statements come to."""

    def take(self, message_id: str) -> int:
        """This will lay the file of a committed batch on the desk, once, and give its number."""
        ...

    def file(self, message_id: str) -> DeskFile | None:
        """This will give a file, also one that was withdrawn."""
        ...

    def file_of(self, item_key: str) -> DeskFile | None:
        """This will give the file that a payment stands in."""
        ...

    def entries_of(self, item_keys: Collection[str], message_id: str) -> Sequence[Entry]:
        """This will give the entries that name these payments, or this file as a whole, in the order of their days."""
        ...

    def entries_since(self, day: date) -> Sequence[Entry]:
        """This will give every entry that was booked on or after a day, in the order of their days."""
        ...

    def coverage(self) -> Coverage | None:
        """This will say what the statements cover; None before the first one."""
        ...


class ClosedDesk:
    """Before the core has handed one in: nothing can be said."""

    def take(self, message_id: str) -> int:
        raise ProviderUnavailable(_NOBODY)

    def file(self, message_id: str) -> DeskFile | None:
        raise ProviderUnavailable(_NOBODY)

    def file_of(self, item_key: str) -> DeskFile | None:
        raise ProviderUnavailable(_NOBODY)

    def entries_of(self, item_keys: Collection[str], message_id: str) -> Sequence[Entry]:
        raise ProviderUnavailable(_NOBODY)

    def entries_since(self, day: date) -> Sequence[Entry]:
        raise ProviderUnavailable(_NOBODY)

    def coverage(self) -> Coverage | None:
        raise ProviderUnavailable(_NOBODY)


_NOBODY = "Nobody keeps the desk for bank files in this process."
_present: Desk = ClosedDesk()


def use(desk: Desk) -> None:
    """This will have every bank file provider of this process work at a desk."""
    global _present  # one desk per process, set when the app is ready
    _present = desk


def present() -> Desk:
    """This will give the desk of this process."""
    return _present


__all__ = ["ClosedDesk", "Coverage", "Desk", "DeskFile", "present", "use"]
