"""What Stripe offers to payees: for sellers who have an account of their own there, which Stripe has verified.

How far a seller is stands in our own records of them, and comes along with the receiver (`Registration`): whoever has
onboarded for the API is offered it here, with the same state and the same form.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from marketplace_payouts.lib.currencies import exponent
from marketplace_payouts.lib.money import Money
from payments.stripe.countries import SERVED
from payouts.providers.base import DestinationError
from payouts.providers.offering import Hosted, HostedState, Kind, Proof, Receiver, Registration, Terms
from payouts.providers.stripe import destinations
from payouts.providers.stripe.amounts import EXPONENTS

NAME = "stripe"


class StripeOffering:
    """Stripe as payees choose it; `countries`: those in which sellers may have an account, or all of Stripe's."""

    kind = Kind.HOSTED
    proof = Proof.SERVICE

    def __init__(self, *, countries: Collection[str] = ()) -> None:
        self._countries = SERVED & frozenset(countries) if countries else SERVED

    def refusal(self, receiver: Receiver) -> str:
        """This will say why Stripe cannot pay somebody: the country, or the currencies that they are owed."""
        there = receiver.registrations.get(NAME)
        if receiver.country and receiver.country not in self._countries:
            return "Stripe pays nobody in your country from here."
        if there is not None and there.country and receiver.country not in ("", there.country):
            return f"Your account at Stripe is in {there.country}: it can be paid only where that is your country."
        if receiver.currencies and not set(receiver.currencies) & EXPONENTS.keys():
            return f"Stripe does not pay out in {', '.join(receiver.currencies)}."
        return ""

    def terms(self, receiver: Receiver, *, currency: str, amount: Money | None) -> Terms:
        """This will say that the seller gets all of it, in their balance at Stripe."""
        if currency not in EXPONENTS:
            note = f"Stripe does not pay out in {currency}."
            return Terms(currency, None, None, None, fee_note=note, amount_note=note, arrival_note=note)
        return Terms(
            currency=currency,
            fee=Money.zero(currency),
            amount=None if amount is None else _payable(amount),
            arrives_within=None,
            fee_note="The marketplace pays Stripe's fee. Stripe takes one of its own where it converts what you receive"
            " into the currency of your bank account.",
            amount_note="You are owed nothing in this currency now." if amount is None else "",
            arrival_note="It is in your balance at Stripe at once; from there Stripe pays it to your bank as your"
            " account says, as a rule within a few days.",
        )

    def requirements(self, receiver: Receiver, values: Mapping[str, str]) -> Hosted:
        """This will say how far the seller is with Stripe, with a link to its form."""
        there = _registration(receiver)
        return Hosted(there.state, there.sentence, there.open)

    def destination(self, receiver: Receiver, values: Mapping[str, str]) -> Mapping[str, str]:
        """This will give the seller's own account, which nobody types.

        :raises DestinationError: when Stripe has not verified them, or something was typed.
        """
        if values:
            raise DestinationError("Stripe asks you itself: give nothing here.", field=min(values))
        there = _registration(receiver)
        if there.state is not HostedState.READY:
            raise DestinationError(there.sentence)
        return destinations.read_destination({"account": there.account})


def _registration(receiver: Receiver) -> Registration:
    try:
        return receiver.registrations[NAME]
    except KeyError:
        raise DestinationError(
            "Log in first: an account at Stripe belongs to somebody whom we know."
        ) from None


def _payable(amount: Money) -> Money:
    """What Stripe can express of an amount; the rest is carried over to the next payout."""
    grain = 10 ** max(0, exponent(amount.currency) - EXPONENTS[amount.currency])
    return Money(amount.units - amount.units % grain, amount.currency)
