"""What a bank file offers to payees: where it pays, and the form for their account, country by country."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from marketplace_payouts.lib.money import Money
from payouts.providers.bank_file.characters import LONGEST_NAME
from payouts.providers.bank_file.countries import DOMESTIC, SEPA
from payouts.providers.bank_file.destinations import LONGEST_CITY, fields_of, read_destination
from payouts.providers.bank_file.iban import LENGTHS
from payouts.providers.bank_file.settings import BankFileSettings
from payouts.providers.base import DestinationError
from payouts.providers.offering import Choice, Field, FieldType, Form, Kind, Proof, Receiver, Terms

# Blanks and dashes are taken, and left out.
_LOOSE: Final = r"[A-Za-z0-9 .\-]{4,50}"
_EXAMPLES: Final = {"DE": "DE89 3704 0044 0532 0130 00", "GB": "GB29 NWBK 6016 1331 9268 19"}


class BankFileOffering:
    """A bank account as payees choose it.

    Nobody can be asked at a bank account, so it counts as theirs because they gave it freshly logged in; a changed one
    cools down, and the first payment to it is always approved by people. Staff who give one for a payee are two.
    """

    kind = Kind.FORM
    proof = Proof.LOG_IN

    def __init__(self, settings: BankFileSettings) -> None:
        self._settings = settings

    def refusal(self, receiver: Receiver) -> str:
        """This will say why no account of a payee can be paid: the currencies that they are owed.

        An account may be held in another country than the one that a payee lives in.
        """
        currency = self._settings.currency
        if receiver.currencies and currency not in receiver.currencies:
            return f"Bank transfers are sent in {currency} only."
        return ""

    def terms(self, receiver: Receiver, *, currency: str, amount: Money | None) -> Terms:
        """This will say that the payee gets all of it, less what banks on the way may take outside of SEPA."""
        if currency != self._settings.currency:
            note = f"Bank transfers are sent in {self._settings.currency} only."
            return Terms(currency, None, None, None, fee_note=note, amount_note=note, arrival_note=note)
        return Terms(
            currency=currency,
            fee=Money.zero(currency),
            amount=amount,
            arrives_within=None,
            fee_note="Your bank, or one on the way, may take a fee of its own.",
            amount_note="You are owed nothing in this currency now." if amount is None else "",
            arrival_note="As a rule one to three business days after it was sent; banks promise no time.",
        )

    def requirements(self, receiver: Receiver, values: Mapping[str, str]) -> Form:
        """This will ask for the account's country first; the rest depends on it."""
        country = values.get("country", "").upper() or receiver.country
        if country not in self._settings.countries:
            country = ""
        fields = [self._country(country)]
        if country:
            fields += [_FIELDS[name](country, values.get(name, "")) for name in fields_of(country)[1:]]
        return Form(fields)

    def destination(self, receiver: Receiver, values: Mapping[str, str]) -> Mapping[str, str]:
        """This will check the account.

        :raises DestinationError: when a file cannot pay there.
        """
        read = read_destination(values)
        if read["country"] not in self._settings.countries:
            raise DestinationError("Accounts of this country cannot be paid.", field="country")
        return read

    def _country(self, country: str) -> Field:
        return Field(
            name="country",
            label="Country of the account",
            type=FieldType.SELECT,
            help="Where the account is held, whatever your own country is.",
            choices=[Choice(code, code) for code in sorted(self._settings.countries)],
            refreshes=True,
            value=country,
        )


def _holder(country: str, value: str) -> Field:
    return Field(
        name="holder",
        label="Account holder",
        help="The name as your bank has it. Marks on letters may be given; banks leave them out.",
        max_length=2 * LONGEST_NAME,
        value=value,
    )


def _iban(country: str, value: str) -> Field:
    length = LENGTHS[country]
    return Field(
        name="iban",
        label="IBAN",
        help=f"{length} characters in {country}.",
        example=_EXAMPLES.get(country, ""),
        pattern=_LOOSE,
        max_length=50,
        value=value,
    )


def _account(country: str, value: str) -> Field:
    rule = DOMESTIC[country]
    return Field(
        name="account",
        label=rule.account_label,
        example=rule.example,
        pattern=_LOOSE,
        max_length=50,
        value=value,
    )


def _clearing(country: str, value: str) -> Field:
    rule = DOMESTIC[country]
    return Field(
        name="clearing",
        label=rule.clearing_label,
        example=rule.clearing_example,
        pattern=r"[A-Za-z0-9 .\-]{3,20}",
        max_length=20,
        value=value,
    )


def _bic(country: str, value: str) -> Field:
    return Field(
        name="bic",
        label="BIC (SWIFT code)",
        required=country not in SEPA,
        help="It is on your statements, beside the account."
        if country not in SEPA
        else "Not needed as a rule.",
        pattern=r"[A-Za-z0-9 ]{8,14}",
        max_length=14,
        value=value,
    )


def _city(country: str, value: str) -> Field:
    return Field(
        name="city",
        label="Town",
        help="The account holder's, which banks ask for abroad.",
        max_length=LONGEST_CITY,
        value=value,
    )


_FIELDS: Final[Mapping[str, Callable[[str, str], Field]]] = {
    "holder": _holder,
    "iban": _iban,
    "account": _account,
    "clearing": _clearing,
    "bic": _bic,
    "city": _city,
}
