"""Every row of the tables: what Wise's words mean here, and who must act."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from marketplace_payouts.lib.http import Answer
from marketplace_payouts.lib.money import Money
from payouts.providers.base import AlreadyExists, Deferred, RefusalClass, Refused, Status, Step
from payouts.providers.wise import codes
from payouts.providers.wise.amounts import UnreadableAmount, read_amount, read_json, write_json
from payouts.providers.wise.errors import read_problem
from payouts.providers.wise.funding import read_funding
from payouts.providers.wise.outcomes import read_quote, refused
from payouts.providers.wise.reports import lines_of
from payouts.providers.wise.statements import Row
from payouts.providers.wise.transfers import bare

FUND = Step(
    "fund", "b:fund", b'{"type":"BALANCE"}', moves_money=True, path="/v3/profiles/1/transfers/50/payments"
)
OUR_TRANSFER = {
    "id": 50,
    "customerTransactionId": "54a6bc09-cef9-49a8-9041-f1f0c654cd88",
    "targetAccount": 7,
    "targetValue": read_json(b"90.00"),
    "targetCurrency": "EUR",
    "status": "outgoing_payment_sent",
}


def answer(status: int, body: object, **headers: str) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw, 0.1)


def errors(code: str, path: str = "", message: str = "") -> dict[str, Any]:
    return {"errors": [{"code": code, "path": path, "message": message, "arguments": []}]}


@pytest.mark.parametrize("word", codes.STATUSES)
def test_each_status_is_read_from_a_transfer(word: str):
    assert bare({**OUR_TRANSFER, "status": word}).status is codes.STATUSES[word]


def test_a_status_that_is_not_known_is_kept_raw():
    seen = bare({**OUR_TRANSFER, "status": "over_the_moon"})
    assert (seen.status, seen.raw_status) == (Status.UNRECOGNISED, "over_the_moon")


@pytest.mark.parametrize("code", codes.FUNDING)
def test_each_rejection_of_a_funding(code: str):
    told = {"type": "BALANCE", "status": "REJECTED", "errorCode": code}
    for outcome in (
        read_funding(answer(200, told), step=FUND),
        read_funding(answer(422, errors(code)), step=FUND),
    ):
        assert isinstance(outcome, Refused)
        assert outcome.refusal is codes.FUNDING[code].refusal is RefusalClass.OURS
        assert codes.FUNDING[code].sentence in outcome.message
        assert not outcome.key_is_spent, "the same transfer is funded later"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, {"status": "COMPLETED"}, "Accepted"),
        (201, {"status": "COMPLETED"}, "Accepted"),
        (200, {"status": "PENDING"}, "Unknown"),
        (200, {}, "Unknown"),
        (200, b"<html>", "Unknown"),
        (422, errors(codes.INVALID_STATE), "AlreadyExists"),
        (422, errors("something.else"), "Unknown"),
        (404, errors("transfer.not-found"), "Unknown"),
        (400, errors("NOT_VALID"), "Unknown"),
        (408, b"", "Unknown"),
        (500, {"error": "Internal Server Error", "exception": "internal.server.error"}, "Unknown"),
        (502, b"<html>", "Unknown"),
        (429, b"", "Deferred"),
        (401, {"error": "invalid_token"}, "Deferred"),
        (403, errors("forbidden"), "Deferred"),
    ],
)
def test_only_a_definite_list_of_answers_to_a_funding_is_certain(status: int, body: object, kind: str):
    assert type(read_funding(answer(status, body), step=FUND)).__name__ == kind


def test_a_second_funding_names_its_transfer():
    outcome = read_funding(answer(422, errors(codes.INVALID_STATE)), step=FUND)
    assert isinstance(outcome, AlreadyExists)
    assert outcome.reference == "50"


def test_how_long_to_wait_is_wises_word():
    outcome = read_funding(answer(429, b"", retry_after="7"), step=FUND)
    assert isinstance(outcome, Deferred)
    assert outcome.retry_after is not None
    assert outcome.retry_after.total_seconds() == 7


@pytest.mark.parametrize("code", codes.REFUSALS)
def test_each_code_says_who_must_act(code: str):
    problem = read_problem(json.dumps(errors(code)).encode())
    assert problem is not None
    outcome = refused(problem, raw=b"")
    assert outcome.refusal is codes.REFUSALS[code].refusal
    assert codes.REFUSALS[code].sentence in outcome.message
    assert outcome.key_is_spent == (outcome.refusal is not RefusalClass.OURS)


@pytest.mark.parametrize("path", codes.PATHS)
def test_each_field_says_who_must_act(path: str):
    problem = read_problem(json.dumps(errors("NOT_VALID", path)).encode())
    assert problem is not None
    assert refused(problem, raw=b"").refusal is codes.PATHS[path].refusal


def test_a_missing_approval_is_known_by_wises_sentence():
    sentence = "Quote cannot be accepted with this request due to missing approval."
    problem = read_problem(json.dumps(errors("quote.invalid", "", sentence)).encode())
    assert problem is not None
    assert refused(problem, raw=b"").refusal is RefusalClass.OURS


def test_a_reason_that_is_not_known_is_for_people():
    problem = read_problem(json.dumps(errors("quote.of-the-day", "x", "Carpe diem")).encode())
    assert problem is not None
    outcome = refused(problem, raw=b"")
    assert outcome.refusal is RefusalClass.UNCLASSIFIED
    assert "Carpe diem" in outcome.message


def test_of_several_errors_the_one_that_is_known_counts():
    body = {"errors": [*errors("odd")["errors"], *errors("NOT_VALID", "targetAccount")["errors"]]}
    problem = read_problem(json.dumps(body).encode())
    assert problem is not None
    assert refused(problem, raw=b"").refusal is RefusalClass.PAYEE


QUOTE = Step(
    "quote",
    "b:quote",
    write_json({"sourceCurrency": "EUR", "targetCurrency": "EUR", "targetAmount": read_json(b"90.00")}),
    moves_money=False,
)


def quoted(**changes: object) -> bytes:
    option = {
        "payIn": "BALANCE",
        "payOut": "BANK_TRANSFER",
        "sourceCurrency": "EUR",
        "targetCurrency": "EUR",
        "targetAmount": 90,
        "disabled": False,
    }
    named = {name: value for name, value in changes.items() if name in option}
    top = {name: value for name, value in changes.items() if name not in option}
    whole = {"id": "q", "profile": 1, "payOut": "BANK_TRANSFER", "paymentOptions": [option | named], **top}
    return json.dumps(whole).encode()


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({}, "Accepted"),
        ({"targetAmount": 91}, "Unknown"),
        ({"targetCurrency": "USD"}, "Unknown"),
        ({"profile": 2}, "Unknown"),
        ({"id": ""}, "Unknown"),
        ({"payIn": "BANK_TRANSFER"}, "Refused"),
        ({"payOut": "SWIFT"}, "Refused"),
        ({"disabled": True}, "Refused"),
        ({"notices": [{"type": "BLOCKED", "text": "No."}]}, "Refused"),
        ({"notices": [{"type": "WARNING", "text": "Slow."}]}, "Accepted"),
    ],
)
def test_a_quote_must_be_ours_payable_and_for_what_was_asked(change: Mapping[str, object], kind: str):
    outcome = read_quote(answer(200, quoted(**change)), step=QUOTE, profile="1")
    assert type(outcome).__name__ == kind, outcome


@pytest.mark.parametrize(("direction", "type_"), codes.STATEMENT_KINDS)
def test_each_row_of_a_statement_has_its_kind(direction: str, type_: str):
    sign = -1 if direction == "DEBIT" else 1
    row = Row("TRANSFER-50", direction, type_, Money(sign * 5000, "EUR"), None, datetime.now(UTC))
    (line,) = lines_of(row, lambda _: OUR_TRANSFER)
    assert line.kind == codes.STATEMENT_KINDS[direction, type_]
    inwards = line.kind == "conversion" and sign < 0
    assert line.amount == Money(-5000 if inwards else 5000, "EUR")
    assert (line.item_key != "") == (line.kind in ("debit", "return"))


@pytest.mark.parametrize("type_", ["CARD", "BALANCE_INTEREST", "SOMETHING_NEW"])
def test_a_row_that_is_not_known_is_for_people(type_: str):
    row = Row("X-1", "DEBIT", type_, Money(-5000, "EUR"), None, datetime.now(UTC))
    (line,) = lines_of(row, lambda _: None)
    assert (line.kind, line.amount) == ("other", Money(-5000, "EUR"))


def test_money_that_comes_in_under_a_transfer_of_somebody_else_is_no_return():
    row = Row("TRANSFER-9", "CREDIT", "TRANSFER", Money(5000, "EUR"), None, datetime.now(UTC))
    (line,) = lines_of(row, lambda _: None)
    assert line.kind == "other"


def test_a_refund_with_its_fee_is_a_return_and_a_fee_that_came_back():
    row = Row("TRANSFER-50", "CREDIT", "TRANSFER", Money(9039, "EUR"), None, datetime.now(UTC))
    lines = [(one.kind, one.amount.units) for one in lines_of(row, lambda _: OUR_TRANSFER)]
    assert lines == [("return", 9000), ("fee", -39)]


@pytest.mark.parametrize("text", ['"90.00"', "true", "90.001", "[90]"])
def test_an_amount_is_read_exactly_or_not_at_all(text: str):
    with pytest.raises(UnreadableAmount):
        read_amount(read_json(text.encode()), "EUR")


@pytest.mark.parametrize(("text", "units"), [("90", 9000), ("90.5", 9050), ("9e1", 9000), ("-0.05", -5)])
def test_an_amount_is_a_number_as_it_stands(text: str, units: int):
    assert read_amount(read_json(text.encode()), "EUR") == Money(units, "EUR")


@pytest.mark.parametrize("text", ["NaN", "Infinity", "{", "[" * 100_000])
def test_what_is_no_json_is_refused(text: str):
    with pytest.raises(ValueError):
        read_json(text.encode())


def test_amounts_are_written_as_they_are_meant():
    assert write_json({"a": read_json(b"90.00"), "b": "€"}) == '{"a":90.00,"b":"€"}'.encode()
