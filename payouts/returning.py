"""What came back is owed again: a payable for each transaction that the payout covered, waiting for a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.ids import uuid7
from payouts import dissolving
from payouts.models import Payable, Payout, PayoutLine


@dataclass(frozen=True, slots=True)
class Back:
    """A part of a payout, or all of it, that came back."""

    payout: Payout
    key: str
    """The key of the attempt that it was sent with."""
    units: int
    before: int
    """How much of the attempt had come back before."""
    currency: str
    reference: str
    """The provider's id of the return, where it has one."""
    raw_status: str


def owe_again(backs: Sequence[Back], *, now: datetime) -> None:
    """This will owe what came back, inside the caller's transaction that posts it.

    It waits for a person, so nobody's gathering need be woken. Each part stays tied to its transaction, so that it is
    read again and announced like any other before it goes out, and its outcome is written back there.
    """
    if not backs:
        return
    lines = dissolving.live_lines([back.payout.pk for back in backs])
    rowsets.insert(
        Payable, [row for back in backs for row in _payables(back, lines[back.payout.pk], now=now)]
    )


def _payables(back: Back, lines: Sequence[PayoutLine], *, now: datetime) -> list[Payable]:
    return [
        Payable(
            id=uuid7(),
            marketplace_id=back.payout.marketplace_id,
            payee_id=back.payout.payee_id,
            origin=Payable.Origin.PROVIDER,
            reference=back.key,
            purpose=Payable.Purpose.RETURNED,
            source_event=_event(back, n),
            units=units,
            currency=back.currency,
            source_id=source_id,
            reason=f"{back.payout.number} came back: {back.raw_status}.",
            lines={"payout": str(back.payout.pk), "number": back.payout.number},
            became_due_at=now,
            created_at=now,
            hold_until=now,
            due_at=now,
            waits_for=Payable.Waits.RETURNED,
        )
        for n, (source_id, units) in enumerate(_parts(back, lines))
    ]


def _event(back: Back, n: int) -> str:
    """The cumulative amount tells two parts with one id of the provider's apart."""
    part = f" up to {back.before + back.units} {n}"
    return (back.reference or "return")[: 120 - len(part)] + part


def _parts(back: Back, lines: Sequence[PayoutLine]) -> list[tuple[UUID | None, int]]:
    """Share it out over the transactions in their order; what came back before took the first of them."""
    shares: dict[UUID | None, int] = {}
    for line in lines:
        source_id = line.payable.source_id
        shares[source_id] = shares.get(source_id, 0) + int(line.units)
    parts: list[tuple[UUID | None, int]] = []
    skip, left = back.before, back.units
    for source_id, share in shares.items():
        skipped = min(skip, max(share, 0))
        skip -= skipped
        units = min(left, max(share, 0) - skipped)
        left -= units
        if units:
            parts.append((source_id, units))
    if left:
        # More than the lines hold, as after a conversion: it is owed all the same.
        parts.append((None, left))
    return parts
