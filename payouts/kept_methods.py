"""A payee's methods as the payee sees them: masked, the default first, and how each stands."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from accounts.models import Payee
from marketplace_payouts.lib.currencies import format_amount
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


@dataclass(frozen=True, slots=True)
class Kept:
    """One method of a payee."""

    method: PayoutMethod
    label: str
    """The service's name."""
    is_default: bool
    standing: Standing
    sentence: str
    """How it stands, and what to do."""
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
        return "It is only taken off the list: nothing goes there."
    amounts = [format_amount(amount) for amount in owed(payee.pk)]
    on_its_way = list(
        Payout.objects.filter(
            payee=payee, state__in=(State.SUBMITTING, State.SUBMITTED, State.UNKNOWN)
        ).values_list("number", flat=True)
    )
    said = [
        f"What you are owed, {' and '.join(amounts)}, waits until you choose another payout method."
        if amounts
        else "What you will be owed waits until you choose another payout method."
    ]
    if on_its_way:
        said.append(f"Being sent already, and not called back: {', '.join(on_its_way)}.")
    return " ".join(said)


def _kept(payee: Payee, method: PayoutMethod, *, now: datetime) -> Kept:
    label = registry.label(method.provider)
    is_default = method.retired_at is None
    standing, sentence = _standing(method, label, now=now)
    return Kept(
        method=method,
        label=label,
        is_default=is_default,
        standing=standing,
        sentence=sentence,
        if_retired=what_retiring_does(payee, is_default=is_default),
    )


def _standing(method: PayoutMethod, label: str, *, now: datetime) -> tuple[Standing, str]:
    if method.retired_at is not None:
        return Standing.KEPT, "Nothing goes there unless you make it the default again."
    if (refusal := _refusal(method)) is not None:
        said = (f"{label} did not take a payout there.", refusal, "Choose another method.")
        return Standing.NEEDS_YOU, " ".join(filter(None, said))
    if method.verified_at is None:
        return Standing.UNCONFIRMED, _how_to_confirm(method)
    if method.usable_from > now:
        until = f"{method.usable_from:%Y-%m-%d %H:%M} UTC"
        return Standing.COOLING_DOWN, f"It is new: for your safety nothing goes there before {until}."
    return Standing.IN_USE, "What you are owed is paid there."


def _refusal(method: PayoutMethod) -> str | None:
    """Why a payout there failed, as far as the service says; None where none did that another method would mend."""
    failed = Attempt.objects.filter(method=method, payout__state=State.FAILED, payout__method=method)
    last = failed.order_by("-closed_at").values_list("refusal_class", "message").first()
    return last[1] if last is not None and last[0] in FOR_THE_PAYEE else None


def _how_to_confirm(method: PayoutMethod) -> str:
    service = registry.find(method.provider)
    if service is not None and service.offering.proof is Proof.MAILED_LINK:
        return "Follow the link in the mail that we sent to this address; nothing goes there before."
    return "We are checking that it is yours; nothing goes there before."
