"""Money comes back: unclaimed and returned, in parts, after it was paid; it is owed again and a person decides."""

from __future__ import annotations

import pytest

from payouts import intervention
from payouts.models import Payable, Payout
from tests.stories.world import World


def release(world: World, payout: Payout) -> None:
    """Have staff decide that what came back goes out again."""
    rows = Payable.objects.filter(payee=payout.payee, waits_for="returned", settled="")
    done = intervention.release_payables(
        by=world.bob, payable_ids=[row.pk for row in rows], reason="New address.", now=world.now
    )
    assert done.refused == []


def test_unclaimed_money_comes_back_and_goes_out_to_a_new_method(world: World) -> None:
    seller = world.seller("unclaimed+anna@example.com")
    transaction, payout = world.sold_and_approved(seller)
    world.send()
    world.until_true(lambda: world.attempt(payout).status == "awaiting_payee")
    payout.refresh_from_db()
    assert payout.state == "submitted"
    assert world.attempt(payout).refusal_code == "RECEIVER_UNREGISTERED"
    assert world.balance("in_transit:paypal") == 9_000
    world.assert_books_agree()

    world.let_pass(days=31)
    world.until("returned", of=payout)
    assert world.told(transaction)["status"] == "returned"
    assert world.open_payables(seller) == [9_000]
    world.assert_books_agree()

    # Nothing goes out again by itself.
    world.decide()
    assert Payout.objects.count() == 1

    world.pay_to(seller, "anna-herself@example.com")
    world.let_pass(days=4)
    release(world, payout)
    world.decide()
    again = world.payout(state="awaiting_approval")
    assert (again.debt_units, again.method.version) == (9_000, 2)
    assert "another person" in world.approve(by=world.bob).refused[0][1]  # he released it
    assert world.approve(by=world.dave).refused == []
    world.send()
    world.until("paid", of=again)
    assert world.moved() == {"EUR": 18_000}
    assert world.moved("return") == {"EUR": 9_000}
    assert world.told(transaction)["status"] == "paid"
    assert world.told(transaction)["reference"] == again.number
    world.assert_books_agree()


@pytest.mark.parametrize("how", ["returned", "refunded", "reversed"])
def test_what_was_paid_comes_back_weeks_later(world: World, how: str) -> None:
    seller = world.seller(f"{how}+anna@example.com")
    transaction, payout = world.sold_and_approved(seller)
    world.send()
    world.until("paid", of=payout)
    assert world.told(transaction)["status"] == "paid"
    world.assert_books_agree()
    world.let_pass(days=20)
    world.until("returned", of=payout)
    assert payout.returned_units == 9_000
    assert world.open_payables(seller) == [9_000]
    assert world.told(transaction)["status"] == "returned"
    world.assert_books_agree()


def test_paid_and_back_heard_at_once_is_the_same(world: World) -> None:
    seller = world.seller("returned+anna@example.com")
    _, payout = world.sold_and_approved(seller)
    world.send()
    world.paypal.advance(86_400)
    world.until("returned", of=payout)
    world.assert_books_agree()


def test_money_that_comes_back_while_the_outcome_is_unknown(world: World) -> None:
    from tests.stories.world import CREATE

    seller = world.seller("returned+anna@example.com")
    _, payout = world.sold_and_approved(seller)
    world.paypal.fault("drop_after", match={"method": "POST", "path": CREATE}, times=1)
    world.send()
    world.paypal.advance(86_400)
    world.until("returned", of=payout)
    assert world.moved() == {"EUR": 9_000}
    world.assert_books_agree()


def test_a_refund_after_the_return_is_netted_only_by_a_decision(world: World) -> None:
    seller = world.seller("returned+anna@example.com")
    transaction, payout = world.sold_and_approved(seller)
    world.send()
    world.paypal.advance(86_400)
    world.until("returned", of=payout)
    world.refund(transaction, amount=4_000)
    world.decide()
    waiting = Payable.objects.get(waits_for="clawback")
    assert int(waiting.units) == -3_600
    world.assert_books_agree()
    world.second("clawback_decide", {"payable": str(waiting.pk), "decision": "net"})
    release(world, payout)
    world.decide()
    again = world.payout(state="awaiting_approval")
    assert again.debt_units == 5_400
    world.assert_books_agree()


def test_several_returns_become_one_payout(world: World) -> None:
    seller = world.seller("returned+anna@example.com")
    _, first = world.sold_and_approved(seller, price=1_000)
    _, second = world.sold_and_approved(seller, price=2_000)
    world.send()
    world.paypal.advance(86_400)
    world.until("returned")
    assert sorted(world.open_payables(seller)) == [900, 1_800]
    world.pay_to(seller, "anna-herself@example.com")
    world.let_pass(days=4)
    release(world, first)
    world.decide()
    world.approve(by=world.dave)
    world.send()
    world.until_true(lambda: Payout.objects.filter(state="paid").exists())
    assert world.payout(state="paid").debt_units == 2_700
    assert second.number in "".join(Payable.objects.values_list("reason", flat=True))
    world.assert_books_agree()
