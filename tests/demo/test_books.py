"""The demo's comparison finds what it is there to find: a book that says something else than the other two."""

from __future__ import annotations

import pytest

from demo import books
from demo.books import Books, Sums
from demo.sandboxes import PayPal, Sharetribe
from payouts.models import Payout
from tests.stories.world import World


@pytest.fixture
def paid(world: World) -> tuple[World, str]:
    """A seller who was paid."""
    transaction = world.sale(world.seller(), price=10_000)
    world.decide()
    world.approve()
    world.send()
    world.until("paid")
    return world, transaction


def compare(world: World) -> Books:
    return books.compare(flex=Sharetribe(world.flex.url), paypal=PayPal(world.paypal.url))


def test_agrees_once_a_seller_is_paid(paid):
    world, _ = paid
    found = compare(world)
    assert found.differences == []
    assert found.sums == {"EUR": Sums(owed=9_000, paid=9_000, fees=180)}
    assert found.paypal == {"EUR": {"debit": 9_000, "fee": 180}}
    assert found.told == {"paid": 1}
    assert found.compared == {"transactions": 1, "attempts": 1}


def test_agrees_while_it_is_waiting_and_on_its_way(world: World):
    world.sale(world.seller(), price=10_000)
    world.decide()
    assert compare(world).sums == {"EUR": Sums(owed=9_000, waiting=9_000)}
    world.approve()
    world.send()
    found = compare(world)
    assert found.sums["EUR"].owed == 9_000 == found.sums["EUR"].on_its_way
    world.until("paid")
    assert compare(world).differences == []


def test_finds_a_sale_that_we_did_not_hear_of(paid):
    world, _ = paid
    world.sale(world.seller("other@example.com"), price=500)
    (difference,) = compare(world).differences
    assert "Sharetribe makes us owe 450" in difference


def test_finds_money_that_came_back_unheard(paid):
    world, _ = paid
    key = Payout.objects.get().attempts.get().key
    world.paypal.post("/_sandbox/return", {"reference": key, "units": 1})
    differences = compare(world).differences
    assert any("'return EUR': 1" in one for one in differences)
    assert "EUR: 9179 left PayPal, by our ledger 9180." in differences


def test_finds_a_transaction_that_says_something_else(paid):
    world, transaction = paid
    value = {"status": "failed", "reference": "PO-0"}
    world.flex.post(f"/_sandbox/transactions/{transaction}/metadata", {"metadata": {"payout": value}})
    (difference,) = compare(world).differences
    assert "is paid" in difference
