"""A provider is called no more often than it bears; whoever has no turn sends nothing and comes back."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection, transaction

from marketplace_payouts.lib.shared_state import InTransaction
from payouts import pacing
from payouts.models import Batch, Step
from payouts.pacing import NoTurn
from payouts.providers import registry
from tests.stories.world import World


def no_turns(world: World) -> None:
    """Let everybody together have used PayPal up for an hour."""
    pacing.turns(registry.get("paypal")).pause(3600)


def turns_again(world: World) -> None:
    """Let that hour be over."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM lib_token_bucket WHERE name = %s", ["provider paypal"])


def test_turns_come_at_the_declared_rate(world: World) -> None:
    paypal = registry.get("paypal")
    burst = round(2 * paypal.capabilities.calls_per_second)
    began = time.monotonic()
    for _ in range(burst + 3):
        pacing.take_turn(paypal)
    assert time.monotonic() - began >= 2.5 / paypal.capabilities.calls_per_second
    with pytest.raises(NoTurn, match="paypal is being called as often as it may be"):
        pacing.take_turn(paypal, patience=timedelta(0))


def test_nobody_waits_with_rows_locked_nor_past_a_lease(world: World) -> None:
    assert pacing.PATIENCE < settings.SEND_LEASE / 4
    with transaction.atomic(), pytest.raises(InTransaction):
        pacing.take_turn(registry.get("paypal"))


def test_a_payout_without_a_turn_is_deferred_and_goes_out_later(world: World) -> None:
    _, payout = world.sold_and_approved(world.seller())
    world.reread()
    no_turns(world)
    world.transmit()
    payout.refresh_from_db()
    assert (payout.state, world.created()) == ("approved", [])
    assert Batch.objects.get().transmissions == 0
    key = world.attempt(payout).key

    turns_again(world)
    world.let_pass(minutes=2)
    world.send()
    world.until("paid")
    assert world.attempt(payout).key == key
    assert world.moved() == {"EUR": 9_000}
    world.assert_books_agree()


def test_a_lost_answer_is_asked_about_once_there_are_turns(world: World) -> None:
    _, payout = world.sold_and_approved(world.seller())
    world.paypal.fault("drop_after", times=1, match={"path": "/v1/payments/payouts$"})
    world.send()
    no_turns(world)
    world.lease_is_over()
    world.hear_back()
    payout.refresh_from_db()
    assert payout.state == "unknown"
    assert len(world.created()) == 1

    turns_again(world)
    world.lease_is_over()
    world.until("paid")
    assert world.moved() == {"EUR": 9_000}
    world.assert_books_agree()


def test_what_is_on_its_way_is_asked_about_later(world: World) -> None:
    world.sold_and_approved(world.seller())
    world.send()
    no_turns(world)
    world.ask()
    batch = Batch.objects.get()
    assert "as often as it may be" in batch.reason
    assert batch.next_at is not None
    assert batch.next_at > world.now
    turns_again(world)
    world.until("paid")
    assert Step.objects.count() == 1
    world.assert_books_agree()
