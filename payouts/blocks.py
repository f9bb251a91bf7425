"""What a gate says when it does not pass: to staff in full, to the payee by a reason from a closed list."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrPromise

from accounts import languages
from marketplace_payouts.lib.money import Money


class Reason(enum.StrEnum):
    """Why something is not paid yet, as far as its payee is told.

    `CHECKS` stands for everything that staff, rules and evidence know of, and that would help a fraudster or is
    somebody else's affair: holds, a frozen payee, approval, incidents, funds, machinery. Nobody can tell one from the
    other.
    """

    CHECKS = "checks"
    HOLD_PERIOD = "hold_period"
    NEXT_PAYDAY = "next_payday"
    BEFORE_START = "before_start"
    CAME_BACK = "came_back"
    SALE_CHANGED = "sale_changed"
    PAYMENT_CHANGED = "payment_changed"
    PAYMENT_DISPUTED = "payment_disputed"
    PAYMENT_TAKEN_BACK = "payment_taken_back"
    PAYMENT_REFUNDED = "payment_refunded"
    PAYMENT_MISSING = "payment_missing"
    ACCOUNT_CLOSED = "account_closed"
    METHOD_MISSING = "method_missing"
    METHOD_REPLACED = "method_replaced"
    METHOD_UNCONFIRMED = "method_unconfirmed"
    VERIFICATION = "verification"
    METHOD_NEW = "method_new"
    METHOD_CURRENCY = "method_currency"
    FIRST_PAYOUT = "first_payout"
    MINIMUM = "minimum"
    DEDUCTIONS = "deductions"
    NOT_ACCEPTED = "not_accepted"
    NOT_ACCEPTED_METHOD = "not_accepted_method"
    TO_CLAIM = "to_claim"
    SERVICE_CHECKS = "service_checks"


FOR_PAYEE: Final[Mapping[Reason, StrPromise]] = {
    Reason.CHECKS: _("Your money is on its way through our usual checks."),
    Reason.HOLD_PERIOD: _("The hold period of your sale is not over; it ends on %(day)s."),
    Reason.NEXT_PAYDAY: _("The next payday is %(day)s."),
    Reason.BEFORE_START: _(
        "This sale is from before our new payout system; we are checking whether it was paid."
    ),
    Reason.CAME_BACK: _("An earlier payout came back; we are looking at it."),
    Reason.SALE_CHANGED: _("The amount of the sale changed; we are working out anew what we owe you."),
    Reason.PAYMENT_CHANGED: _("There is a change in the buyer's payment; we are looking at it."),
    Reason.PAYMENT_DISPUTED: _("The buyer's bank disputes the payment; we wait for the outcome."),
    Reason.PAYMENT_TAKEN_BACK: _(
        "The buyer's bank took the payment back; we are looking at what that means for you."
    ),
    Reason.PAYMENT_REFUNDED: _("The buyer got money back; we are looking at what that means for you."),
    Reason.PAYMENT_MISSING: _("The buyer's payment has not been confirmed yet."),
    Reason.ACCOUNT_CLOSED: _("Your account is closed."),
    Reason.METHOD_MISSING: _("Tell us where you want to be paid."),
    Reason.METHOD_REPLACED: _("You changed where you want to be paid; we are moving over."),
    Reason.METHOD_UNCONFIRMED: _("Please confirm your payout method."),
    Reason.VERIFICATION: _(
        "Stripe has to verify you before you can be paid there: look at what it still wants from you."
    ),
    Reason.METHOD_NEW: _("You changed where you want to be paid; for your safety we wait until %(day)s."),
    Reason.METHOD_CURRENCY: _(
        "Your payout method cannot receive this currency: tell us another way to be paid."
    ),
    Reason.FIRST_PAYOUT: _("We check the first payout to a new account before it goes out."),
    Reason.MINIMUM: _("We pay from %(amount)s on."),
    Reason.DEDUCTIONS: _("More was taken back than we owe you; your next sales make up for it."),
    Reason.NOT_ACCEPTED: _("It was not accepted when we tried to pay it; we are looking at it."),
    Reason.NOT_ACCEPTED_METHOD: _(
        "Your payout method could not receive it: please check it, or tell us another way to be paid."
    ),
    Reason.TO_CLAIM: _(
        "The payout service keeps the money for you until you accept it: please look at its message to you."
    ),
    Reason.SERVICE_CHECKS: _("The payout service is checking the payment."),
}
"""What the payee reads. `%(day)s` is the day until which it stands, `%(amount)s` the amount that is asked for."""

MENDED_BY_A_METHOD: Final = frozenset(
    {
        Reason.METHOD_MISSING,
        Reason.METHOD_UNCONFIRMED,
        Reason.METHOD_CURRENCY,
        Reason.NOT_ACCEPTED_METHOD,
    }
)
"""What payees mend themselves, where they say where they want to be paid."""

HELD: Final[Mapping[str, Reason]] = {
    "staff": Reason.CHECKS,
    "ours": Reason.CHECKS,
    "rounds": Reason.CHECKS,
    "bad_item": Reason.CHECKS,
    "restore": Reason.CHECKS,
    "paid_already": Reason.CHECKS,
    "incident": Reason.CHECKS,
}
"""What the payee is told of a hold, by the rule that set it; the text of a hold is never told."""


def held_for(rule: str) -> Reason:
    """This will give what the payee is told of a hold of a rule, such as `incident:<id>`."""
    return HELD.get(rule.partition(":")[0], Reason.CHECKS)


@dataclass(frozen=True, slots=True)
class Block:
    """What a gate says when it does not pass."""

    sentence: str
    reason: Reason = Reason.CHECKS
    until: datetime | None = None
    amount: Money | None = None

    @property
    def for_payee(self) -> str:
        """The sentence for the payee, in the language that is active."""
        return tell(self.reason, until=self.until, amount=self.amount)


def tell(reason: Reason, *, until: datetime | None = None, amount: Money | None = None) -> str:
    """This will write the sentence for the payee, in the language that is active; a day is the one of the active
    time zone.
    """
    facts = {
        "day": date_format(timezone.localtime(until), "l, j F Y") if until is not None else "",
        "amount": languages.amount(amount) if amount is not None else "",
    }
    return str(FOR_PAYEE[reason]) % facts
