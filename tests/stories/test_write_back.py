"""Sharetribe is told the outcome: repeated, in order, by metadata or by a transition, also where it objects."""

from __future__ import annotations

import pytest

from flexsync.models import WriteBack
from payouts.models import OutboxMessage, Payout
from tests.stories.world import CREATE, PROCESS, World

TRANSITIONS = {
    "sent": "transition/operator-mark-payout-sent",
    "paid": "transition/operator-mark-payout-paid",
    "failed": "transition/operator-mark-payout-failed",
    "returned": "transition/operator-mark-payout-returned",
}


def by_transition(world: World) -> None:
    """Have outcomes written back by operator transitions."""
    world.switch_on(PROCESS, write_back="transition", write_back_transitions=TRANSITIONS)


def test_each_word_is_told_in_turn(world: World) -> None:
    transaction, payout = world.sold_and_approved(world.seller("claimed+anna@example.com"))
    world.send()
    world.tell()
    world.until("paid", of=payout)
    writes = world.truth(transaction)["metadata_writes"]
    told = [write["patch"]["payout"]["status"] for write in writes if "payout" in write["patch"]]
    assert told == ["announced", "sent", "paid"]
    value = world.told(transaction)
    assert set(value) == {"status", "reference", "at", "paidAt"}
    assert "example.com" not in str(writes)


def test_a_payout_in_transitions(world: World) -> None:
    by_transition(world)
    transaction, payout = world.sold_and_approved(world.seller())
    world.send()
    world.until("paid", of=payout)
    truth = world.truth(transaction)
    assert truth["state"] == "state/payout-paid"
    assert world.told(transaction)["status"] == "paid"
    world.hear()
    assert Payout.objects.count() == 1
    world.assert_books_agree()


def test_a_return_in_transitions_takes_the_transaction_back(world: World) -> None:
    by_transition(world)
    transaction, payout = world.sold_and_approved(world.seller("returned+anna@example.com"))
    world.send()
    world.until("paid", of=payout)
    assert world.truth(transaction)["state"] == "state/payout-paid"
    world.paypal.advance(86_400)
    world.until("returned", of=payout)
    assert world.truth(transaction)["state"] == "state/received"
    world.hear()
    world.decide()
    assert Payout.objects.count() == 1
    world.assert_books_agree()


def test_a_transition_that_the_transaction_does_not_allow_stands_before_a_person(world: World) -> None:
    by_transition(world)
    transaction, payout = world.sold_and_approved(world.seller())
    world.send()
    # Somebody in Console refunded it meanwhile: no payout transition is left.
    world.transition(transaction, "operator-refund")
    world.until("paid", of=payout)
    row = WriteBack.objects.get()
    assert row.conflict_at is not None
    assert world.told(transaction)["status"] == "paid"
    assert not OutboxMessage.objects.filter(kind="write_back", next_at__isnull=False).exists()
    world.hear()
    world.assert_books_agree()


@pytest.mark.parametrize("fault", ["drop_after", "error_after", "drop_before"])
@pytest.mark.parametrize("mode", ["metadata", "transition"])
def test_an_answer_of_sharetribe_is_lost(world: World, fault: str, mode: str) -> None:
    if mode == "transition":
        by_transition(world)
    transaction, payout = world.sold_and_approved(world.seller())
    world.send()
    path = "/v1/integration_api/transactions/" + ("transition" if mode == "transition" else "update_metadata")
    world.flex.fault(fault, match={"method": "POST", "path": path}, times=2)
    world.until("paid", of=payout)
    world.until_true(lambda: world.told(transaction).get("status") == "paid")
    assert world.told(transaction)["status"] == "paid"
    if mode == "transition":
        made = [t["transition"] for t in world.truth(transaction)["resource"]["attributes"]["transitions"]]
        assert made.count(TRANSITIONS["sent"]) == made.count(TRANSITIONS["paid"]) == 1
    world.assert_books_agree()


def test_a_locked_transaction_is_told_later(world: World) -> None:
    transaction, payout = world.sold_and_approved(world.seller())
    world.send()
    world.flex.fault("transaction_locked", match={"reference": transaction}, times=3)
    world.until("paid", of=payout)
    world.until_true(lambda: world.told(transaction).get("status") == "paid")
    world.assert_books_agree()


def test_a_stranger_named_on_the_transaction_stops_the_sending(world: World) -> None:
    """A database restored to an earlier state finds there a payout that it does not know."""
    transaction, payout = world.sold_and_approved(world.seller())
    value = {"payout": {"status": "paid", "reference": "PO-99999-99999", "at": "2026-11-01T00:00:00.000Z"}}
    world.flex.post(f"/_sandbox/transactions/{transaction}/metadata", {"metadata": value})
    assert world.send() == 0
    payout.refresh_from_db()
    assert payout.blocked_by == "reread"
    assert world.moved() == {}


def test_nothing_is_sent_while_sharetribe_cannot_be_told(world: World) -> None:
    _, payout = world.sold_and_approved(world.seller())
    world.flex.fault("error_before", match={"path": "/v1/integration_api/transactions/update_metadata"})
    assert world.send() == 0
    payout.refresh_from_db()
    assert payout.blocked_by == "announced"
    world.flex.delete("/_sandbox/faults")
    world.send()
    world.until("paid", of=payout)
    world.assert_books_agree()


def test_what_may_have_left_is_told_as_sent(world: World) -> None:
    """Who reads it there, or a database that went back in time, must not take it for a mere announcement."""
    transaction, payout = world.sold_and_approved(world.seller())
    world.paypal.fault("drop_before", match={"method": "POST", "path": CREATE})
    world.send()
    payout.refresh_from_db()
    assert payout.state == "unknown"
    world.tell()
    assert world.told(transaction)["status"] == "sent"
    world.paypal.delete("/_sandbox/faults")
