"""What is offered to a payee: through which services, on which terms, and what each must be told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from django.utils.translation import gettext as _

from accounts.models import Payee
from marketplace_payouts.lib import countries
from marketplace_payouts.lib.logs import logger
from marketplace_payouts.lib.money import Money
from payouts import registrations
from payouts.errors import DomainError
from payouts.models import Payable
from payouts.owing import owed
from payouts.providers import registry
from payouts.providers.base import DestinationError, PayoutProvider, ProviderError
from payouts.providers.offering import Form, Hosted, Kind, Link, Problem, Proof, Receiver, Terms

log = logger(__name__)

_NEWEST: Final = 100
"""How many of the marketplace's payables tell in which currencies it sells."""
_MOST_TOLD: Final = 3
"""Of how many currencies the terms are told where nothing is owed; each may be a call of the service."""


class ChoiceRefused(DomainError):
    """What a payee wants cannot be done as asked; each problem has a code, a sentence for the payee, and a field."""

    def __init__(self, *problems: Problem, in_form: bool = False) -> None:
        super().__init__(" ".join(problem.sentence for problem in problems))
        self.problems = problems
        self.in_form = in_form
        """Whether the fields are those of the service's form, and not what was asked beside it."""

    @property
    def code(self) -> str:
        """The code of the first problem."""
        return self.problems[0].code


@dataclass(frozen=True, slots=True)
class OfferedTerms:
    """What would become of what is owed in one currency."""

    currency: str
    owed: Money | None
    """None where nothing is owed in it now."""
    terms: Terms | None
    why_not: str = ""
    """Why there are no terms; empty where there are."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One service, and whether it pays this payee."""

    provider: str
    label: str
    kind: Kind
    proof: Proof
    refusal: str
    """Why it cannot pay them; empty where it can."""
    terms: Sequence[OfferedTerms] = field(default=())


@dataclass(frozen=True, slots=True)
class Offers:
    """Everything that there is, for a payee of this country; empty where they have not said where they live."""

    country: str
    offers: Sequence[Offer]


def offered(payee: Payee, *, country: str = "") -> Offers:
    """This will say what is offered to a payee, and of what is not, why; services may be asked for their terms.

    `country` is where they would be paid, if not where they last said.

    :raises ChoiceRefused: when there is no such country.
    """
    amounts = {amount.currency: amount for amount in owed(payee.pk)}
    receiver = receiver_of(payee, country=country, owed_in=list(amounts))
    told = list(amounts) or _sold_in_lately(payee) or receiver.currencies
    offers = [_offer(provider, receiver, told, amounts) for provider in registry.usable().values()]
    return Offers(country=receiver.country, offers=offers)


def form(
    payee: Payee, *, provider: str, values: Mapping[str, str] | None = None, country: str = ""
) -> Form | Hosted:
    """This will say what a service must know, given what the payee said so far, or how far they are with it.

    :raises ChoiceRefused: when the service does not exist, does not pay this payee, or cannot be asked now.
    """
    service, receiver = service_for(payee, provider=provider, country=country)
    return required(service, receiver, values or {})


def open_link(payee: Payee, *, provider: str, return_url: str, country: str = "") -> Link:
    """This will make a link to the service's own pages, where the payee goes on and comes back from to `return_url`.

    Whoever has it can say where the payee is paid: it needs what changing a method needs, and is neither kept nor
    mailed.

    :raises ChoiceRefused: as `form`, when the service has no pages for payees, and when it does not take this one.
    """
    service, receiver = service_for(payee, provider=provider, country=country)
    hosted = required(service, receiver, {})
    if not isinstance(hosted, Hosted):
        sentence = _("{name} has no pages of its own for this: fill in its form.").format(name=service.label)
        raise ChoiceRefused(Problem("not_hosted", sentence, "provider"))
    try:
        return hosted.open(return_url)
    except DestinationError as error:
        raise ChoiceRefused(Problem("cannot_be_paid", str(error), error.field)) from error
    except ProviderError as error:
        raise unavailable(service, error) from error


def service_for(payee: Payee, *, provider: str, country: str = "") -> tuple[PayoutProvider, Receiver]:
    """This will find a service that pays a payee, and say what it may know of them.

    :raises ChoiceRefused: when it does not exist, or does not pay them.
    """
    service = registry.usable().get(provider)
    if service is None:
        names = ", ".join(registry.usable()) or "–"
        sentence = _("This is not offered here; offered are: {names}.").format(names=names)
        raise ChoiceRefused(Problem("provider_unknown", sentence, "provider"))
    owed_in = [amount.currency for amount in owed(payee.pk)]
    receiver = receiver_of(payee, country=country, owed_in=owed_in, asked_about=provider)
    if refusal := service.offering.refusal(receiver):
        raise ChoiceRefused(Problem("not_offered", refusal, "provider"))
    return service, receiver


def receiver_of(payee: Payee, *, country: str, owed_in: Sequence[str], asked_about: str = "") -> Receiver:
    """This will say what a service may know of a payee; `country` instead of the one that they last said.

    Where it is asked about one service, how they stand there is looked up anew: they may come from its pages.

    :raises ChoiceRefused: when there is no such country.
    """
    country = country.strip().upper() or payee.country
    if country and country not in countries.CODES:
        sentence = _("There is no such country: give its two letters, such as DE or VN.")
        raise ChoiceRefused(Problem("country_unknown", sentence, "country"))
    sold_in = sorted(payee.marketplace.exponents)
    return Receiver(
        payee=str(payee.pk),
        country=country,
        currencies=list(owed_in) or sold_in,
        registrations=registrations.of(payee, country=country, asked_about=asked_about),
    )


def required(service: PayoutProvider, receiver: Receiver, values: Mapping[str, str]) -> Form | Hosted:
    """This will ask a service what it must know.

    :raises ChoiceRefused: when it cannot be asked now.
    """
    try:
        return service.offering.requirements(receiver, values)
    except ProviderError as error:
        raise unavailable(service, error) from error


def unavailable(service: PayoutProvider, error: ProviderError) -> ChoiceRefused:
    """This will say that a service cannot be asked now; why is our business, and stands in the log."""
    log.warning("provider_not_asked", provider=service.name, reason=str(error))
    asked_in_vain = _("{name} cannot be asked at the moment: try again in a few minutes.")
    sentence = asked_in_vain.format(name=service.label)
    return ChoiceRefused(Problem("provider_unavailable", sentence))


def _sold_in_lately(payee: Payee) -> Sequence[str]:
    """In which currencies the marketplace sells, as far as its newest payables tell: it may deal in all there are."""
    newest = Payable.objects.filter(marketplace=payee.marketplace_id).order_by("-pk")
    return sorted(set(newest.values_list("currency", flat=True)[:_NEWEST]))


def _offer(
    service: PayoutProvider, receiver: Receiver, told: Sequence[str], amounts: Mapping[str, Money]
) -> Offer:
    offering = service.offering
    refusal = offering.refusal(receiver)
    if not amounts:
        # Of what nobody is owed, nobody need know that it would not be paid.
        told = [one for one in told if not offering.refusal(replace(receiver, currencies=[one]))][:_MOST_TOLD]
    terms = () if refusal else [_terms(service, receiver, one, amounts.get(one)) for one in told]
    return Offer(service.name, service.label, offering.kind, offering.proof, refusal, terms)


def _terms(service: PayoutProvider, receiver: Receiver, currency: str, amount: Money | None) -> OfferedTerms:
    try:
        terms = service.offering.terms(receiver, currency=currency, amount=amount)
    except ProviderError as error:
        return OfferedTerms(currency, amount, None, unavailable(service, error).problems[0].sentence)
    return OfferedTerms(currency, amount, terms)
