"""What each answer of PayPal proves: one test per row of the table, and everything beside it is unknown."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from marketplace_payouts.lib.http import Answer
from payouts.providers.base import (
    Accepted,
    AlreadyExists,
    Cancelled,
    Deferred,
    NotCancellable,
    Outcome,
    RefusalClass,
    Refused,
    Step,
    Unknown,
)
from payouts.providers.paypal.cancelling import read_cancelling
from payouts.providers.paypal.codes import REASONS, REFUSALS, Certainty
from payouts.providers.paypal.outcomes import read_creation

KEY = "mp-0193"
LINK = {"href": "https://api-m.paypal.com/v1/payments/payouts/5UXD2E8A7EBQJ", "rel": "self", "method": "GET"}
STEP = Step(
    name="create",
    key=KEY,
    body=json.dumps({"items": [{"sender_item_id": "k0"}, {"sender_item_id": "k1"}]}).encode(),
    moves_money=True,
)


def read(status: int, body: Any, **headers: str) -> Outcome:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_creation(answer=Answer(status, headers, raw, 0.1), step=STEP)


def problem(name: str, *details: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "message": "m", "debug_id": "d1", "details": list(details), **more}


def created(**header: Any) -> dict[str, Any]:
    return {
        "batch_header": {
            "payout_batch_id": "5UXD2E8A7EBQJ",
            "sender_batch_header": {"sender_batch_id": KEY},
            **header,
        }
    }


# 2xx -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 201, 202])
def test_a_batch_with_our_key_is_accepted(status: int):
    accepted = read(status, created())
    assert isinstance(accepted, Accepted)
    assert accepted.reference == "5UXD2E8A7EBQJ"
    assert not accepted.paid_now


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"<html></html>",
        b"[]",
        b'"text"',
        {},
        {"batch_header": None},
        created(payout_batch_id=None),
        created(payout_batch_id=""),
        created(payout_batch_id="../x"),
        created(sender_batch_header={}),
        created(sender_batch_header=None),
        created(sender_batch_header={"sender_batch_id": "somebody else's"}),
        created(sender_batch_header={"sender_batch_id": KEY.upper()}),
    ],
)
def test_success_that_does_not_prove_our_batch_is_unknown(body: Any):
    unknown = read(201, body)
    assert isinstance(unknown, Unknown)
    assert unknown.reason


# A used key ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("detail", "more"),
    [
        ({"field": "SENDER_BATCH_ID", "issue": "Duplicate batch request"}, {"links": [LINK]}),
        ({"field": "SENDER_BATCH_ID", "issue": "Duplicate batch request", "links": [LINK]}, {}),
        ({"field": "sender_batch_header.sender_batch_id", "issue": "DUPLICATE_BATCH", "link": [LINK]}, {}),
        ({"issue": "X", "description": "duplicate batch"}, {"nested": [{"deep": {"href": LINK["href"]}}]}),
    ],
)
def test_a_used_key_names_the_original_wherever_the_link_stands(detail: Any, more: Any):
    exists = read(400, problem("USER_BUSINESS_ERROR", detail, **more))
    assert isinstance(exists, AlreadyExists)
    assert exists.reference == "5UXD2E8A7EBQJ"


def test_a_link_to_a_batch_alone_is_a_used_key():
    assert isinstance(read(400, problem("USER_BUSINESS_ERROR", links=[LINK])), AlreadyExists)


def test_a_used_key_without_a_link_or_with_several_names_nothing():
    detail = {"field": "SENDER_BATCH_ID", "issue": "Duplicate batch request"}
    other = {**LINK, "href": "https://api-m.paypal.com/v1/payments/payouts/OTHER"}
    for links in (
        [],
        [LINK, other],
        [{**LINK, "href": "https://api-m.paypal.com/v1/payments/payouts-item/X"}],
    ):
        exists = read(400, problem("USER_BUSINESS_ERROR", detail, links=links))
        assert isinstance(exists, AlreadyExists)
        assert exists.reference == ""


def test_the_advice_to_take_another_key_is_not_followed():
    advice = "For batch processing, try again with a different sender_batch_ID."
    assert isinstance(read(400, problem("USER_BUSINESS_ERROR", message=advice)), Unknown)


# Refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "name"), [key for key, value in REFUSALS.items() if value is Certainty.REFUSED]
)
def test_a_validation_error_is_certain_for_every_try_of_the_same_bytes(status: int, name: str):
    refused = read(status, problem(name))
    assert isinstance(refused, Refused)
    assert (refused.code, refused.refusal) == (name, RefusalClass.UNCLASSIFIED)
    assert refused.settles_earlier
    assert "d1" in refused.message


@pytest.mark.parametrize("field", ["items[1].receiver", "/items/1/receiver", "body.items[1].receiver"])
def test_a_named_item_is_found_by_its_place_in_the_bytes(field: str):
    refused = read(400, problem("VALIDATION_ERROR", {"field": field, "issue": "Receiver is invalid"}))
    assert isinstance(refused, Refused)
    assert refused.refusal is RefusalClass.NEIGHBOUR
    assert list(refused.items) == ["k1"]
    assert refused.items["k1"].refusal is RefusalClass.PAYEE
    assert refused.items["k1"].message == "Receiver is invalid"


def test_what_we_wrote_wrongly_is_ours():
    refused = read(
        400, problem("VALIDATION_ERROR", {"field": "items[0].amount.value", "issue": "INVALID_AMOUNT"})
    )
    assert isinstance(refused, Refused)
    assert refused.items["k0"].refusal is RefusalClass.OURS
    assert refused.items["k0"].code == "INVALID_AMOUNT"
    header = read(
        400, problem("INVALID_REQUEST", {"field": "sender_batch_header.email_subject", "issue": "long"})
    )
    assert isinstance(header, Refused)
    assert header.refusal is RefusalClass.OURS


def test_a_place_that_the_bytes_do_not_have_names_nobody():
    refused = read(400, problem("VALIDATION_ERROR", {"field": "items[7].receiver", "issue": "x"}))
    assert isinstance(refused, Refused)
    assert not refused.items


@pytest.mark.parametrize(
    ("status", "name"), [key for key, value in REFUSALS.items() if value is Certainty.REFUSED_NOW]
)
def test_the_state_of_our_account_proves_nothing_about_an_earlier_try(status: int, name: str):
    refused = read(status, problem(name))
    assert isinstance(refused, Refused)
    assert (refused.code, refused.refusal) == (name, RefusalClass.OURS)
    assert refused.key_is_spent
    assert not refused.settles_earlier


@pytest.mark.parametrize(
    ("status", "name"), [key for key, value in REFUSALS.items() if value is Certainty.DEFERRED]
)
def test_the_gate_defers_until_we_act(status: int, name: str):
    deferred = read(status, problem(name))
    assert isinstance(deferred, Deferred)
    assert deferred.ours


@pytest.mark.parametrize(("status", "name"), [(400, "USER_BUSINESS_ERROR"), (422, "UNPROCESSABLE_ENTITY")])
@pytest.mark.parametrize("issue", sorted(REASONS))
def test_an_umbrella_is_as_certain_as_its_reason(status: int, name: str, issue: str):
    refused = read(status, problem(name, {"issue": issue}))
    assert isinstance(refused, Refused)
    assert (refused.code, refused.refusal) == (issue, REASONS[issue].refusal)
    assert not refused.settles_earlier
    assert isinstance(read(status, problem(name, {"issue": f"NEW_{issue}"})), Unknown)


def test_an_umbrella_over_an_item_names_it():
    refused = read(
        422, problem("UNPROCESSABLE_ENTITY", {"field": "items[0].receiver", "issue": "SELF_PAY_NOT_ALLOWED"})
    )
    assert isinstance(refused, Refused)
    assert refused.refusal is RefusalClass.NEIGHBOUR
    assert refused.items["k0"].refusal is RefusalClass.FINAL


# Deferred --------------------------------------------------------------------------------------------------------


def test_slowing_down_is_deferred_for_as_long_as_asked():
    for body in (problem("RATE_LIMIT_REACHED"), b"<html>", b""):
        deferred = read(429, body, **{"retry-after": "17"})
        assert isinstance(deferred, Deferred)
        assert not deferred.ours
        assert deferred.retry_after == timedelta(seconds=17)
    assert read(429, b"").retry_after is None  # type: ignore[union-attr]


@pytest.mark.parametrize("body", [problem("AUTHENTICATION_FAILURE"), {"error": "invalid_token"}, b""])
def test_a_refused_token_waits_for_us(body: Any):
    deferred = read(401, body)
    assert isinstance(deferred, Deferred)
    assert deferred.ours


# Everything else -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "status", [301, 302, 307, 400, 402, 403, 404, 405, 408, 409, 413, 415, 422, 500, 502, 503, 504]
)
@pytest.mark.parametrize("body", [b"", b"<html>", b'{"name":"NEVER_HEARD_OF"}', b'{"name":', b"null"])
def test_everything_else_is_unknown(status: int, body: bytes):
    assert isinstance(read(status, body), Unknown)


@pytest.mark.parametrize("status", [500, 503, 504])
@pytest.mark.parametrize(
    "name", ["VALIDATION_ERROR", "INSUFFICIENT_FUNDS", "INTERNAL_SERVER_ERROR", "NOT_AUTHORIZED"]
)
def test_a_known_name_under_another_status_proves_nothing(status: int, name: str):
    assert isinstance(read(status, problem(name)), Unknown)


# Cancelling ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "wanted"),
    [
        (200, {"transaction_status": "RETURNED"}, Cancelled),
        (200, {"transaction_status": "UNCLAIMED"}, Unknown),
        (200, b"<html>", Unknown),
        (400, problem("ITEM_ALREADY_CANCELLED"), Cancelled),
        (400, problem("INVALID_REQUEST", {"issue": "ITEM_ALREADY_CANCELLED"}), Cancelled),
        (400, problem("ITEM_INCORRECT_STATUS"), NotCancellable),
        (400, problem("ITEM_CANCELLATION_FAILED"), NotCancellable),
        (400, problem("NEVER_HEARD_OF"), Unknown),
        (401, b"", Unknown),
        (403, problem("NOT_AUTHORIZED"), NotCancellable),
        (404, problem("RESOURCE_NOT_FOUND"), NotCancellable),
        (404, b"<html>", Unknown),
        (429, b"", Unknown),
        (500, problem("ITEM_INCORRECT_STATUS"), Unknown),
    ],
)
def test_what_an_answer_to_a_cancelling_proves(status: int, body: Any, wanted: type):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    assert isinstance(read_cancelling(Answer(status, {}, raw, 0.1)), wanted)
