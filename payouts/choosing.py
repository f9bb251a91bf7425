"""Where a payee wants to be paid, as the payee says it: what is offered, what it takes, choosing, retiring.

The API and the payee's own pages call these functions and nothing below them; no HTTP here. Who may call is the
caller's business: `choose`, `make_default`, `retire`, `open_link` and `ask_to_confirm` need a fresh log-in
(`accounts.api.permissions.WHERE_MONEY_GOES`).

    offered(payee, country=…)                              → Offers: a line for every service, with terms or why not
    form(payee, provider=…, values=…, country=…)           → offering.Form, or offering.Hosted with its state
    open_link(payee, provider=…, country=…, return_url=…)  → offering.Link, where the service asks the payee itself
    kept(payee, now=…)                                     → the methods as `Kept`, the default first
    find(payee, method_id=…, now=…)                        → one of them
    choose(payee, provider=…, values=…, country=…, by=…)   → Chosen: the default from now on
    make_default(payee, method_id=…, by=…, now=…)          → Chosen: a method of before, as a new version of it
    retire(payee, method_id=…, by=…, now=…)                → what happens now, in a sentence
    ask_to_confirm(payee, method_id=…, now=…)              → mails the link to the method's own address once more

`by` is `Author(user=…, login=…)`: who logged in, and how.

All of them raise `ChoiceRefused` alone: its `problems` have a code for programs, a sentence for the payee, and a field.
None may be called inside a transaction: services may be asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Payee
from payouts import kicks, method_changes, methods, verification
from payouts.errors import Refused
from payouts.kept_methods import Kept, kept, what_retiring_does
from payouts.method_changes import Author
from payouts.models import MethodChange, PayoutMethod
from payouts.offers import (
    ChoiceRefused,
    Offer,
    OfferedTerms,
    Offers,
    form,
    offered,
    open_link,
    required,
    service_for,
    unavailable,
)
from payouts.providers.base import DestinationError, PayoutProvider, ProviderError
from payouts.providers.offering import Form, HostedState, Problem, Proof, Receiver, problems

__all__ = [
    "Author",
    "ChoiceRefused",
    "Chosen",
    "Kept",
    "Offer",
    "OfferedTerms",
    "Offers",
    "ask_to_confirm",
    "choose",
    "find",
    "form",
    "kept",
    "make_default",
    "offered",
    "open_link",
    "retire",
]

MOST_CHANGES: Final = 10
"""How often a payee may change where they are paid within `CHANGES_COUNTED_FOR`."""
CHANGES_COUNTED_FOR: Final = timedelta(days=30)
_HOW_PROVEN: Final[Mapping[Proof, str]] = {
    Proof.MAILED_LINK: "",
    Proof.SERVICE: "The service knows who they are.",
    Proof.LOG_IN: "The payee gave it, freshly logged in.",
}


@dataclass(frozen=True, slots=True)
class Chosen:
    """Where the payee is paid from now on."""

    method: PayoutMethod
    is_new: bool
    """False where they are paid there already: nothing was done, and nobody told."""


def choose(
    payee: Payee,
    *,
    provider: str,
    values: Mapping[str, str],
    country: str = "",
    by: Author,
    now: datetime,
) -> Chosen:
    """This will have a payee paid there from now on; saying the same once more changes nothing.

    Where they were paid before is kept and can be made the default again. What was not being sent yet is let go and
    gathered for the new method, also what failed; a changed method cools down first.

    :raises ChoiceRefused: naming every field that is wrong, or why it cannot be done.
    """
    if not (country or payee.country):
        raise ChoiceRefused(Problem("country_missing", _("Say in which country you are paid."), "country"))
    service, receiver = service_for(payee, provider=provider, country=country)
    given = _destination(service, receiver, values)
    return _set(payee, service, given, country=receiver.country, by=by, now=now)


def make_default(payee: Payee, *, method_id: UUID, by: Author, now: datetime) -> Chosen:
    """This will have a payee paid again where they were paid before: a new version of that method, which cools down.

    :raises ChoiceRefused: when there is no such method, or the service does not pay them any more.
    """
    former = _of(payee, method_id)
    service, receiver = service_for(payee, provider=former.provider)
    given = methods.destination(former)
    _must_be_ready(service, receiver, given)
    return _set(payee, service, given, country=receiver.country, by=by, now=now)


def retire(payee: Payee, *, method_id: UUID, by: Author, now: datetime) -> str:
    """This will take a method off the list; of the default it says what becomes of what is owed.

    What was to go there and is not being sent yet is let go, and waits until another method is chosen.

    :raises ChoiceRefused: when there is no such method.
    """
    with transaction.atomic():
        locked, present = methods.lock(payee.pk)
        method = _of(payee, method_id)
        is_default = present is not None and present.pk == method.pk
        if present is not None and is_default:
            methods.retire(present, reason="Given up by the payee.", now=now)
        sentence = what_retiring_does(payee, is_default=is_default)
        same = PayoutMethod.objects.filter(payee=payee, fingerprint=method.fingerprint)
        same.filter(retired_at__isnull=False, dropped_at__isnull=True).update(dropped_at=now)
        method_changes.record(
            payee=locked,
            act=MethodChange.Act.RETIRED if is_default else MethodChange.Act.DROPPED,
            before=method,
            addresses={"before": methods.contact(method)},
            by=by,
            now=now,
        )
    return sentence


def find(payee: Payee, *, method_id: UUID, now: datetime) -> Kept:
    """This will give one of a payee's methods as the list has it.

    :raises ChoiceRefused: when there is no such method.
    """
    for one in kept(payee, now=now):
        if one.method.pk == method_id:
            return one
    raise ChoiceRefused(Problem("method_unknown", _("You have no such payout method.")))


def ask_to_confirm(payee: Payee, *, method_id: UUID, now: datetime) -> None:
    """This will mail the link by which a payee confirms a method to its own address once more.

    :raises ChoiceRefused: when there is nothing to confirm by a link.
    """
    with transaction.atomic():
        method = _of(payee, method_id)
        if method.retired_at is not None or method.verified_at is not None or not methods.contact(method):
            sentence = _("There is nothing to confirm by e-mail: it is confirmed, replaced, or no address.")
            raise ChoiceRefused(Problem("nothing_to_confirm", sentence))
        verification.ask(method, now=now)
    kicks.kick("tell")


def _destination(service: PayoutProvider, receiver: Receiver, values: Mapping[str, str]) -> Mapping[str, str]:
    filled = {name: value.strip() for name, value in values.items() if value.strip()}
    asked = required(service, receiver, filled)
    if isinstance(asked, Form):
        if found := tuple(problems(asked, filled)):
            raise ChoiceRefused(*found, in_form=True)
    elif asked.state is not HostedState.READY:
        raise ChoiceRefused(Problem("not_ready", asked.sentence))
    try:
        return service.offering.destination(receiver, filled)
    except DestinationError as error:
        raise ChoiceRefused(Problem("cannot_be_paid", str(error), error.field), in_form=True) from error
    except ProviderError as error:
        raise unavailable(service, error) from error


def _must_be_ready(service: PayoutProvider, receiver: Receiver, given: Mapping[str, str]) -> None:
    """What was given in a form stands; whom a service knows, it may know no more, or by another account."""
    asked = required(service, receiver, {})
    if isinstance(asked, Form):
        return
    present = _destination(service, receiver, {})
    if service.destination_echo(present) != service.destination_echo(given):
        sentence = _("You have another account at {name} now: choose {name} anew.").format(name=service.label)
        raise ChoiceRefused(Problem("not_ready", sentence))


def _set(
    payee: Payee,
    service: PayoutProvider,
    given: Mapping[str, str],
    *,
    country: str,
    by: Author,
    now: datetime,
) -> Chosen:
    mark = methods.fingerprint(service.name, given)
    with transaction.atomic():
        _payee, present = methods.lock(payee.pk)
        if present is not None and present.fingerprint == mark:
            return Chosen(present, is_new=False)
        _must_be_few(payee, now=now)
        try:
            method = methods.replace(
                payee_id=payee.pk,
                provider=service.name,
                given=given,
                made_by=None,
                seconded_by=None,
                verified_how=_how_known(payee, mark) or _HOW_PROVEN[service.offering.proof],
                by=by,
                now=now,
            )
        except Refused as error:
            raise ChoiceRefused(Problem("cannot_be_paid", str(error))) from error
        if country != payee.country:
            Payee.objects.filter(pk=payee.pk).update(country=country)
            payee.country = country
        if method.verified_at is None and service.offering.proof is Proof.MAILED_LINK:
            verification.ask(method, now=now)
    for stage in ("gather", "tell"):
        kicks.kick(stage)
    return Chosen(method, is_new=True)


def _must_be_few(payee: Payee, *, now: datetime) -> None:
    since = now - CHANGES_COUNTED_FOR
    lately = MethodChange.objects.filter(payee=payee, act=MethodChange.Act.CHOSEN, at__gt=since)
    if lately.exclude(login=method_changes.STAFF).count() >= MOST_CHANGES:
        sentence = _(
            "You changed where you are paid %(most)s times within %(days)s days, which is as often as it can be done:"
            " write to the marketplace."
        )
        counted = {"most": MOST_CHANGES, "days": CHANGES_COUNTED_FOR.days}
        raise ChoiceRefused(Problem("too_many_changes", sentence % counted))


def _how_known(payee: Payee, mark: str) -> str:
    """How the payee proved this very destination before; what was proven once need not be proven again."""
    proven = PayoutMethod.objects.filter(payee=payee, fingerprint=mark, verified_at__isnull=False)
    return proven.order_by("-version").values_list("verified_how", flat=True).first() or ""


def _of(payee: Payee, method_id: UUID) -> PayoutMethod:
    method = PayoutMethod.objects.filter(payee=payee, pk=method_id, dropped_at__isnull=True).first()
    if method is None:
        raise ChoiceRefused(Problem("method_unknown", _("You have no such payout method.")))
    return method
