"""Payment intents: paid, declined, waiting for the buyer, refunded, disputed."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.sandbox.stripe_api import available, happened, paid, stripe
from tests.sandbox_services import SandboxService

pytestmark = pytest.mark.usefixtures("patient_stripe")


def intent(**more: Any) -> Any:
    return stripe.PaymentIntent.create(**{"amount": 5000, "currency": "eur", **more})


def fate(service: SandboxService, reference: str, status: str) -> int:
    return int(service.post("/_sandbox/fate", {"reference": reference, "status": status})["changed"])


def test_is_made_changed_confirmed_and_paid():
    made = intent(metadata={"transaction": "t-1"}, transfer_group="T-1", description="A bicycle")
    assert (made.status, made.latest_charge) == ("requires_payment_method", None)
    assert made.client_secret
    assert made.client_secret.startswith(f"{made.id}_secret_")
    assert made.automatic_payment_methods
    changed = stripe.PaymentIntent.modify(made.id, amount=6000, payment_method="pm_card_visa")
    assert (changed.amount, changed.status) == (6000, "requires_confirmation")
    done = stripe.PaymentIntent.confirm(made.id, expand=["latest_charge.balance_transaction"])
    assert (done.status, done.amount_received) == ("succeeded", 6000)
    charge: Any = done.latest_charge
    assert (charge.transfer_group, charge.metadata["transaction"]) == ("T-1", "t-1")
    assert (charge.balance_transaction.fee, charge.balance_transaction.status) == (204, "pending")
    assert happened() == ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stripe.PaymentIntent.confirm(made.id)
    assert refused.value.code == "payment_intent_unexpected_state"


@pytest.mark.parametrize(
    ("card", "code", "decline_code"),
    [
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
    ],
)
def test_is_declined(card: str, code: str, decline_code: str | None):
    made = intent()
    with pytest.raises(stripe.CardError) as declined:
        stripe.PaymentIntent.confirm(made.id, payment_method=card)
    told: Any = declined.value.error
    assert (declined.value.http_status, told.code, told.decline_code) == (402, code, decline_code)
    assert told.payment_intent.id == made.id
    after = stripe.PaymentIntent.retrieve(made.id, expand=["latest_charge"])
    assert after.status == "requires_payment_method"
    assert after.last_payment_error.code == code
    assert after.latest_charge.status == "failed"
    assert happened()[-2:] == ["charge.failed", "payment_intent.payment_failed"]
    again = stripe.PaymentIntent.confirm(made.id, payment_method="pm_card_visa")
    assert (again.status, again.last_payment_error) == ("succeeded", None)


def test_is_declined_by_a_fault(patient_stripe: SandboxService):
    patient_stripe.fault("refuse", match={"reference": "t-1"}, value="insufficient_funds", times=1)
    with pytest.raises(stripe.CardError, match="insufficient funds"):
        paid(metadata={"transaction": "t-1"})
    assert paid(metadata={"transaction": "t-1"}).status == "succeeded"


def test_waits_for_the_buyer(patient_stripe: SandboxService):
    waiting = paid(card="pm_card_authenticationRequired")
    assert waiting.status == "requires_action"
    assert waiting.next_action
    assert fate(patient_stripe, waiting.id, "succeeded") == 1
    assert stripe.PaymentIntent.retrieve(waiting.id).status == "succeeded"
    assert happened()[-3:] == [
        "payment_intent.requires_action",
        "charge.succeeded",
        "payment_intent.succeeded",
    ]


def test_a_buyer_pays_or_fails_by_steering(patient_stripe: SandboxService):
    first, second = intent(), intent()
    assert fate(patient_stripe, first.id, "succeeded") == 1
    assert fate(patient_stripe, second.id, "failed") == 1
    assert stripe.PaymentIntent.retrieve(first.id).status == "succeeded"
    assert stripe.PaymentIntent.retrieve(second.id).status == "requires_payment_method"
    assert fate(patient_stripe, first.id, "failed") == 0


def test_is_given_up():
    made = intent(payment_method="pm_card_visa")
    cancelled = stripe.PaymentIntent.cancel(made.id, cancellation_reason="abandoned")
    assert (cancelled.status, cancelled.cancellation_reason) == ("canceled", "abandoned")
    with pytest.raises(stripe.InvalidRequestError, match="cannot cancel"):
        stripe.PaymentIntent.cancel(made.id)
    with pytest.raises(stripe.InvalidRequestError, match="cannot confirm"):
        stripe.PaymentIntent.confirm(made.id)


def test_is_captured_later():
    made = paid(capture_method="manual")
    assert (made.status, made.amount_capturable) == ("requires_capture", 5000)
    with pytest.raises(stripe.InvalidRequestError, match="exceeds"):
        stripe.PaymentIntent.capture(made.id, amount_to_capture=5001)
    done = stripe.PaymentIntent.capture(made.id, amount_to_capture=4000)
    assert (done.status, done.amount_received) == ("succeeded", 4000)
    assert happened()[-2:] == ["charge.captured", "payment_intent.succeeded"]


def test_is_captured_by_steering(patient_stripe: SandboxService):
    made = paid(capture_method="manual")
    assert fate(patient_stripe, made.id, "failed") == 0
    assert fate(patient_stripe, made.id, "succeeded") == 1
    assert stripe.PaymentIntent.retrieve(made.id).amount_received == 5000
    assert len(stripe.Charge.list(payment_intent=made.id).data) == 1


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"amount": 49}, "amount_too_small"),
        ({"customer": "cus_nobody"}, "resource_missing"),
        ({"payment_method": "pm_nothing"}, "resource_missing"),
        ({"payment_method": "pm_card_nothing"}, "resource_missing"),
        ({"transfer_data": {"destination": "acct_1"}}, None),
    ],
)
def test_is_refused(more: dict[str, Any], code: str | None):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        intent(**more)
    assert refused.value.code == code
    assert stripe.PaymentIntent.list().data == []


def test_is_changed_whole_or_not_at_all():
    made = intent(description="A bicycle")
    with pytest.raises(stripe.InvalidRequestError):
        stripe.PaymentIntent.modify(made.id, description="A car", customer="cus_nobody")
    assert stripe.PaymentIntent.retrieve(made.id).description == "A bicycle"


def test_a_browser_sees_and_confirms_with_the_clients_secret(patient_stripe: SandboxService):
    made = intent(payment_method="pm_card_visa")
    url = f"{patient_stripe.url}/v1/payment_intents/{made.id}"
    public = {"Authorization": f"Bearer {patient_stripe.credentials['publishable_key']}"}
    secret = {"client_secret": made.client_secret}
    assert requests.get(url, headers=public, timeout=10).status_code == 400
    wrong = requests.get(url, headers=public, params={"client_secret": "x"}, timeout=10)
    assert wrong.json()["error"]["param"] == "client_secret"
    assert requests.get(url, headers=public, params=secret, timeout=10).json()["id"] == made.id
    done = requests.post(f"{url}/confirm", headers=public, data=secret, timeout=10)
    assert done.json()["status"] == "succeeded"
    refused = requests.post(url, headers=public, data={"amount": 1}, timeout=10)
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "secret_key_required")


def test_is_listed_and_searched():
    customer = stripe.Customer.create()
    first = intent(customer=customer.id, metadata={"transaction": "t-1"})
    intent(metadata={"transaction": "t-2"})
    assert [one.id for one in stripe.PaymentIntent.list(customer=customer.id).data] == [first.id]
    found = stripe.PaymentIntent.search(query="metadata['transaction']:'t-1' AND currency:'eur'")
    assert [one.id for one in found.data] == [first.id]


# Cards ----------------------------------------------------------------------------------------------------------


def test_a_card_is_kept_for_a_customer():
    customer = stripe.Customer.create()
    card = stripe.PaymentMethod.attach("pm_card_visa", customer=customer.id)
    assert card.id != "pm_card_visa"
    listed = stripe.PaymentMethod.list(customer=customer.id, type="card")
    assert [one.id for one in listed.data] == [card.id]
    assert [one.id for one in stripe.Customer.list_payment_methods(customer.id).data] == [card.id]
    assert paid(card=card.id, customer=customer.id).status == "succeeded"
    assert stripe.PaymentMethod.detach(card.id).customer is None
    assert stripe.PaymentMethod.list(customer=customer.id).data == []


def test_a_card_is_made_of_a_token():
    made = stripe.PaymentMethod.create(
        type="card", card={"token": "tok_mastercard"}, billing_details={"name": "Anna"}, metadata={"a": "b"}
    )
    assert (made.card.brand, made.billing_details.name) == ("mastercard", "Anna")
    assert stripe.PaymentMethod.retrieve(made.id).metadata.to_dict() == {"a": "b"}


# Refunds --------------------------------------------------------------------------------------------------------


def test_is_refunded_in_parts():
    payment = paid()
    before = available()
    first = stripe.Refund.create(payment_intent=payment.id, amount=2000, reason="requested_by_customer")
    assert (first.status, first.payment_intent) == ("succeeded", payment.id)
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded"):
        stripe.Refund.create(charge=str(payment.latest_charge), amount=3001)
    stripe.Refund.create(charge=str(payment.latest_charge))
    charge = stripe.Charge.retrieve(str(payment.latest_charge), expand=["refunds"])
    assert (charge.amount_refunded, charge.refunded) == (5000, True)
    assert [one.amount for one in charge.refunds.data] == [3000, 2000]
    assert available() == before - 5000
    assert happened()[-2:] == ["refund.created", "charge.refunded"]
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stripe.Refund.create(payment_intent=payment.id)
    assert refused.value.code == "charge_already_refunded"
    assert len(stripe.Refund.list(payment_intent=payment.id).data) == 2
    assert len(stripe.Charge.list_refunds(str(payment.latest_charge)).data) == 2


def test_is_not_refunded_before_it_is_paid():
    for wanted in ({"payment_intent": intent().id}, {"charge": "ch_nothing"}, {}):
        with pytest.raises(stripe.InvalidRequestError):
            stripe.Refund.create(**wanted)


def test_is_refunded_by_somebody_in_the_dashboard(patient_stripe: SandboxService):
    payment = paid(metadata={"transaction": "t-1"})
    refund = patient_stripe.post("/_sandbox/refund", {"reference": "t-1", "units": 1500})
    assert (refund["amount"], refund["payment_intent"]) == (1500, payment.id)
    assert fate(patient_stripe, "t-1", "refunded") == 1
    charge = stripe.Charge.retrieve(str(payment.latest_charge))
    assert (charge.refunded, charge.amount_refunded) == (True, 5000)
    assert fate(patient_stripe, "t-1", "refunded") == 0


def test_a_refund_may_fail_later(patient_stripe: SandboxService):
    payment = paid(card="pm_card_refundFail")
    refund = stripe.Refund.create(payment_intent=payment.id)
    patient_stripe.advance(601)
    assert stripe.Refund.retrieve(refund.id).status == "failed"
    assert not stripe.Charge.retrieve(str(payment.latest_charge)).refunded
    assert happened()[-2:] == ["refund.failed", "charge.refund.updated"]


# Disputes -------------------------------------------------------------------------------------------------------


def test_is_disputed_and_won(patient_stripe: SandboxService):
    payment = paid()
    before = available()
    assert fate(patient_stripe, payment.id, "disputed") == 1
    dispute = stripe.Dispute.list(payment_intent=payment.id).data[0]
    assert (dispute.status, dispute.amount) == ("needs_response", 5000)
    assert stripe.Charge.retrieve(str(payment.latest_charge)).disputed
    assert available() == before - 6500
    with pytest.raises(stripe.InvalidRequestError, match="charged back"):
        stripe.Refund.create(payment_intent=payment.id)
    assert fate(patient_stripe, payment.id, "dispute_won") == 1
    assert available() == before
    assert happened()[-4:] == [
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.funds_reinstated",
        "charge.dispute.closed",
    ]


def test_is_disputed_and_lost(patient_stripe: SandboxService):
    payment = paid()
    wanted = {"reference": payment.id, "units": 2000, "reason": "product_not_received"}
    dispute = patient_stripe.post("/_sandbox/dispute", wanted)
    assert (dispute["amount"], dispute["reason"]) == (2000, "product_not_received")
    assert stripe.Dispute.close(dispute["id"]).status == "lost"
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        stripe.Dispute.close(dispute["id"])


def test_a_card_may_bring_a_dispute(patient_stripe: SandboxService):
    payment = paid(card="pm_card_createDispute")
    assert stripe.Dispute.list(payment_intent=payment.id).data == []
    patient_stripe.advance(601)
    assert len(stripe.Dispute.list(payment_intent=payment.id).data) == 1


def test_its_fate_may_be_decided_before(patient_stripe: SandboxService):
    fate(patient_stripe, "t-1", "dispute_lost")
    fate(patient_stripe, "t-2", "requires_action")
    payment = paid(metadata={"transaction": "t-1"})
    assert paid(metadata={"transaction": "t-2"}).status == "requires_action"
    patient_stripe.advance(601)
    assert stripe.Dispute.list(payment_intent=payment.id).data[0].status == "lost"
