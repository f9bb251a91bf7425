"""What a payee is owed now, whatever way it is on: what a payout method would receive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, Sum

from marketplace_payouts.lib.money import Money
from payouts.dissolving import DISSOLVABLE
from payouts.models import Payable, PayoutLine

# Whether an opening item is owed at all, and whether a clawback is taken from the payee, is not decided.
_UNDECIDED: Final = (Payable.Waits.OPENING, Payable.Waits.CLAWBACK)


def owed(payee_id: UUID) -> Sequence[Money]:
    """This will add up what is owed and not being sent yet, one amount above zero for each currency."""
    unsent = PayoutLine.objects.filter(
        payable=OuterRef("pk"), released_at__isnull=True, payout__state__in=DISSOLVABLE
    )
    rows = (
        Payable.objects.filter(
            Q(settled=Payable.Settled.NOT) | Q(Exists(unsent), settled=Payable.Settled.GATHERED),
            payee_id=payee_id,
        )
        .exclude(waits_for__in=_UNDECIDED)
        .values("currency")
        .annotate(total=Sum("units"))
        .order_by("currency")
    )
    return [Money(int(row["total"]), row["currency"]) for row in rows if row["total"] > 0]
