"""PayPal took a batch, its answer was lost: the same key goes out again, and what exists is compared and adopted."""

from __future__ import annotations

import json

import pytest

from payouts import holding
from payouts.models import Attempt, Batch
from tests.stories.world import CREATE, World

LOST_ANSWERS = ["drop_after", "error_after", "html_body", "truncated_body"]


def keys(world: World) -> list[str]:
    """The keys under which batches were asked for, in order."""
    return [json.loads(one["body"])["sender_batch_header"]["sender_batch_id"] for one in world.created()]


@pytest.mark.parametrize("fault", LOST_ANSWERS)
def test_a_batch_whose_answer_was_lost_is_adopted_under_its_key(world: World, fault: str) -> None:
    transaction, payout = world.sold_and_approved(world.seller())
    world.paypal.fault(fault, match={"method": "POST", "path": CREATE}, times=1)

    world.send()
    payout.refresh_from_db()
    assert payout.state == "unknown"
    assert payout.person_after is not None
    assert world.moved() == {} or world.moved() == {"EUR": 9_000}
    world.assert_books_agree()

    world.until("paid")
    assert world.moved() == {"EUR": 9_000}
    first, second = keys(world)
    assert first == second
    assert Batch.objects.get().transmissions == 2
    assert world.told(transaction)["status"] == "paid"
    world.assert_books_agree()


def test_nothing_else_is_sent_for_it_while_nobody_knows(world: World) -> None:
    _, payout = world.sold_and_approved(world.seller())
    world.paypal.fault("drop_after", match={"method": "POST", "path": CREATE}, times=1)
    world.send()
    assert world.send() == 0
    assert world.gather() == 0
    assert Attempt.objects.filter(payout=payout).count() == 1
    assert len(world.created()) == 1


def test_a_batch_that_never_arrived_is_made_by_the_resending(world: World) -> None:
    world.sold_and_approved(world.seller())
    world.paypal.fault("drop_before", match={"method": "POST", "path": CREATE}, times=1)
    world.send()
    assert world.payout().state == "unknown"
    world.until("paid")
    assert world.moved() == {"EUR": 9_000}
    world.assert_books_agree()


def test_a_duplicate_without_a_link_stays_unknown_until_the_statement_shows_it(world: World) -> None:
    world.sold_and_approved(world.seller())
    world.paypal.fault("drop_after", match={"method": "POST", "path": CREATE}, times=1)
    world.paypal.fault("duplicate_without_link")
    world.send()
    world.hear_back(rounds=3)
    assert world.payout().state == "unknown"
    assert set(keys(world)) == {keys(world)[0]}
    assert world.moved() == {"EUR": 9_000}

    # A webhook, or the next answer that names the batch, ends it.
    world.paypal.delete("/_sandbox/faults")
    world.until("paid")
    assert world.moved() == {"EUR": 9_000}
    world.assert_books_agree()


def test_on_hold_it_is_not_sent_again_but_still_looked_for(world: World) -> None:
    """A hold stops sending, and not evidence."""
    world.paypal.post("/_sandbox/fresh", {"always": True})
    _, payout = world.sold_and_approved(world.seller())
    world.paypal.fault("drop_after", match={"method": "POST", "path": CREATE}, times=1)
    world.send()
    holding.hold(by=world.alice, payouts=[payout.pk], reason="Look at it.", now=world.now)
    world.let_pass(minutes=30)
    world.until("paid", of=payout)
    assert len(world.created()) == 1
    assert world.moved() == {"EUR": 9_000}
    world.assert_books_agree()


def test_what_exists_under_our_key_with_other_amounts_is_never_adopted(world: World) -> None:
    world.sold_and_approved(world.seller())
    world.paypal.fault("drop_after", match={"method": "POST", "path": CREATE}, times=1)
    world.send()
    world.paypal.fault("wrong_echo", match={"method": "GET", "path": "/v1/payments/payouts/"})
    world.hear_back(rounds=2)
    payout = world.payout()
    assert payout.state == "unknown"
    assert (
        "other items or amounts" in Batch.objects.get().reason
        or "another batch key" in Batch.objects.get().reason
    )
    assert world.moved() == {"EUR": 9_000}

    world.paypal.delete("/_sandbox/faults")
    world.until("paid")
    world.assert_books_agree()
