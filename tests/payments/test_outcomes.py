"""What Stripe tells of buyers' payments is recorded: from what is read there, never from what an event says."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import stripe
from djstripe import models

from accounts.models import Marketplace
from marketplace_payouts.lib.clock import utc_now
from payments.models import PaymentIn, RefusedPayment, StripeDelivery
from payments.stripe import catching_up, syncing
from payments.stripe.events import Endpoint
from tests import factories
from tests.payments.conftest import event, states, work_off

SALE = UUID("6f0b7d0e-55c1-4d8c-8d3a-0f6f5b9f3c11")


@pytest.fixture(autouse=True)
def ours(registered: Any) -> Marketplace:
    return factories.MarketplaceFactory.create()


class Buyer:
    """A buyer of a sale, at Stripe."""

    def __init__(self, client: stripe.StripeClient, sandbox: Any) -> None:
        self.client, self.sandbox = client, sandbox

    def intent(self, *, sale: object = SALE, **more: Any) -> stripe.PaymentIntent:
        metadata = {"flex_transaction_id": str(sale)} if sale else {}
        terms: Any = {"amount": 5_000, "currency": "usd", "metadata": metadata, **more}
        return self.client.v1.payment_intents.create(terms)

    def pays(self, card: str = "pm_card_visa", **more: Any) -> stripe.PaymentIntent:
        made = self.intent(**more)
        try:
            return self.client.v1.payment_intents.confirm(made.id, {"payment_method": card})
        except stripe.CardError:
            return self.client.v1.payment_intents.retrieve(made.id)

    def fate(self, of: str, status: str) -> None:
        self.sandbox.post("/_sandbox/fate", {"reference": of, "status": status})


@pytest.fixture
def buyer(marketplace: stripe.StripeClient, stripe_sandbox: Any) -> Buyer:
    return Buyer(marketplace, stripe_sandbox)


def learn() -> None:
    """Ask Stripe for all its events, and work them off."""
    catching_up.catch_up(since=utc_now() - timedelta(hours=1), now=utc_now(), everybody=False)
    for _ in range(5):
        work_off()
    assert set(states()) <= {"applied", "ignored"}, list(StripeDelivery.objects.values_list("error"))


def recorded() -> list[tuple[str, int, str, str]]:
    rows = PaymentIn.objects.order_by("id").values_list(
        "kind", "units", "currency", "reference", "transaction_id"
    )
    assert {row[4] for row in rows} <= {SALE}
    assert set(PaymentIn.objects.values_list("origin", flat=True)) <= {"stripe"}
    return [(kind, int(units), currency, reference) for kind, units, currency, reference, _ in rows]


def test_a_payment(buyer):
    made = buyer.pays()
    learn()
    assert recorded() == [("received", 5_000, "USD", made.id)]
    row = PaymentIn.objects.get()
    assert row.next_at is not None, "it is to be counted"
    assert abs(row.happened_at - utc_now()) < timedelta(minutes=1)


def test_a_payment_that_failed_and_then_succeeded(buyer):
    made = buyer.pays("pm_card_visa_chargeDeclined")
    failed = made.latest_charge
    learn()
    assert recorded() == [("failed", 5_000, "USD", failed)]
    assert PaymentIn.objects.get().detail == "card_declined"
    terms: Any = {"amount": 6_000}
    buyer.client.v1.payment_intents.update(made.id, terms)
    with pytest.raises(stripe.CardError):
        buyer.client.v1.payment_intents.confirm(made.id, {"payment_method": "pm_card_visa_chargeDeclined"})
    learn()
    buyer.client.v1.payment_intents.confirm(made.id, {"payment_method": "pm_card_visa"})
    learn()
    assert [(kind, units) for kind, units, *_ in recorded()] == [
        ("failed", 5_000),
        ("failed", 6_000),
        ("received", 6_000),
    ]
    assert not RefusedPayment.objects.exists(), "another amount at another try contradicts nothing"


def test_refunds_one_by_one(buyer):
    made = buyer.pays()
    refunds = [
        buyer.client.v1.refunds.create({"payment_intent": made.id, "amount": amount})
        for amount in (1_200, 300)
    ]
    learn()
    assert sorted(recorded()) == [
        ("received", 5_000, "USD", made.id),
        *sorted(("refunded", refund.amount, "USD", refund.id) for refund in refunds),
    ]
    assert len(states()) > 5, "several events told of each"


@pytest.mark.parametrize(
    ("fate", "kinds"),
    [
        ("disputed", {"disputed"}),
        ("dispute_lost", {"charged_back"}),
        ("dispute_won", {"regained"}),
    ],
)
def test_a_dispute(buyer, stripe_sandbox, fate, kinds):
    made = buyer.pays()
    learn()
    buyer.fate(made.id, "disputed")
    learn()
    if fate != "disputed":
        buyer.fate(made.id, fate)
        learn()
    about = {(kind, units, reference) for kind, units, _, reference in recorded() if kind != "received"}
    assert {kind for kind, *_ in about} == {"disputed"} | kinds
    [(units, reference)] = {(units, reference) for _, units, reference in about}
    assert units == 5_000
    assert reference.startswith(("dp_", "du_"))


def test_an_event_is_never_believed(buyer, deliver):
    made = buyer.intent()
    lie = made.to_dict() | {"status": "succeeded", "amount_received": 5_000}
    deliver(event("payment_intent.succeeded", lie))
    assert work_off() == 1
    assert recorded() == []
    refund = {"id": "re_nowhere", "object": "refund", "amount": 5_000, "status": "succeeded"}
    deliver(event("refund.created", refund | {"metadata": {"flex_transaction_id": str(SALE)}}))
    assert work_off() == 0
    assert recorded() == []


def test_a_refund_that_stripe_tells_of_before_it_shows_it_is_recorded_once_it_does(
    buyer, deliver, stripe_sandbox
):
    made = buyer.pays()
    refund = buyer.client.v1.refunds.create({"payment_intent": made.id, "amount": 700})
    path = f"/v1/refunds/{refund.id}"
    fault = stripe_sandbox.fault("error_before", status=404, match={"path": path})
    deliver(event("refund.created", {"id": refund.id, "object": "refund"}))
    assert work_off() == 0
    assert recorded() == []
    stripe_sandbox.delete(f"/_sandbox/faults/{fault}")
    assert syncing.sync(limit=10, now=utc_now() + timedelta(hours=1)) == 1
    assert recorded() == [("refunded", 700, "USD", refund.id)]


def test_a_word_about_money_that_stripe_never_shows_stands_before_a_person(buyer, deliver):
    deliver(event("refund.created", {"id": "re_nowhere", "object": "refund"}))
    now = utc_now()
    for _ in range(20):
        syncing.sync(limit=10, now=now)
        now += timedelta(hours=1)
    row = StripeDelivery.objects.get()
    assert (row.state, row.person_after is None) == ("dead", False)
    assert "does not show it to us: status 404" in row.error


def test_what_is_of_no_transaction_of_ours_is_nothing_to_us(buyer):
    made = buyer.pays(sale=None)
    buyer.client.v1.refunds.create({"payment_intent": made.id})
    learn()
    assert recorded() == []
    assert models.PaymentIntent.objects.get().id == made.id


def test_what_a_buyer_pays_to_a_connected_account_is_not_with_us(buyer, deliver, marketplace, stripe_sandbox):
    """Whoever has a dashboard of their own could pay themselves in the name of any transaction."""
    terms: Any = {
        "country": "US",
        "email": "seller@example.com",
        "controller": {"stripe_dashboard": {"type": "full"}},
    }
    seller = marketplace.v1.accounts.create(terms)
    stripe_sandbox.post("/_sandbox/fate", {"reference": seller.id, "status": "verified"})
    theirs: Any = {
        "amount": 5_000,
        "currency": "usd",
        "metadata": {"flex_transaction_id": str(SALE)},
        "payment_method": "pm_card_visa",
        "confirm": True,
    }
    made = marketplace.v1.payment_intents.create(theirs, {"stripe_account": seller.id})
    assert made.status == "succeeded"
    about = {"id": made.id, "object": "payment_intent"}
    for at, more in ((Endpoint.CONNECT, {"account": seller.id}), (Endpoint.PLATFORM, {})):
        deliver(event("payment_intent.succeeded", about, **more), at=at)
        work_off()
    assert recorded() == []


def test_the_same_told_over_and_over_is_recorded_once(buyer, deliver):
    made = buyer.pays()
    for kind in ("payment_intent.succeeded", "payment_intent.processing", "payment_intent.succeeded"):
        deliver(event(kind, {"id": made.id, "object": "payment_intent"}))
    assert work_off() == 3
    learn()
    assert recorded() == [("received", 5_000, "USD", made.id)]


def test_a_refund_before_its_payment(buyer, deliver):
    made = buyer.pays()
    refund = buyer.client.v1.refunds.create({"payment_intent": made.id, "amount": 700})
    deliver(event("refund.created", {"id": refund.id, "object": "refund"}))
    work_off()
    assert recorded() == [("refunded", 700, "USD", refund.id)]
    learn()
    assert {kind for kind, *_ in recorded()} == {"refunded", "received"}


def test_what_contradicts_is_kept_for_staff(buyer, ours):
    made = buyer.pays()
    PaymentIn.objects.create(
        marketplace=ours,
        transaction_id=uuid4(),
        kind="received",
        units=5_000,
        currency="USD",
        origin="stripe",
        reference=made.id,
        happened_at=utc_now(),
    )
    learn()
    assert RefusedPayment.objects.get().transaction_id == SALE


def test_while_stripe_is_away_nothing_is_lost(buyer, deliver, stripe_sandbox):
    made = buyer.pays()
    deliver(event("payment_intent.succeeded", {"id": made.id, "object": "payment_intent"}))
    fault = stripe_sandbox.fault("error_before", status=503, match={"path": "/v1/payment_intents"})
    work_off()
    assert recorded() == []
    stripe_sandbox.delete(f"/_sandbox/faults/{fault}")
    assert syncing.sync(limit=10, now=utc_now() + timedelta(hours=1)) == 1
    assert recorded() == [("received", 5_000, "USD", made.id)]


def test_before_the_marketplace_is_known_it_waits(buyer, deliver, ours):
    made = buyer.pays()
    ours.delete()
    deliver(event("payment_intent.succeeded", {"id": made.id, "object": "payment_intent"}))
    assert work_off() == 0
    assert "check_flex" in StripeDelivery.objects.get().error
    assert not models.PaymentIntent.objects.exists(), "what is kept is kept together"
    factories.MarketplaceFactory.create()
    assert syncing.sync(limit=10, now=utc_now() + timedelta(hours=1)) == 1
    assert recorded() == [("received", 5_000, "USD", made.id)]


def test_no_buyers_secret_stays_in_our_tables(buyer, deliver):
    made = buyer.pays()
    secret = made.client_secret
    assert secret
    deliver(event("payment_intent.succeeded", made))
    assert secret not in StripeDelivery.objects.get().body
    learn()
    kept = models.PaymentIntent.objects.get()
    assert kept.stripe_data["status"] == "succeeded"
    written = json.dumps(
        [kept.stripe_data, list(models.Event.objects.values_list("data", flat=True))], default=str
    )
    assert made.id in written
    assert secret not in written
