"""How a changed debt becomes payables: what is open is lowered or raised, what was paid is clawed back. Pure.

What people have decided stays decided. What is undecided, and turns out to be none, is taken back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from payments import standing
from payments.standing import Payments
from payouts import losses
from payouts.models import Payable, Payout, State
from payouts.understanding import Understanding


@dataclass(slots=True)
class Books:
    """What is accrued already, per source."""

    payables: dict[UUID, list[Payable]] = field(default_factory=lambda: defaultdict(list))
    payouts: dict[UUID, Payout] = field(default_factory=dict)
    """Payable id → the payout that its live line is in."""
    payments: dict[UUID, Payments] = field(default_factory=dict)
    """Transaction → how its buyer's payment stands."""
    taken_back: list[Payable] = field(default_factory=list)
    """Undecided clawbacks that turned out to be none."""

    def payments_of(self, one: Understanding) -> Payments:
        """How the buyer's payment of a transaction stands."""
        return self.payments.get(one.source.reference, standing.NOTHING)

    def is_open(self, row: Payable) -> bool:
        """Whether it is in no payout, or in one that was just let go."""
        payout = self.payouts.get(row.pk)
        was_let_go = payout is None or payout.state == State.CANCELLED
        return was_let_go and row.settled in (Payable.Settled.NOT, Payable.Settled.GATHERED)


@dataclass(frozen=True, slots=True)
class Change:
    """What must become different for one transaction."""

    one: Understanding
    units: int
    """By how much its sale, and what changed it, goes up or down."""
    booked: losses.Booked
    loss: losses.Change

    @property
    def is_any(self) -> bool:
        """Whether anything must."""
        return bool(
            self.units or self.loss.undecided != self.booked.undecided or self.loss.regained_from_write_offs
        )

    @property
    def touches_payouts(self) -> bool:
        """Whether what is in a payout is another amount now, or must not go out."""
        return self.units != 0 or self.loss.undecided > self.booked.undecided


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a change: what it does to what is open, to what was paid, or to what was to be clawed back."""

    units: int
    waits_for: Payable.Waits
    purpose: Payable.Purpose = Payable.Purpose.CHANGE
    settled: Payable.Settled = Payable.Settled.NOT


def change_of(one: Understanding, books: Books) -> Change:
    """This will say what must become different for one transaction.

    :raises ValueError: when it changed its currency.
    """
    assert one.owed is not None
    assert one.trigger is not None
    rows = books.payables[one.source.pk]
    other = {row.currency for row in rows} - {one.owed.currency}
    if other:
        raise ValueError(f"The transaction changed its currency from {other.pop()} to {one.owed.currency}.")
    booked = losses.Booked.of(rows)
    loss = losses.sellers_loss(
        books.payments_of(one),
        owed=one.owed,
        payin=one.payin,
        certain=None if one.trigger.requires_payment else one.payin_then,
    )
    change = losses.change(booked, loss=loss)
    sold = sum(int(row.units) for row in _sold(rows))
    return Change(one, one.owed.units - sold + change.regained_from_seller, booked, change)


def _sold(rows: Sequence[Payable]) -> list[Payable]:
    """What Sharetribe's own amounts made us owe."""
    return [row for row in rows if row.purpose != Payable.Purpose.LOSS]


def parts(change: Change, books: Books) -> list[Part]:
    """This will say which rows make the change, once what it touches was let go."""
    rows = books.payables[change.one.source.pk]
    sale = _sale_parts(change.units, _sold(rows), books) if change.units else []
    return [*sale, *_loss_parts(change.booked, change.loss, books)]


def _sale_parts(units: int, rows: Sequence[Payable], books: Books) -> list[Part]:
    """A change first meets what is open of the same transaction; only the rest is paid, or clawed back."""
    original = rows[0] if rows else None
    if original is None:
        # Whether it is an opening item, its payee's marketplace says.
        return [Part(units, Payable.Waits.NOTHING)]
    if books.is_open(original):
        # The original is open again, or still: the two are gathered together.
        return [Part(units, Payable.Waits(original.waits_for))]
    if units > 0:
        return _raise(units, rows, books)
    open_units = sum(
        int(row.units)
        for row in rows
        if books.is_open(row) and not row.waits_for and not row.decided.startswith("net")
    )
    lowered = max(units, -max(open_units, 0))
    both = [Part(lowered, Payable.Waits.NOTHING), Part(units - lowered, Payable.Waits.CLAWBACK)]
    return [part for part in both if part.units]


def _loss_parts(booked: losses.Booked, change: losses.Change, books: Books) -> list[Part]:
    """More is lost: it waits for a decision. Less: what nobody decided about is taken back, and so is a write-off."""
    more, loss = change.undecided - booked.undecided, Payable.Purpose.LOSS
    found = []
    if more < 0:
        books.taken_back += filter(losses.is_undecided, booked.rows)
        found.append(Part(booked.undecided, Payable.Waits.NOTHING, loss, Payable.Settled.ZERO))
        more = change.undecided
    if more:
        found.append(Part(-more, Payable.Waits.CLAWBACK, loss))
    if change.regained_from_write_offs:
        regained = change.regained_from_write_offs
        found.append(Part(regained, Payable.Waits.NOTHING, loss, Payable.Settled.WRITTEN_OFF))
    return found


def _raise(units: int, rows: Sequence[Payable], books: Books) -> list[Part]:
    """More is owed than before: what was to be clawed back for the same transaction, and is undecided, goes first."""
    undecided = [row for row in rows if row.waits_for == Payable.Waits.CLAWBACK and not row.settled]
    clawed = -sum(int(row.units) for row in undecided)
    if not clawed:
        return [Part(units, Payable.Waits.NOTHING)]
    books.taken_back += undecided
    rest = units - clawed
    waits_for = Payable.Waits.CLAWBACK if rest < 0 else Payable.Waits.NOTHING
    return [
        Part(clawed, Payable.Waits.NOTHING, settled=Payable.Settled.ZERO),
        *([Part(rest, waits_for)] if rest else []),
    ]
