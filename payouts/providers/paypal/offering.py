"""What PayPal offers to payees: where it lets people receive, what it costs them, and the address that it wants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from marketplace_payouts.lib.currencies import exponent
from marketplace_payouts.lib.money import Money
from payouts.providers.base import DestinationError
from payouts.providers.offering import Field, FieldType, Form, Kind, Proof, Receiver, Terms
from payouts.providers.paypal import destinations
from payouts.providers.paypal.amounts import EXPONENTS

# The 96 countries in which a receiver can take payouts and withdraw them (developer.paypal.com/payouts/
# supported-features, of 2026-06-30, read 2026-11).
_COUNTRIES: Final = (
    "AD AE AR AT AU BE BG BH BM BR BS BW CA CH CL CN CO CR CY CZ DE DK DO EC EE ES FI FO FR GB GE GI GL GR GT HK "
    "HN HR HU ID IE IL IN IS IT JM JO JP KE KR KW KY KZ LI LS LT LU LV MA MC MD MT MU MX MY MZ NI NL NO NZ OM PA "
    "PE PH PL PT QA RE RO RS SA SE SG SI SK SM SN SV TH TR TW US UY VE VN ZA"
)
COUNTRIES: Final = frozenset(_COUNTRIES.split())


class PayPalOffering:
    """PayPal as payees choose it."""

    kind = Kind.FORM
    proof = Proof.MAILED_LINK

    def refusal(self, receiver: Receiver) -> str:
        """This will say why PayPal cannot pay somebody: their country, or the currencies that they are owed."""
        if receiver.country and receiver.country not in COUNTRIES:
            return "PayPal lets nobody in your country receive payouts."
        if receiver.currencies and not set(receiver.currencies) & EXPONENTS.keys():
            return f"PayPal does not pay out in {', '.join(receiver.currencies)}."
        return ""

    def terms(self, receiver: Receiver, *, currency: str, amount: Money | None) -> Terms:
        """This will say that the payee gets all of it: PayPal's fee for payouts is the sender's."""
        if currency not in EXPONENTS:
            note = f"PayPal does not pay out in {currency}."
            return Terms(currency, None, None, None, fee_note=note, amount_note=note, arrival_note=note)
        return Terms(
            currency=currency,
            fee=Money.zero(currency),
            amount=None if amount is None else _payable(amount),
            arrives_within=None,
            fee_note="The marketplace pays PayPal's fee. PayPal takes one of its own where it converts what you"
            " receive into another currency.",
            amount_note="You are owed nothing in this currency now." if amount is None else "",
            arrival_note="PayPal credits it as soon as it has processed it, and promises no time.",
        )

    def requirements(self, receiver: Receiver, values: Mapping[str, str]) -> Form:
        """This will ask for the address of the PayPal account, and nothing else."""
        return Form(
            [
                Field(
                    name="email",
                    label="E-mail address of your PayPal account",
                    type=FieldType.EMAIL,
                    help="We send a link to this address; follow it to confirm that it is yours.",
                    example="you@example.com",
                    pattern=r"[^@\s]+@[^@\s]+\.[^@\s]+",
                    max_length=destinations.LONGEST,
                    value=values.get("email", ""),
                )
            ]
        )

    def destination(self, receiver: Receiver, values: Mapping[str, str]) -> Mapping[str, str]:
        """This will check the address.

        :raises DestinationError: when PayPal cannot pay there.
        """
        if "email" not in values:
            raise DestinationError("Give the e-mail address of the PayPal account.", field="email")
        return destinations.read_destination(values)


def _payable(amount: Money) -> Money:
    """What PayPal can express of an amount; the rest is carried over to the next payout."""
    grain = 10 ** max(0, exponent(amount.currency) - EXPONENTS[amount.currency])
    return Money(amount.units - amount.units % grain, amount.currency)
