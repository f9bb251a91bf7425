"""A bank: the form asks for other fields in each country, and what arrives is in another currency than what is owed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from marketplace_payouts.lib.money import Money
from payouts.providers.base import DestinationError, ProviderUnavailable
from payouts.providers.offering import Choice, Field, FieldType, Form, Kind, Proof, Receiver, Terms
from tests.providers.two_step.provider import TwoStep

FEE: Final = 150
CLOSED: Final = "DE00000000"
"""An account that the bank itself does not know."""
is_down = False


class BankOffering:
    """Its form changes with the kind of account; it does not pay to North Korea."""

    kind = Kind.FORM
    proof = Proof.LOG_IN

    def refusal(self, receiver: Receiver) -> str:
        """Refuse one country."""
        return "The bank does not pay there." if receiver.country == "KP" else ""

    def terms(self, receiver: Receiver, *, currency: str, amount: Money | None) -> Terms:
        """Quote in dollars, two for one, of what is left after the fee."""
        if is_down:
            raise ProviderUnavailable("The bank is closed.")
        left = None if amount is None else Money(max(0, amount.units - FEE) * 2, "USD")
        return Terms("USD", Money(FEE, currency), left, timedelta(days=2), amount_note="At today's rate.")

    def requirements(self, receiver: Receiver, values: Mapping[str, str]) -> Form:
        """Ask for the kind of account first; the rest depends on it."""
        if is_down:
            raise ProviderUnavailable("The bank is closed.")
        kind = values.get("kind", "")
        fields = [
            Field(
                name="kind",
                label="Kind of account",
                type=FieldType.SELECT,
                choices=[Choice("iban", "IBAN"), Choice("domestic", "Number and branch")],
                refreshes=True,
                value=kind,
            ),
            Field(name="holder", label="Holder", value=values.get("holder", ""), max_length=30),
        ]
        if kind == "iban":
            fields.append(Field("iban", "IBAN", example="DE12345678", pattern="[A-Z]{2}[0-9]{8}"))
        elif kind == "domestic":
            fields += [
                Field("branch", "Branch", pattern="[0-9]{3}"),
                Field("number", "Number", required=False),
            ]
        return Form(fields)

    def destination(self, receiver: Receiver, values: Mapping[str, str]) -> Mapping[str, str]:
        """Register the account."""
        account = values.get("iban") or values.get("branch", "") + values.get("number", "")
        if account == CLOSED:
            raise DestinationError("The bank knows no such account.", field="iban")
        return {"account": account.lower()}


class Bank(TwoStep):
    """The bank."""

    name = "bank"
    label = "Bank"
    offering = BankOffering()
