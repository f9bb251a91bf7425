"""Webhooks: who is told what, how it is signed, and how it goes wrong."""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import Any

import pytest
import requests

from tests.sandbox.receiver import Delivery, Receiver, receiving
from tests.sandbox.stripe_api import EXPRESS, paid, seller, stripe
from tests.sandbox_services import SandboxService

pytestmark = pytest.mark.usefixtures("patient_stripe")


@pytest.fixture
def hooked(patient_stripe: SandboxService, receiver: Receiver) -> Receiver:
    """A receiver of all events, the platform's and Connect's."""
    patient_stripe.post("/_sandbox/webhook", {"url": receiver.url})
    return receiver


def kinds(receiver: Receiver, count: int) -> list[str]:
    return [delivery.type for delivery in receiver.wait_for(count)]


def first_of(receiver: Receiver, kind: str) -> Delivery:
    return receiver.wait_for_type(kind)


def is_genuine(delivery: Delivery, secret: str) -> bool:
    """Verify as Stripe's own library does."""
    try:
        stripe.WebhookSignature.verify_header(
            delivery.raw.decode(), delivery.headers["stripe-signature"], secret, 300
        )
    except stripe.SignatureVerificationError:
        return False
    return True


def test_the_platform_and_connect_have_endpoints_of_their_own(patient_stripe: SandboxService):
    with receiving() as own, receiving() as connected:
        platform = stripe.WebhookEndpoint.create(url=own.url, enabled_events=["*"])
        connect = stripe.WebhookEndpoint.create(
            url=connected.url, enabled_events=["account.updated"], connect=True, api_version="2024-06-20"
        )
        account = seller(patient_stripe)
        stripe.Transfer.create(amount=100, currency="eur", destination=account.id)
        (told,) = own.wait_for(1)
        assert told.type == "transfer.created"
        assert "account" not in told.body
        assert told.body["api_version"] == stripe.api_version
        heard = connected.wait_for(2)
        assert {delivery.type for delivery in heard} == {"account.updated"}
        assert heard[0].body["account"] == account.id
        assert heard[0].body["api_version"] == "2024-06-20"
        assert platform.secret
        assert connect.secret
        assert platform.secret != connect.secret
        assert is_genuine(told, platform.secret)
        assert is_genuine(heard[0], connect.secret)
        assert not is_genuine(told, connect.secret)


def test_is_signed_over_the_very_bytes(hooked: Receiver, patient_stripe: SandboxService):
    stripe.Customer.create(name="Hà Nội")
    (told,) = hooked.wait_for(1)
    parts = dict(part.split("=") for part in told.headers["stripe-signature"].split(","))
    signed = f"{parts['t']}.".encode() + told.raw
    secret = patient_stripe.credentials["webhook_secret"]
    assert hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() == parts["v1"]
    event = stripe.Webhook.construct_event(told.raw, told.headers["stripe-signature"], secret)
    assert event.data.object["name"] == "Hà Nội"


def test_names_the_request_that_caused_it(hooked: Receiver):
    made = stripe.Customer.create(idempotency_key="k")
    (told,) = hooked.wait_for(1)
    assert told.body["request"] == {"id": made.last_response.request_id, "idempotency_key": "k"}


def test_tells_things_as_they_were(hooked: Receiver):
    made = stripe.Customer.create(name="Anna")
    stripe.Customer.modify(made.id, name="Ben")
    told = {delivery.type: delivery.body["data"] for delivery in hooked.wait_for(2)}
    assert told["customer.created"]["object"]["name"] == "Anna"
    assert told["customer.updated"]["object"]["name"] == "Ben"
    assert told["customer.updated"]["previous_attributes"] == {"name": "Anna"}


def test_the_secret_is_shown_once(receiver: Receiver):
    made = stripe.WebhookEndpoint.create(url=receiver.url, enabled_events=["customer.created"])
    assert made.secret
    assert made.secret.startswith("whsec_")
    assert "secret" not in stripe.WebhookEndpoint.retrieve(made.id)
    assert "secret" not in stripe.WebhookEndpoint.list().data[0]


def test_an_endpoint_is_changed_disabled_and_deleted(receiver: Receiver):
    made = stripe.WebhookEndpoint.create(
        url=receiver.url, enabled_events=["customer.created"], metadata={"djstripe_uuid": "x"}
    )
    stripe.Customer.create()
    receiver.wait_for(1)
    assert stripe.WebhookEndpoint.modify(made.id, disabled=True).status == "disabled"
    stripe.Customer.create()
    changed = stripe.WebhookEndpoint.modify(made.id, disabled=False, enabled_events=["customer.deleted"])
    assert changed.metadata["djstripe_uuid"] == "x"
    stripe.Customer.delete(stripe.Customer.create().id)
    assert kinds(receiver, 2) == ["customer.created", "customer.deleted"]
    assert stripe.WebhookEndpoint.delete(made.id).deleted
    with pytest.raises(stripe.InvalidRequestError):
        stripe.WebhookEndpoint.retrieve(made.id)


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "https://example.com/hook"},
        {"enabled_events": ["nonsense"]},
        {"enabled_events": ["*", "customer.created"]},
        {"enabled_events": []},
    ],
)
def test_refuses_endpoints_that_cannot_be(receiver: Receiver, wrong: dict[str, Any]):
    with pytest.raises(stripe.InvalidRequestError):
        stripe.WebhookEndpoint.create(**{"url": receiver.url, "enabled_events": ["*"], **wrong})


def test_tells_again_until_it_is_heard(hooked: Receiver, patient_stripe: SandboxService):
    hooked.status = 503
    stripe.Customer.create()
    (first,) = hooked.wait_for(1)
    (event,) = stripe.Event.list().data
    assert event.pending_webhooks == 1
    assert stripe.Event.list(delivery_success=False).data
    hooked.status = 200
    patient_stripe.advance(2)
    again = hooked.wait_for(2)[1]
    assert (again.raw, again.body["id"]) == (first.raw, event.id)
    assert again.headers["stripe-signature"]


def test_events_are_kept_for_a_month(patient_stripe: SandboxService):
    account = seller(patient_stripe)
    stripe.Customer.create()
    paid(currency="usd")
    (made,) = stripe.Event.list(type="customer.*").data
    assert stripe.Event.retrieve(made.id).type == "customer.created"
    assert len(stripe.Event.list(types=["customer.created", "charge.succeeded"]).data) == 2
    with pytest.raises(stripe.InvalidRequestError):
        stripe.Event.retrieve(made.id, stripe_account=account.id)
    patient_stripe.advance(31 * 86_400)
    assert stripe.Event.list(type="customer.*").data == []
    with pytest.raises(stripe.InvalidRequestError, match="No such event"):
        stripe.Event.retrieve(made.id)


# Steering -------------------------------------------------------------------------------------------------------


def test_tells_anything_at_all(hooked: Receiver, patient_stripe: SandboxService):
    account = seller(patient_stripe)
    hooked.deliveries.clear()
    told = {"type": "account.of_the_future", "object": {"object": "surprise"}, "account": account.id}
    event = patient_stripe.post("/_sandbox/events", told)
    heard = first_of(hooked, "account.of_the_future")
    assert (heard.body["id"], heard.body["account"]) == (event["id"], account.id)
    assert heard.body["data"]["object"] == {"object": "surprise"}


def test_sends_thin_events(hooked: Receiver, patient_stripe: SandboxService):
    account = seller(patient_stripe)
    kind = "v2.core.account[requirements].updated"
    patient_stripe.post("/_sandbox/thin", {"type": kind, "reference": account.id})
    told = first_of(hooked, kind)
    assert told.body["object"] == "v2.core.event"
    assert told.body["related_object"]["id"] == account.id
    assert "data" not in told.body
    assert is_genuine(told, patient_stripe.credentials["webhook_secret"])
    client = stripe.StripeClient(patient_stripe.credentials["secret_key"])
    secret = patient_stripe.credentials["webhook_secret"]
    notice = client.parse_event_notification(told.raw, told.headers["stripe-signature"], secret)
    assert notice.type == kind


# Faults ---------------------------------------------------------------------------------------------------------


def test_arrives_before_the_answer(hooked: Receiver, patient_stripe: SandboxService):
    account = seller(patient_stripe)
    hooked.deliveries.clear()
    patient_stripe.post("/_sandbox/settings", {"pace_s": 600})
    seen: list[tuple[str, int]] = []
    url = f"{patient_stripe.url}/v1/transfers"
    headers = {"Authorization": f"Bearer {patient_stripe.credentials['secret_key']}"}

    def look(delivery: Delivery) -> None:
        if delivery.type == "transfer.created":
            named = delivery.body["data"]["object"]["id"]
            seen.append((named, requests.get(f"{url}/{named}", headers=headers, timeout=10).status_code))

    hooked.on_delivery = look
    patient_stripe.fault("webhook_early", match={"path": "/v1/transfers", "method": "POST"})
    made = stripe.Transfer.create(amount=100, currency="eur", destination=account.id)
    assert seen == [(made.id, 200)]


def test_loses_an_event(hooked: Receiver, patient_stripe: SandboxService):
    patient_stripe.fault("webhook_lose", match={"path": "customer.created"})
    made = stripe.Customer.create()
    stripe.Customer.delete(made.id)
    assert kinds(hooked, 1) == ["customer.deleted"]


def test_doubles_an_event(hooked: Receiver, patient_stripe: SandboxService):
    patient_stripe.fault("webhook_double", match={"reference": "u-1"})
    stripe.Customer.create(metadata={"user": "u-1"})
    one, two = hooked.wait_for(2)
    assert one.raw == two.raw


def test_tells_a_later_event_first(hooked: Receiver, patient_stripe: SandboxService):
    patient_stripe.fault("webhook_reorder", match={"path": "customer.created"}, times=1)
    made = stripe.Customer.create()
    stripe.Customer.delete(made.id)
    assert kinds(hooked, 2) == ["customer.deleted", "customer.created"]


def test_tells_late(hooked: Receiver, patient_stripe: SandboxService):
    patient_stripe.fault("webhook_late", match={"path": "customer.created"}, seconds=0.5)
    made = stripe.Customer.create()
    stripe.Customer.delete(made.id)
    assert kinds(hooked, 2) == ["customer.deleted", "customer.created"]


def test_replays_an_old_event_as_it_was_signed_then(hooked: Receiver, patient_stripe: SandboxService):
    stripe.Customer.create()
    (old,) = hooked.wait_for(1)
    patient_stripe.fault("webhook_replay", times=1)
    stripe.Customer.create()
    again = [one for one in hooked.wait_for(3)[1:] if one.body["id"] == old.body["id"]]
    assert [(one.raw, one.headers) for one in again] == [(old.raw, old.headers)]


def test_forges_an_event_in_three_ways(hooked: Receiver, patient_stripe: SandboxService):
    account = seller(patient_stripe)
    hooked.wait_for(1)
    secret = patient_stripe.credentials["webhook_secret"]
    patient_stripe.fault("webhook_forge", match={"path": "transfer.created"})
    for _ in range(3):
        stripe.Transfer.create(amount=100, currency="eur", destination=account.id)
    # Three accounts' events of the seller, of each transfer a payment and twice itself.
    told = [one for one in hooked.wait_for(4 + 9) if one.type == "transfer.created"]
    forged = [one for one in told if "forged" in one.body]
    assert len(forged) == 3
    assert [is_genuine(one, secret) for one in told].count(True) == 3
    assert not any(is_genuine(one, secret) for one in forged)
    assert {one.body["data"]["object"]["amount"] for one in forged} == {1000}
    deadline = time.monotonic() + 5
    while len(lies := patient_stripe.get("/_sandbox/lies")["lies"]) < 3:
        assert time.monotonic() < deadline
    assert [(lie["kind"], lie["answer"]) for lie in lies] == [("webhook_forge", 200)] * 3


def test_a_forgery_turns_an_account_around(hooked: Receiver, patient_stripe: SandboxService):
    patient_stripe.fault("webhook_forge", match={"path": "account.updated"}, times=1)
    stripe.Account.create(controller=EXPRESS, country="DE", capabilities={"transfers": {"requested": True}})
    told = [one.body for one in hooked.wait_for(3) if one.type == "account.updated"]
    claims = {bool(one.get("forged")): one["data"]["object"]["payouts_enabled"] for one in told}
    assert claims == {True: True, False: False}
