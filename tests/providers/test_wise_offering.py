"""What payees are asked for and offered, in Wise's own forms; and how a bank account becomes a destination."""

from __future__ import annotations

from datetime import timedelta

import pytest

from marketplace_payouts.lib.money import Money
from payouts.providers.base import DestinationError, ProviderUnavailable
from payouts.providers.offering import FieldType, Form, Receiver, problems
from payouts.providers.wise.provider import Wise
from payouts.providers.wise.settings import WiseSettings
from tests.providers.wise_payments import AMERICAN, FORM, PAYEE, account
from tests.sandbox_services import SandboxService

MANY = Receiver("payee-3", "DE", ["EUR", "USD", "XAF"])
ANNA = {**FORM, "accountHolderName": "Anna Lehmann"}


def form(wise: Wise, receiver: Receiver, **values: str) -> Form:
    found = wise.offering.requirements(receiver, {k.replace("__", "."): v for k, v in values.items()})
    assert isinstance(found, Form)
    return found


def names(found: Form) -> list[str]:
    return [one.name for one in found.fields]


def test_first_the_currency_then_its_form(wise: Wise):
    first = form(wise, MANY)
    assert names(first) == ["currency"]
    assert [one.value for one in first.fields[0].choices] == ["EUR", "USD"], "Wise does not pay out in XAF"
    assert first.fields[0].refreshes
    second = form(wise, MANY, currency="EUR")
    assert names(second) == ["currency", "accountHolderName", "email", "legalType", "IBAN"]


def test_a_payee_of_one_currency_sees_its_form_at_once(wise: Wise):
    found = form(wise, PAYEE)
    legal = next(one for one in found.fields if one.name == "legalType")
    assert (legal.type, [one.value for one in legal.choices]) == (FieldType.SELECT, ["PRIVATE", "BUSINESS"])
    assert list(problems(found, {"currency": "EUR", **ANNA})) == []
    wrong = list(problems(found, {"currency": "EUR", **ANNA, "IBAN": "DE"}))
    assert [one.field for one in wrong] == ["IBAN"]


def test_a_field_of_which_others_depend_has_the_form_asked_for_anew(wise: Wise):
    plain = form(wise, AMERICAN, type="aba")
    country = next(one for one in plain.fields if one.name == "address.country")
    assert country.refreshes
    assert "address.state" not in names(plain)
    assert "address.state" in names(form(wise, AMERICAN, type="aba", address__country="US"))


def test_kinds_of_account_are_chosen_where_there_are_several(wise: Wise):
    found = form(wise, AMERICAN)
    kind = next(one for one in found.fields if one.name == "type")
    assert [one.value for one in kind.choices] == ["aba", "swift_code"]
    assert kind.refreshes
    assert "swiftCode" in names(form(wise, AMERICAN, type="swift_code"))


def test_a_bank_account_becomes_a_recipient_at_wise(wise: Wise):
    made = account(wise)
    assert made["account"] == "EUR:3000"
    assert wise.read_destination(made) == made
    assert wise.mask(made) == "EUR account ••••3000"
    assert FORM["IBAN"] not in str(made), "what we keep is Wise's id and not the number"


def test_asked_twice_for_the_same_it_gives_the_same(wise: Wise, wise_sandbox: SandboxService):
    first, other = account(wise), account(wise, "Bert Brecht")
    assert account(wise) == first != other
    removed = wise_sandbox.get("/_sandbox/requests?method=DELETE")["requests"]
    assert len(removed) == 1, "the second one is put out of use"


def test_the_same_is_found_on_a_later_page(wise: Wise):
    first = account(wise)
    for n in range(25):
        account(wise, f"Bert {'X' * (n + 2)}")
    assert account(wise) == first


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"IBAN": "DE"}, "IBAN"),
        ({"accountHolderName": "Anna"}, "accountHolderName"),
        ({"legalType": ""}, "legalType"),
    ],
)
def test_what_wise_does_not_take_is_told_by_its_field(wise: Wise, change: dict[str, str], field: str):
    with pytest.raises(DestinationError) as refused:
        wise.offering.destination(PAYEE, {**ANNA, **change})
    assert refused.value.field == field
    assert str(refused.value)


@pytest.mark.parametrize("outcome", ["FAILURE", "PARTIAL_FAILURE"])
def test_the_name_that_the_bank_gives_must_fit(wise: Wise, wise_sandbox: SandboxService, outcome: str):
    wise_sandbox.fault("name_mismatch", value=outcome, times=1)
    with pytest.raises(DestinationError, match="another name"):
        account(wise)


def test_a_currency_must_be_chosen(wise: Wise):
    with pytest.raises(DestinationError) as refused:
        wise.offering.destination(MANY, ANNA)
    assert refused.value.field == "currency"


def test_all_of_it_arrives_and_wise_says_when(wise: Wise):
    terms = wise.offering.terms(PAYEE, currency="EUR", amount=Money(9000, "EUR"))
    assert (terms.fee, terms.amount) == (Money.zero("EUR"), Money(9000, "EUR"))
    assert terms.arrives_within is not None
    assert timedelta(hours=23) < terms.arrives_within <= timedelta(hours=24)
    unpaid = wise.offering.terms(PAYEE, currency="XAF", amount=None)
    assert "XAF" in unpaid.amount_note


def test_whom_it_does_not_pay(wise: Wise):
    assert wise.offering.refusal(Receiver("p", "KP", ["EUR"]))
    assert wise.offering.refusal(Receiver("p", "DE", ["XAF"]))
    assert not wise.offering.refusal(PAYEE)


def test_while_wise_is_away_nothing_is_offered():
    away = Wise(WiseSettings(base_url="http://127.0.0.1:9", profile="1", api_token="x"))
    with pytest.raises(ProviderUnavailable):
        away.offering.requirements(PAYEE, {})
    with pytest.raises(ProviderUnavailable):
        away.offering.destination(PAYEE, ANNA | {"type": "iban"})
