"""The sender dies at each point of a sending; the sweep finds its batch, and the seller is paid exactly once."""

from __future__ import annotations

import contextlib

import pytest

from flexsync.models import WriteBack
from payouts.models import Attempt, Batch, Payout
from tests.stories.world import World

POINTS = [
    "send.before_intent",
    "send.after_intent",
    "send.before_call",
    "send.after_call",
    "send.before_result",
    "send.after_result",
]
LATER = [
    "ask.before_call",
    "ask.after_call",
    "ask.before_commit",
    "ask.after_commit",
    "settle.before_commit",
    "settle.after_commit",
    "tell.before_call",
    "tell.after_call",
    "tell.after_commit",
    "write_back.before_call",
    "write_back.after_call",
]
EARLIER = [
    "poll.before_commit",
    "poll.after_commit",
    "understand.before_commit",
    "understand.after_commit",
    "gather.before_commit",
    "gather.after_commit",
    "decide.before_commit",
    "decide.after_commit",
]
REREADING = [
    "reread.before_call",
    "reread.after_call",
    "announce.before_call",
    "announce.after_call",
    "reread.before_commit",
    "reread.after_commit",
]


@pytest.mark.parametrize("point", POINTS)
def test_a_sender_that_died_is_taken_over(world: World, point: str) -> None:
    transaction, payout = world.sold_and_approved(world.seller())
    world.reread()
    with world.crash_at(point):
        world.transmit()

    payout.refresh_from_db()
    expected = {"send.before_intent": "approved", "send.after_result": "submitted"}
    assert payout.state == expected.get(point, "submitting")

    # While its lease runs, nobody else touches it.
    world.hear_back()
    if payout.state == "submitting":
        payout.refresh_from_db()
        assert payout.state == "submitting"
        assert len(world.created()) == int(point not in ("send.after_intent", "send.before_call"))

    world.lease_is_over()
    world.hear_back()
    world.let_pass(minutes=2)
    world.send()
    world.until("paid")
    assert world.moved() == {"EUR": 9_000}
    assert world.told(transaction)["status"] == "paid"
    assert Attempt.objects.exclude(state="refused").count() == 1
    world.assert_books_agree()


def test_one_that_died_before_the_call_keeps_its_key(world: World) -> None:
    _, payout = world.sold_and_approved(world.seller())
    world.reread()
    with world.crash_at("send.after_intent"):
        world.transmit()
    key = world.attempt(payout).key
    world.lease_is_over()
    world.ask()
    payout.refresh_from_db()
    assert payout.state == "approved"
    assert world.attempt(payout).state == "deferred"

    world.let_pass(minutes=2)
    world.send()
    world.until("paid")
    assert world.attempt(payout).key == key
    assert world.moved() == {"EUR": 9_000}
    world.assert_books_agree()


def test_a_sender_that_lives_on_past_its_lease_is_left_alone(world: World) -> None:
    """It holds the send lock: whatever its lease says, it may be in the middle of its call."""
    _, payout = world.sold_and_approved(world.seller())
    world.reread()
    seen = []

    def sweep() -> None:
        world.lease_is_over()
        world.ask()
        seen.append(Payout.objects.get(pk=payout.pk).state)

    with world.meanwhile("send.after_call", sweep):
        world.transmit()
    assert seen == ["submitting"]
    world.until("paid")
    assert len(world.created()) == 1
    assert world.moved() == {"EUR": 9_000}
    world.assert_books_agree()


def test_one_whose_lease_ran_out_before_its_call_does_not_make_it(world: World) -> None:
    world.sold_and_approved(world.seller())
    world.reread()
    with world.meanwhile("send.after_intent", world.lease_is_over):
        world.transmit()
    assert world.created() == []
    assert Batch.objects.get().transmissions == 0
    world.lease_is_over()
    world.hear_back()
    world.let_pass(minutes=2)
    world.send()
    world.until("paid")
    assert world.moved() == {"EUR": 9_000}
    world.assert_books_agree()


@pytest.mark.parametrize("point", LATER)
def test_whoever_hears_settles_or_tells_may_die_too(world: World, point: str) -> None:
    transaction, _payout = world.sold_and_approved(world.seller("claimed+anna@example.com"))
    world.send()
    died: list[str] = []

    def has_died() -> bool:
        if not died:
            with contextlib.suppress(AssertionError), world.crash_at(point) as passed:
                world.hear_back()
            died.extend(name for name in passed if name == point)
        return bool(died)

    world.until_true(has_died)
    world.let_pass(minutes=10)
    WriteBack.objects.update(lease_until=None)
    world.until("paid")
    world.hear_back(rounds=2)
    assert world.moved() == {"EUR": 9_000}
    assert world.told(transaction)["status"] == "paid"
    world.assert_books_agree()


@pytest.mark.parametrize("point", EARLIER)
def test_whoever_hears_of_it_gathers_or_decides_may_die_too(world: World, point: str) -> None:
    transaction = world.sale(world.seller())
    with world.crash_at(point):
        world.decide()
    world.decide()
    world.approve()
    world.send()
    world.until("paid")
    assert Payout.objects.count() == 1
    assert world.moved() == {"EUR": 9_000}
    assert world.told(transaction)["status"] == "paid"
    world.assert_books_agree()


@pytest.mark.parametrize("point", REREADING)
def test_whoever_reads_again_and_announces_may_die_too(world: World, point: str) -> None:
    transaction, payout = world.sold_and_approved(world.seller())
    with world.crash_at(point):
        world.reread()
    assert world.transmit() == int(point == "reread.after_commit")
    WriteBack.objects.update(lease_until=None)
    world.send()
    world.until("paid")
    assert world.moved() == {"EUR": 9_000}
    assert world.told(transaction)["reference"] == payout.number
    world.assert_books_agree()
