"""What acts that hold back or let go add up on their pages."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q, Sum

from accounts.models import Payee
from marketplace_payouts.lib.money import Money
from payouts.models import BEFORE_SENDING, Payable, Payout


def unsent(which: Q) -> list[tuple[str, Money]]:
    """This will give the amounts of the payouts that were not sent yet."""
    rows = Payout.objects.filter(which, state__in=BEFORE_SENDING).values_list("debt_units", "debt_currency")
    return [("In payouts not sent yet", Money(int(units), code)) for units, code in rows]


def ungathered(payees: Iterable[Payee]) -> list[tuple[str, Money]]:
    """This will give what each payee is owed, is in no payout and waits for nobody."""
    open_now = Payable.objects.filter(payee__in=list(payees), settled="", waits_for="")
    sums = open_now.order_by().values_list("payee_id", "currency").annotate(total=Sum("units"))
    return [("Owed and in no payout", Money(int(units), code)) for _, code, units in sums]
