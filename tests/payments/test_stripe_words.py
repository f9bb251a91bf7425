"""Stripe's objects in our words; and on Stripe's own canonical examples of them, where SPECS_DIR points at these."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from marketplace_payouts.lib.money import Money
from payments.stripe_words import NotOurs, ReadAgain, money, units_of, words_of
from payments.words import BadPayment, Kind, PaymentWord
from tests.sandbox.openapi import SPECS_DIR, needs_specs

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
SALE = "11111111-1111-4111-8111-111111111111"
OURS = {"flex_transaction_id": SALE}

# What is read of each object, and a little around it.
INTENT: dict[str, Any] = {
    "id": "pi_1",
    "object": "payment_intent",
    "amount": 1099,
    "amount_received": 0,
    "cancellation_reason": None,
    "created": 1234567890,
    "currency": "usd",
    "last_payment_error": None,
    "latest_charge": None,
    "metadata": {},
    "status": "requires_payment_method",
}
REFUND: dict[str, Any] = {
    "id": "re_1",
    "object": "refund",
    "amount": 100,
    "charge": "ch_1",
    "created": 1234567890,
    "currency": "usd",
    "metadata": {},
    "payment_intent": None,
    "reason": None,
    "status": "succeeded",
}
CHARGE: dict[str, Any] = {
    "id": "ch_1",
    "object": "charge",
    "amount": 100,
    "amount_captured": 0,
    "amount_refunded": 0,
    "currency": "usd",
    "disputed": False,
    "metadata": {},
    "payment_intent": None,
    "refunded": False,
    "refunds": {"object": "list", "data": [], "has_more": False, "url": "/v1/charges/ch_1/refunds"},
    "status": "succeeded",
}
DISPUTE: dict[str, Any] = {
    "id": "dp_1",
    "object": "dispute",
    "amount": 1000,
    "balance_transactions": [],
    "charge": "ch_1",
    "currency": "usd",
    "metadata": {},
    "payment_intent": None,
    "reason": "general",
    "status": "warning_needs_response",
}


def said(found: dict[str, Any], **changes: Any) -> list[tuple[Kind, Money, str]]:
    """What an object with changes says."""
    words = words_of(copy.deepcopy(found) | changes, at=AT)
    assert all(str(one.transaction_id) == SALE and one.origin == "stripe" for one in words)
    assert all(one.happened_at == AT for one in words)
    return [(one.kind, one.amount, one.reference) for one in words]


def dollars(units: int) -> Money:
    return Money(units, "USD")


def test_a_payment_that_succeeded():
    assert said(INTENT, metadata=OURS, status="succeeded", amount_received=1099) == [
        (Kind.RECEIVED, dollars(1099), INTENT["id"])
    ]


def test_a_payment_that_failed_or_was_given_up():
    declined = {"type": "card_error", "code": "card_declined"}
    assert said(INTENT, metadata=OURS, last_payment_error=declined) == [
        (Kind.FAILED, dollars(1099), INTENT["id"])
    ]
    assert said(INTENT, metadata=OURS, status="canceled", cancellation_reason="abandoned") == [
        (Kind.FAILED, dollars(1099), INTENT["id"])
    ]
    # The amount may change between two tries.
    for charge in ("ch_1", CHARGE):
        assert said(INTENT, metadata=OURS, last_payment_error=declined, latest_charge=charge) == [
            (Kind.FAILED, dollars(1099), CHARGE["id"])
        ]


@pytest.mark.parametrize(
    "status",
    ["requires_payment_method", "requires_action", "processing", "requires_capture", "brand_new_status"],
)
def test_a_payment_under_way_says_nothing(status: str):
    assert said(INTENT, metadata=OURS, status=status) == []


def test_a_charge_says_what_was_refunded_by_each_refunds_own_id():
    refunds = [REFUND, REFUND | {"id": "re_2", "amount": 40, "status": "pending"}]
    listed = CHARGE["refunds"] | {"data": refunds}
    assert said(CHARGE, metadata=OURS, amount_refunded=140, refunds=listed) == [
        (Kind.REFUNDED, dollars(100), REFUND["id"]),
        (Kind.REFUNDED, dollars(40), "re_2"),
    ]
    assert said(CHARGE, metadata=OURS) == []


@pytest.mark.parametrize(
    "refunds", [None, CHARGE["refunds"], CHARGE["refunds"] | {"data": [REFUND], "has_more": True}]
)
def test_a_charge_without_its_refunds_is_read_again(refunds: Any):
    with pytest.raises(ReadAgain) as again:
        said(CHARGE, metadata=OURS, amount_refunded=100, refunds=refunds)
    assert again.value.expand == ("refunds",)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("succeeded", Kind.REFUNDED),
        ("pending", Kind.REFUNDED),
        ("requires_action", Kind.REFUNDED),
        ("failed", Kind.REGAINED),
        ("canceled", Kind.REGAINED),
    ],
)
def test_a_refund_goes_back_unless_it_fails(status: str, kind: Kind):
    intent = INTENT | {"metadata": OURS}
    assert said(REFUND, status=status, payment_intent=intent) == [(kind, dollars(100), REFUND["id"])]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("warning_needs_response", Kind.DISPUTED),
        ("warning_under_review", Kind.DISPUTED),
        ("warning_closed", Kind.REGAINED),
        ("needs_response", Kind.DISPUTED),
        ("under_review", Kind.DISPUTED),
        ("won", Kind.REGAINED),
        ("lost", Kind.CHARGED_BACK),
    ],
)
def test_a_dispute_by_its_status(status: str, kind: Kind):
    charge = CHARGE | {"metadata": OURS}
    assert said(DISPUTE, status=status, charge=charge) == [(kind, dollars(1000), DISPUTE["id"])]


def test_a_prevented_dispute_cost_the_money_if_it_left_our_balance():
    intent = INTENT | {"metadata": OURS}
    prevented = {"status": "prevented", "payment_intent": intent}
    assert said(DISPUTE, **prevented)[0][0] == Kind.REGAINED
    moved = [{"object": "balance_transaction", "amount": -1000}]
    assert said(DISPUTE, **prevented, balance_transactions=moved)[0][0] == Kind.CHARGED_BACK
    back = [*moved, {"object": "balance_transaction", "amount": 1000}]
    assert said(DISPUTE, **prevented, balance_transactions=back)[0][0] == Kind.REGAINED


@pytest.mark.parametrize(
    "found", [REFUND | {"status": "new"}, DISPUTE | {"status": "new"}, {"object": "payout"}, {}]
)
def test_words_that_we_do_not_know_are_survived(found: dict[str, Any]):
    assert words_of(found, at=AT) == []


def test_what_names_no_transaction_is_read_again_with_its_payment_and_then_is_not_ours():
    with pytest.raises(ReadAgain) as again:
        words_of(DISPUTE | {"payment_intent": INTENT["id"]}, at=AT)
    assert again.value.expand == ("payment_intent",)
    inner = REFUND | {"payment_intent": INTENT["id"]}
    charge = CHARGE | {"amount_refunded": 100, "refunds": CHARGE["refunds"] | {"data": [inner]}}
    with pytest.raises(ReadAgain) as again:
        words_of(charge | {"payment_intent": INTENT["id"]}, at=AT)
    assert again.value.expand == ("payment_intent",)
    for found in (
        DISPUTE,
        DISPUTE | {"payment_intent": INTENT},
        INTENT | {"status": "canceled"},
        charge | {"payment_intent": INTENT},
    ):
        with pytest.raises(NotOurs):
            words_of(found, at=AT)


def test_a_transaction_that_is_no_id_is_refused():
    with pytest.raises(BadPayment, match="no id"):
        words_of(INTENT | {"status": "canceled", "metadata": {"flex_transaction_id": "17"}}, at=AT)


@pytest.mark.parametrize(
    ("units", "currency", "expected"),
    [
        (1099, "usd", Money(1099, "USD")),
        (500, "jpy", Money(500, "JPY")),
        (5_120, "kwd", Money(5_120, "KWD")),
        (500, "isk", Money(5, "ISK")),
        (500, "ugx", Money(5, "UGX")),
        (500, "huf", Money(500, "HUF")),
        (500, "mga", Money(50_000, "MGA")),
    ],
)
def test_reads_stripes_units(units: int, currency: str, expected: Money):
    assert money(units, currency) == expected
    assert units_of(expected) == units


@pytest.mark.parametrize("amount", [Money(50_001, "MGA"), Money(5_124, "KWD")])
def test_what_stripe_cannot_count_is_refused(amount: Money):
    with pytest.raises(BadPayment, match="finer than what Stripe can take"):
        units_of(amount)


@pytest.mark.parametrize(
    ("units", "currency"), [(550, "isk"), (1, "xxx"), ("100", "usd"), (1.5, "usd"), (1, None)]
)
def test_refuses_amounts_that_make_no_sense(units: Any, currency: Any):
    with pytest.raises(BadPayment):
        money(units, currency)


def test_a_word_is_what_recording_takes():
    [word] = words_of(INTENT | {"metadata": OURS, "status": "succeeded", "amount_received": 7}, at=AT)
    assert isinstance(word, PaymentWord)


# ------------------------------------------------------------------------------------ Stripe's published examples


def published(name: str, **changes: Any) -> dict[str, Any]:
    """Stripe's canonical example of an object, as one of our transactions, with changes to fields that it has."""
    found: dict[str, Any] = json.loads((Path(SPECS_DIR or ".") / "stripe_fixtures3.json").read_text())[
        "resources"
    ][name]
    assert changes.keys() <= found.keys(), "Stripe's object has no such field"
    return found | {"metadata": OURS} | changes


@needs_specs
def test_reads_stripes_own_examples():
    # The example of an intent carries an error, and so tells of a try that failed.
    assert [one.kind for one in words_of(published("payment_intent"), at=AT)] == [Kind.FAILED]
    paid = published("payment_intent", status="succeeded", amount_received=1099)
    assert [(one.kind, one.amount) for one in words_of(paid, at=AT)] == [(Kind.RECEIVED, dollars(1099))]
    refund = published("refund")
    assert [(one.kind, one.amount) for one in words_of(refund, at=AT)] == [(Kind.REFUNDED, dollars(100))]
    assert words_of(published("charge"), at=AT) == []
    listed = published("charge")["refunds"] | {"data": [refund]}
    refunded = published("charge", amount_refunded=100, refunds=listed)
    assert words_of(refunded, at=AT) == words_of(refund, at=AT)
    assert [(one.kind, one.amount) for one in words_of(published("dispute"), at=AT)] == [
        (Kind.DISPUTED, dollars(1000))
    ]
    lost = published("dispute", status="lost", payment_intent=paid, balance_transactions=[])
    assert [one.kind for one in words_of(lost, at=AT)] == [Kind.CHARGED_BACK]


@needs_specs
@pytest.mark.parametrize("name", ["payment_intent", "charge", "refund", "dispute"])
def test_every_field_that_is_read_is_one_of_stripes(name: str):
    """A misspelt field would be read as missing for ever."""
    mine = {"payment_intent": INTENT, "charge": CHARGE, "refund": REFUND, "dispute": DISPUTE}[name]
    assert mine.keys() <= published(name).keys()
