"""One receiver among many is bad: PayPal refuses the whole batch, the bad one is parked, the innocent are paid."""

from __future__ import annotations

import json

import pytest

from payouts.models import Attempt, Hold, OutboxMessage, Payout
from tests.stories.world import World

GOOD = 5


def batch_of_sellers(world: World, bad: str = "invalid+bob@example.com") -> Payout:
    """Let some sellers sell, one of them with a bad receiver; gives the bad one's payout."""
    for n in range(GOOD):
        world.sale(world.seller(f"good{n}@example.com"), price=1_000 + 10 * n)
    payee = world.seller(bad)
    world.sale(payee, price=5_000)
    world.decide()
    assert world.approve().refused == []
    return world.payout(payee=payee)


def sizes(world: World) -> list[int]:
    """How many items each request for a batch carried."""
    return [len(json.loads(one["body"])["items"]) for one in world.created()]


def paid_units() -> int:
    """What the good sellers are owed together."""
    return sum((1_000 + 10 * n) * 9 // 10 for n in range(GOOD))


def test_a_named_receiver_is_parked_and_the_innocent_go_out_again(world: World) -> None:
    bad = batch_of_sellers(world)
    world.send()
    bad.refresh_from_db()
    assert bad.state == "failed"
    assert world.attempt(bad).refusal_class == "payee"
    world.until_true(lambda: Payout.objects.filter(state="paid").count() == GOOD)
    assert sizes(world) == [GOOD + 1, GOOD]
    assert world.moved() == {"EUR": paid_units()}
    keys = Attempt.objects.values_list("key", flat=True)
    assert len(set(keys)) == len(keys) == 2 * GOOD + 1
    world.assert_books_agree()


def test_the_innocent_get_no_notice_of_a_failure(world: World) -> None:
    bad = batch_of_sellers(world)
    world.send()
    world.until_true(lambda: Payout.objects.filter(state="paid").count() == GOOD)
    failures = OutboxMessage.objects.filter(kind="notice", facts__state="failed")
    assert {message.subject for message in failures} == {bad.pk}


def test_receivers_that_are_named_one_by_one_are_parked_one_by_one(world: World) -> None:
    world.paypal.fault("name_first_only")
    batch_of_sellers(world)
    worse = world.seller("invalid+eve@example.com")
    world.sale(worse)
    world.decide()
    world.approve()
    world.send()
    world.until_true(lambda: Payout.objects.filter(state="paid").count() == GOOD)
    assert Payout.objects.filter(state="failed").count() == 2
    assert world.moved() == {"EUR": paid_units()}
    world.assert_books_agree()


def test_one_that_is_not_named_is_found_by_halves(world: World) -> None:
    world.paypal.fault("name_none")
    bad = batch_of_sellers(world)
    for _ in range(25):
        world.send()
    world.until_true(lambda: Payout.objects.filter(state="paid").count() == GOOD)
    bad.refresh_from_db()
    assert bad.state == "failed"
    assert sizes(world)[:3] == [GOOD + 1] * 3
    assert sizes(world)[3] == 3
    assert world.moved() == {"EUR": paid_units()}
    assert not Hold.objects.filter(lifted_at__isnull=True).exists()
    world.assert_books_agree()


@pytest.mark.parametrize("way", ["new method", "retry"])
def test_the_parked_one_is_paid_once_it_is_mended(world: World, way: str) -> None:
    bad = batch_of_sellers(world)
    world.send()
    world.until_true(lambda: Payout.objects.filter(state="paid").count() == GOOD)
    if way == "new method":
        world.pay_to(bad.payee, "bob-himself@example.com")
        world.let_pass(days=4)
        world.decide()
        assert world.approve().refused == []
    else:
        from payouts import intervention

        # PayPal has let the receiver in; the approval still covers exactly this.
        world.paypal.fault("refuse", match={"reference": "nobody@example.com"})
        assert intervention.retry(
            by=world.carol, payout_ids=[bad.pk], reason="Confirmed.", now=world.now
        ).done == [bad.number]
    world.send()
    if way == "retry":
        bad.refresh_from_db()
        assert bad.state == "failed"  # still the same bad receiver: parked again, nothing moved
        assert world.moved() == {"EUR": paid_units()}
    else:
        world.until("paid")
        assert world.moved() == {"EUR": paid_units() + 4_500}
    world.assert_books_agree()
