"""What is owed changes while its payout is on the way, and then the payout turns out not to have gone."""

from __future__ import annotations

from collections.abc import Callable

from flexsync import resync
from payouts import intervention
from payouts.models import Payable, Payout, SourceCheck
from tests.stories.world import CREATE, World


def refunded(world: World, transaction: str) -> Callable[[], None]:
    """The buyer gets half of it back, and we hear of it."""

    def happens() -> None:
        world.refund(transaction, amount=5_000)
        world.hear()

    return happens


def test_an_innocent_neighbour_that_was_refunded_meanwhile(world: World) -> None:
    seller = world.seller()
    transaction = world.sale(seller)
    world.sale(world.seller("bad@example.com"))
    world.decide()
    world.approve()
    world.reread()
    world.paypal.fault("refuse", match={"reference": "bad@example.com"})
    with world.meanwhile("send.before_call", refunded(world, transaction)):
        world.transmit()
    payout = Payout.objects.get(payee=seller)
    assert Payable.objects.get(waits_for="clawback").units == -4_500
    world.let_pass(minutes=2)
    world.send()
    assert world.moved() == {}
    payout.refresh_from_db()
    assert payout.blocked_by == "not_compensated"

    # The way out: people let it go, and decide to net what was given back.
    intervention.cancel(by=world.carol, payout_ids=[payout.pk], reason="Refunded.", now=world.now)
    world.decide()
    assert Payable.objects.get(purpose="sale", payee=seller).blocked_by == "not_compensated"
    clawback = Payable.objects.get(waits_for="clawback")
    world.second("clawback_decide", {"payable": str(clawback.pk), "decision": "net"})
    world.decide()
    world.approve()
    world.send()
    world.until_true(lambda: Payout.objects.filter(state="paid").exists())
    assert world.moved() == {"EUR": 4_500}
    world.assert_books_agree()


def test_one_that_nobody_took_and_that_was_refunded_meanwhile(world: World) -> None:
    transaction, payout = world.sold_and_approved(world.seller())
    world.paypal.fault("refuse", match={"reference": "seller@example.com"}, times=1)
    world.reread()
    with world.meanwhile("send.before_call", refunded(world, transaction)):
        world.transmit()
    payout.refresh_from_db()
    assert payout.state == "failed"
    intervention.retry(by=world.carol, payout_ids=[payout.pk], reason="Again.", now=world.now)
    world.let_pass(minutes=2)
    world.send()
    payout.refresh_from_db()
    assert (payout.state, payout.blocked_by) == ("approved", "not_compensated")
    assert world.moved() == {}
    world.assert_books_agree()


def test_a_return_whose_sale_was_refunded(world: World) -> None:
    """It came back, and then the buyer got the money: who lets the return go pays for nothing."""
    transaction, payout = world.sold_and_approved(world.seller("returned+anna@example.com"))
    world.send()
    world.until("returned", of=payout)
    world.refund(transaction, amount=10_000)
    world.hear()
    returned = Payable.objects.get(purpose="returned")
    intervention.release_payables(
        by=world.dave, payable_ids=[returned.pk], reason="She has a new account.", now=world.now
    )
    world.pay_to(payout.payee, "anna@example.com")
    world.let_pass(days=4)
    world.decide()
    world.approve()
    world.send()
    world.hear_back(rounds=2)
    assert world.moved() == {"EUR": 9_000}
    returned.refresh_from_db()
    assert returned.blocked_by == "not_compensated"

    clawback = Payable.objects.get(waits_for="clawback")
    world.second("clawback_decide", {"payable": str(clawback.pk), "decision": "net"})
    world.decide()
    assert set(Payable.objects.exclude(purpose="sale").values_list("settled", flat=True)) == {"zero"}
    world.assert_books_agree()


def test_a_change_that_only_a_walk_brought(world: World) -> None:
    """It is stored under the cursor's number, which the transaction has heard of already."""
    transaction, payout = world.sold_and_approved(world.seller())
    world.reread()
    world.refund(transaction, amount=5_000)
    resync.resync(since=None, now=world.now)
    assert world.transmit() == 0
    payout.refresh_from_db()
    assert payout.blocked_by == "reread"
    world.understand()
    payout.refresh_from_db()
    assert payout.state == "cancelled"


def test_a_change_between_reading_and_announcing(world: World) -> None:
    """The earlier check is fresh enough, and yet we were just told that it is over."""
    seller = world.seller()
    transaction, payout = world.sold_and_approved(seller)
    world.reread()
    intervention.cancel(by=world.carol, payout_ids=[payout.pk], reason="Not yet.", now=world.now)
    world.tell()
    world.gather()
    world.let_decide()
    world.approve()
    again = world.payout(state="approved")

    def refund() -> None:
        world.refund(transaction, amount=5_000)

    with world.meanwhile("reread.after_call", refund):
        world.reread()
    assert SourceCheck.objects.get().error
    assert world.transmit() == 0
    again.refresh_from_db()
    assert again.blocked_by == "reread"
    world.hear()
    again.refresh_from_db()
    assert again.state == "cancelled"


def test_no_second_try_of_what_was_refunded_meanwhile(world: World) -> None:
    """Nobody knows whether the first one was taken; if not, nothing is owed that a second one would pay."""
    transaction, payout = world.sold_and_approved(world.seller())
    world.paypal.fault("drop_before", match={"method": "POST", "path": CREATE}, times=1)
    world.send()
    refunded(world, transaction)()
    world.hear_back(rounds=2)
    assert world.moved() == {}
    payout.refresh_from_db()
    assert payout.state == "unknown"

    # PayPal's list says that there is nothing; what is left of it is paid once somebody decided.
    world.paypal.post("/_sandbox/fresh", {"always": True})
    world.let_pass(days=1)
    world.until("failed", of=payout)
    intervention.cancel(by=world.carol, payout_ids=[payout.pk], reason="Refunded.", now=world.now)
    clawback = Payable.objects.get(waits_for="clawback")
    world.second("clawback_decide", {"payable": str(clawback.pk), "decision": "net"})
    world.decide()
    world.approve()
    world.send()
    world.until_true(lambda: Payout.objects.filter(state="paid").exists())
    assert world.moved() == {"EUR": 4_500}
    world.assert_books_agree()


def test_no_second_try_after_all_where_the_first_was_taken(world: World) -> None:
    """It is found on PayPal's list, and what was refunded meanwhile waits to be clawed back."""
    transaction, payout = world.sold_and_approved(world.seller())
    world.paypal.fault("drop_after", match={"method": "POST", "path": CREATE}, times=1)
    world.paypal.post("/_sandbox/fresh", {"always": True})
    world.send()
    refunded(world, transaction)()
    world.let_pass(minutes=5)
    world.until("paid", of=payout)
    assert len(world.created()) == 1
    assert world.moved() == {"EUR": 9_000}
    world.assert_books_agree()
