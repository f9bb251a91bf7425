"""Rounding down to what a provider can express, and carrying the rest over to the payee's next payout."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from accounts.models import Payee
from marketplace_payouts.lib.currencies import exponent
from marketplace_payouts.lib.ids import uuid7
from marketplace_payouts.lib.money import Money
from payouts import ledger
from payouts.ledger import Draft
from payouts.models import Payable, Payout
from payouts.providers import registry


def grain(provider: str, currency: str) -> int:
    """This will give the smallest amount that the provider can send, in our units: 100 for HUF through PayPal."""
    offered = registry.find(provider)
    places = None if offered is None else offered.capabilities.exponents.get(currency)
    return 1 if places is None else 10 ** max(0, exponent(currency) - places)


def carry(payout: Payout, payee: Payee, rest: int, *, now: datetime) -> tuple[Payable, Payable]:
    """This will make the pair that moves a rest out of a payout and into what is owed next; together they are nothing.

    The second is linked to the first: should the payout be let go, the two meet again and settle each other.
    """
    taken, kept = (
        Payable(
            id=uuid7(),
            marketplace_id=payee.marketplace_id,
            payee=payee,
            origin=Payable.Origin.CARRY,
            reference=str(payout.pk),
            purpose=Payable.Purpose.CARRY,
            source_event=event,
            units=units,
            currency=payout.debt_currency,
            reason=f"{payout.number} was rounded down to what {payout.provider} can send.",
            became_due_at=now,
            created_at=now,
            hold_until=now,
            due_at=now,
        )
        for event, units in (("taken", -rest), ("kept", rest))
    )
    taken.settled, kept.original, kept.blocked_by = Payable.Settled.GATHERED, taken, "minimum"
    return taken, kept


def drafts(pairs: Sequence[tuple[Payable, Payable]]) -> list[Draft]:
    """This will draft the postings of carried rests."""
    found = []
    for taken, kept in pairs:
        amount, owed = Money(int(kept.units), kept.currency), ledger.owed(kept.payee_id)
        found.append(Draft("compensate", taken.pk, owed, ledger.DUE, amount, payable_id=taken.pk))
        found.append(Draft("accrue", kept.pk, ledger.DUE, owed, amount, payable_id=kept.pk))
    return found
