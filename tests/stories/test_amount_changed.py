"""A transaction changes after its payout was approved: nothing leaves that was not approved for exactly this."""

from __future__ import annotations

import pytest

from accounts.models import Payee
from payouts.models import Approval, Payout
from tests.stories.world import PROCESS, World


def test_a_change_that_was_heard_lets_the_payout_go(world: World) -> None:
    seller = world.seller()
    transaction, payout = world.sold_and_approved(seller)
    world.refund(transaction, amount=2_000)
    world.hear()
    payout.refresh_from_db()
    assert payout.state == "cancelled"
    assert world.send() == 0
    world.assert_books_agree()

    world.decide()
    smaller = world.payout(state="awaiting_approval")
    assert smaller.debt_units == 7_200
    assert world.approve().refused == []
    world.send()
    world.until("paid", of=smaller)
    assert world.moved() == {"EUR": 7_200}
    told = world.told(transaction)
    assert (told["status"], told["reference"]) == ("paid", smaller.number)
    world.assert_books_agree()


def test_a_change_that_was_not_heard_is_found_by_reading_again(world: World) -> None:
    """The event is late: the transaction itself is read right before sending."""
    transaction, payout = world.sold_and_approved(world.seller())
    world.refund(transaction, amount=2_000)
    assert world.send() == 0
    assert world.created() == []
    world.understand()
    payout.refresh_from_db()
    assert payout.state == "cancelled"
    world.gather()
    world.let_decide()
    world.approve()
    world.send()
    world.until_true(lambda: Payout.objects.filter(state="paid").exists())
    assert world.moved() == {"EUR": 7_200}
    world.assert_books_agree()


def test_a_change_between_the_reading_and_the_sending_stops_at_the_unhandled_event(world: World) -> None:
    from flexsync import poller

    transaction, payout = world.sold_and_approved(world.seller())
    world.reread()
    world.refund(transaction, amount=2_000)
    poller.poll(limit_seconds=0, now=world.now)
    assert world.transmit() == 0
    payout.refresh_from_db()
    assert payout.blocked_by == "reread"
    assert world.created() == []


def test_a_reading_that_is_too_old_is_repeated(world: World) -> None:
    _, payout = world.sold_and_approved(world.seller())
    world.reread()
    world.let_pass(minutes=20)
    assert world.transmit() == 0
    payout.refresh_from_db()
    assert payout.blocked_by == "reread"
    world.send()
    world.until("paid")
    world.assert_books_agree()


def test_another_approval_is_needed_and_the_old_digest_does_not_do(world: World) -> None:
    from payouts import approval

    seller = world.seller()
    transaction = world.sale(seller)
    world.decide()
    old = world.payout()
    seen = approval.digests_of([old.pk])[old.pk]
    world.refund(transaction, amount=1_000)
    world.decide()
    new = world.payout(state="awaiting_approval")
    done = approval.approve(
        by=world.carol, wanted=[(old.pk, seen), (new.pk, seen)], reason="Late click.", now=world.now
    )
    assert done.done == []
    assert {number for number, _ in done.refused} == {old.number, new.number}
    assert Approval.objects.filter(result="refused").count() == 2
    new.refresh_from_db()
    assert new.state == "awaiting_approval"


@pytest.mark.parametrize("heard", [True, False])
def test_a_cancelled_sale_is_not_paid(world: World, heard: bool) -> None:
    transaction, payout = world.sold_and_approved(world.seller())
    world.transition(transaction, "operator-refund")
    if heard:
        world.hear()
    world.send()
    world.understand()
    world.gather()
    payout.refresh_from_db()
    assert payout.state == "cancelled"
    assert world.moved() == {}
    assert Payout.objects.count() == 1
    world.assert_books_agree()


def test_a_sale_that_grew_waits_for_the_rest_of_the_payment(world: World) -> None:
    seller = world.seller()
    transaction, payout = world.sold_and_approved(seller)
    lines = world.truth(transaction)["resource"]["attributes"]["lineItems"]
    for line in lines:
        line.pop("lineTotal", None)
        line["unitPrice"]["amount"] = 12_000
    asked = {"lineItems": lines, "transition": "transition/operator-adjust"}
    world.flex.post(f"/_sandbox/transactions/{transaction}/lines", asked)
    world.decide()
    payout.refresh_from_db()
    assert payout.state == "cancelled"
    assert Payout.objects.count() == 1
    assert set(seller.payables.values_list("blocked_by", flat=True)) == {"payment_received"}
    world.assert_books_agree()

    # The marketplace decides that it does not wait for the buyer.
    world.switch_on(PROCESS, requires_payment=False)
    Payee.objects.update(next_gather_at=world.now)
    world.decide()
    assert world.payout(state="awaiting_approval").debt_units == 10_800
    world.approve()
    world.send()
    world.until_true(lambda: Payout.objects.filter(state="paid").exists())
    assert world.moved() == {"EUR": 10_800}
    world.assert_books_agree()
