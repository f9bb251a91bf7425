"""Events come late, twice, in any order, or never: what is owed in the end is the same."""

from __future__ import annotations

from itertools import permutations
from uuid import UUID

import pytest

from flexsync import poller, resync
from flexsync.models import FlexCursor, FlexEvent
from payouts.models import Payable, Payout, Source
from tests.stories.world import World


def hear_later(world: World) -> None:
    """Let some time pass on both sides, so that what was withheld shows, and the overlap is read again."""
    world.flex.advance(100)
    world.let_pass(seconds=100)
    world.hear()


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("is_paid_between", [False, True])
def test_every_order_of_arrival_comes_to_the_same(
    world: World, order: tuple[int, ...], is_paid_between: bool
) -> None:
    seller = world.seller()
    transaction = world.sale(seller, state="state/delivered")
    world.hear()

    def withhold(position: int) -> None:
        if position:
            world.flex.fault("event_late_visible", seconds=position * 100 - 50, times=1)

    withhold(order[0])
    world.transition(transaction, "mark-received")
    withhold(order[1])
    world.refund(transaction, amount=1_000)
    withhold(order[2])
    world.refund(transaction, amount=2_000)

    for _ in range(4):
        hear_later(world)
        if is_paid_between:
            world.decide()
            world.approve()
            world.send()
            world.hear_back()
    world.decide()
    world.approve()
    world.send()
    world.hear_back(rounds=2)
    world.until_true(lambda: set(Payout.objects.values_list("state", flat=True)) <= {"paid", "cancelled"})
    assert sum(Payable.objects.values_list("units", flat=True)) == 6_300
    assert world.moved() == {"EUR": 6_300}
    world.assert_books_agree()


@pytest.mark.parametrize("fault", ["event_duplicate", "event_unknown_type"])
def test_doubled_and_unknown_events_change_nothing(world: World, fault: str) -> None:
    world.flex.fault(fault)
    world.sale(world.seller())
    world.decide()
    world.hear()
    assert world.payout().debt_units == 9_000
    world.approve()
    world.send()
    world.until("paid")
    assert world.moved() == {"EUR": 9_000}
    world.assert_books_agree()


def test_a_poison_event_parks_its_own_transaction_only(world: World) -> None:
    poisoned = world.sale(world.seller("poisoned@example.com"), state="state/delivered")
    world.hear()
    world.flex.fault("poison_event", match={"reference": poisoned}, times=1)
    world.transition(poisoned, "mark-received")
    world.sale(world.seller("good@example.com"))
    world.decide()
    assert Source.objects.get(reference=UUID(poisoned)).error
    assert world.payout().payee.name == "good"
    world.approve()
    world.send()
    world.until("paid")
    # Reading the transaction itself heals it.
    resync.resync_one(reference=UUID(poisoned), now=world.now)
    world.let_pass(minutes=5)
    world.understand()
    world.gather()
    world.let_decide()
    assert world.payout(state="awaiting_approval").payee.name == "poisoned"
    world.assert_books_agree()


def test_a_gap_is_found_by_walking_the_transactions(world: World) -> None:
    """Every third event is never given out by Sharetribe; the walk finds what they would have brought."""
    transactions = [world.sale(world.seller(f"s{n}@example.com"), state="state/delivered") for n in range(6)]
    world.hear()
    for transaction in transactions[::2]:
        world.flex.fault("event_gap", match={"reference": transaction}, times=1)
    for transaction in transactions:
        world.transition(transaction, "mark-received")
    world.decide()
    assert Payout.objects.count() == 3
    resync.resync(since=None, now=world.now)
    world.decide()
    assert Payout.objects.count() == 6
    resync.resync(since=None, now=world.now)
    world.decide()
    assert Payout.objects.count() == 6
    world.approve()
    world.send()
    world.until("paid")
    assert world.moved() == {"EUR": 54_000}
    world.assert_books_agree()


def test_a_transaction_that_was_never_heard_of_is_found_too(world: World) -> None:
    world.flex.fault("event_gap")
    transaction = world.sale(world.seller())
    world.decide()
    assert Source.objects.count() == 0
    resync.resync_one(reference=UUID(transaction), now=world.now)
    world.decide()
    world.approve()
    world.send()
    world.until("paid")
    assert world.told(transaction)["status"] == "paid"
    world.assert_books_agree()


def test_the_cursor_never_goes_back_and_never_skips(world: World) -> None:
    for n in range(3):
        world.sale(world.seller(f"s{n}@example.com"))
    poller.poll(limit_seconds=0, now=world.now)
    before = FlexCursor.objects.get().last_sequence_id
    stored = FlexEvent.objects.count()
    with world.crash_at("poll.before_commit"):
        world.sale(world.seller("more@example.com"))
        poller.poll(limit_seconds=0, now=world.now)
    assert FlexCursor.objects.get().last_sequence_id == before
    assert FlexEvent.objects.count() == stored
    poller.poll(limit_seconds=0, now=world.now)
    assert FlexCursor.objects.get().last_sequence_id > before
    assert world.everything_heard()
    world.understand()
    world.gather()
    assert Payout.objects.count() == 4


def test_our_own_writes_come_back_as_events_and_change_nothing(world: World) -> None:
    transaction, payout = world.sold_and_approved(world.seller())
    world.send()
    world.until("paid", of=payout)
    world.hear()
    world.decide()
    assert Payable.objects.count() == 1
    assert Payout.objects.count() == 1
    assert world.told(transaction)["status"] == "paid"
    world.assert_books_agree()


def test_a_deleted_transaction_is_still_paid_once(world: World) -> None:
    transaction = world.sale(world.seller())
    world.decide()
    world.flex.post(f"/_sandbox/transactions/{transaction}/delete", {})
    world.hear()
    world.approve()
    world.send()
    # It cannot be read again, so nothing goes out, and a person sees why.
    assert world.moved() == {}
    payout = world.payout()
    assert payout.state == "approved"
    assert payout.blocked_by in ("reread", "announced")
