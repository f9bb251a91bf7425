"""What payouts consist of, in words for payees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrPromise

from marketplace_payouts.lib.money import Money
from payouts.models import Payable
from payouts.payee_view.shapes import Line

_Purpose = Payable.Purpose

WHAT: Final[Mapping[str, StrPromise]] = {
    _Purpose.SALE: _("Sale"),
    _Purpose.CHANGE: _("Change of a sale"),
    _Purpose.LOSS: _("Payment taken back by the buyer"),
    _Purpose.BONUS: _("Bonus"),
    _Purpose.CORRECTION: _("Correction"),
    _Purpose.DEDUCTION: _("Deduction"),
    _Purpose.RETURNED: _("Earlier payout that came back"),
    _Purpose.CARRY: _("Rest of a rounding"),
}


def line_of(payable: Payable, units: Any) -> Line:
    """This will show a payable, or as much of it as a payout covers; it must carry its source."""
    is_sale = payable.purpose == _Purpose.SALE
    return Line(
        what=str(WHAT[payable.purpose]),
        transaction=payable.source.reference if payable.source is not None else None,
        amount=Money(int(units), payable.currency),
        gross=_part(payable, "gross") if is_sale else None,
        commission=_part(payable, "commission") if is_sale else None,
        due_since=payable.became_due_at,
    )


def _part(payable: Payable, name: str) -> Money | None:
    """A part of the transaction's lines; they may be of another shape, or in a currency that could not be read."""
    found = payable.lines.get(name)
    if not isinstance(found, str) or not found.removeprefix("-").isdecimal():
        return None
    if payable.lines.get("currency", payable.currency) != payable.currency:
        return None
    return Money(int(found), payable.currency)
