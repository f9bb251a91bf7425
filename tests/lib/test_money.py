"""Money keeps to its currency and splits without losing a unit."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace_payouts.lib.currencies import UnknownCurrency
from marketplace_payouts.lib.money import MAX_UNITS, Money, MoneyError

hundred = Money(100, "EUR")
amounts = st.integers(-(10**20), 10**20).map(lambda units: Money(units, "EUR"))


@pytest.mark.parametrize("units", [True, 1.0, "1", None])
def test_counts_only_whole_units(units: object) -> None:
    with pytest.raises(MoneyError):
        Money(units, "EUR")  # type: ignore[arg-type]


def test_fits_the_database() -> None:
    assert Money(MAX_UNITS, "NEAR").units == 10**40 - 1
    with pytest.raises(MoneyError):
        Money(MAX_UNITS, "NEAR") + Money(1, "NEAR")


@pytest.mark.parametrize("currency", ["eur", "XXX", "", "USDC", "USDC@ethereum", None, ["EUR"]])
def test_refuses_a_currency_it_does_not_know(currency: object) -> None:
    with pytest.raises(UnknownCurrency):
        Money(1, currency)  # type: ignore[arg-type]


def test_never_mixes_currencies() -> None:
    other = Money(100, "USD")
    for mixed in (
        lambda: hundred + other,
        lambda: hundred - other,
        lambda: hundred < other,
        lambda: hundred >= other,
        lambda: Money.total([hundred, other], "EUR"),
    ):
        with pytest.raises(MoneyError):
            mixed()
    assert hundred != other


def test_does_not_take_bare_numbers() -> None:
    with pytest.raises(TypeError):
        hundred + 1  # type: ignore[operator]
    with pytest.raises(TypeError):
        hundred > 1  # type: ignore[operator]  # noqa: B015


def test_is_ordered_hashed_and_pickled() -> None:
    assert Money(1, "EUR") < hundred <= hundred
    assert max(hundred, Money(101, "EUR")).units == 101
    assert {hundred, Money(100, "EUR")} == {hundred}
    assert pickle.loads(pickle.dumps(hundred)) == hundred  # noqa: S301 - our own bytes
    assert not Money.zero("EUR")
    assert hundred
    assert abs(-hundred) == hundred


def test_totals_nothing_to_zero() -> None:
    assert Money.total([], "JPY") == Money(0, "JPY")


@given(amounts, amounts)
def test_subtracting_undoes_adding(a: Money, b: Money) -> None:
    assert a + b - b == a
    assert a - b == a + -b


@given(amounts)
def test_survives_json(amount: Money) -> None:
    assert Money.parse(amount.to_json()) == amount


@pytest.mark.parametrize(
    "value",
    [
        {"units": 1, "currency": "EUR"},
        {"units": "1.0", "currency": "EUR"},
        {"units": "1e3", "currency": "EUR"},
        {"units": "", "currency": "EUR"},
        {"units": "--1", "currency": "EUR"},
        {"units": "\u0663", "currency": "EUR"},
        {"units": "9" * 41, "currency": "EUR"},
        {"units": "1", "currency": None},
        {"units": "1"},
        {"units": "1", "currency": "EUR", "more": 1},
        "1 EUR",
    ],
)
def test_reads_only_its_own_json(value: object) -> None:
    with pytest.raises(MoneyError):
        Money.parse(value)
