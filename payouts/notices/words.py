"""What a payout covers, in the payee's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.utils.translation import gettext_lazy as _

from payouts.models import Payable
from payouts.notices.kinds import Text

PURPOSES: Final[Mapping[str, Text]] = {
    Payable.Purpose.SALE: _("Sales"),
    Payable.Purpose.CHANGE: _("Changed or refunded sales"),
    Payable.Purpose.LOSS: _("Payments that went back to buyers"),
    Payable.Purpose.BONUS: _("Bonuses"),
    Payable.Purpose.CORRECTION: _("Corrections"),
    Payable.Purpose.DEDUCTION: _("Deductions"),
    Payable.Purpose.RETURNED: _("Payouts that had come back"),
    Payable.Purpose.CARRY: _("Carried from or to another payout"),
}
