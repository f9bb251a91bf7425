"""The steps of a transfer: their order, their bytes, and what the one that moves money is."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace

import pytest

from marketplace_payouts.lib.money import Money
from payouts.providers.base import (
    Accepted,
    AlreadyExists,
    Answer,
    BadItem,
    Deferred,
    Done,
    Item,
    Progress,
    ProviderError,
    RefusalClass,
    Refused,
    Step,
    Unknown,
)
from payouts.providers.wise import steps
from payouts.providers.wise.provider import Wise
from tests.providers.contract import debits, debits_soon, pay, progress_of
from tests.providers.wise_payments import AMERICAN, FUND, TRANSFERS, payment, step_named
from tests.sandbox_services import SandboxService

DESTINATION = {"recipient": "123", "hash": "a" * 40, "account": "EUR:3000"}


def item(units: int = 9000, currency: str = "EUR", **more: str) -> Item:
    return Item(str(uuid.uuid4()), Money(units, currency), {**DESTINATION, **more}, "PO-7K3M-9Q2")


def staffed(service: SandboxService) -> Wise:
    """Wise whose token may not fund."""
    provider = Wise.from_environ({**service.environment(), "WISE_FUNDING": "staff"})
    assert provider is not None
    return provider


def test_quote_recipient_requirements_transfer_funding(wise: Wise):
    progress = payment(wise)
    answers: list[Answer] = []
    for name in ("quote", "recipient", "requirements", "transfer", "fund"):
        step = wise.next_step(replace(progress, answers=list(answers)))
        assert isinstance(step, Step)
        assert (step.name, step.moves_money) == (name, name == "fund")
        outcome = wise.transmit(step)
        assert isinstance(outcome, Accepted), outcome
        answers.append(Answer(name, "accepted", outcome.reference, outcome.facts))
    done = wise.next_step(replace(progress, answers=answers))
    assert done == Done(answers[-2].reference) == Done(answers[-1].reference)


def test_the_transfer_carries_our_key_from_before_it_was_sent(wise: Wise, wise_sandbox: SandboxService):
    progress = payment(wise)
    step, _ = step_named(wise, progress, "transfer")
    body = json.loads(step.body)
    assert body["customerTransactionId"] == step.key == progress.items[0].key
    assert body["details"] == {"reference": "PO-7K3M-9Q2"}
    wise.transmit(step)
    sent = wise_sandbox.get("/_sandbox/requests?path=/v1/transfers&method=POST")["requests"]
    assert [one["body"].encode() for one in sent] == [step.body]
    assert sent[0]["headers"]["x-external-correlation-id"] == step.key


def test_without_leave_to_fund_the_transfer_is_the_step_that_counts(wise: Wise, wise_sandbox: SandboxService):
    provider, progress = staffed(wise_sandbox), payment(wise)
    step, answers = step_named(provider, progress, "transfer")
    assert step.moves_money
    made = provider.transmit(step)
    assert isinstance(made, Accepted)
    answers.append(Answer("transfer", "accepted", made.reference, {}))
    assert provider.next_step(replace(progress, answers=answers)) == Done(made.reference)
    assert not debits(wise_sandbox)


@pytest.mark.parametrize(
    ("units", "currency", "written"),
    [(9000, "EUR", b'"targetAmount":90.00,'), (5, "EUR", b":0.05,"), (9000, "JPY", b'"targetAmount":9000,')],
)
def test_amounts_are_numbers_with_the_currencys_decimals(
    wise: Wise, units: int, currency: str, written: bytes
):
    step = wise.next_step(progress_of(item(units, currency, account=f"{currency}:3000")))
    assert isinstance(step, Step)
    assert written in step.body


def test_a_quote_is_asked_for_with_its_recipient(wise: Wise):
    step = wise.next_step(progress_of(item()))
    assert isinstance(step, Step)
    body = json.loads(step.body)
    assert (body["targetAccount"], body["preferredPayIn"]) == (123, "BALANCE")
    assert "sourceAmount" not in body


@pytest.mark.parametrize(
    ("note", "longest", "written"),
    [("PO-7K3M-9Q2", 0, "PO-7K3M-9Q2"), ("PO-7K3M-9Q2", 10, "PO7K3M9Q2"), ("PO-7K3M-9Q2", 5, "PO7K3")],
)
def test_our_number_fits_beside_the_money(note: str, longest: int, written: str):
    assert steps.fit(note, longest=longest) == written


def test_a_bank_in_america_takes_ten_characters(wise: Wise):
    account = wise.offering.destination(
        AMERICAN,
        {
            "type": "aba",
            "accountHolderName": "Anna Lehmann",
            "legalType": "PRIVATE",
            "abartn": "111000025",
            "accountNumber": "12345678",
            "accountType": "CHECKING",
            "address.country": "GB",
            "address.city": "London",
            "address.firstLine": "High Street 1",
            "address.postCode": "E1 6JJ",
        },
    )
    progress = progress_of(Item(str(uuid.uuid4()), Money(9000, "USD"), account, "PO-7K3M-9Q2"))
    step, _ = step_named(wise, progress, "transfer")
    assert json.loads(step.body)["details"]["reference"] == "PO7K3M9Q2"


def test_brazil_is_not_sent_to_without_a_purpose(wise: Wise, wise_sandbox: SandboxService):
    progress = progress_of(item(9000, "BRL", account="BRL:5678"))
    with pytest.raises(BadItem, match="WISE_TRANSFER_NATURE"):
        wise.next_step(progress)
    told = Wise.from_environ({**wise_sandbox.environment(), "WISE_TRANSFER_NATURE": "SERVICES"})
    assert told is not None
    step = told.next_step(progress)
    assert isinstance(step, Step)
    assert json.loads(step.body)["paymentMetadata"] == {"transferNature": "SERVICES"}


def test_a_bank_account_of_another_currency_is_put_aside(wise: Wise):
    with pytest.raises(BadItem, match="takes USD"):
        wise.next_step(progress_of(item(account="USD:5678")))


def test_a_key_that_is_no_uuid_is_put_aside(wise: Wise):
    answers = [Answer(name, "accepted", "1", {}) for name in ("quote", "recipient", "requirements")]
    bad = replace(item(), key="our-key-1")
    with pytest.raises(BadItem):
        wise.next_step(Progress("b", "EUR", [bad], answers))


def test_takes_one_payment_at_a_time(wise: Wise):
    with pytest.raises(ProviderError, match="one payment"):
        wise.next_step(progress_of(item(), item()))


# What the answers prove ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "refusal", "word"),
    [
        ("blocked_notice", RefusalClass.FINAL, "cannot send"),
        ("balance_disabled", RefusalClass.UNCLASSIFIED, "open one"),
    ],
)
def test_a_quote_that_cannot_be_paid_is_refused(
    wise: Wise, wise_sandbox: SandboxService, kind: str, refusal: RefusalClass, word: str
):
    step = wise.next_step(payment(wise))
    # Only now: Wise's form comes with quotes of its own.
    wise_sandbox.fault(kind, match={"path": "/v3/profiles"}, times=1)
    assert isinstance(step, Step)
    refused = wise.transmit(step)
    assert isinstance(refused, Refused)
    assert refused.refusal is refusal
    assert word in refused.message


def test_a_recipient_that_changed_since_the_approval_is_not_paid(wise: Wise, wise_sandbox: SandboxService):
    step, _ = step_named(wise, payment(wise), "recipient")
    wise_sandbox.fault("recipient_changed", times=1)
    refused = wise.transmit(step)
    assert isinstance(refused, Refused)
    assert (refused.code, refused.refusal) == ("recipient.changed", RefusalClass.PAYEE)
    assert isinstance(wise.transmit(step), Accepted)


def test_a_repeated_transfer_is_the_same_one(wise: Wise, wise_sandbox: SandboxService):
    step, _ = step_named(wise, payment(wise), "transfer")
    wise_sandbox.fault("drop_after", match={"path": TRANSFERS, "method": "POST"}, times=1)
    assert isinstance(wise.transmit(step), Unknown)
    first, second = wise.transmit(step), wise.transmit(step)
    assert isinstance(first, Accepted)
    assert isinstance(second, Accepted)
    assert first.reference == second.reference


def test_a_known_key_with_another_body_is_never_gone_on_with(wise: Wise):
    step, _ = step_named(wise, payment(wise), "transfer")
    assert isinstance(wise.transmit(step), Accepted)
    other, _ = step_named(wise, payment(wise, "Bert Brecht"), "transfer")
    mixed = json.loads(other.body) | {"customerTransactionId": step.key}
    assert isinstance(wise.transmit(replace(other, body=json.dumps(mixed).encode())), Unknown)


def test_a_quote_that_is_over_is_replaced_once_the_list_shows_no_transfer(
    wise: Wise, wise_sandbox: SandboxService
):
    step, _ = step_named(wise, payment(wise), "transfer")
    wise_sandbox.advance(3600)
    refused = wise.transmit(step)
    assert isinstance(refused, Refused)
    assert (refused.code, refused.refusal) == ("quote.expired", RefusalClass.WAIT)
    assert refused.key_is_spent
    assert refused.settles_earlier


def test_a_quote_that_is_over_is_no_refusal_where_its_transfer_was_made(
    wise: Wise, wise_sandbox: SandboxService
):
    """The sandbox recognises the key first; where Wise did not, its list would still tell."""
    step, _ = step_named(wise, payment(wise), "transfer")
    made = wise.transmit(step)
    assert isinstance(made, Accepted)
    wise_sandbox.fault("refuse_known", match={"path": TRANSFERS}, times=1)
    assert wise.transmit(step) == AlreadyExists(reference=made.reference, raw=AnyBytes())


def test_a_refusal_proves_nothing_while_the_list_cannot_be_read(wise: Wise, wise_sandbox: SandboxService):
    step, _ = step_named(wise, payment(wise), "transfer")
    wise_sandbox.advance(3600)
    wise_sandbox.fault("error_before", match={"method": "GET"}, times=1)
    assert isinstance(wise.transmit(step), Unknown)


@pytest.mark.parametrize(
    ("kind", "refusal"), [("refuse", RefusalClass.PAYEE), ("approval_missing", RefusalClass.OURS)]
)
def test_a_transfer_that_is_refused(
    wise: Wise, wise_sandbox: SandboxService, kind: str, refusal: RefusalClass
):
    step, _ = step_named(wise, payment(wise), "transfer")
    wise_sandbox.fault(kind, times=1)
    refused = wise.transmit(step)
    assert isinstance(refused, Refused)
    assert refused.refusal is refusal
    assert refused.key_is_spent == (refusal is RefusalClass.PAYEE)
    assert isinstance(wise.transmit(step), Accepted)


def test_two_hundred_and_rejected_is_no_funding(wise: Wise, wise_sandbox: SandboxService):
    step, _ = step_named(wise, payment(wise), "fund")
    wise_sandbox.fault("insufficient_funds", times=1)
    refused = wise.transmit(step)
    assert isinstance(refused, Refused)
    assert refused.refusal is RefusalClass.OURS
    assert not refused.key_is_spent
    assert not refused.settles_earlier
    assert not debits(wise_sandbox)
    assert isinstance(wise.transmit(step), Accepted)
    assert len(debits(wise_sandbox)) == 1


def test_a_rejection_that_is_not_known_is_for_people_to_classify(wise: Wise, wise_sandbox: SandboxService):
    step, _ = step_named(wise, payment(wise), "fund")
    wise_sandbox.fault("reject_fund", value="transfer.full-moon", times=1)
    refused = wise.transmit(step)
    assert isinstance(refused, Refused)
    assert (refused.code, refused.refusal) == ("transfer.full-moon", RefusalClass.UNCLASSIFIED)


def test_a_funding_may_be_answered_by_two_hundred_and_one(wise: Wise, wise_sandbox: SandboxService):
    step, _ = step_named(wise, payment(wise), "fund")
    wise_sandbox.fault("fund_created", times=1)
    assert isinstance(wise.transmit(step), Accepted)


def test_a_second_funding_names_the_transfer_and_moves_nothing(wise: Wise, wise_sandbox: SandboxService):
    step, answers = step_named(wise, payment(wise), "fund")
    wise_sandbox.fault("drop_after", match={"path": FUND, "method": "POST"}, times=1)
    assert isinstance(wise.transmit(step), Unknown)
    exists = wise.transmit(step)
    assert isinstance(exists, AlreadyExists)
    assert exists.reference == answers[-1].reference
    assert len(debits_soon(wise_sandbox, 2)) == 1


def test_a_transfer_is_never_cancelled_because_its_funding_went_unanswered(
    wise: Wise, wise_sandbox: SandboxService
):
    step, _ = step_named(wise, payment(wise), "fund")
    wise_sandbox.fault("drop_before", match={"path": FUND}, times=2)
    for _ in range(2):
        assert isinstance(wise.transmit(step), Unknown)
    assert isinstance(wise.transmit(step), Accepted)
    assert not wise_sandbox.get("/_sandbox/requests?method=PUT")["requests"]


@pytest.mark.parametrize(
    ("kind", "word"), [("sca", "strong authentication"), ("token_cannot_fund", "WISE_FUNDING=staff")]
)
def test_what_a_person_must_prove_is_put_off(wise: Wise, wise_sandbox: SandboxService, kind: str, word: str):
    step, _ = step_named(wise, payment(wise), "fund")
    wise_sandbox.fault(kind, times=1)
    deferred = wise.transmit(step)
    assert isinstance(deferred, Deferred)
    assert deferred.ours
    assert word in deferred.reason
    assert isinstance(wise.transmit(step), Accepted)


def test_a_wrong_token_is_ours_to_mend(wise_sandbox: SandboxService):
    provider = Wise.from_environ({**wise_sandbox.environment(), "WISE_API_TOKEN": "wrong"})
    assert provider is not None
    step = provider.next_step(progress_of(item()))
    assert isinstance(step, Step)
    deferred = provider.transmit(step)
    assert isinstance(deferred, Deferred)
    assert deferred.ours


def test_dated_paths_pay_as_well(wise: Wise, wise_sandbox: SandboxService):
    dated = Wise.from_environ({**wise_sandbox.environment(), "WISE_API_VERSION": "2026Q3"})
    assert dated is not None
    pay(dated, payment(wise))
    asked = [one["target"] for one in wise_sandbox.requests()["requests"]][-5:]
    assert all(target.startswith("/2026Q3/") for target in asked)


class AnyBytes(bytes):
    def __eq__(self, other: object) -> bool:
        return isinstance(other, bytes)

    def __hash__(self) -> int:
        return 0
