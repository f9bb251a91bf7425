"""Sharetribe hears the present state once, reads it back to us, and whatever it refuses stands before a person."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from flexsync import telling, writeback
from flexsync.models import WriteBack
from payouts.models import OutboxMessage, Payout, Trigger
from tests.stories.world import World

MOVES = {
    "sent": "transition/operator-mark-payout-sent",
    "paid": "transition/operator-mark-payout-paid",
    "failed": "transition/operator-mark-payout-failed",
    "returned": "transition/operator-mark-payout-returned",
}


@pytest.fixture
def by_transition(world: World) -> World:
    """A marketplace whose process has states for the payout."""
    Trigger.objects.update(write_back=Trigger.WriteBack.TRANSITION, write_back_transitions=MOVES)
    return world


def message(payout: Payout) -> OutboxMessage:
    return OutboxMessage(kind="write_back", subject=payout.pk)


def put(world: World, payout: Payout, state: str) -> dict[UUID, str | None]:
    """Put a payout into a state as if its provider had, and tell Sharetribe."""
    Payout.objects.filter(pk=payout.pk).update(state=state, state_since=world.now, paid_at=world.now)
    return dict(writeback.tell(messages=[message(payout)], now=world.now))


def commands(world: World) -> list[str]:
    """Name what was asked of transactions, such as `transition`, in order."""
    found = world.flex.get("/_sandbox/requests?method=POST")["requests"]
    prefix = "/v1/integration_api/transactions/"
    return [
        one["target"].removeprefix(prefix).partition("?")[0]
        for one in found
        if one["target"].startswith(prefix)
    ]


def last_transition(world: World, transaction: str) -> str:
    return str(world.truth(transaction)["last_transition"]).removeprefix("transition/")


def test_tells_the_outcome_in_metadata_and_reads_it_back(world: World):
    transaction, payout = world.sold_and_approved(world.seller())
    world.reread()
    assert set(put(world, payout, "paid").values()) == {None}
    told = world.told(transaction)
    assert told["status"] == "paid"
    assert told["reference"] == payout.number
    assert "paidAt" in told
    row = WriteBack.objects.get()
    assert row.value == told
    assert row.confirmed_at is not None
    assert row.error == ""


def test_leaves_the_metadata_of_others_alone(world: World):
    transaction, payout = world.sold_and_approved(world.seller())
    world.flex.post(f"/_sandbox/transactions/{transaction}/metadata", {"metadata": {"theirs": {"deep": [1]}}})
    put(world, payout, "paid")
    assert world.truth(transaction)["metadata"]["theirs"] == {"deep": [1]}


def test_a_doubled_message_costs_no_call(world: World):
    _transaction, payout = world.sold_and_approved(world.seller())
    put(world, payout, "submitted")
    before = len(commands(world))
    again = writeback.tell(messages=[message(payout), message(payout)], now=world.now)
    assert set(again.values()) == {None}
    assert len(commands(world)) == before


def test_a_late_message_tells_the_present_state(world: World):
    transaction, payout = world.sold_and_approved(world.seller())
    put(world, payout, "paid")
    Payout.objects.update(state="returned")
    writeback.tell(messages=[message(payout)], now=world.now)
    assert world.told(transaction)["status"] == "returned"


def test_says_nothing_of_a_payout_that_nobody_was_told_of(world: World):
    transaction, payout = world.sold_and_approved(world.seller())
    assert set(put(world, payout, "cancelled").values()) == {None}
    assert world.told(transaction) == {}
    assert commands(world) == []


def test_takes_an_announcement_back(world: World):
    transaction, payout = world.sold_and_approved(world.seller())
    world.reread()
    put(world, payout, "cancelled")
    assert world.told(transaction)["status"] == "cancelled"


def test_names_the_earlier_payouts_beside_the_present_one(world: World):
    seller = world.seller()
    transaction, first = world.sold_and_approved(seller)
    world.reread()
    from payouts import intervention

    intervention.cancel(by=world.carol, payout_ids=[first.pk], reason="Once more.", now=world.now)
    world.decide()
    world.approve()
    world.reread()
    second = Payout.objects.exclude(pk=first.pk).get()
    told = world.told(transaction)
    assert (told["status"], told["reference"], told["earlier"]) == (
        "announced",
        second.number,
        [first.number],
    )


def test_a_failing_write_is_tried_again(world: World):
    transaction, payout = world.sold_and_approved(world.seller())
    world.flex.fault(
        "api_error", value="forbidden", match={"path": "/v1/integration_api/transactions/update_metadata"}
    )
    [error] = put(world, payout, "paid").values()
    assert error is not None
    assert "may not" in error
    row = WriteBack.objects.get()
    assert row.tries == 1
    assert row.confirmed_at is None
    assert row.lease_until is None
    world.flex.delete("/_sandbox/faults")
    assert set(writeback.tell(messages=[message(payout)], now=world.now).values()) == {None}
    assert world.told(transaction)["status"] == "paid"


def test_dies_after_the_write_and_makes_sure_afterwards(world: World):
    transaction, payout = world.sold_and_approved(world.seller())
    with world.crash_at("write_back.after_call"):
        put(world, payout, "paid")
    [error] = writeback.tell(messages=[message(payout)], now=world.now).values()
    assert error is not None
    assert "Another worker" in error
    WriteBack.objects.update(lease_until=None)
    assert set(writeback.tell(messages=[message(payout)], now=world.now).values()) == {None}
    assert WriteBack.objects.get().value == world.told(transaction)


def test_a_slow_worker_cannot_leave_the_older_word_standing(world: World):
    transaction, payout = world.sold_and_approved(world.seller())
    answers: list[str | None] = []

    def meanwhile() -> None:
        answers.extend(put(world, payout, "paid").values())

    with world.meanwhile("write_back.before_call", meanwhile):
        put(world, payout, "submitted")
    assert answers != [None], "the one that holds the right to write is not overtaken"
    writeback.tell(messages=[message(payout)], now=world.now)
    assert world.told(transaction)["status"] == "paid"


# ------------------------------------------------------------------------------------------------- transitions


def test_makes_the_transition_with_the_value_in_the_same_call(by_transition: World):
    world = by_transition
    transaction, payout = world.sold_and_approved(world.seller())
    put(world, payout, "submitted")
    assert last_transition(world, transaction) == "operator-mark-payout-sent"
    assert world.told(transaction)["status"] == "sent"
    put(world, payout, "paid")
    assert last_transition(world, transaction) == "operator-mark-payout-paid"
    assert commands(world) == ["transition", "transition"]
    put(world, payout, "returned")
    assert world.truth(transaction)["state"] == "state/received"
    assert WriteBack.objects.get().transition == MOVES["returned"]


def test_catches_up_on_transitions_that_were_never_told(by_transition: World):
    world = by_transition
    transaction, payout = world.sold_and_approved(world.seller())
    assert set(put(world, payout, "paid").values()) == {None}
    made = [one["transition"] for one in world.truth(transaction)["resource"]["attributes"]["transitions"]]
    assert made[-2:] == [MOVES["sent"], MOVES["paid"]]
    assert world.told(transaction)["status"] == "paid"


def test_a_payout_that_fails_and_goes_out_again_walks_the_process_again(by_transition: World):
    world = by_transition
    transaction, payout = world.sold_and_approved(world.seller())
    for state in ("submitted", "failed", "submitted", "paid"):
        put(world, payout, state)
    made = [one["transition"] for one in world.truth(transaction)["resource"]["attributes"]["transitions"]]
    assert made[-4:] == [MOVES["sent"], MOVES["failed"], MOVES["sent"], MOVES["paid"]]


def test_a_refusal_before_anything_was_sent_is_told_without_a_transition(by_transition: World):
    world = by_transition
    transaction, payout = world.sold_and_approved(world.seller())
    put(world, payout, "failed")
    assert last_transition(world, transaction) == "mark-received"
    assert world.told(transaction)["status"] == "failed"


@pytest.mark.parametrize("kind", ["drop_after", "error_after"])
def test_a_transition_whose_answer_was_lost_is_found_and_not_made_twice(by_transition: World, kind: str):
    world = by_transition
    transaction, payout = world.sold_and_approved(world.seller())
    world.flex.fault(kind, match={"path": "/v1/integration_api/transactions/transition"}, times=1)
    assert set(put(world, payout, "submitted").values()) == {None}
    assert last_transition(world, transaction) == "operator-mark-payout-sent"
    assert WriteBack.objects.get().conflict_at is None


def test_a_transition_that_does_not_fit_stands_before_a_person(by_transition: World):
    world = by_transition
    transaction, payout = world.sold_and_approved(world.seller())
    world.transition(transaction, "operator-refund")
    assert set(put(world, payout, "paid").values()) == {None}
    row = WriteBack.objects.get()
    assert row.conflict_at is not None
    assert "state/refunded" in row.error
    assert world.told(transaction)["status"] == "paid", "the outcome itself is told all the same"


def test_a_transition_that_takes_no_metadata_is_followed_by_it(by_transition: World):
    world = by_transition
    Trigger.objects.update(write_back_transitions={"sent": "transition/operator-refund"})
    transaction, payout = world.sold_and_approved(world.seller())
    assert set(put(world, payout, "submitted").values()) == {None}
    assert last_transition(world, transaction) == "operator-refund"
    assert world.told(transaction)["status"] == "sent"
    assert commands(world) == ["transition", "transition", "update_metadata"]


def test_a_locked_transaction_is_tried_again(by_transition: World):
    world = by_transition
    _transaction, payout = world.sold_and_approved(world.seller())
    world.flex.fault("transaction_locked", times=None)
    original, telling.PATIENCE_S = telling.PATIENCE_S, 0.2  # type: ignore[misc]
    try:
        [error] = put(world, payout, "submitted").values()
    finally:
        telling.PATIENCE_S = original  # type: ignore[misc]
    assert error is not None
    assert "transaction-locked" in error
    assert WriteBack.objects.get().conflict_at is None


def test_an_old_word_that_comes_after_a_new_one_is_told_again(world: World):
    """Whoever stands still for longer than the right to tell lasts is overtaken."""
    transaction, payout = world.sold_and_approved(world.seller())
    world.reread()

    def others_go_on() -> None:
        WriteBack.objects.update(lease_until=world.now - timedelta(seconds=1))
        assert set(put(world, payout, "paid").values()) == {None}
        assert world.told(transaction)["status"] == "paid"

    with world.meanwhile("write_back.before_call", others_go_on):
        [error] = put(world, payout, "submitted").values()
    assert "told again" in str(error)
    assert world.told(transaction)["status"] == "sent"
    assert set(writeback.tell(messages=[message(payout)], now=world.now).values()) == {None}
    assert world.told(transaction)["status"] == "paid"


def test_whoever_stood_still_for_too_long_tells_nothing(world: World, monkeypatch: pytest.MonkeyPatch):
    transaction, payout = world.sold_and_approved(world.seller())
    world.reread()
    monkeypatch.setattr(telling, "LEASE_S", telling.PATIENCE_S)
    [error] = put(world, payout, "paid").values()
    assert error
    assert world.told(transaction)["status"] == "announced"
