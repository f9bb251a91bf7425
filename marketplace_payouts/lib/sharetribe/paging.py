"""Walking more transactions than Sharetribe lets anyone page through.

Pages end at some ten thousand results. The walk by age therefore goes on from the age of the last one seen instead
of by page numbers; what it sees twice at the seam is given once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from marketplace_payouts.lib.sharetribe.errors import FlexTooMany
from marketplace_payouts.lib.sharetribe.records import Transaction

PAGE: Final = 100
_CEILING: Final = 10_000
# Sharetribe keeps milliseconds, and does not say whether the start is included: one earlier, it is.
_SEAM: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of an answer, with what it says about the others, where it says it."""

    transactions: Sequence[Transaction]
    size: int
    """With those that could not be read."""
    pages: int | None
    limit: int | None
    """The last page that may be asked for."""

    def is_last(self, number: int) -> bool:
        """Whether no page follows this one."""
        if self.pages is not None:
            return number >= self.pages
        return self.size < PAGE

    def is_ceiling(self, number: int) -> bool:
        """Whether the next page is beyond what may be asked for."""
        return number + 1 > (self.limit or number + 1) or (number + 1) * PAGE > _CEILING


Ask = Callable[[int, Mapping[str, str]], Page]


def oldest_first(
    ask: Ask, start: datetime | None, *, write: Callable[[datetime], str]
) -> Iterator[Transaction]:
    """Walk by age from the oldest on.

    :raises FlexTooMany: when more were created in one millisecond than can be paged through.
    """
    at_seam: set[UUID] = set()
    while True:
        # Sharetribe's sorting is the other way round: the minus means oldest first.
        terms = {"sort": "-createdAt"} | ({"createdAtStart": write(start)} if start else {})
        number, newest, seen = 1, None, set[UUID]()
        while True:
            page = ask(number, terms)
            for transaction in page.transactions:
                if transaction.id not in at_seam and transaction.id not in seen:
                    yield transaction
                seen.add(transaction.id)
                newest = max(newest or transaction.created_at, transaction.created_at)
            if page.is_last(number):
                return
            if page.is_ceiling(number):
                break
            number += 1
        if newest is None or (start is not None and newest - _SEAM <= start):
            raise FlexTooMany(
                "More transactions were created at one moment than Sharetribe lets us page through"
            )
        start, at_seam = newest - _SEAM, seen


def transitioned_since(ask: Ask, since: datetime, *, start: Mapping[str, str]) -> Iterator[Transaction]:
    """Walk from the most recently changed back to a moment.

    :raises FlexTooMany: when more changed since then than can be paged through.
    """
    seen: set[UUID] = set()
    number = 1
    while True:
        page = ask(number, {"sort": "lastTransitionedAt", **start})
        for transaction in page.transactions:
            if transaction.last_transitioned_at < since:
                return
            # What changes while we walk moves to the front and pushes others onto the next page.
            if transaction.id not in seen:
                yield transaction
            seen.add(transaction.id)
        if page.is_last(number):
            return
        if page.is_ceiling(number):
            raise FlexTooMany("More transactions changed since then than Sharetribe lets us page through")
        number += 1
