"""Amounts and requests: exact, in PayPal's decimals, or not at all."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace_payouts.lib.currencies import EXPONENTS as OURS
from marketplace_payouts.lib.money import Money
from payouts.providers.base import Answer, BadItem, Done, Item, Progress, ProviderError, Step
from payouts.providers.paypal.amounts import EXPONENTS, UnreadableAmount, read_amount, write_amount
from payouts.providers.paypal.batch_request import item_keys_of, next_step, read_key, render_key

CURRENCIES = st.sampled_from(sorted(EXPONENTS))
EMAIL = {"email": "anna@example.com"}


def item(key: str = "k1", units: int = 100, currency: str = "EUR", note: str = "PO-1") -> Item:
    return Item(key, Money(units, currency), EMAIL, note)


def step_of(*items: Item, currency: str = "EUR", batch_key: str = "b1") -> Step:
    step = next_step(Progress(batch_key, currency, list(items)))
    assert isinstance(step, Step)
    return step


@given(CURRENCIES, st.integers(1, 10**15))
def test_what_is_written_reads_back_the_same(currency: str, whole: int):
    units = whole * 10 ** (OURS[currency] - EXPONENTS[currency])
    amount = Money(units, currency)
    assert read_amount(write_amount(amount)) == amount


@given(CURRENCIES, st.integers(1, 10**15))
def test_nothing_is_ever_rounded(currency: str, units: int):
    finer = 10 ** (OURS[currency] - EXPONENTS[currency])
    if units % finer:
        with pytest.raises(ProviderError):
            write_amount(Money(units, currency))
    else:
        value = write_amount(Money(units, currency))["value"]
        assert re.fullmatch(r"[0-9]+" if not EXPONENTS[currency] else r"[0-9]+\.[0-9]{2}", value)


@pytest.mark.parametrize("currency", ["HUF", "JPY", "TWD"])
def test_three_currencies_have_no_decimals_at_paypal(currency: str):
    units = 12300 if OURS[currency] == 2 else 123
    assert write_amount(Money(units, currency)) == {"currency": currency, "value": "123"}


@pytest.mark.parametrize(
    "amount", [Money(0, "EUR"), Money(-5, "EUR"), Money(5, "KWD"), Money(5, "NGN"), Money(1, "HUF")]
)
def test_what_paypal_cannot_pay_is_refused(amount: Money):
    with pytest.raises(ProviderError):
        write_amount(amount)


@pytest.mark.parametrize(
    ("value", "units"), [("1.5", 150), ("-1.50", -150), (".50", 50), ("-.5", -50), ("7", 700), ("1.000", 100)]
)
def test_paypals_ways_of_writing_are_read(value: str, units: int):
    assert read_amount({"currency_code": "EUR", "value": value}) == Money(units, "EUR")


@pytest.mark.parametrize("value", ["", "NaN", "1e2", "1,5", "1.005", "٣", None, 1.5])
def test_what_cannot_be_read_exactly_is_not_read(value: object):
    with pytest.raises(UnreadableAmount):
        read_amount({"currency": "EUR", "value": value})


# The request -----------------------------------------------------------------------------------------------------


def test_the_bytes_are_these():
    step = step_of(item(note="PO-7K3M"), Item("k2", Money(205, "EUR"), {"paypal_id": "ABCDEFGHJKLMN"}))
    assert step.body == (
        b'{"sender_batch_header":{"sender_batch_id":"mp-b1","email_subject":"You have a payout"},"items":['
        b'{"recipient_type":"EMAIL","receiver":"anna@example.com","amount":{"currency":"EUR","value":"1.00"},'
        b'"sender_item_id":"k1","note":"PO-7K3M"},'
        b'{"recipient_type":"PAYPAL_ID","receiver":"ABCDEFGHJKLMN","amount":{"currency":"EUR","value":"2.05"},'
        b'"sender_item_id":"k2"}]}'
    )
    assert (step.key, step.name, step.moves_money) == ("mp-b1", "create", True)


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=30))
def test_items_keep_their_order_and_their_sum(units: list[int]):
    step = step_of(*(item(f"k{n}", one) for n, one in enumerate(units)))
    written = [read_amount(one["amount"]) for one in json.loads(step.body)["items"]]
    assert written == [Money(one, "EUR") for one in units]
    assert item_keys_of(step.body) == [f"k{n}" for n in range(len(units))]


@given(st.text(min_size=1, max_size=200))
def test_a_key_comes_back_as_it_was(key: str):
    assert read_key(render_key(key)) == key


def test_it_is_done_once_the_batch_has_an_id():
    answers = [Answer("create", "unknown", "", {}), Answer("create", "accepted", "B1", {})]
    assert next_step(Progress("b1", "EUR", [item()], answers)) == Done("B1")
    assert isinstance(next_step(Progress("b1", "EUR", [item()], answers[:1])), Step)


def test_the_item_that_cannot_be_written_is_named():
    for bad in (
        item("k2", currency="USD"),
        item("k2" * 32),
        Item("k2", Money(100, "EUR"), {"email": "nobody"}),
        Item("k2", Money(100, "EUR"), {"email": "Anna@EXAMPLE.com"}),
        Item("k2", Money(100, "EUR"), {}),
    ):
        with pytest.raises(BadItem) as caught:
            step_of(item(), bad)
        assert caught.value.item_key == bad.key
    with pytest.raises(BadItem):
        step_of(item(), item())


def test_a_batch_has_a_size_and_a_currency_of_paypals():
    with pytest.raises(ProviderError):
        step_of()
    with pytest.raises(ProviderError):
        step_of(*(item(f"k{n}") for n in range(15_001)))
    with pytest.raises(ProviderError):
        step_of(item(currency="KWD"), currency="KWD")
    with pytest.raises(ProviderError):
        step_of(item(), batch_key="x" * 260)


def test_a_long_note_is_cut_to_what_paypal_takes():
    assert json.loads(step_of(item(note="é" * 5000)).body)["items"][0]["note"] == "é" * 1000
