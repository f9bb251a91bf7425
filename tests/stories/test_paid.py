"""A sale is received, approved, paid through PayPal, and Sharetribe learns of it."""

from __future__ import annotations

from payouts.admin import payout_search
from payouts.models import Payout
from tests.stories.world import World


def test_a_received_sale_becomes_a_paid_seller(world: World) -> None:
    seller = world.seller()
    transaction = world.sale(seller, price=10_000)

    world.decide()
    payout = Payout.objects.get()
    assert (payout.state, payout.debt_units, payout.debt_currency) == ("awaiting_approval", 9_000, "EUR")

    assert world.approve().refused == []
    assert world.send() == 1
    world.until("paid")

    assert world.moved() == {"EUR": 9_000}
    # By what PayPal calls it in the seller's own list, which is what a seller reads out to support.
    named = world.attempt(payout).movement_reference
    assert list(payout_search.narrow(Payout.objects.all(), named)) == [payout]
    told = world.told(transaction)
    assert told["status"] == "paid"
    assert told["reference"] == payout.number
    assert world.balance(f"owed:{seller.pk}") == 0
    assert world.balance(f"allocated:{payout.pk}") == 0
    assert world.balance("committed:paypal") == 0
    assert world.balance("in_transit:paypal") == 0
    world.assert_books_agree()
