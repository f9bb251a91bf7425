"""The one table of notices: when each is sent, what it is called, and whether it can be switched off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise

INVITED: Final = "invited"
REMINDED: Final = "reminded"
OWED: Final = "owed"
PAID: Final = "paid"
NEEDS_YOU: Final = "needs_you"
FAILED: Final = "failed"
RETURNED: Final = "returned"
ANSWERED: Final = "answered"
METHOD_CHANGED: Final = "method_changed"
VERIFY_METHOD: Final = "verify_method"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of notice; its words stand in `templates/notices/<name>.txt`."""

    name: str
    when: str
    """When it is sent, for staff and front ends."""
    label: Text
    """What a payee switches on and off."""
    subject: Text
    """With the names of what fills it in brackets, such as ``%(amount)s``."""
    can_be_off: bool = True
    """False for what protects the payee, or what the payee asked for themselves."""


_ALL: Final = (
    Kind(
        INVITED,
        "Money is due and there is no usable payout method: at once.",
        _("Money is waiting for me and cannot be paid yet"),
        _("%(marketplace)s: tell us where to pay you %(amount)s"),
    ),
    Kind(
        REMINDED,
        "It still is so: after 3, 7 and 21 days.",
        _("That money is still waiting (reminders)"),
        _("%(marketplace)s: %(amount)s is still waiting for you"),
    ),
    Kind(
        OWED,
        "Something was earned: once a day, of the day before.",
        _("I earned something (once a day)"),
        _("%(marketplace)s: you earned %(amount)s"),
    ),
    Kind(
        PAID,
        "A payout was paid.",
        _("A payout was paid to me"),
        _("%(number)s: %(amount)s has been paid to you"),
    ),
    Kind(
        NEEDS_YOU,
        "A payout failed for a reason that the payee alone can mend.",
        _("A payout needs something of me"),
        _("%(number)s: we need you before we can pay %(amount)s"),
    ),
    Kind(
        FAILED,
        "A payout failed for another reason.",
        _("A payout is delayed"),
        _("%(number)s: we could not pay %(amount)s yet"),
    ),
    Kind(
        RETURNED,
        "A payout came back, as a whole or in part.",
        _("A payout came back"),
        _("%(number)s: %(returned)s came back to us"),
    ),
    Kind(
        ANSWERED,
        "Staff answered a question about a payout.",
        _("My question was answered"),
        _("%(number)s: our answer to your question"),
    ),
    Kind(
        METHOD_CHANGED,
        "A payout method was given, replaced or removed: to the old and the new contact.",
        _("Where I am paid was changed"),
        _("%(marketplace)s: where you are paid was changed"),
        can_be_off=False,
    ),
    Kind(
        VERIFY_METHOD,
        "A payout method is to be confirmed: to the method's own address.",
        _("A payout method is to be confirmed"),
        _("%(marketplace)s: confirm where you want to be paid"),
        can_be_off=False,
    ),
)

KINDS: Final = {kind.name: kind for kind in _ALL}
"""In the order in which people read them."""

SWITCHES: Final = tuple(kind.name for kind in _ALL if kind.can_be_off)
"""The kinds that can be switched off."""


def off_by_marketplace() -> frozenset[str]:
    """This will give the kinds that nobody is sent, by `NOTICES_OFF`; those of security cannot be among them."""
    return frozenset(settings.NOTICES_OFF) & frozenset(SWITCHES)
