"""What Stripe's webhooks are about is read again and kept, whatever Stripe and the network do meanwhile."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
import stripe
from django.db import connections
from djstripe import models

from marketplace_payouts.lib import crash_points
from marketplace_payouts.lib.clock import utc_now
from marketplace_payouts.lib.shared_state import shared_lock
from payments.models import StripeDelivery
from payments.stripe import syncing
from payments.stripe.events import EVENTS, Endpoint, Look
from tests.payments.conftest import asked, event, states, work_off

pytestmark = pytest.mark.usefixtures("registered")


@pytest.fixture
def seller(marketplace: stripe.StripeClient) -> stripe.Account:
    """A connected account that is verified and may be paid."""
    terms: Any = {
        "country": "US",
        "email": "seller@example.com",
        "controller": {
            "fees": {"payer": "application"},
            "losses": {"payments": "application"},
            "stripe_dashboard": {"type": "express"},
        },
        "capabilities": {"transfers": {"requested": True}},
    }
    return marketplace.v1.accounts.create(terms)


@pytest.fixture
def paid(marketplace: stripe.StripeClient) -> stripe.PaymentIntent:
    """A payment that a buyer made."""
    customer = marketplace.v1.customers.create({"email": "buyer@example.com"})
    terms: Any = {
        "amount": 5_000,
        "currency": "usd",
        "customer": customer.id,
        "payment_method": "pm_card_visa",
        "payment_method_types": ["card"],
        "confirm": True,
    }
    return marketplace.v1.payment_intents.create(terms)


def verify(sandbox: Any, account: str) -> None:
    """Have Stripe find everything in order with an account."""
    sandbox.post("/_sandbox/fate", {"reference": account, "status": "verified"})


# --- each kind of object ---------------------------------------------------------------------------------------


def test_a_customer_is_read_again(deliver, marketplace):
    customer = marketplace.v1.customers.create({"email": "buyer@example.com", "name": "Minh"})
    assert (
        deliver(event("customer.created", {"id": customer.id, "object": "customer", "email": "liar@x.org"}))
        == 200
    )
    assert not models.Customer.objects.exists()
    assert work_off() == 1
    kept = models.Customer.objects.get()
    assert (kept.id, kept.email, kept.name) == (customer.id, "buyer@example.com", "Minh")


def test_a_customer_who_was_deleted_is_kept_as_deleted_and_deleted_nowhere(
    deliver, marketplace, stripe_sandbox
):
    customer = marketplace.v1.customers.create({"email": "buyer@example.com"})
    deliver(event("customer.created", customer))
    work_off()
    # A lie: they are still there, and stay there.
    deliver(event("customer.deleted", customer))
    assert work_off() == 1
    assert not models.Customer.objects.get().deleted
    marketplace.v1.customers.delete(customer.id)
    deliver(event("customer.deleted", customer))
    assert work_off() == 1
    assert models.Customer.objects.get().deleted
    assert [one["method"] for one in asked(stripe_sandbox, f"/v1/customers/{customer.id}")].count(
        "DELETE"
    ) == 1


def test_a_connected_account_is_read_again_and_again(deliver, seller, stripe_sandbox):
    deliver(event("account.updated", seller, account=seller.id), at=Endpoint.CONNECT)
    assert work_off() == 1
    assert not models.Account.objects.get(id=seller.id).payouts_enabled
    verify(stripe_sandbox, seller.id)
    deliver(event("account.updated", seller, account=seller.id), at=Endpoint.CONNECT)
    assert work_off() == 1
    assert models.Account.objects.get(id=seller.id).payouts_enabled
    assert models.Event.objects.latest("djstripe_id").djstripe_owner_account_id == seller.id


def test_a_capability_is_about_its_account(deliver, seller, stripe_sandbox):
    verify(stripe_sandbox, seller.id)
    about = {"id": "transfers", "object": "capability", "account": seller.id, "status": "inactive"}
    deliver(event("capability.updated", about, account=seller.id), at=Endpoint.CONNECT)
    assert work_off() == 1
    assert models.Account.objects.get(id=seller.id).stripe_data["capabilities"] == {"transfers": "active"}


@pytest.mark.parametrize("kind", ["account.application.deauthorized", "account.updated"])
def test_an_account_that_left_is_nothing_to_look_at(deliver, seller, stripe_sandbox, kind):
    deliver(event("account.updated", seller, account=seller.id), at=Endpoint.CONNECT)
    work_off()
    stripe_sandbox.post("/_sandbox/fate", {"reference": seller.id, "status": "deauthorized"})
    deliver(event(kind, {"id": "ca_1", "object": "application"}, account=seller.id), at=Endpoint.CONNECT)
    assert work_off() == 1
    assert states()[0] == "applied"
    assert states()[1] in ("applied", "ignored")
    assert models.Account.objects.filter(id=seller.id).exists()


def test_an_account_that_left_before_we_knew_it_is_ignored(deliver, seller, stripe_sandbox):
    stripe_sandbox.post("/_sandbox/fate", {"reference": seller.id, "status": "deauthorized"})
    about = {"id": "ca_1", "object": "application"}
    deliver(event("account.application.deauthorized", about, account=seller.id), at=Endpoint.CONNECT)
    assert work_off() == 1
    assert states() == ["ignored"]
    assert "does not let us see" in StripeDelivery.objects.get().error


def test_a_payment_and_its_charge_are_read_again(deliver, paid):
    deliver(
        event(
            "payment_intent.succeeded", {"id": paid.id, "object": "payment_intent", "customer": paid.customer}
        )
    )
    deliver(event("charge.succeeded", {"id": paid.latest_charge, "object": "charge"}))
    assert work_off() == 2
    intent = models.PaymentIntent.objects.get()
    assert (intent.id, intent.stripe_data["status"]) == (paid.id, "succeeded")
    charge = models.Charge.objects.get()
    assert (charge.id, charge.payment_intent_id, charge.stripe_data["amount"]) == (
        paid.latest_charge,
        paid.id,
        5_000,
    )


@pytest.mark.parametrize("kind", ["refund.created", "refund.updated"])
def test_a_refund_is_read_again(deliver, marketplace, paid, kind):
    refund = marketplace.v1.refunds.create({"payment_intent": paid.id, "amount": 1_200})
    deliver(event(kind, {"id": refund.id, "object": "refund", "amount": 5_000}))
    assert work_off() == 1
    assert models.Refund.objects.get().stripe_data["amount"] == 1_200


def test_a_dispute_is_read_again(deliver, paid, stripe_sandbox):
    dispute = stripe_sandbox.post(
        "/_sandbox/dispute", {"reference": paid.id, "units": 5_000, "reason": "fraudulent"}
    )
    deliver(event("charge.dispute.created", {"id": dispute["id"], "object": "dispute"}))
    assert work_off() == 1
    assert models.Dispute.objects.get().stripe_data["reason"] == "fraudulent"


def test_a_transfer_and_the_payout_that_follows_are_read_again(deliver, marketplace, seller, stripe_sandbox):
    verify(stripe_sandbox, seller.id)
    stripe_sandbox.post("/_sandbox/funds", {"currency": "usd", "units": 100_000})
    transfer = marketplace.v1.transfers.create({"amount": 4_000, "currency": "usd", "destination": seller.id})
    deliver(event("transfer.created", {"id": transfer.id, "object": "transfer", "amount": 1}))
    assert work_off() == 1
    assert models.Transfer.objects.get().stripe_data["amount"] == 4_000
    payout = stripe_sandbox.post("/_sandbox/payout", {"reference": seller.id, "currency": "usd"})
    deliver(
        event("payout.created", {"id": payout["id"], "object": "payout"}, account=seller.id),
        at=Endpoint.CONNECT,
    )
    assert work_off() == 1
    kept = models.Payout.objects.get()
    assert (kept.stripe_data["amount"], kept.djstripe_owner_account_id) == (4_000, seller.id)


def test_everything_that_is_heard_can_be_kept():
    assert {heard.look for heard in EVENTS.values()} == set(Look)
    assert all(hasattr(models, look) for look in Look)


# --- twice, out of order, together -----------------------------------------------------------------------------


def test_what_several_events_are_about_is_read_once(deliver, marketplace, stripe_sandbox):
    customer = marketplace.v1.customers.create({"email": "buyer@example.com"})
    for _ in range(5):
        deliver(event("customer.updated", customer))
    assert work_off() == 5
    assert (
        len(asked(stripe_sandbox, f"/v1/customers/{customer.id}")) <= 2
    )  # once as it is, once as dj-stripe expands
    assert models.Event.objects.count() == 5


def test_the_newest_counts_in_whatever_order_events_come(deliver, marketplace):
    customer = marketplace.v1.customers.create({"email": "old@example.com"})
    before = event("customer.created", customer)
    after = event(
        "customer.updated", marketplace.v1.customers.update(customer.id, {"email": "new@example.com"})
    )
    for one in (after, before, after):
        deliver(one)
        work_off()
    assert models.Customer.objects.get().email == "new@example.com"
    assert states() == ["applied", "applied"]


def test_one_worker_at_a_time_reads(deliver, marketplace):
    deliver(event("customer.created", marketplace.v1.customers.create({"email": "buyer@example.com"})))
    taken, over = threading.Event(), threading.Event()

    def other_worker() -> None:
        with shared_lock("stripe sync", wait_s=0):
            taken.set()
            over.wait(20)
        connections.close_all()

    other = threading.Thread(target=other_worker)
    other.start()
    assert taken.wait(20)
    assert work_off() == 0
    over.set()
    other.join(20)
    assert work_off() == 1


# --- trouble ---------------------------------------------------------------------------------------------------


def test_while_stripe_is_away_nothing_is_lost(deliver, marketplace, stripe_sandbox):
    customer = marketplace.v1.customers.create({"email": "buyer@example.com"})
    fault = stripe_sandbox.fault("error_before", status=503)
    for _ in range(3):
        assert deliver(event("customer.created", customer)) == 200
    assert work_off(limit=2) == 0
    waiting = StripeDelivery.objects.all()
    # One look was enough: all wait, and none is blamed.
    assert {row.next_at for row in waiting if row.next_at and row.next_at > utc_now()} != set()
    assert not StripeDelivery.objects.filter(next_at__lte=utc_now()).exists()
    assert not models.Event.objects.exists()
    stripe_sandbox.delete(f"/_sandbox/faults/{fault}")
    assert syncing.sync(limit=10, now=utc_now() + timedelta(minutes=1)) == 3
    assert states() == ["applied"] * 3
    assert models.Customer.objects.get().email == "buyer@example.com"


@pytest.mark.parametrize(
    ("kind", "terms"),
    [
        ("drop_before", {}),
        ("drop_after", {}),
        ("rate_limit", {}),
        ("html_body", {}),
        ("truncated_body", {}),
        ("error_after", {"status": 500}),
    ],
)
def test_an_answer_that_says_nothing_is_asked_for_again(deliver, marketplace, stripe_sandbox, kind, terms):
    customer = marketplace.v1.customers.create({"email": "buyer@example.com"})
    stripe_sandbox.fault(kind, times=1, match={"path": "/v1/customers/*"}, **terms)
    deliver(event("customer.created", customer))
    assert work_off() == 0
    row = StripeDelivery.objects.get()
    assert row.state == "new"
    assert row.error
    assert syncing.sync(limit=10, now=utc_now() + timedelta(minutes=10)) == 1


def test_one_that_cannot_be_read_does_not_hold_up_the_others(deliver, marketplace, stripe_sandbox):
    good, bad = (
        marketplace.v1.customers.create({"email": f"{name}@example.com"}) for name in ("good", "bad")
    )
    stripe_sandbox.fault("error_before", status=500, match={"path": f"/v1/customers/{bad.id}"})
    deliver(event("customer.created", bad))
    deliver(event("customer.created", good))
    assert work_off() == 1
    assert states() == ["new", "applied"]
    row = StripeDelivery.objects.get(state="new")
    assert row.tries == 1
    # However often: it is Stripe's trouble, and stands before a person meanwhile.
    StripeDelivery.objects.filter(pk=row.pk).update(tries=50)
    later = utc_now() + timedelta(hours=2)
    assert syncing.sync(limit=10, now=later) == 0
    row.refresh_from_db()
    assert row.state == "new"
    assert row.next_at is not None
    assert later < row.next_at <= later + timedelta(hours=1)
    assert row.person_after is not None
    assert row.person_after < later


def test_a_key_that_stripe_does_not_take_loses_nothing(deliver, marketplace, settings):
    deliver(event("customer.created", marketplace.v1.customers.create({"email": "buyer@example.com"})))
    good = settings.STRIPE
    settings.STRIPE = good | {"secret_key": "sk_test_" + "x" * 24}
    assert work_off() == 0
    assert "does not take STRIPE_SECRET_KEY" in StripeDelivery.objects.get().error
    settings.STRIPE = good
    assert syncing.sync(limit=10, now=utc_now() + timedelta(minutes=1)) == 1


def test_without_a_key_nothing_is_asked(deliver, settings):
    deliver(event("customer.created"))
    settings.STRIPE = settings.STRIPE | {"secret_key": ""}
    assert work_off() == 0
    assert states() == ["new"]


def test_what_dj_stripe_cannot_keep_steps_aside_and_stands_before_a_person(deliver, marketplace):
    deliver(event("customer.created", ["no object at all"]))
    deliver(event("customer.created", marketplace.v1.customers.create({"email": "buyer@example.com"})))
    assert work_off() == 1
    assert states() == ["new", "applied"]
    StripeDelivery.objects.filter(state="new").update(tries=11, next_at=utc_now())
    assert work_off() == 1
    dead = StripeDelivery.objects.get(state="dead")
    assert dead.error
    assert dead.next_at is None
    assert dead.person_after is not None
    assert dead.body  # for whoever looks into it


def test_what_would_be_read_for_ever_steps_aside(deliver, marketplace, monkeypatch):
    monkeypatch.setattr(syncing, "MOST_READINGS", 1)
    deliver(event("customer.created", marketplace.v1.customers.create({"email": "buyer@example.com"})))
    assert work_off() == 0
    row = StripeDelivery.objects.get()
    assert "ever more" in row.error
    assert row.tries == 1


def test_what_is_not_read_in_time_comes_with_the_next_claim(deliver, marketplace):
    deliver(event("customer.created", marketplace.v1.customers.create({"email": "buyer@example.com"})))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(syncing, "_READING_S", 0.0)
        assert work_off() == 0
    row = StripeDelivery.objects.get()
    assert (row.error, row.tries) == ("", 0)
    assert work_off() == 1


def test_what_is_gone_is_nothing_to_look_at(deliver):
    deliver(event("transfer.created", {"id": "tr_gone", "object": "transfer"}))
    assert work_off() == 1
    assert states() == ["applied"]
    assert not models.Transfer.objects.exists()


@pytest.mark.parametrize(
    "point", sorted(one for one in crash_points.POINTS if one.startswith("stripe_sync."))
)
def test_whoever_dies_anywhere_is_taken_over(deliver, marketplace, dying, point):
    customer = marketplace.v1.customers.create({"email": "buyer@example.com"})
    deliver(event("customer.created", customer))
    with dying(point):
        work_off()
    syncing.sync(limit=10, now=utc_now() + timedelta(hours=1))
    assert states() == ["applied"]
    assert models.Customer.objects.get().email == "buyer@example.com"
    assert models.Event.objects.count() == 1
