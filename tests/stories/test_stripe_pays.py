"""A process in which Sharetribe's own Stripe payout pays the seller: nothing of ours goes out beside it."""

from __future__ import annotations

import pytest

from payouts.models import Payable, Payout, Process
from tests.stories.world import World

STRIPE = "default-purchase"


def test_a_default_process_is_switched_off(world: World) -> None:
    world.sale(world.seller(), process=STRIPE, state="state/received")
    world.decide()
    assert Payable.objects.count() == 0


def test_switched_on_it_still_waits_until_staff_confirm_that_sharetribe_pays_nothing(world: World) -> None:
    world.switch_on(STRIPE)
    world.sale(world.seller(), process=STRIPE, state="state/received")
    world.decide()
    row = Payable.objects.get()
    assert row.blocked_by == "not_paid_by_stripe"
    assert Payout.objects.count() == 0

    process = Process.objects.get(name=STRIPE)
    world.second("process_confirm", {"process": process.pk})
    world.decide()
    assert Payout.objects.count() == 1
    world.assert_books_agree()


@pytest.mark.parametrize("when", ["before", "after approval"])
def test_a_payee_with_a_stripe_account_is_not_paid_beside_it(world: World, when: str) -> None:
    if when == "before":
        # No event ever told of it: reading the transaction again, right before sending, does.
        _, payout = world.sold_and_approved(world.seller(stripeConnected=True))
    else:
        seller = world.seller()
        _, payout = world.sold_and_approved(seller)
        world.flex.post(f"/_sandbox/users/{seller.flex_user_id}", {"stripeConnected": True})
        world.hear()
    assert world.send() == 0
    payout.refresh_from_db()
    assert payout.blocked_by == "not_paid_by_stripe"
    assert world.moved() == {}
    world.second("process_confirm", {"process": Process.objects.get(name="payout-process").pk})
    world.decide()
    world.approve()
    world.send()
    world.until("paid")
    assert world.moved() == {"EUR": 9_000}
    world.assert_books_agree()


def test_a_transaction_that_shows_a_stripe_payment_is_not_paid(world: World) -> None:
    world.sale(
        world.seller(),
        protectedData={"stripePaymentIntents": {"default": {"stripePaymentIntentId": "pi_1"}}},
    )
    world.decide()
    assert Payout.objects.count() == 0
    assert Payable.objects.get().blocked_by == "not_paid_by_stripe"


def test_a_banned_payee_is_not_paid(world: World) -> None:
    seller = world.seller()
    _, payout = world.sold_and_approved(seller)
    world.flex.post(f"/_sandbox/users/{seller.flex_user_id}", {"state": "banned"})
    world.hear()
    assert world.send() == 0
    payout.refresh_from_db()
    assert payout.blocked_by == "payee_active"


def test_a_payment_that_was_not_received_is_not_paid_on(world: World) -> None:
    """The buyer's payment is confirmed by a transition; without it the seller waits."""
    world.switch_on("payout-process", payment_transitions=["transition/never"])
    world.sale(world.seller())
    world.decide()
    assert Payable.objects.get().blocked_by == "payment_received"
    assert Payout.objects.count() == 0
