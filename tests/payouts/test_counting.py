"""Counting what was said of payments: a set at once, once, whoever else is at work."""

from __future__ import annotations

from uuid import uuid4

import pytest

from payments.models import PaymentIn
from payouts import counting
from payouts.models import OutboxMessage, Payable, Source
from tests.stories.world import World


@pytest.fixture
def said(world: World) -> World:
    """Twelve sales of which refunds are told, and one word about something that nobody knows."""
    seller = world.seller()
    transactions = [world.sale(seller) for _ in range(12)]
    world.hear()
    for n, transaction in enumerate(transactions):
        world.buyer(transaction, "refunded", 1_000, reference=f"re-{n}")
    world.buyer(str(uuid4()), "succeeded", 1_000, reference="nobody's")
    return world


def test_the_number_of_statements_does_not_grow_with_the_set(said: World, django_assert_num_queries):
    world = said
    with django_assert_num_queries(8) as few:
        assert counting.count(limit=3, now=world.now) == 3
    with django_assert_num_queries(len(few)):
        assert counting.count(limit=500, now=world.now) == 10
    with django_assert_num_queries(4):
        assert counting.count(limit=500, now=world.now) == 0


def test_each_transaction_is_looked_at_again_and_told_once(said: World):
    world = said
    transaction = str(Source.objects.earliest("pk").reference)
    world.buyer(transaction, "refunded", 500, reference="one more")
    counting.count(limit=500, now=world.now)
    assert Source.objects.filter(next_at=None).count() == 0
    assert OutboxMessage.objects.filter(kind="tell_payment").count() == 12
    world.understand()
    parts = Payable.objects.filter(purpose="loss").order_by("units").values_list("units", flat=True)
    assert [int(units) for units in parts] == [-1_350, *[-900] * 11]


@pytest.mark.parametrize("point", ["count.before_commit", "count.after_commit"])
def test_whoever_dies_is_taken_over(said: World, point: str):
    world = said
    with world.crash_at(point):
        counting.count(limit=500, now=world.now)
    world.understand()
    assert Payable.objects.filter(purpose="loss").count() == 12
    assert PaymentIn.objects.filter(next_at__isnull=False).count() == 1


def test_a_word_that_comes_while_the_transaction_is_being_understood_is_not_missed(world: World):
    transaction = world.sale(world.seller())
    world.hear()
    Source.objects.update(next_at=world.now)

    def refund() -> None:
        world.buyer(transaction, "refunded", 1_000, reference="re-1")

    with world.meanwhile("understand.after_commit", refund):
        world.understand()
    world.understand()
    assert int(Payable.objects.get(purpose="loss").units) == -900


def test_a_word_that_came_before_its_transaction_is_counted_as_soon_as_that_is_heard_of(world: World):
    transaction = world.sale(world.seller())
    world.buyer(transaction, "refunded", 1_000, reference="re-1")
    world.buyer(str(uuid4()), "refunded", 1_000, reference="nobody's")
    assert counting.count(limit=500, now=world.now) == 2
    assert counting.count(limit=500, now=world.now) == 0
    world.hear()
    assert PaymentIn.objects.filter(next_at__isnull=False).get().reference == "nobody's"
    assert OutboxMessage.objects.filter(kind="tell_payment").count() == 1
