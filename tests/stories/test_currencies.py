"""Currencies of other shapes: none of PayPal's decimals where Sharetribe has two."""

from __future__ import annotations

import pytest

from accounts.models import Marketplace
from payouts.models import Payout, Source
from tests.stories.world import World


@pytest.mark.parametrize(
    ("code", "places", "price", "units"),
    [("JPY", 0, 10_000, 9_000), ("HUF", 2, 1_000_000, 900_000), ("TWD", 2, 100_000, 90_000)],
)
def test_whole_amounts_are_paid_as_they_are(
    world: World, code: str, places: int, price: int, units: int
) -> None:
    world.deal_in(code, places=places, threshold=10_000_000)
    transaction, payout = world.sold_and_approved(world.seller(), price=price, currency=code)
    assert (payout.debt_units, payout.debt_currency) == (units, code)
    world.send()
    world.until("paid")
    assert world.told(transaction)["status"] == "paid"
    # PayPal counts these currencies in whole units.
    assert world.moved() == {code: units if places == 0 else units // 100}


def test_an_amount_finer_than_money_is_parked_and_not_guessed(world: World) -> None:
    world.deal_in("JPY", places=2)
    transaction = world.sale(world.seller(), price=10_050, currency="JPY")
    world.decide()
    source = Source.objects.get(reference=transaction)
    assert source.parked_at is not None
    assert "finer" in source.error
    assert Payout.objects.count() == 0


def test_a_currency_that_nobody_confirmed_is_parked_until_somebody_does(world: World) -> None:
    transaction = world.sale(world.seller(), currency="CHF")
    marketplace = Marketplace.objects.get()
    table = {code: places for code, places in marketplace.exponents.items() if code != "CHF"}
    Marketplace.objects.update(exponents=table)
    world.decide()
    assert Source.objects.get(reference=transaction).parked_at is not None
    world.deal_in("CHF")
    world.decide()
    world.approve()
    world.send()
    world.until("paid")
    assert world.moved() == {"CHF": 9_000}
    world.assert_books_agree()


def test_a_currency_that_paypal_does_not_pay_stops_at_the_gate(world: World) -> None:
    world.deal_in("RON")
    world.sale(world.seller(), currency="RON")
    world.decide()
    payout = world.payout()
    assert (payout.state, payout.blocked_by) == ("pending", "caps")
    assert world.approve().done == []


def test_more_than_paypal_takes_in_one_payment_stops_at_the_gate(world: World) -> None:
    world.sale(world.seller(), price=3_000_000, currency="USD")
    world.decide()
    payout = world.payout()
    assert (payout.state, payout.blocked_by) == ("pending", "caps")
