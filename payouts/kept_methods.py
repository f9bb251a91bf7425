"""A payee's methods as the payee sees them: masked, the default first, and how each stands."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_stubs_ext import StrPromise

from accounts import languages
from accounts.models import Payee
from payouts.models import Attempt, Payout, PayoutMethod, State
from payouts.owing import owed
from payouts.providers import registry
from payouts.providers.offering import Proof
from payouts.readiness import FOR_THE_PAYEE


class Standing(enum.StrEnum):
    """How a method stands."""

    IN_USE = "in_use"
    UNCONFIRMED = "unconfirmed"
    """The payee, or staff, must confirm it first."""
    COOLING_DOWN = "cooling_down"
    NEEDS_YOU = "needs_you"
    """A payout there failed for a reason that the payee can mend, by another method."""
    KEPT = "kept"
    """Not the default; it can be made that again."""


_SENTENCES: Final[Mapping[Standing, StrPromise]] = {
    Standing.IN_USE: gettext_lazy("What you are owed is paid there."),
    Standing.UNCONFIRMED: gettext_lazy("We are checking that it is yours; nothing is paid there before."),
    Standing.COOLING_DOWN: gettext_lazy("For your safety nothing is paid there before %(moment)s."),
    Standing.NEEDS_YOU: gettext_lazy(
        "A payout there was not accepted. Check with the service whether it can receive money, or choose another way to"
        " be paid."
    ),
    Standing.KEPT: gettext_lazy("Nothing is paid there unless you make it your payout method again."),
}
_MAILED: Final = gettext_lazy(
    "Follow the link in the mail that we sent to this address; nothing is paid there before."
)


@dataclass(frozen=True, slots=True)
class Kept:
    """One method of a payee."""

    method: PayoutMethod
    label: str
    """The service's name."""
    is_default: bool
    standing: Standing
    sentence: str
    """How it stands, and what to do, in the language that is active."""
    can_be_mailed: bool
    """Whether the link that confirms it can be mailed once more."""
    if_retired: str
    """What taking it off the list would do."""


def kept(payee: Payee, *, now: datetime) -> Sequence[Kept]:
    """This will give a payee's methods, the default first, then those of before, the newest first.

    Of one that was chosen several times only the newest version is given, and of what the payee took off none.
    """
    rows = PayoutMethod.objects.filter(payee=payee, dropped_at__isnull=True).order_by("-version")
    newest: dict[str, PayoutMethod] = {}
    for row in rows:
        newest.setdefault(row.fingerprint, row)
    # The default is the newest version of all, if there is one.
    return [_kept(payee, row, now=now) for row in newest.values()]


def what_retiring_does(payee: Payee, *, is_default: bool) -> str:
    """This will say what becomes of what a payee is owed when a method is taken off the list."""
    if not is_default:
        return _("It is only taken off the list: nothing is paid there.")
    amounts = ", ".join(languages.amount(amount) for amount in owed(payee.pk))
    on_its_way = list(
        Payout.objects.filter(
            payee=payee, state__in=(State.SUBMITTING, State.SUBMITTED, State.UNKNOWN)
        ).values_list("number", flat=True)
    )
    said = [
        _("What you are owed, %(amounts)s, waits until you choose another payout method.")
        % {"amounts": amounts}
        if amounts
        else _("What you will be owed waits until you choose another payout method.")
    ]
    if on_its_way:
        numbers = {"numbers": ", ".join(on_its_way)}
        said.append(_("Being sent already, and not called back: %(numbers)s.") % numbers)
    return " ".join(said)


def _kept(payee: Payee, method: PayoutMethod, *, now: datetime) -> Kept:
    service = registry.find(method.provider)
    is_default = method.retired_at is None
    standing = _standing(method, now=now)
    is_mailed = (
        standing is Standing.UNCONFIRMED
        and service is not None
        and service.offering.proof is Proof.MAILED_LINK
    )
    return Kept(
        method=method,
        label=registry.label(method.provider),
        is_default=is_default,
        standing=standing,
        sentence=str(_MAILED if is_mailed else _SENTENCES[standing])
        % {"moment": _usable_from(payee, method)},
        can_be_mailed=is_mailed,
        if_retired=what_retiring_does(payee, is_default=is_default),
    )


def _standing(method: PayoutMethod, *, now: datetime) -> Standing:
    if method.retired_at is not None:
        return Standing.KEPT
    if _is_refused(method):
        return Standing.NEEDS_YOU
    if method.verified_at is None:
        return Standing.UNCONFIRMED
    return Standing.COOLING_DOWN if method.usable_from > now else Standing.IN_USE


def _usable_from(payee: Payee, method: PayoutMethod) -> str:
    """By the marketplace's clock, like every moment that a payee is told."""
    at = timezone.localtime(method.usable_from, ZoneInfo(payee.marketplace.time_zone))
    return date_format(at, "DATETIME_FORMAT")


def _is_refused(method: PayoutMethod) -> bool:
    """Whether the last payout there failed for a reason that another method would mend; which, the service says in
    words of its own, which are for staff."""
    failed = Attempt.objects.filter(method=method, payout__state=State.FAILED, payout__method=method)
    last = failed.order_by("-closed_at").values_list("refusal_class", flat=True).first()
    return last in FOR_THE_PAYEE
