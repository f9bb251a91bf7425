"""Acts that call the core: what it refuses is shown as its sentence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from accounts.backoffice.acting import Act
from accounts.roles import NotAllowed
from payouts.errors import DomainError


class DomainAct(Act):
    """An act whose work is one call into the core."""

    errors: ClassVar[tuple[type[Exception], ...]] = (NotAllowed, DomainError)


def count(rows: Sequence[Any], one: str, many: str = "") -> str:
    """This will write a number of things: "1 payout", "3 payouts"."""
    return f"{len(rows):,} {one if len(rows) == 1 else many or one + 's'}"


def different(values: Iterable[Any], one: str, many: str = "") -> str:
    """This will write how many different things there are: "2 payees"."""
    return count(sorted({str(value) for value in values}), one, many)
