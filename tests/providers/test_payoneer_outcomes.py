"""What each answer of Payoneer proves: one test per row of the tables, and everything beside it is unknown."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from marketplace_payouts.lib.http import Answer
from marketplace_payouts.lib.money import Money
from payouts.providers.base import (
    Accepted,
    AlreadyExists,
    CancelRequested,
    Deferred,
    NotCancellable,
    Outcome,
    ProviderError,
    RefusalClass,
    Refused,
    Status,
    Step,
    Unknown,
)
from payouts.providers.payoneer.amounts import UnreadableAmount, read_amount, write_amount
from payouts.providers.payoneer.cancelling import read_cancelling
from payouts.providers.payoneer.codes import BY_NUMBER, PAYMENT_STATUSES, REASONS, reason_of
from payouts.providers.payoneer.errors import read_problem
from payouts.providers.payoneer.outcomes import read_submission
from payouts.providers.payoneer.payments import observation

ONE = ("k1",)
TWO = ("k1", "k0")


def step(keys: tuple[str, ...]) -> Step:
    body = json.dumps({"Payments": [{"client_reference_id": key} for key in keys]}).encode()
    return Step(name="submit", key="b", body=body, moves_money=True)


def answer(status: int, body: Any, **headers: str) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, headers, raw, 0.1)


def read(status: int, body: Any, *, keys: tuple[str, ...] = ONE) -> Outcome:
    return read_submission(answer=answer(status, body), step=step(keys))


def problem(description: str, *errors: Any, **details: Any) -> dict[str, Any]:
    return {
        "error": "Bad Request",
        "error_description": description,
        "error_details": {"code": 400, "sub_code": 1000, "errors": list(errors), **details},
    }


# 2xx -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 201, 202])
@pytest.mark.parametrize("word", ["Payments Created", "payments created "])
def test_created_is_accepted_under_the_smallest_key(status: int, word: str):
    accepted = read(status, {"result": word}, keys=TWO)
    assert isinstance(accepted, Accepted)
    assert accepted.reference == "k0"
    assert accepted.item_references == {"k0": "k0", "k1": "k1"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b'{"result":"Payments Cre',
        {},
        [],
        {"result": "Payments Queued"},
        {"result": {"payments": 1}},
        {"status": "Failure"},
        {"status": "Failure", "result": "Payments Created"},
        {"error": "Internal", "result": "Payments Created"},
        problem("Payee is inactive"),
    ],
)
def test_whatever_else_comes_as_success_is_unknown(body: Any):
    assert isinstance(read(201, body), Unknown)


# 4xx -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keys", [ONE, TWO])
@pytest.mark.parametrize(
    "body",
    [
        problem("client_reference_id already exists"),
        problem("Bad", {"message": "Payment ID already exists.", "target": "Payments[0]"}),
        problem("The client reference must be unique"),
        problem("Duplicate payment"),
    ],
)
def test_a_reference_that_was_used_exists(body: Any, keys: tuple[str, ...]):
    assert read(400, body, keys=keys) == AlreadyExists(reference=min(keys), raw=json.dumps(body).encode())


@pytest.mark.parametrize("keys", [ONE, TWO])
@pytest.mark.parametrize("words", ["Insufficient funds", "There is not enough balance"])
def test_lack_of_funds_is_ours_and_spares_the_key(words: str, keys: tuple[str, ...]):
    refused = read(400, problem(words), keys=keys)
    assert isinstance(refused, Refused)
    assert (refused.code, refused.refusal) == ("INSUFFICIENT_FUNDS", RefusalClass.OURS)
    assert not refused.key_is_spent
    assert not refused.settles_earlier
    assert not refused.items


@pytest.mark.parametrize(
    ("body", "code", "refusal"),
    [
        (problem("Payee is inactive"), "10009", RefusalClass.PAYEE),
        (problem("No", sub_code=10009), "10009", RefusalClass.PAYEE),
        (problem("No", code=10009), "10009", RefusalClass.PAYEE),
        (problem("No", {"sub_code": 10009, "message": "m"}), "10009", RefusalClass.PAYEE),
        (problem("Payee does not exist"), "PAYEE_UNKNOWN", RefusalClass.PAYEE),
        (problem("Bank details - Something"), "BANK_DETAILS", RefusalClass.PAYEE),
        (problem("Currency mismatch"), "CURRENCY", RefusalClass.OURS),
        (problem("Minimum loading amount"), "AMOUNT", RefusalClass.FINAL),
    ],
)
@pytest.mark.parametrize("status", [400, 422])
def test_a_single_payment_is_refused_by_its_reason(status: int, body: Any, code: str, refusal: RefusalClass):
    refused = read(status, body)
    assert isinstance(refused, Refused)
    assert (refused.code, refused.refusal) == (code, refusal)
    assert {key: one.code for key, one in refused.items.items()} == (
        {} if refusal is RefusalClass.OURS else {"k1": code}
    )
    assert not refused.settles_earlier
    assert isinstance(read(status, body, keys=TWO), Unknown)


@pytest.mark.parametrize(
    "body", [problem("Something new"), {"error": "Bad Request"}, b"<html>", {"detail": "no envelope"}]
)
@pytest.mark.parametrize("status", [302, 400, 403, 404, 405, 408, 409, 410, 413, 422, 500, 502, 503, 504])
def test_what_is_in_no_table_is_unknown(status: int, body: Any):
    assert isinstance(read(status, body), Unknown)


def test_slowed_down_is_deferred_for_as_long_as_asked():
    slow = answer(429, problem("Slow"), **{"retry-after": "7"})
    deferred = read_submission(answer=slow, step=step(ONE))
    assert isinstance(deferred, Deferred)
    assert (deferred.retry_after, deferred.ours) == (timedelta(seconds=7), False)


@pytest.mark.parametrize(
    ("status", "body"), [(401, b""), (401, problem("No token")), (403, problem("No", sub_code=4012))]
)
def test_credentials_are_ours_to_mend(status: int, body: Any):
    deferred = read(status, body)
    assert isinstance(deferred, Deferred)
    assert deferred.ours


# Tables ----------------------------------------------------------------------------------------------------------


def test_every_number_and_every_word_has_its_reason():
    for number, reason in BY_NUMBER.items():
        assert reason_of(number, words="anything") is reason
        assert reason.sentence
    assert len({reason.code for _, reason in REASONS}) == len(REASONS)
    assert reason_of("1000", "", words="who knows") is None


def test_a_problem_is_read_wherever_it_stands():
    read_ = read_problem(json.dumps(problem("d", {"target": "Payments[3].amount", "message": "m"})).encode())
    assert read_ is not None
    assert [(one.item, one.message) for one in read_.details] == [(3, "m")]
    assert read_.sentence() == "Bad Request 400/1000: d: m"
    assert read_problem(b'{"status":"Success","result":{}}') is None
    assert read_problem(b'{"status":{"type":1},"account_id":"1"}') is None


# Statuses --------------------------------------------------------------------------------------------------------


def shown(**changes: Any) -> dict[str, Any]:
    known = {"amount": 5.10, "currency": "USD", "status": "Transferred", "payee_id": "P-1", "payout_id": "16"}
    return {**known, "load_date": "2021-03-17T14:09:39-04:00", **changes}


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("Pending", Status.PROCESSING),
        ("Pending Payee", Status.AWAITING_PAYEE),
        ("PENDING PAYEE", Status.AWAITING_PAYEE),
        ("Transferred", Status.PAID),
        ("Scheduled", Status.UNRECOGNISED),
        ("Funded", Status.UNRECOGNISED),
        ("", Status.UNRECOGNISED),
        (None, Status.UNRECOGNISED),
    ],
)
def test_each_word_has_its_status(word: Any, status: Status):
    assert observation(shown(status=word), key="k").status is status


def test_a_payment_is_read_with_everything_that_it_echoes():
    # The reason of a cancelling may stand there though nothing was cancelled, as in the one answer that was seen.
    seen = observation(shown(cancel_reason_code=30013), key="k")
    assert (seen.status, seen.amount, seen.destination) == (Status.PAID, Money(510, "USD"), "p-1")
    assert (seen.item_key, seen.reference, seen.movement_reference) == ("k", "k", "16")
    assert seen.provider_time is not None
    assert seen.provider_time.isoformat() == "2021-03-17T18:09:39+00:00"


@pytest.mark.parametrize("word", ["Cancelled", "Canceled"])
@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({}, Status.RETURNED, None),
        ({"load_date": None, "cancel_reason_code": 10009}, Status.FAILED, "10009"),
        ({"load_date": None, "cancel_reason_code": "30013"}, Status.FAILED, "30013"),
        ({"load_date": "", "reason_code": 10009}, Status.FAILED, "10009"),
        ({"load_date": None, "cancel_reason_code": 4711}, Status.FAILED, "4711"),
        (
            {"load_date": None, "cancel_reason_description": "Insufficient balance"},
            Status.NOT_STARTED,
            "INSUFFICIENT_FUNDS",
        ),
        ({"load_date": None}, Status.CANCELLED, None),
    ],
)
def test_cancelled_means_what_happened_before(changes: Any, status: Status, code: str | None, word: str):
    seen = observation(shown(status=word, **changes), key="k")
    assert seen.status is status
    assert (seen.refusal.code if seen.refusal else None) == code
    assert (seen.returned == Money(510, "USD")) == (status is Status.RETURNED)


@pytest.mark.parametrize(
    "changes",
    [{"amount": None}, {"amount": 5.123}, {"currency": "XYZ"}, {"currency": None}, {"payee_id": None}],
)
def test_what_cannot_be_compared_changes_nothing(changes: Any):
    assert observation(shown(**changes), key="k").status is Status.UNRECOGNISED


# Amounts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "units"),
    [("150.00", 15000), (5.10, 510), (7, 700), ("0.1", 10), (0.3, 30), ("1.5000", 150), (50.0, 5000)],
)
def test_amounts_are_read_as_texts_and_as_numbers(value: Any, units: int):
    assert read_amount(value, "USD") == Money(units, "USD")


@pytest.mark.parametrize("value", [True, None, "", "1,50", "1.005", 1.005, "x", [], 1e30])
def test_amounts_that_are_not_exact_are_refused(value: Any):
    with pytest.raises(UnreadableAmount):
        read_amount(value, "USD")


def test_amounts_are_written_with_two_decimals():
    assert write_amount(Money(5, "USD")) == "0.05"
    for wrong in (Money(0, "USD"), Money(100, "JPY")):
        with pytest.raises(ProviderError):
            write_amount(wrong)


# Cancelling ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, {"result": {"description": "received"}}, CancelRequested),
        (200, {"status": "Failure"}, Unknown),
        (400, problem("Cannot be cancelled"), NotCancellable),
        (404, problem("Payout not found", sub_code=2306), Unknown),
        (400, problem("Payout not found", code=2306), Unknown),
        (400, b"<html>", Unknown),
        (401, problem("No"), Unknown),
        (429, problem("No"), Unknown),
        (500, problem("No"), Unknown),
    ],
)
def test_what_a_cancelling_was_answered(status: int, body: Any, kind: type):
    assert isinstance(read_cancelling(answer(status, body)), kind)


def test_every_status_of_the_table_is_tested():
    assert set(PAYMENT_STATUSES) == {"pending", "pending payee", "transferred", "cancelled", "canceled"}
