"""What payees read where something does not go, by the codes under which programs know it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import ReadOnly
from accounts.payee_door.codes import WhyNot
from payouts.kept_methods import Standing

_OTHERWISE: Final = _("This does not work at the moment. Please try again in a few minutes.")

_BY_CODE: Final[Mapping[str, str | Promise]] = {
    "token_refused": _(
        "Your log-in at the marketplace has ended. Log in there again and open this page from there."
    ),
    "session_unknown": _("This link was used or has ended. Open this page from the marketplace again."),
    "session_over": _("This link was used or has ended. Open this page from the marketplace again."),
    "not_of_this_marketplace": _("This log-in does not belong to this marketplace."),
    "account_closed": _("The marketplace has closed this account."),
    "no_payee": _("This account does not sell at the marketplace."),
    "forged": _(
        "This page was open for too long, or your browser keeps no cookies. Open it again and send the form once more."
    ),
    "throttled": _("That was too often in a short time. Please wait some minutes and try again."),
}

READ_ONLY: Final[Mapping[str, str | Promise]] = {
    ReadOnly.IMPERSONATED: _(
        "You are looking at these pages as an operator, or without a log-in of the seller's own. Nothing can be changed"
        " here: only the seller may do that, after logging in themselves."
    ),
    ReadOnly.UNDETERMINED: _(
        "With a log-in of the marketplace nothing can be changed here yet. Log in with a code by e-mail instead."
    ),
    ReadOnly.SERVER: _(
        "The marketplace opened these pages for looking only, so nothing can be changed here."
    ),
}

STANDINGS: Final[Mapping[Standing, str | Promise]] = {
    Standing.IN_USE: _("In use"),
    Standing.UNCONFIRMED: _("Not confirmed yet"),
    Standing.COOLING_DOWN: _("New"),
    Standing.NEEDS_YOU: _("Needs your attention"),
    Standing.KEPT: _("Not in use"),
}
OF_CHOICES: Final[Mapping[str, str | Promise]] = {
    "country_missing": _("Say in which country you are paid."),
    "country_unknown": _("There is no such country."),
    "provider_unknown": _("This way to be paid is not offered here."),
    "provider_unavailable": _(
        "The service cannot be asked at the moment. Please try again in a few minutes."
    ),
    "too_many_changes": _(
        "You have changed where you are paid too often lately. Please write to the marketplace."
    ),
    "method_unknown": _("You have no such payout method any more."),
    "nothing_to_confirm": _("There is nothing to confirm by e-mail any more."),
    "required": _("This is needed."),
    "too_long": _("This is too long."),
    "no_such_choice": _("Choose one of those that are offered."),
    "malformed": _("This cannot be right. Please check it."),
}

OF_CODES: Final[Mapping[WhyNot, str | Promise]] = {
    WhyNot.WRONG: _("This code is not right. Look at the newest mail and try again."),
    WhyNot.OVER: _("This code has ended, or was tried too often. Ask for a new one."),
}


def of(code: str) -> str | Promise:
    """This will give the sentence for a code."""
    return _BY_CODE.get(code, _OTHERWISE)
