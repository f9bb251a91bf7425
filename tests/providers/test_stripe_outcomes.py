"""Each row of the table of outcomes: what Stripe's answer to a transfer proves."""

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
    Deferred,
    Item,
    Progress,
    RefusalClass,
    Refused,
    Step,
    Unknown,
)
from payouts.providers.stripe import outcomes, transfer_request
from payouts.providers.stripe.codes import REFUSALS, Certainty

ITEM = Item("i1", Money(1234, "EUR"), {"account": "acct_1Anna000000000"}, "PO-1")
MADE: dict[str, Any] = {
    "id": "tr_1",
    "amount": 1234,
    "currency": "eur",
    "destination": "acct_1Anna000000000",
    "transfer_group": "i1",
    "metadata": {"payout_item": "i1", "payout_batch": "b1", "payout_number": "PO-1"},
}


@pytest.fixture
def step() -> Step:
    made = transfer_request.next_step(Progress("b1", "EUR", [ITEM]))
    assert isinstance(made, Step)
    return made


def answer(status: int, body: Any, **headers: str) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, headers, raw, 0.1)


def refused(code: str = "", *, param: str = "", kind: str = "invalid_request_error") -> dict[str, Any]:
    error = {"type": kind, "message": "Because.", **({"code": code} if code else {})}
    return {"error": error | ({"param": param} if param else {})}


def test_what_is_echoed_as_it_was_sent_is_accepted(step: Step):
    outcome = outcomes.read_creation(answer=answer(200, MADE), step=step)
    assert isinstance(outcome, Accepted)
    assert (outcome.reference, outcome.item_references, outcome.paid_now) == ("tr_1", {"i1": "tr_1"}, True)


@pytest.mark.parametrize(
    "other",
    [
        {"amount": 1235},
        {"currency": "usd"},
        {"destination": "acct_1Bert000000000"},
        {"transfer_group": "i2"},
        {"metadata": {"payout_item": "i2", "payout_batch": "b1"}},
        {"metadata": {"payout_item": "i1", "payout_batch": "b2"}},
        {"metadata": None},
        {"id": None, "metadata": {}},
    ],
)
def test_whatever_is_echoed_otherwise_is_unknown(step: Step, other: dict[str, Any]):
    assert isinstance(outcomes.read_creation(answer=answer(200, MADE | other), step=step), Unknown)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html>"),
        (200, {}),
        (302, b""),
        (400, b"<html>"),
        (400, {"error": "no object"}),
        (400, refused("some_new_code")),
        (400, refused(param="some_new_param")),
        (409, refused("idempotency_key_in_use")),
        (409, refused("balance_insufficient")),
        (500, refused(kind="api_error")),
        (500, refused("balance_insufficient")),
        (502, b"<html>"),
    ],
)
def test_what_is_not_certain_is_unknown(step: Step, status: int, body: Any):
    assert isinstance(outcomes.read_creation(answer=answer(status, body), step=step), Unknown)


@pytest.mark.parametrize(("word", "reason"), sorted(REFUSALS.items()))
def test_each_refusal_of_the_table(step: Step, word: str, reason: Any):
    code, _, param = word.partition(":")
    body = refused(param=param) if code == "invalid" else refused(code, param=param)
    outcome = outcomes.read_creation(answer=answer(400, body, **{"request-id": "req_1"}), step=step)
    assert isinstance(outcome, Refused)
    assert outcome.refusal is reason.refusal
    assert outcome.message.startswith(reason.sentence)
    assert "req_1" in outcome.message
    assert outcome.key_is_spent
    assert outcome.settles_earlier is (reason.certainty is not Certainty.NOW)


def test_only_what_the_bytes_or_the_key_hold_settles_an_earlier_try():
    """An account may have been well when a try went unanswered."""
    of_accounts = {word for word, reason in REFUSALS.items() if reason.refusal is RefusalClass.PAYEE}
    assert {REFUSALS[word].certainty for word in of_accounts} == {Certainty.NOW}
    assert {w for w, reason in REFUSALS.items() if reason.certainty is Certainty.KEPT} == {
        "balance_insufficient"
    }


@pytest.mark.parametrize("status", [401, 403])
def test_turned_away_at_the_gate_is_put_off_and_ours(step: Step, status: int):
    outcome = outcomes.read_creation(answer=answer(status, refused()), step=step)
    assert isinstance(outcome, Deferred)
    assert outcome.ours


def test_slowed_down_is_put_off_for_as_long_as_stripe_says(step: Step):
    slow = outcomes.read_creation(answer=answer(429, refused(), **{"retry-after": "7"}), step=step)
    assert isinstance(slow, Deferred)
    assert (slow.ours, slow.retry_after) == (False, timedelta(seconds=7))


def test_a_used_key_is_known_to_exist(step: Step):
    body = refused(kind="idempotency_error")
    assert isinstance(outcomes.read_creation(answer=answer(400, body), step=step), AlreadyExists)
