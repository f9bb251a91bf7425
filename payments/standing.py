"""How the buyer's payment of a transaction stands, by all that was recorded of it, in whatever order that came. Pure,
but for the one statement that loads it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from payments.models import PaymentIn
from payments.words import SHARETRIBE

Kind = PaymentIn.Kind

TAKES: Final = (Kind.REFUNDED, Kind.DISPUTED, Kind.CHARGED_BACK)
"""The kinds of words by which money goes back."""


class Fact(NamedTuple):
    """One recorded word, as far as it counts."""

    transaction_id: UUID
    kind: str
    units: int
    currency: str
    origin: str
    reference: str
    happened_at: datetime
    is_counted: bool = True
    made_by_id: UUID | None = None


@dataclass(slots=True)
class Standing:
    """What came, and what of it went back, in smallest units of one currency."""

    received: int = 0
    refunded: int = 0
    disputed: int = 0
    """Of disputes that are open."""
    charged_back: int = 0
    failed: int = 0

    @property
    def taken_back(self) -> int:
        """What is not with us any more, or may not stay: disputed money is the bank's until we win."""
        return self.refunded + self.disputed + self.charged_back


@dataclass(slots=True)
class Payments:
    """All that is recorded for one transaction."""

    standings: dict[str, Standing] = field(default_factory=dict)
    """By currency."""
    count: int = 0
    """How many words there are; it only ever grows."""
    is_uncounted: bool = False
    """Whether money went back of which `payouts.counting` has not told the books yet."""
    made_by: set[UUID] = field(default_factory=set)
    """The staff who recorded some of it."""
    newest_at: datetime | None = None
    is_told: bool = False
    """Whether somebody else than Sharetribe said something, so that Sharetribe does not know it."""

    def of(self, currency: str) -> Standing:
        """This will give what stands in a currency."""
        return self.standings.get(currency, Standing())

    def never_came(self, *, beside: str) -> str:
        """This will name the other currencies in which more went back than had come, separated by commas."""
        return ", ".join(
            code
            for code, one in sorted(self.standings.items())
            if code != beside and one.taken_back > one.received
        )


NOTHING: Final = Payments()


def load(transaction_ids: Collection[UUID]) -> dict[UUID, Payments]:
    """This will load how these transactions stand, in one statement; what has no payments is missing."""
    return {transaction_id: stand(some) for transaction_id, some in facts_of(transaction_ids).items()}


def facts_of(transaction_ids: Collection[UUID]) -> dict[UUID, list[Fact]]:
    """This will load what is recorded of these transactions, in one statement."""
    facts: dict[UUID, list[Fact]] = defaultdict(list)
    rows = PaymentIn.objects.filter(transaction_id__among=transaction_ids).values_list(
        "transaction_id",
        "kind",
        "units",
        "currency",
        "origin",
        "reference",
        "happened_at",
        "next_at",
        "made_by_id",
    )
    for transaction_id, kind, units, currency, origin, reference, happened_at, next_at, made_by_id in rows:
        facts[transaction_id].append(
            Fact(
                transaction_id,
                kind,
                int(units),
                currency,
                origin,
                reference,
                happened_at,
                next_at is None,
                made_by_id,
            )
        )
    return facts


def stand(facts: Iterable[Fact]) -> Payments:
    """This will work out how one transaction stands by what was recorded for it.

    Words with one reference are about the same money, whoever said them: what staff record because a webhook is late
    is not counted again when it comes.
    """
    found = Payments()
    came: dict[tuple[str, bool, str], int] = defaultdict(int)
    cases: dict[tuple[str, str], list[Fact]] = defaultdict(list)
    for fact in facts:
        standing = found.standings.setdefault(fact.currency, Standing())
        if fact.kind == Kind.RECEIVED:
            key = fact.currency, fact.origin == SHARETRIBE, fact.reference
            came[key] = max(came[key], fact.units)
        elif fact.kind == Kind.FAILED:
            standing.failed += fact.units
        else:
            cases[fact.currency, fact.reference].append(fact)
        _note(found, fact)
    for currency, standing in found.standings.items():
        # Sharetribe's confirming transition and whoever took the money are two witnesses of the same payment.
        standing.received = max(_sum(came, currency, by_sharetribe=by) for by in (True, False))
    for (currency, _reference), case in cases.items():
        _close(found.standings[currency], case)
    return found


def _sum(came: Mapping[tuple[str, bool, str], int], currency: str, *, by_sharetribe: bool) -> int:
    return sum(units for key, units in came.items() if key[:2] == (currency, by_sharetribe))


def _note(found: Payments, fact: Fact) -> None:
    found.count += 1
    found.is_uncounted = found.is_uncounted or (not fact.is_counted and fact.kind in TAKES)
    found.is_told = found.is_told or fact.origin != SHARETRIBE
    found.newest_at = max(filter(None, [found.newest_at, fact.happened_at]))
    if fact.made_by_id is not None:
        found.made_by.add(fact.made_by_id)


def _close(standing: Standing, case: Iterable[Fact]) -> None:
    """Add one refund or dispute: what went back by it, less what came again, unless that was lost later after all."""
    by_kind: dict[str, list[Fact]] = defaultdict(list)
    for fact in case:
        by_kind[fact.kind].append(fact)
    away = max((fact.units for kind in TAKES for fact in by_kind[kind]), default=0)
    if (again := by_kind[Kind.REGAINED]) and not _came_later(by_kind[Kind.CHARGED_BACK], again):
        away = max(away - max(fact.units for fact in again), 0)
    if by_kind[Kind.CHARGED_BACK]:
        standing.charged_back += away
    elif by_kind[Kind.DISPUTED]:
        standing.disputed += away
    else:
        standing.refunded += away


def _came_later(facts: Iterable[Fact], others: Iterable[Fact]) -> bool:
    """Whether some happened when the others had happened already; at the same moment, the worse word counts."""
    last = max((fact.happened_at for fact in facts), default=None)
    return last is not None and last >= max(fact.happened_at for fact in others)


def lost(*, payin: int, received: int, taken_back: int) -> int:
    """This will give how much of what the buyer is to pay had come and went back again, in smallest units.

    What went back beyond a payment of too much is no loss; nor is what Sharetribe itself has taken off the total.
    """
    gone = min(taken_back, received)
    left = max(received - taken_back, 0)
    return min(gone, max(payin - left, 0))


def sellers_part(*, owed: int, payin: int, lost: int) -> int:
    """This will give what of a loss is the seller's: the part that they have in the total, rounded in their favour."""
    return owed * lost // payin if payin > 0 else 0


PENDING: Final = "pending"
"""A payment is prepared, and nobody has paid yet."""
PARTLY_PAID: Final = "partly_paid"
SUCCEEDED: Final = "succeeded"
FAILED: Final = "failed"
PARTLY_REFUNDED: Final = "partly_refunded"
REFUNDED: Final = "refunded"
DISPUTED: Final = "disputed"
CHARGED_BACK: Final = "charged_back"


def word(standing: Standing, *, payin: int | None) -> str:
    """This will give the one word for how a payment stands; nothing where there is nothing to say."""
    if standing.charged_back:
        return CHARGED_BACK
    if standing.disputed:
        return DISPUTED
    if standing.refunded:
        return REFUNDED if standing.refunded >= standing.received else PARTLY_REFUNDED
    if standing.received:
        return PARTLY_PAID if payin is not None and standing.received < payin else SUCCEEDED
    return FAILED if standing.failed else ""
