"""Decimals come from a table or not at all, and figures are read strictly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace_payouts.lib.currencies import (
    EXPONENTS,
    SHARETRIBE_DEFAULT_EXPONENTS,
    UnknownCurrency,
    convert_exponent,
    exponent,
    format_amount,
    from_decimal_string,
    to_decimal_string,
)
from marketplace_payouts.lib.money import Money, MoneyError

units = st.integers(-(10**39), 10**39)
exponents = st.integers(0, 24)


@pytest.mark.parametrize(
    ("code", "decimals"),
    [
        ("EUR", 2),
        ("JPY", 0),
        ("KWD", 3),
        ("UGX", 0),
        ("USDC@solana", 6),
        ("USDC@near", 6),
        ("SOL", 9),
        ("NEAR", 24),
    ],
)
def test_knows_the_decimals(code: str, decimals: int) -> None:
    assert exponent(code) == decimals


@pytest.mark.parametrize("code", ["USDC", "eur", "XXX", "CLF", ""])
def test_never_guesses(code: str) -> None:
    with pytest.raises(UnknownCurrency):
        exponent(code)


def test_the_template_differs_from_iso_and_knows_nothing_we_do_not() -> None:
    differing = {code for code, places in SHARETRIBE_DEFAULT_EXPONENTS.items() if EXPONENTS[code] != places}
    assert differing == {"JOD"}
    assert "KWD" not in SHARETRIBE_DEFAULT_EXPONENTS
    assert len(SHARETRIBE_DEFAULT_EXPONENTS) == 146


@pytest.mark.parametrize(
    ("money", "written"),
    [
        (Money(123450, "EUR"), "1,234.50 EUR"),
        (Money(-5, "EUR"), "-0.05 EUR"),
        (Money(1234567, "JPY"), "1,234,567 JPY"),
        (Money(0, "KWD"), "0.000 KWD"),
        (Money(1500000, "USDC@solana"), "1.500000 USDC@solana"),
        (Money(1, "NEAR"), "0.000000000000000000000001 NEAR"),
    ],
)
def test_writes_amounts_for_people(money: Money, written: str) -> None:
    assert format_amount(money) == written == str(money)


@given(units, exponents)
def test_reads_what_it_writes(amount: int, places: int) -> None:
    assert from_decimal_string(to_decimal_string(amount, places), places) == amount


@pytest.mark.parametrize(
    ("text", "places", "expected"),
    [("1", 2, 100), ("1.5", 2, 150), ("1.500000", 2, 150), ("-0.01", 2, -1), ("007", 0, 7), ("7.000", 0, 7)],
)
def test_reads_plain_figures(text: str, places: int, expected: int) -> None:
    assert from_decimal_string(text, places) == expected


@pytest.mark.parametrize(
    "text",
    [
        "1e3",
        "NaN",
        "Infinity",
        "1,5",
        "1.234",
        ".5",
        "5.",
        "+1",
        " 1",
        "1\n",
        "",
        "--1",
        "\u0661",
        "0x1",
        "1_0",
        None,
        1,
    ],
)
def test_refuses_other_figures(text: object) -> None:
    with pytest.raises(MoneyError):
        from_decimal_string(text, 2)


@given(units, exponents, exponents)
def test_converting_loses_nothing(amount: int, places: int, wanted: int) -> None:
    converted, rest = convert_exponent(amount, places, wanted)
    if wanted >= places:
        assert converted == amount * 10 ** (wanted - places)
        assert rest == 0
    else:
        assert converted * 10 ** (places - wanted) + rest == amount
        assert abs(rest) < 10 ** (places - wanted)
        assert abs(converted) * 10 ** (places - wanted) <= abs(amount)
