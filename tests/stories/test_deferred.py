"""PayPal does not take a request just now: too many, wrong credentials, missing scopes; same key, same bytes, later."""

from __future__ import annotations

import json

import pytest

from payouts import approval, holding, recovery, submission
from payouts.models import Batch, Hold, Payout
from payouts.providers import registry
from tests.stories.world import CREATE, World


def keys(world: World) -> list[str]:
    """The keys under which batches were asked for."""
    return [json.loads(one["body"])["sender_batch_header"]["sender_batch_id"] for one in world.created()]


def test_too_many_requests_keep_key_and_bytes(world: World) -> None:
    _, payout = world.sold_and_approved(world.seller())
    world.paypal.fault("rate_limit", match={"method": "POST", "path": CREATE}, times=2, seconds=30)
    world.send()
    payout.refresh_from_db()
    assert payout.state == "approved"
    assert world.attempt(payout).state == "deferred"
    assert world.send() == 0  # not before the time that PayPal names
    world.assert_books_agree()

    world.let_pass(seconds=40)
    world.send()
    world.let_pass(seconds=40)
    world.send()
    world.until("paid", of=payout)
    bodies = [one["body"] for one in world.created()]
    assert len(bodies) == 3
    assert len(set(bodies)) == 1
    assert len(set(keys(world))) == 1
    assert world.moved() == {"EUR": 9_000}
    world.assert_books_agree()


def test_who_asked_for_it_before_it_was_put_off_leaves_it_put_off(world: World) -> None:
    _, payout = world.sold_and_approved(world.seller())
    world.paypal.fault("rate_limit", match={"method": "POST", "path": CREATE}, times=1)
    world.send()
    # As if it had been claimed while its sender was still in the call, whose lease was over.
    batch = Batch.objects.get()
    world.let_pass(days=4)
    recovery.recover(registry.get("paypal"), batch, now=world.now)
    assert Batch.objects.get().state == "committed"
    assert world.attempt(payout).state == "deferred"
    world.assert_promises_hold()
    world.send()
    world.until("paid", of=payout)
    assert world.moved() == {"EUR": 9_000}
    world.assert_books_agree()


def test_an_approval_that_is_taken_back_meanwhile_contradicts_nothing(world: World) -> None:
    _, payout = world.sold_and_approved(world.seller())
    world.paypal.fault("rate_limit", match={"method": "POST", "path": CREATE}, times=1)
    world.send()
    assert world.attempt(payout).state == "deferred"
    approval.revoke(by=world.carol, payout_ids=[payout.pk], reason="Wait.", now=world.now)
    payout.refresh_from_db()
    assert payout.state == "awaiting_approval"
    world.assert_promises_hold()
    world.let_pass(minutes=2)
    assert world.transmit() == 0
    assert world.attempt(payout).state == "refused"
    world.assert_promises_hold()


def test_a_deferred_payout_can_be_held_and_the_others_of_its_batch_go(world: World) -> None:
    for n in range(3):
        world.sale(world.seller(f"s{n}@example.com"), price=1_000)
    world.decide()
    world.approve()
    world.paypal.fault("rate_limit", match={"method": "POST", "path": CREATE}, times=1)
    world.send()
    held = Payout.objects.order_by("pk")[0]
    holding.hold(by=world.carol, payouts=[held.pk], reason="Look at it.", now=world.now)
    world.let_pass(minutes=2)
    world.send()
    world.send()
    world.until_true(lambda: Payout.objects.filter(state="paid").count() == 2)
    assert world.moved() == {"EUR": 1_800}
    world.assert_books_agree()
    world.lift_our_holds()
    world.send()
    world.until("paid")
    assert world.moved() == {"EUR": 2_700}
    world.assert_books_agree()


def test_stopped_while_put_off_it_goes_out_under_its_key_afterwards(world: World) -> None:
    for n in range(2):
        world.sale(world.seller(f"s{n}@example.com"), price=1_000)
    world.decide()
    world.approve()
    world.paypal.fault("rate_limit", match={"method": "POST", "path": CREATE}, times=1)
    world.send()
    holding.stop(by=world.carol, reason="Wait.", now=world.now)
    for _ in range(3):
        world.let_pass(minutes=2)
        assert world.send() == 0
    assert [batch.state for batch in Batch.objects.all()] == ["committed"]
    world.lift_our_holds()
    world.let_pass(minutes=2)
    world.send()
    world.until("paid")
    assert len(keys(world)) == 2
    assert len(set(keys(world))) == 1
    assert world.moved() == {"EUR": 1_800}
    world.assert_books_agree()


def test_what_is_put_off_for_ever_stands_before_a_person(world: World) -> None:
    _, payout = world.sold_and_approved(world.seller())
    world.paypal.fault("rate_limit", match={"method": "POST", "path": CREATE}, times=None)
    world.send()
    payout.refresh_from_db()
    first = payout.person_after
    world.let_pass(minutes=5)
    assert submission.send(limit=10, now=world.now) == 1  # once: by the test's clock it is due again at once
    payout.refresh_from_db()
    assert (payout.state, payout.person_after) == ("approved", first)
    assert len(world.created()) == 2


def test_revoked_while_put_off_it_never_goes_out_under_the_old_key(world: World) -> None:
    _, payout = world.sold_and_approved(world.seller())
    world.paypal.fault("rate_limit", match={"method": "POST", "path": CREATE}, times=1)
    world.send()
    approval.revoke(by=world.carol, payout_ids=[payout.pk], reason="Wrong.", now=world.now)
    world.let_pass(minutes=2)
    world.send()
    assert world.attempt(payout).state == "refused"
    world.approve()
    world.send()
    world.until("paid", of=payout)
    assert len(set(keys(world))) == 2
    assert world.moved() == {"EUR": 9_000}
    world.assert_books_agree()


def test_a_token_that_ran_out_is_renewed_without_anybody_noticing(world: World) -> None:
    world.sold_and_approved(world.seller())
    world.paypal.fault("expire_token", times=1)
    world.send()
    world.until("paid")
    assert not Hold.objects.exists()


@pytest.mark.parametrize("fault", ["missing_scope", "wrong secret"])
def test_what_is_wrong_with_our_credentials_is_our_alarm(
    world: World, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, payout = world.sold_and_approved(world.seller())
    if fault == "missing_scope":
        world.paypal.fault("missing_scope")
    else:
        monkeypatch.setenv("PAYPAL_CLIENT_SECRET", "wrong")
    registry.reset()
    world.send()
    payout.refresh_from_db()
    assert payout.state == "approved"
    hold = Hold.objects.get(lifted_at__isnull=True)
    assert (hold.rail_id, hold.rule) == ("provider:paypal", "ours")
    assert world.moved() == {}
    world.assert_books_agree()

    world.paypal.delete("/_sandbox/faults")
    if fault != "missing_scope":
        monkeypatch.setenv("PAYPAL_CLIENT_SECRET", world.paypal.credentials["client_secret"])
    registry.reset()
    world.lift_our_holds()
    world.let_pass(minutes=5)
    world.send()
    world.until("paid", of=payout)
    assert world.moved() == {"EUR": 9_000}
    world.assert_books_agree()


def test_paypal_cannot_be_reached_at_all(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    _, payout = world.sold_and_approved(world.seller())
    world.reread()
    monkeypatch.setenv("PAYPAL_BASE_URL", "http://127.0.0.1:9")
    registry.reset()
    world.transmit()
    payout.refresh_from_db()
    assert payout.state == "approved"
    assert world.attempt(payout).state == "deferred"
    key = Batch.objects.get().key
    monkeypatch.setenv("PAYPAL_BASE_URL", world.paypal.url)
    registry.reset()
    world.let_pass(minutes=2)
    world.send()
    world.until("paid", of=payout)
    assert Batch.objects.get().key == key
    world.assert_books_agree()
