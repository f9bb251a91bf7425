"""What a payment system says is read strictly: each mistake names its field and says what to do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from marketplace_payouts.lib.money import Money
from payments.words import OUTCOMES, RESERVED, BadPayment, Kind, PaymentWord, of_payment_system

NOW = datetime(2026, 11, 2, tzinfo=UTC)
SAID: dict[str, Any] = {
    "origin": "checkout",
    "transaction_id": "11111111-1111-4111-8111-111111111111",
    "outcome": "succeeded",
    "amount": {"units": "10000", "currency": "EUR"},
    "reference": "pay-1",
    "happened_at": "2026-11-01T12:00:00Z",
}


def read(**changes: Any) -> PaymentWord:
    """Read what is said, with changes."""
    said = {name: value for name, value in (SAID | changes).items() if value is not ...}
    return of_payment_system(said, now=NOW)


def test_reads_a_payment():
    assert read() == PaymentWord(
        transaction_id=UUID(SAID["transaction_id"]),
        kind=Kind.RECEIVED,
        amount=Money(10_000, "EUR"),
        origin="checkout",
        reference="pay-1",
        happened_at=datetime(2026, 11, 1, 12, tzinfo=UTC),
    )


def test_units_may_be_a_number():
    assert read(amount={"units": 10_000, "currency": "EUR"}) == read()


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_reads_every_outcome(outcome: str):
    assert read(outcome=outcome, detail="Line 7").kind == OUTCOMES[outcome]


def test_there_is_an_outcome_for_every_kind():
    assert set(OUTCOMES.values()) == set(Kind)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("transaction_id", ...),
        ("transaction_id", "17"),
        ("transaction_id", 17),
        ("outcome", ...),
        ("outcome", "paid"),
        ("amount", ...),
        ("amount", 100),
        ("amount", None),
        ("amount", {"units": 100.0, "currency": "EUR"}),
        ("amount", {"units": True, "currency": "EUR"}),
        ("amount", {"units": -100, "currency": "EUR"}),
        ("amount", {"units": "100", "currency": "XXX"}),
        ("amount", {"units": "-100", "currency": "EUR"}),
        ("amount", {"units": "0", "currency": "EUR"}),
        ("amount", {"units": "100", "currency": "EUR", "more": 1}),
        ("reference", ...),
        ("reference", ""),
        ("reference", " pay-1"),
        ("reference", "p" * 121),
        ("reference", "a\x00b"),
        ("reference", "a\ud800b"),
        ("origin", ...),
        ("origin", 1),
        ("happened_at", ...),
        ("happened_at", "yesterday"),
        ("happened_at", "2026-11-01T12:00:00"),
        ("happened_at", "2026-13-01T12:00:00Z"),
        ("happened_at", (NOW + timedelta(days=2)).isoformat()),
        ("happened_at", "0001-01-01T00:00:00+14:00"),
        ("detail", "d" * 501),
        ("detail", 7),
        ("note", "misspelt"),
    ],
)
def test_refuses_what_makes_no_sense_and_names_the_field(field: str, value: Any):
    with pytest.raises(BadPayment) as refused:
        read(**{field: value})
    assert refused.value.field == field
    assert str(refused.value).endswith(".")


@pytest.mark.parametrize("said", [None, [], "pay", 1])
def test_refuses_what_is_no_object(said: object):
    with pytest.raises(BadPayment, match="one JSON object"):
        of_payment_system(said, now=NOW)


@pytest.mark.parametrize("origin", [*sorted(RESERVED), "", "A", "Checkout", "x" * 31, "my checkout"])
def test_nobody_speaks_under_a_name_of_ours_or_under_none(origin: str):
    with pytest.raises(BadPayment) as refused:
        read(origin=origin)
    assert refused.value.field == "origin"
