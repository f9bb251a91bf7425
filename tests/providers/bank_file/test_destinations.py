"""Accounts: what is asked in each country, what is refused with which field, and how they are compared."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from payouts.providers.bank_file import iban
from payouts.providers.bank_file.countries import COUNTRIES, DOMESTIC, SEPA
from payouts.providers.bank_file.destinations import fields_of, mask, read_destination
from payouts.providers.bank_file.offering import BankFileOffering
from payouts.providers.bank_file.provider import BankFile
from payouts.providers.base import DestinationError
from payouts.providers.offering import Form, Receiver, problems
from tests.providers.bank_file.papers import ANNA, LINH, settings

IBANS = (
    "AD1200012030200359100100",
    "AE070331234567890123456",
    "BR1800360305000010009795493C1",
    "CH9300762011623852957",
    "DE89370400440532013000",
    "ES9121000418450200051332",
    "FR1420041010050500013M02606",
    "GB29NWBK60161331926819",
    "MT84MALT011000012345MTLCAST001S",
    "NL91ABNA0417164300",
    "NO9386011117947",
    "PL61109010140000071219812874",
    "SA0380000000608010167519",
    "TR330006100519786457841326",
    "XK051212012345678906",
)
US = {"country": "US", "holder": "Ann Lee", "account": "123456789", "clearing": "021000021", "city": "Boise"}


@pytest.mark.parametrize("number", IBANS)
def test_the_registrys_own_examples_are_right(number: str):
    assert iban.problem(number) == ""


@pytest.mark.parametrize("number", IBANS)
def test_every_single_mistyped_digit_is_noticed(number: str):
    for place in range(2, len(number)):
        if number[place].isdigit():
            other = str((int(number[place]) + 1) % 10)
            assert iban.problem(number[:place] + other + number[place + 1 :])


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "country"),
        ({**ANNA, "country": "KP"}, "country"),
        ({**ANNA, "holder": ""}, "holder"),
        ({**ANNA, "holder": "Анна"}, "holder"),
        ({**ANNA, "holder": "A" * 71}, "holder"),
        ({**ANNA, "holder": "Ü" * 36}, "holder"),
        ({**ANNA, "iban": ""}, "iban"),
        ({**ANNA, "iban": "DE75512108001245126198"}, "iban"),
        ({**ANNA, "iban": "DE7551210800124512619"}, "iban"),
        ({**ANNA, "country": "FR"}, "iban"),
        ({**ANNA, "bic": "NONSENS"}, "bic"),
        ({**ANNA, "email": "anna@example.com"}, "email"),
        ({**LINH, "account": "12"}, "account"),
        ({**LINH, "bic": ""}, "bic"),
        ({**LINH, "bic": "COBADEFF"}, "bic"),
        ({**LINH, "city": ""}, "city"),
        ({**US, "clearing": "021000022"}, "clearing"),
        ({**US, "clearing": ""}, "clearing"),
        (
            {
                "country": "MX",
                "holder": "Ana",
                "account": "002010077777777772",
                "bic": "BNMXMXMM",
                "city": "X",
            },
            "account",
        ),
        ({"country": "TR", "holder": "Ece", "iban": "TR330006100519786457841326", "city": "Bursa"}, "bic"),
    ],
)
def test_what_cannot_be_paid_is_refused_with_its_field(given: Mapping[str, str], field: str):
    with pytest.raises(DestinationError) as refused:
        read_destination(given)
    assert refused.value.field == field
    assert str(refused.value)


@pytest.mark.parametrize(
    "given",
    [ANNA, LINH, US, {**ANNA, "iban": "de75 5121-0800 1245 1261 99", "bic": "COBADEFFXXX"}],
    ids=["iban", "bic", "clearing", "loosely typed"],
)
def test_an_account_is_brought_into_one_form(given: Mapping[str, str]):
    read = read_destination(given)
    assert read_destination(read) == read
    assert set(read) <= set(fields_of(read["country"]))


def test_the_same_account_typed_twice_is_the_same():
    provider = BankFile(settings())
    typed = {**ANNA, "iban": " de75 5121 0800 1245 1261 99", "country": "de"}
    echoes = {provider.destination_echo(read_destination(one)) for one in (ANNA, typed)}
    assert echoes == {"DE75512108001245126199"}


def test_a_mask_shows_the_last_digits_alone():
    assert mask(read_destination(ANNA)) == "IBAN •••• 199"
    assert mask(read_destination(LINH)) == "Account •••• 456"


# The form --------------------------------------------------------------------------------------------------------


def form(receives_in: str = "", **values: str) -> Form:
    return BankFileOffering(settings()).requirements(Receiver("p1", receives_in), values)


def test_the_country_comes_first_and_changes_the_form():
    (first,) = form().fields
    assert (first.name, first.refreshes) == ("country", True)
    assert {choice.value for choice in first.choices} == COUNTRIES
    assert [one.name for one in form("DE").fields] == ["country", "holder", "iban", "bic"]
    assert [one.name for one in form("DE", country="US").fields][2:] == ["account", "clearing", "city"]


@pytest.mark.parametrize("country", sorted(COUNTRIES))
def test_every_country_has_a_form_whose_examples_it_takes(country: str):
    fields = form(country).fields
    assert [one.name for one in fields] == list(fields_of(country))
    assert all(one.label for one in fields)
    if country in DOMESTIC:
        rule = DOMESTIC[country]
        given = {"country": country, "holder": "Ann Lee", "account": rule.example, "city": "Town"}
        given |= {"clearing": rule.clearing_example} if rule.scheme else {"bic": f"ABCD{country}2X"}
        assert list(problems(form(**given), given)) == []
        assert read_destination(given)["account"] == rule.example


def test_within_sepa_the_iban_alone_is_enough():
    assert all("city" not in fields_of(country) for country in SEPA)
    required = {one.name for one in form("DE").fields if one.required}
    assert required == {"country", "holder", "iban"}


def test_a_payee_who_is_owed_another_currency_alone_is_not_offered_it():
    offering = BankFileOffering(settings())
    assert offering.refusal(Receiver("p1", "DE", ["USD"])) == "Bank transfers are sent in EUR only."
    assert offering.refusal(Receiver("p1", "DE", ["USD", "EUR"])) == ""
    terms = offering.terms(Receiver("p1"), currency="USD", amount=None)
    assert terms.amount is None
    assert terms.amount_note


def test_countries_can_be_left_out():
    offering = BankFileOffering(settings(BANK_FILE_COUNTRIES="DE, AT"))
    (country,) = offering.requirements(Receiver("p1", "US"), {}).fields
    assert [one.value for one in country.choices] == ["AT", "DE"]
    with pytest.raises(DestinationError):
        offering.destination(Receiver("p1"), US)
