"""Two people decide that nothing was paid, while a worker is in the middle of finding out by sending once more."""

from __future__ import annotations

import pytest

from payouts import intervention, requests
from payouts.errors import Refused
from payouts.models import Batch, Payout
from tests.stories.world import CREATE, World

NOT_PAID = {"outcome": "not_paid", "document": "PayPal case 77"}


def unknown(world: World) -> Payout:
    """A payout of which PayPal never heard, and nobody knows it."""
    _, payout = world.sold_and_approved(world.seller())
    world.paypal.fault("drop_before", match={"method": "POST", "path": CREATE}, times=1)
    world.send()
    payout.refresh_from_db()
    assert payout.state == "unknown"
    return payout


def retry(world: World, payout: Payout) -> None:
    intervention.retry(by=world.carol, payout_ids=[payout.pk], reason="Again.", now=world.now)


def test_they_wait_until_the_sending_is_over(world: World) -> None:
    payout = unknown(world)
    asked = world.ask_for("resolve_unknown", {"payout": str(payout.pk), **NOT_PAID}, by=world.carol)
    said: list[str] = []

    def second() -> None:
        try:
            requests.second(request_id=asked.pk, by=world.bob, now=world.now)
        except Refused as refused:
            said.append(str(refused))
            return
        # Believed: it goes out again under a new key, while the old one is still on its way.
        retry(world, payout)
        world.send()

    with world.meanwhile("send.before_call", second):
        world.ask()
    world.until("paid", of=payout)
    assert world.moved() == {"EUR": 9_000}
    assert "being sent" in said[0]
    world.assert_books_agree()


def test_a_request_about_one_attempt_does_not_decide_the_next(world: World) -> None:
    payout = unknown(world)
    asked = world.ask_for("resolve_unknown", {"payout": str(payout.pk), **NOT_PAID}, by=world.carol)
    world.second("resolve_unknown", {"payout": str(payout.pk), **NOT_PAID}, by=world.dave)
    retry(world, payout)
    # This time it is taken, and the answer is lost.
    world.paypal.fault("drop_after", match={"method": "POST", "path": CREATE}, times=1)
    world.paypal.fault("error_before", match={"method": "POST", "path": CREATE})
    world.let_pass(minutes=2)
    world.send()
    payout.refresh_from_db()
    assert payout.state == "unknown"
    with pytest.raises(Refused, match="since"):
        requests.second(request_id=asked.pk, by=world.bob, now=world.now)
    world.paypal.delete("/_sandbox/faults")
    Batch.objects.filter(state="unknown").update(next_at=world.now)
    world.until("paid", of=payout)
    assert world.moved() == {"EUR": 9_000}
    world.assert_books_agree()
