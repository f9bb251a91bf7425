"""What two members of staff record of a buyer's payment: for a known transaction, once, and never by one alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from marketplace_payouts.lib.ids import uuid7
from payments.models import PaymentIn
from payouts import approval, requests
from payouts.errors import Refused
from payouts.models import Payable, Request
from tests.stories.world import PROCESS, World


@pytest.fixture
def sold(world: World) -> tuple[World, dict[str, Any]]:
    """A sale whose buyer pays by bank transfer, and the request that records it."""
    world.switch_on(PROCESS, payment_transitions=[])
    transaction = world.sale(world.seller())
    world.decide()
    return world, {
        "transaction": transaction,
        "outcome": "received",
        "units": "10000",
        "currency": "EUR",
        "reference": "DE-2026-7",
        "happened_at": (world.now - timedelta(days=1)).isoformat(),
        "document": "Statement of 1 Nov, line 7",
    }


def test_a_payment_by_bank_transfer_lets_the_seller_be_paid(sold):
    world, asked = sold
    made = world.ask_for("payment_record", asked)
    assert "The buyer paid 100.00 EUR" in made.summary
    assert "Recorded as received so far: 0.00 EUR of 100.00 EUR." in made.summary
    assert not PaymentIn.objects.exists()
    requests.second(request_id=made.pk, by=world.bob, now=world.now)
    row = PaymentIn.objects.get()
    assert (row.origin, row.made_by, row.seconded_by) == ("manual", world.alice, world.bob)
    assert row.detail == "Statement of 1 Nov, line 7"
    world.decide()
    world.approve()
    world.send()
    world.until("paid")
    assert world.moved() == {"EUR": 9_000}
    world.assert_books_agree()


def test_a_refund_by_hand_and_one_that_did_not_happen_after_all(sold):
    world, asked = sold
    world.second("payment_record", asked)
    refund = asked | {"outcome": "refunded", "units": "3000", "reference": "DE-2026-8"}
    world.second("payment_record", refund)
    world.decide()
    assert int(Payable.objects.get(purpose="loss").units) == -2_700
    happened = (world.now + timedelta(seconds=1)).isoformat()
    world.second("payment_record", refund | {"outcome": "regained", "happened_at": happened})
    world.decide()
    assert world.payout().debt_units == 9_000
    world.assert_books_agree()


def test_what_a_payment_system_tells_later_is_not_counted_again(sold):
    world, asked = sold
    world.second("payment_record", asked)
    world.buyer(asked["transaction"], "succeeded", 10_000, reference=asked["reference"])
    world.buyer(asked["transaction"], "refunded", 4_000, reference="re-1")
    world.decide()
    assert int(Payable.objects.get(purpose="loss").units) == -3_600


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"transaction": str(uuid7())}, "is known here"),
        ({"transaction": "17"}, "is known here"),
        ({"outcome": "stolen"}, "one of received, refunded"),
        ({"units": "0"}, "more than nothing"),
        ({"units": "-5"}, "more than nothing"),
        ({"currency": "XXX"}, "not in the table"),
        ({"reference": ""}, "Reference is missing"),
        ({"reference": "x" * 121}, "1 to 120 characters"),
        ({"document": ""}, "Document is missing"),
        ({"happened_at": "yesterday"}, "ISO time"),
        ({"happened_at": "2026-13-01T00:00:00Z"}, "ISO time"),
        ({"happened_at": "2999-01-01T00:00:00Z"}, "future"),
        ({"outcome": "regained"}, "Nothing with the reference"),
    ],
)
def test_refuses_what_makes_no_sense_before_anybody_is_asked(sold, changes, said):
    world, asked = sold
    with pytest.raises(Refused, match=said):
        world.ask_for("payment_record", asked | changes)
    assert not Request.objects.filter(act="payment_record").exists()


def test_refuses_what_is_recorded_already_whoever_recorded_it(sold):
    world, asked = sold
    world.buyer(asked["transaction"], "succeeded", 10_000, reference=asked["reference"])
    with pytest.raises(Refused, match="recorded for this transaction already"):
        world.ask_for("payment_record", asked)


def test_what_was_recorded_since_it_was_asked_for_is_refused_when_it_is_seconded(sold):
    world, asked = sold
    first, second = world.ask_for("payment_record", asked), world.ask_for("payment_record", asked)
    requests.second(request_id=first.pk, by=world.bob, now=world.now)
    with pytest.raises(Refused, match="already"):
        requests.second(request_id=second.pk, by=world.bob, now=world.now)
    assert PaymentIn.objects.count() == 1


def test_whoever_recorded_the_payment_does_not_approve_what_it_is_for(sold):
    world, asked = sold
    world.second("payment_record", asked, by=world.carol)
    world.decide()
    payout = world.payout()
    done = world.approve(payout)
    assert done.done == []
    assert "buyer's payment" in done.refused[0][1]
    wanted = list(approval.digests_of([payout.pk]).items())
    assert approval.approve(by=world.dave, wanted=wanted, reason="Looks right.", now=world.now).done == [
        payout.number
    ]
