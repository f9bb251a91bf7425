"""What a buyer's money that went back takes from a sale: the seller's part of it, as payables of their own. Pure.

A refund, a dispute or a chargeback that Sharetribe's own lines do not show is no statement about the seller's share, so
it never lowers what is paid by itself: a payable of the purpose `loss` waits as a clawback until two people decide, and
the sale waits with it. Where Sharetribe's lines show it later, or the dispute is won, the payable is taken back. The
result rests on sums alone, and nothing is taken twice: what the lines show is no loss any more (`standing.lost`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from marketplace_payouts.lib.currencies import format_amount
from marketplace_payouts.lib.money import Money
from payments.standing import Payments, Standing, lost, sellers_part
from payouts.models import Payable

Purpose, Settled, Waits = Payable.Purpose, Payable.Settled, Payable.Waits


@dataclass(frozen=True, slots=True)
class Booked:
    """What is booked as lost of one sale, in smallest units."""

    undecided: int = 0
    """Waits for two people."""
    borne: int = 0
    """The seller bears it: netted or repaid, as decided."""
    written_off: int = 0
    """The marketplace bears it."""
    rows: Sequence[Payable] = ()

    @classmethod
    def of(cls, payables: Iterable[Payable]) -> Self:
        """This will sort the payables of one sale."""
        rows = [row for row in payables if row.purpose == Purpose.LOSS]
        undecided = -sum(int(row.units) for row in rows if is_undecided(row))
        written_off = -sum(int(row.units) for row in rows if row.settled == Settled.WRITTEN_OFF)
        everything = -sum(int(row.units) for row in rows)
        return cls(undecided, everything - undecided - written_off, written_off, rows)


@dataclass(frozen=True, slots=True)
class Change:
    """What must be booked so that it is again what is lost now."""

    undecided: int
    """What is to wait for a decision in the end."""
    regained_from_seller: int
    """What they bore and need not any more."""
    regained_from_write_offs: int


def is_undecided(row: Payable) -> bool:
    """This will tell whether a loss waits for its decision."""
    return row.waits_for == Waits.CLAWBACK and not row.settled


def change(booked: Booked, *, loss: int) -> Change:
    """This will say how what is booked gets to `loss`; what people decided stays decided as far as it is still lost.

    What is lost less than they decided about, is given back first to the seller.
    """
    decided = booked.borne + booked.written_off
    beyond = max(decided - loss, 0)
    from_seller = min(max(booked.borne, 0), beyond)
    return Change(max(loss - decided, 0), from_seller, beyond - from_seller)


def sellers_loss(payments: Payments, *, owed: Money, payin: Money | None, certain: Money | None) -> int:
    """This will give what the seller loses of what they are owed, in its smallest units.

    `certain` is what counts as paid whatever is recorded, where the trigger does not wait for a payment.
    """
    if payin is None or payin.currency != owed.currency:
        return 0
    standing = payments.of(payin.currency)
    received = standing.received
    if certain is not None and certain.currency == payin.currency:
        received = max(received, certain.units)
    gone = lost(payin=payin.units, received=received, taken_back=standing.taken_back)
    return sellers_part(owed=owed.units, payin=payin.units, lost=gone)


def sentence(standing: Standing, currency: str) -> str:
    """This will say, for staff, what went back and how."""
    parts = (
        ("the buyer got {} back", standing.refunded),
        ("the buyer's bank disputes {}", standing.disputed),
        ("the buyer's bank took {} back", standing.charged_back),
    )
    said = " and ".join(text.format(format_amount(Money(units, currency))) for text, units in parts if units)
    return f"{said[:1].upper()}{said[1:]}." if said else "What had gone back is with us again."
