"""Holding, freezing, revoking and replacing against a claim on another connection: one waits, neither half happens."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connections, transaction

from payouts import approval, holding, submission
from payouts.errors import Refused
from payouts.models import Hold, Payout
from tests.stories.world import World


class Meanwhile:
    """An act on a connection of its own, begun at a moment of our choosing."""

    def __init__(self, act: Callable[[], object]) -> None:
        self.error: BaseException | None = None
        self._act = act
        self._thread = threading.Thread(target=self._run)

    def begin(self, *, is_to_wait: bool) -> None:
        """Begin, and see that it waits for us, or does not."""
        self._thread.start()
        self._thread.join(0.4 if is_to_wait else 5)
        assert self._thread.is_alive() is is_to_wait

    def end(self) -> None:
        """Wait until it is done."""
        self._thread.join(10)
        assert not self._thread.is_alive()
        if self.error is not None:
            raise self.error

    def _run(self) -> None:
        try:
            self._act()
        except BaseException as error:  # noqa: BLE001 - raised again by end()
            self.error = error
        finally:
            connections.close_all()


ACTS: dict[str, Callable[[World, Payout], object]] = {
    "hold payout": lambda w, p: holding.hold(by=w.alice, payouts=[p.pk], reason="Look.", now=w.now),
    "hold payee": lambda w, p: holding.hold(by=w.alice, payees=[p.payee_id], reason="Look.", now=w.now),
    "hold method": lambda w, p: holding.hold(by=w.alice, methods=[p.method_id], reason="Look.", now=w.now),
    "hold provider": lambda w, p: holding.hold(
        by=w.alice, rails=["provider:paypal"], reason="Look.", now=w.now
    ),
    "stop": lambda w, p: holding.stop(by=w.alice, reason="Look.", now=w.now),
    "freeze": lambda w, p: holding.freeze(by=w.alice, payee_id=p.payee_id, reason="Look.", now=w.now),
    "revoke": lambda w, p: approval.revoke(by=w.dave, payout_ids=[p.pk], reason="Look.", now=w.now),
    "replace": lambda w, p: w.pay_to(p.payee, "new@example.com"),
}


@pytest.mark.parametrize("name", ACTS)
def test_what_comes_during_a_claim_waits_for_it(world: World, name: str) -> None:
    _, payout = world.sold_and_approved(world.seller())
    world.reread()
    act = Meanwhile(lambda: ACTS[name](world, payout))
    with world.meanwhile("send.before_intent", lambda: act.begin(is_to_wait=True)):
        world.transmit()
    act.end()
    if Hold.objects.filter(lifted_at__isnull=True).exists():
        world.lift_our_holds()
    world.let_pass(minutes=2)
    if name == "freeze":
        holding.thaw(by=world.carol, payee_id=payout.payee_id, reason="Fine.", now=world.now)
    payout.refresh_from_db()
    if payout.state == "approved":
        world.send()  # the last look saw it, and put the sending off
    world.until("paid", of=payout)
    assert world.moved() == {"EUR": 9_000}
    assert len(world.created()) == 1
    world.assert_books_agree()


@pytest.mark.parametrize("name", ACTS)
def test_what_is_under_way_before_a_claim_is_seen_by_it(world: World, name: str) -> None:
    """The claim begins while the act is not committed: it waits, or finds nothing, and nothing goes out."""
    _, payout = world.sold_and_approved(world.seller())
    world.reread()
    sent: list[int] = []
    claim = Meanwhile(lambda: sent.append(submission.send(limit=10, now=world.now)))
    with transaction.atomic():
        ACTS[name](world, payout)
        claim.begin(is_to_wait=name not in ("hold payout", "revoke", "replace"))
    claim.end()
    assert sent == [0]
    assert world.created() == []
    payout.refresh_from_db()
    assert payout.state in ("approved", "awaiting_approval", "cancelled")


def test_a_rule_sets_its_hold_once_however_often_it_fires(world: World) -> None:
    with transaction.atomic():
        for _ in range(3):
            holding.hold_by_rule(rule="ours", rail="provider:paypal", reason="No money.", now=world.now)
        assert Hold.objects.count() == 1
        assert holding.lift_by_rule(rule="ours", reason="Topped up.", now=world.now) == 1
        holding.hold_by_rule(rule="ours", rail="provider:paypal", reason="Again.", now=world.now)
    assert Hold.objects.filter(lifted_at__isnull=True).count() == 1


def test_what_was_sent_while_a_slow_stage_had_not_yet_stopped_it_was_not_sent_in_spite_of_it(
    world: World,
) -> None:
    world.sold_and_approved(world.seller())
    began = world.now - timedelta(minutes=10)
    world.send()
    with transaction.atomic():
        holding.hold_by_rule(rule="ours", rail="provider:paypal", reason="No money.", now=began)
    world.assert_promises_hold()


def test_a_reason_is_needed(world: World) -> None:
    with pytest.raises(Refused):
        holding.stop(by=world.alice, reason="  ", now=world.now)
    assert not holding.is_stopped()
