"""Evidence contradicts the books: it is posted, an incident opens, the provider stops, and two people close it."""

from __future__ import annotations

import pytest

from payouts import requests
from payouts.errors import SelfSeconded
from payouts.models import Hold, Incident
from tests.stories.world import World


def close(world: World) -> None:
    """Have two people close the one open incident."""
    incident = Incident.objects.get(closed_at__isnull=True)
    fields = {"incident": str(incident.pk), "explanation": "PayPal has explained it."}
    asked = world.ask_for("incident_close", fields, by=world.carol)
    with pytest.raises(SelfSeconded):
        requests.second(request_id=asked.pk, by=world.carol, now=world.now)
    requests.second(request_id=asked.pk, by=world.bob, now=world.now)


def test_another_amount_in_the_answer_stops_the_provider(world: World) -> None:
    _, payout = world.sold_and_approved(world.seller())
    world.paypal.fault("wrong_echo", match={"method": "GET", "path": "/v1/payments/payouts/"})
    world.send()
    world.sold_and_approved(world.seller("next@example.com"))
    world.until_true(lambda: world.incidents() == ["wrong_echo"])
    payout.refresh_from_db()
    assert payout.state == "submitted"
    hold = Hold.objects.get(lifted_at__isnull=True)
    assert hold.rail_id == "provider:paypal"
    assert hold.rule.startswith("incident:")

    # Evidence still moves what is out; nothing new goes out.
    assert world.send() == 0
    world.hear_back(rounds=3)
    assert Incident.objects.count() == 1

    from payouts import holding

    lifted = holding.lift(by=world.carol, hold_ids=[hold.pk], reason="Go on.", now=world.now)
    assert lifted.done == []

    world.paypal.delete("/_sandbox/faults")
    world.until("paid", of=payout)
    assert world.send() == 0
    close(world)
    world.send()
    world.until("paid")
    assert world.moved() == {"EUR": 18_000}
    world.assert_books_agree()


def test_another_destination_in_the_answer_stops_the_provider(world: World) -> None:
    from payouts.models import Attempt

    _, payout = world.sold_and_approved(world.seller())
    world.send()
    # As if PayPal named another receiver: what we sent to is what differs then.
    Attempt.objects.filter(payout=payout).update(destination="k:somebody else")
    world.until_true(lambda: world.incidents() == ["wrong_echo"])
    payout.refresh_from_db()
    assert payout.state == "submitted"


def test_a_word_that_we_do_not_know_never_means_paid(world: World) -> None:
    from django.db import connection

    from payouts.models import Observation

    _, payout = world.sold_and_approved(world.seller("pending+anna@example.com"))
    world.send()
    world.until("submitted", of=payout)
    world.hear_back(rounds=2)
    attempt = world.attempt(payout)
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('payouts_reading')")
        seq = cursor.fetchone()[0]
    Observation.objects.create(attempt=attempt, seq=seq, status="unrecognised", raw_status="TELEPORTED")
    type(attempt).objects.filter(pk=attempt.pk).update(observed=seq)
    world.settle()
    payout.refresh_from_db()
    assert payout.state == "submitted"
    assert payout.person_after is not None
    assert payout.person_after <= world.now
    assert world.attempt(payout).raw_status == "TELEPORTED"
    assert "TELEPORTED" in world.attempt(payout).message

    world.paypal.post("/_sandbox/fate", {"reference": attempt.key, "status": "SUCCESS"})
    world.until("paid", of=payout)
    world.assert_books_agree()


def test_failed_and_then_paid_after_all(world: World) -> None:
    seller = world.seller("blocked+anna@example.com")
    transaction, payout = world.sold_and_approved(seller)
    world.send()
    world.until("failed", of=payout)
    world.paypal.post("/_sandbox/fate", {"reference": world.attempt(payout).key, "status": "SUCCESS"})
    from payouts import intervention

    intervention.refresh(by=world.carol, payout_ids=[payout.pk], now=world.now)
    world.until("paid", of=payout)
    assert world.incidents() == []
    assert world.told(transaction)["status"] == "paid"
    world.assert_books_agree()


def test_failed_let_go_and_then_paid_after_all(world: World) -> None:
    """Its payable went to another payout: what left is in suspense, and nothing else goes out."""
    from payouts import intervention

    seller = world.seller("blocked+anna@example.com")
    _, payout = world.sold_and_approved(seller)
    world.send()
    world.until("failed", of=payout)
    intervention.cancel(by=world.carol, payout_ids=[payout.pk], reason="Gave up.", now=world.now)
    world.paypal.post("/_sandbox/fate", {"reference": world.attempt(payout).key, "status": "SUCCESS"})
    intervention.refresh(by=world.carol, payout_ids=[payout.pk], now=world.now)
    world.until_true(lambda: world.incidents() == ["contradiction"])
    payout.refresh_from_db()
    assert payout.state == "cancelled"
    assert world.balance("suspense:paypal") == 9_000
    world.decide()
    assert world.payout(state="pending").blocked_by == "held"
    assert world.send() == 0

    # It comes back after all: suspense is empty again.
    world.paypal.post("/_sandbox/fate", {"reference": world.attempt(payout).key, "status": "RETURNED"})
    world.until_true(lambda: world.balance("suspense:paypal") == 0)


def test_paid_and_then_said_to_have_failed(world: World) -> None:
    _, payout = world.sold_and_approved(world.seller())
    world.send()
    world.until("paid", of=payout)
    world.paypal.post("/_sandbox/fate", {"reference": world.attempt(payout).key, "status": "FAILED"})
    world.until_true(lambda: world.incidents() == ["contradiction"])
    payout.refresh_from_db()
    assert payout.state == "paid"


def test_it_came_back_and_then_is_said_to_be_paid(world: World) -> None:
    _, payout = world.sold_and_approved(world.seller("returned+anna@example.com"))
    world.send()
    world.paypal.advance(86_400)
    world.until("returned", of=payout)
    world.paypal.post("/_sandbox/fate", {"reference": world.attempt(payout).key, "status": "SUCCESS"})
    from payouts import intervention

    intervention.refresh(by=world.carol, payout_ids=[payout.pk], now=world.now)
    world.until_true(lambda: world.incidents() == ["contradiction"])
    payout.refresh_from_db()
    assert payout.state == "returned"
