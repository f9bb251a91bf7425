"""Sharetribe learns how a buyer's payment stands: once, read back, and by a transition where the process has one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from flexsync import interpreter, payment_telling, poller, retelling
from flexsync.models import PaymentTold
from payouts.models import OutboxMessage, Process, Source
from tests.flexsync.test_writeback import commands, last_transition
from tests.stories.world import PROCESS, World

CONFIRM = "transition/operator-confirm-payment"
PENDING: dict[str, Any] = {"state": "state/pending-payment"}


def ordered(world: World) -> str:
    """Let a buyer order something and not have paid yet; gives the transaction."""
    transaction = world.sale(world.seller(), **PENDING)
    world.hear()
    return transaction


def told(world: World, transaction: str) -> dict[str, str]:
    """What a transaction says of its payment."""
    value: dict[str, str] = world.truth(transaction)["metadata"].get("payment", {})
    return value


def learn(world: World) -> None:
    """Count what was said, understand it and tell it."""
    world.understand()
    world.tell()


def message() -> OutboxMessage:
    return OutboxMessage(kind="tell_payment", subject=Source.objects.get().pk)


def test_a_payment_moves_the_transaction_once_all_of_it_came(world: World):
    transaction = ordered(world)
    world.buyer(transaction, "succeeded", 4_000)
    learn(world)
    assert told(world, transaction)["status"] == "partly_paid"
    assert world.truth(transaction)["state"] == "state/pending-payment"

    world.buyer(transaction, "succeeded", 6_000, reference="pay-2")
    learn(world)
    assert world.truth(transaction)["state"] == "state/purchased"
    shown = told(world, transaction)
    assert shown["status"] == "succeeded"
    assert shown.keys() == {"status", "at"}, "both parties can read it: nothing of the payment itself"
    row = PaymentTold.objects.get()
    assert (row.value, row.transition, row.error) == (shown, CONFIRM, "")
    assert row.confirmed_at is not None
    # The transition carried the value: no call was made for it alone.
    assert commands(world) == ["update_metadata", "transition"]


def test_the_whole_way_of_a_sale_that_is_paid_through_us(world: World):
    transaction = ordered(world)
    world.buyer(transaction, "succeeded", 10_000)
    learn(world)
    world.transition(transaction, "mark-delivered")
    world.transition(transaction, "mark-received")
    world.decide()
    world.approve()
    world.send()
    world.until("paid")
    world.tell()
    assert world.moved() == {"EUR": 9_000}
    metadata = world.truth(transaction)["metadata"]
    assert (metadata["payment"]["status"], metadata["payout"]["status"]) == ("succeeded", "paid")
    world.assert_books_agree()


def test_our_own_words_are_echoes(world: World):
    transaction = ordered(world)
    Process.objects.update(payment_moves={})
    world.buyer(transaction, "succeeded", 10_000)
    learn(world)
    poller.poll(limit_seconds=0, now=world.now)
    source = Source.objects.get()
    assert source.heard == source.understood
    assert source.next_at is None
    assert interpreter.understand(limit=10, now=world.now) == 0


def test_leaves_the_metadata_of_others_alone(world: World):
    transaction = ordered(world)
    theirs = {"theirs": {"deep": [1]}, "payout": {"status": "none of ours"}}
    world.flex.post(f"/_sandbox/transactions/{transaction}/metadata", {"metadata": theirs})
    world.buyer(transaction, "succeeded", 10_000)
    learn(world)
    assert world.truth(transaction)["metadata"] == theirs | {"payment": told(world, transaction)}


def test_a_doubled_message_costs_no_call(world: World):
    transaction = ordered(world)
    world.buyer(transaction, "succeeded", 10_000)
    learn(world)
    before = len(commands(world))
    assert set(payment_telling.tell(messages=[message(), message()], now=world.now).values()) == {None}
    assert len(commands(world)) == before


@pytest.mark.parametrize("by", ["our transition", "another that confirms"])
def test_what_is_confirmed_already_is_not_confirmed_again(world: World, by: str):
    if by != "our transition":
        Process.objects.filter(name=PROCESS).update(payment_moves={"succeeded": "transition/operator-other"})
    transaction = world.sale(world.seller(), state="state/purchased")
    world.hear()
    world.buyer(transaction, "succeeded", 10_000)
    learn(world)
    assert last_transition(world, transaction) == "operator-confirm-payment"
    assert told(world, transaction)["status"] == "succeeded"
    assert commands(world) == ["update_metadata"]
    assert PaymentTold.objects.get().conflict_at is None


def test_what_sharetribe_alone_said_it_is_not_told(world: World):
    world.sale(world.seller())
    world.hear()
    learn(world)
    assert not OutboxMessage.objects.filter(kind="tell_payment").exists()
    assert set(payment_telling.tell(messages=[message()], now=world.now).values()) == {None}
    assert commands(world) == []


@pytest.mark.parametrize("kind", ["drop_after", "error_after"])
def test_a_transition_whose_answer_was_lost_is_found_and_not_made_twice(world: World, kind: str):
    transaction = ordered(world)
    world.buyer(transaction, "succeeded", 10_000)
    world.flex.fault(kind, match={"path": "/v1/integration_api/transactions/transition"}, times=1)
    learn(world)
    made = [one["transition"] for one in world.truth(transaction)["resource"]["attributes"]["transitions"]]
    assert made.count(CONFIRM) == 1
    assert PaymentTold.objects.get().conflict_at is None
    assert told(world, transaction)["status"] == "succeeded"


def test_dies_after_the_call_and_makes_sure_afterwards(world: World):
    transaction = ordered(world)
    world.buyer(transaction, "succeeded", 10_000)
    world.understand()
    with world.crash_at("write_back.after_call", nth=2):
        payment_telling.tell(messages=[message()], now=world.now)
    [busy] = payment_telling.tell(messages=[message()], now=world.now).values()
    assert "Another worker" in str(busy)
    PaymentTold.objects.update(lease_until=None)
    assert set(payment_telling.tell(messages=[message()], now=world.now).values()) == {None}
    made = [one["transition"] for one in world.truth(transaction)["resource"]["attributes"]["transitions"]]
    assert made.count(CONFIRM) == 1
    assert PaymentTold.objects.get().value == told(world, transaction)


def test_a_refused_transition_stands_before_a_person_and_is_told_again(world: World):
    # This one leads away from where an ordered transaction stands, and the transaction is delivered.
    Process.objects.filter(name=PROCESS).update(payment_moves={"disputed": "transition/operator-refund"})
    transaction = world.sale(world.seller(), state="state/delivered")
    world.hear()
    world.buyer(transaction, "succeeded", 10_000)
    learn(world)
    world.buyer(transaction, "disputed", 10_000, reference="dp-1")
    learn(world)
    row = PaymentTold.objects.get()
    assert row.conflict_at is not None
    assert "state/delivered" in row.error
    assert told(world, transaction)["status"] == "disputed", "the word itself is told all the same"
    assert not OutboxMessage.objects.filter(kind="tell_payment", next_at__isnull=False).exists()

    Process.objects.filter(name=PROCESS).update(payment_moves={})
    assert retelling.tell_payment_again(source_ids=[row.pk], now=world.now) == [transaction]
    world.tell()
    mended = PaymentTold.objects.get()
    assert (mended.conflict_at, mended.error) == (None, "")
    assert mended.confirmed_at is not None


def test_a_failing_call_is_tried_again(world: World):
    transaction = ordered(world)
    world.buyer(transaction, "failed", 10_000)
    world.understand()
    world.flex.fault(
        "api_error", value="forbidden", match={"path": "/v1/integration_api/transactions/update_metadata"}
    )
    [error] = payment_telling.tell(messages=[message()], now=world.now).values()
    assert "may not" in str(error)
    world.flex.delete("/_sandbox/faults")
    assert set(payment_telling.tell(messages=[message()], now=world.now).values()) == {None}
    assert told(world, transaction)["status"] == "failed"


def test_a_late_word_after_a_newer_one_is_told_again(world: World):
    transaction = ordered(world)
    Process.objects.update(payment_moves={})
    world.buyer(transaction, "succeeded", 10_000)
    world.understand()

    def others_go_on() -> None:
        PaymentTold.objects.update(lease_until=world.now - timedelta(seconds=1))
        world.buyer(transaction, "refunded", 10_000, reference="re-1")
        assert set(payment_telling.tell(messages=[message()], now=world.now).values()) == {None}
        assert told(world, transaction)["status"] == "refunded"

    with world.meanwhile("write_back.before_call", others_go_on):
        [error] = payment_telling.tell(messages=[message()], now=world.now).values()
    assert "told again" in str(error)
    assert set(payment_telling.tell(messages=[message()], now=world.now).values()) == {None}
    assert told(world, transaction)["status"] == "refunded"


def test_waits_for_the_transaction_to_be_understood(world: World):
    transaction = ordered(world)
    Source.objects.update(process_name="")
    world.buyer(transaction, "succeeded", 10_000)
    [error] = payment_telling.tell(messages=[message()], now=world.now).values()
    assert error == "The transaction is not understood yet."
    learn(world)
    assert told(world, transaction)["status"] == "succeeded"


def test_many_are_told_in_as_many_statements_as_one(world: World, django_assert_max_num_queries):
    seller = world.seller()
    Process.objects.update(payment_moves={})
    transactions = [world.sale(seller, **PENDING) for _ in range(12)]
    world.hear()
    for n, transaction in enumerate(transactions):
        world.buyer(transaction, "succeeded", 10_000, reference=f"pay-{n}")
    world.understand()
    messages = [
        OutboxMessage(kind="tell_payment", subject=pk) for pk in Source.objects.values_list("pk", flat=True)
    ]
    with django_assert_max_num_queries(22):
        found = payment_telling.tell(messages=messages, now=world.now)
    assert set(found.values()) == {None}
    assert {told(world, transaction)["status"] for transaction in transactions} == {"succeeded"}
