"""A return in parts: PayPal shows it on its list of transactions alone, and each part is owed again, once."""

from __future__ import annotations

from payouts import reconciling, settlement
from payouts.models import Payable, Payout
from tests.stories.world import World


def _look(world: World) -> None:
    world.paypal.post("/_sandbox/fresh", {"always": True})
    reconciling.reconcile_all(now=world.now)
    while settlement.settle(limit=100, now=world.now):
        pass
    world.hear_back()


def test_each_part_is_owed_again_once_and_the_rest_stays_paid(world: World) -> None:
    seller = world.seller()
    world.sale(seller)
    world.decide()
    world.approve()
    world.send()
    world.until("paid")
    (debit,) = [entry for entry in world.paypal.ledger() if entry["kind"] == "debit"]

    world.paypal.post("/_sandbox/return", {"reference": debit["reference"], "units": 2_500})
    _look(world)
    payout = Payout.objects.get()
    assert (payout.state, payout.returned_units) == ("paid", 2_500)
    assert [int(row.units) for row in seller.payables.filter(purpose="returned")] == [2_500]

    _look(world)
    assert Payout.objects.get().returned_units == 2_500, "the same line again is no news"

    world.paypal.post("/_sandbox/return", {"reference": debit["reference"], "units": 6_500})
    _look(world)
    payout.refresh_from_db()
    assert (payout.state, payout.returned_units) == ("returned", 9_000)
    again = Payable.objects.filter(purpose="returned").order_by("created_at")
    assert [(int(row.units), row.waits_for) for row in again] == [(2_500, "returned"), (6_500, "returned")]
    assert world.balance(f"owed:{seller.pk}") == -9_000
    world.assert_books_agree()
