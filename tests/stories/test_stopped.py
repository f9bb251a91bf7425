"""The stop switch, pressed in the middle of a sending: what is out stays out, and nothing more goes."""

from __future__ import annotations

import pytest

from payouts import holding
from payouts.models import Payout, State
from tests.stories.world import CREATE, World


def stop(world: World) -> None:
    """Press the stop switch."""
    holding.stop(by=world.alice, reason="Something is wrong.", now=world.now)


def resume(world: World) -> None:
    """Let go of it."""
    assert holding.resume(by=world.carol, reason="It was nothing.", now=world.now).refused == []


def test_stop_before_anything_was_sent(world: World) -> None:
    _, payout = world.sold_and_approved(world.seller())
    stop(world)
    assert world.send() == 0
    payout.refresh_from_db()
    assert payout.blocked_by == "stopped"
    assert world.created() == []
    resume(world)
    world.send()
    world.until("paid")
    world.assert_books_agree()


def test_stop_between_the_intent_and_the_call(world: World) -> None:
    """The last look sees it: the batch is put off with its key, and nothing left."""
    _, payout = world.sold_and_approved(world.seller())
    world.reread()
    with world.meanwhile("send.after_intent", lambda: stop(world)):
        world.transmit()
    payout.refresh_from_db()
    assert payout.state == "approved"
    assert world.created() == []
    world.let_pass(minutes=5)
    assert world.send() == 0
    world.assert_books_agree()
    resume(world)
    world.let_pass(minutes=5)
    world.send()
    world.until("paid", of=payout)
    assert world.moved() == {"EUR": 9_000}
    world.assert_books_agree()


def test_stop_between_two_batches_of_one_sending(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    import dataclasses

    from payouts.providers import registry

    provider = registry.get("paypal")
    small = dataclasses.replace(provider.capabilities, items_per_batch=2, concurrency=1)
    monkeypatch.setattr(provider, "capabilities", small)
    for n in range(6):
        world.sale(world.seller(f"s{n}@example.com"), price=1_000)
    world.decide()
    world.approve()
    world.reread()
    with world.meanwhile("send.after_call", lambda: stop(world)):
        world.transmit()
    assert len(world.created()) == 1
    assert Payout.objects.filter(state=State.SUBMITTED).count() == 2
    assert Payout.objects.filter(state=State.APPROVED).count() == 4
    # What is out goes on being heard of.
    world.until_true(lambda: Payout.objects.filter(state=State.PAID).count() == 2)
    assert world.send() == 0
    world.assert_books_agree()
    resume(world)
    world.let_pass(minutes=5)
    world.send()
    world.until("paid")
    assert world.moved() == {"EUR": 5_400}
    world.assert_books_agree()


def test_stop_while_an_answer_is_missing(world: World) -> None:
    """What is unknown is not sent again while everything is stopped."""
    _, payout = world.sold_and_approved(world.seller())
    world.paypal.fault("drop_after", match={"method": "POST", "path": CREATE}, times=1)
    world.send()
    stop(world)
    world.hear_back(rounds=3)
    assert len(world.created()) == 1
    payout.refresh_from_db()
    assert payout.state == "unknown"
    resume(world)
    world.until("paid", of=payout)
    assert world.moved() == {"EUR": 9_000}
    world.assert_books_agree()


@pytest.mark.parametrize("what", ["payout", "payee", "method", "provider", "currency"])
def test_a_hold_on_anything_stops_what_it_covers_and_nothing_else(world: World, what: str) -> None:
    seller = world.seller()
    _, payout = world.sold_and_approved(seller)
    _, other = world.sold_and_approved(world.seller("other@example.com"), currency="USD")
    targets = {
        "payout": {"payouts": [payout.pk]},
        "payee": {"payees": [seller.pk]},
        "method": {"methods": [payout.method_id]},
        "provider": {"rails": ["provider:paypal"]},
        "currency": {"rails": ["currency:EUR"]},
    }
    holding.hold(by=world.alice, reason="Look at it.", now=world.now, **targets[what])  # type: ignore[arg-type]
    world.send()
    payout.refresh_from_db()
    assert (payout.state, payout.blocked_by) == ("approved", "held")
    if what != "provider":
        world.until("paid", of=other)
    assert "EUR" not in world.moved()
    # Whoever may hold may not release; a role that may, does.
    from accounts.roles import NotAllowed
    from payouts.models import Hold

    ids = list(Hold.objects.values_list("pk", flat=True))
    with pytest.raises(NotAllowed):
        holding.lift(by=world.alice, hold_ids=ids, reason="Mine.", now=world.now)
    world.lift_our_holds()
    world.send()
    world.until("paid")
    world.assert_books_agree()


def test_a_frozen_payee_is_neither_gathered_nor_paid(world: World) -> None:
    seller = world.seller()
    _, payout = world.sold_and_approved(seller)
    holding.freeze(by=world.alice, payee_id=seller.pk, reason="Court order.", now=world.now)
    world.sale(seller)
    world.decide()
    assert world.send() == 0
    assert Payout.objects.count() == 1
    holding.thaw(by=world.carol, payee_id=seller.pk, reason="Lifted.", now=world.now)
    world.decide()
    world.approve()
    world.send()
    world.until("paid")
    assert world.moved() == {"EUR": 18_000}
    payout.refresh_from_db()
    assert payout.state == "paid"
    world.assert_books_agree()
