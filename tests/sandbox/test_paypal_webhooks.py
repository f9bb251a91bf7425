"""Webhooks: what is told, how it is signed, and how it goes wrong."""

from __future__ import annotations

import base64
import json
import time
import zlib
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509 import verification

from tests.sandbox.paypal_api import Caller, item
from tests.sandbox.receiver import Delivery, Receiver
from tests.sandbox_services import SandboxService

HOOKS = "/v1/notifications/webhooks"
SUCCEEDED = "PAYMENT.PAYOUTS-ITEM.SUCCEEDED"


@pytest.fixture
def hooked(paypal: Caller, paypal_sandbox: SandboxService, receiver: Receiver) -> Receiver:
    """A receiver of all events."""
    paypal_sandbox.post("/_sandbox/webhook", {"url": receiver.url})
    return receiver


def is_genuine(delivery: Delivery, service: SandboxService) -> bool:
    """Verify as a careful receiver does: host, chain to the authority, signature over the raw body's checksum."""
    headers = delivery.headers
    url = headers["paypal-cert-url"]
    if not url.startswith(f"{service.url}/v1/notifications/certs/CERT-"):
        return False
    chain = x509.load_pem_x509_certificates(requests.get(url, timeout=10).content)
    roots = x509.load_pem_x509_certificates(Path(service.credentials["webhook_ca_file"]).read_bytes())
    name = x509.DNSName("messageverificationcerts.paypal.com")
    verifier = verification.PolicyBuilder().store(verification.Store(roots)).build_server_verifier(name)
    parts = (
        headers["paypal-transmission-id"],
        headers["paypal-transmission-time"],
        service.credentials["webhook_id"],
        str(zlib.crc32(delivery.raw)),
    )
    key = chain[0].public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    try:
        verifier.verify(chain[0], chain[1:])
        signature = base64.b64decode(headers["paypal-transmission-sig"])
        key.verify(signature, "|".join(parts).encode(), padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, verification.VerificationError):
        return False
    return True


def types(deliveries: list[Delivery]) -> list[str]:
    return [delivery.type.removeprefix("PAYMENT.") for delivery in deliveries]


def test_tells_of_batch_and_items_with_a_signature_that_holds(
    paypal: Caller, paypal_sandbox: SandboxService, hooked: Receiver
):
    batch = paypal.settled(item("a@example.com", key="i"), item("unclaimed+b@example.com"), key="k")
    deliveries = hooked.wait_for(4)
    assert sorted(types(deliveries)) == [
        "PAYOUTS-ITEM.SUCCEEDED",
        "PAYOUTS-ITEM.UNCLAIMED",
        "PAYOUTSBATCH.PROCESSING",
        "PAYOUTSBATCH.SUCCESS",
    ]
    assert all(is_genuine(delivery, paypal_sandbox) for delivery in deliveries)
    assert all(delivery.headers["paypal-auth-algo"] == "SHA256withRSA" for delivery in deliveries)
    paid = hooked.wait_for_type(SUCCEEDED).body
    assert paid["resource_type"] == "payouts_item"
    assert paid["resource"]["sender_batch_id"] == "k"
    assert paid["resource"]["payout_item"]["sender_item_id"] == "i"
    done = hooked.wait_for_type("PAYMENT.PAYOUTSBATCH.SUCCESS").body
    assert done["resource"]["batch_header"]["payout_batch_id"] == batch["batch_header"]["payout_batch_id"]
    assert "items" not in done["resource"]


@pytest.mark.parametrize(
    ("status", "event"),
    [
        ("RETURNED", "RETURNED"),
        ("REFUNDED", "REFUNDED"),
        ("BLOCKED", "BLOCKED"),
        ("ONHOLD", "HELD"),
        ("DENIED", "DENIED"),
        ("FAILED", "FAILED"),
    ],
)
def test_names_events_otherwise_than_statuses(
    paypal: Caller, paypal_sandbox: SandboxService, hooked: Receiver, status: str, event: str
):
    paypal.settled(item("a@example.com", key="i"))
    hooked.wait_for(3)
    paypal_sandbox.post("/_sandbox/fate", {"reference": "i", "status": status})
    told = hooked.wait_for_type(f"PAYMENT.PAYOUTS-ITEM.{event}")
    assert told.body["resource"]["transaction_status"] == status


def test_tells_of_a_cancel_under_its_own_name(paypal: Caller, hooked: Receiver):
    batch = paypal.settled(item("unclaimed+a@example.com"))
    paypal.call("POST", f"/v1/payments/payouts-item/{batch['items'][0]['payout_item_id']}/cancel")
    told = hooked.wait_for_type("PAYMENT.PAYOUTS-ITEM.CANCELED")
    assert told.body["resource"]["transaction_status"] == "RETURNED"


def test_tells_again_until_it_is_heard(paypal: Caller, paypal_sandbox: SandboxService, hooked: Receiver):
    hooked.status = 503
    paypal.settled(item("a@example.com"))
    first = {delivery.body["id"] for delivery in hooked.wait_for(3)}
    hooked.status = 200
    hooked.deliveries.clear()
    paypal_sandbox.advance(2)
    assert {delivery.body["id"] for delivery in hooked.wait_for(3)} == first


# Faults ---------------------------------------------------------------------------------------------------------


def test_loses_an_event(paypal: Caller, paypal_sandbox: SandboxService, hooked: Receiver):
    paypal_sandbox.fault("webhook_lose", match={"path": SUCCEEDED})
    paypal.settled(item("a@example.com"))
    assert sorted(types(hooked.wait_for(2))) == ["PAYOUTSBATCH.PROCESSING", "PAYOUTSBATCH.SUCCESS"]
    paypal_sandbox.delete("/_sandbox/faults")
    paypal.settled(item("b@example.com"))
    assert types(hooked.wait_for(5)).count("PAYOUTS-ITEM.SUCCEEDED") == 1


def test_doubles_an_event(paypal: Caller, paypal_sandbox: SandboxService, hooked: Receiver):
    paypal_sandbox.fault("webhook_double", match={"reference": "i", "path": SUCCEEDED})
    paypal.settled(item("a@example.com", key="i"))
    twice = [delivery for delivery in hooked.wait_for(4) if delivery.type == SUCCEEDED]
    assert len(twice) == 2
    assert twice[0].raw == twice[1].raw
    assert twice[0].headers["paypal-transmission-id"] != twice[1].headers["paypal-transmission-id"]


def test_replays_an_old_event_as_it_was_signed_then(
    paypal: Caller, paypal_sandbox: SandboxService, hooked: Receiver
):
    paypal.settled(item("a@example.com"))
    old = hooked.wait_for(3)[0]
    paypal_sandbox.fault("webhook_replay", match={"path": SUCCEEDED})
    paypal.settled(item("b@example.com"))
    again = [one for one in hooked.wait_for(7)[3:] if one.body["id"] == old.body["id"]]
    assert [(one.raw, one.headers) for one in again] == [(old.raw, old.headers)]


def test_tells_a_later_event_first(paypal: Caller, paypal_sandbox: SandboxService, hooked: Receiver):
    paypal_sandbox.fault("webhook_reorder", match={"path": "PAYMENT.PAYOUTSBATCH.PROCESSING"}, times=1)
    paypal.settled(item("a@example.com"))
    assert types(hooked.wait_for(3))[0] != "PAYOUTSBATCH.PROCESSING"


def test_tells_late(paypal: Caller, paypal_sandbox: SandboxService, hooked: Receiver):
    paypal_sandbox.fault("webhook_late", match={"path": SUCCEEDED}, seconds=0.4)
    paypal.settled(item("a@example.com"))
    deliveries = hooked.wait_for(3)
    assert types(deliveries)[-1] == "PAYOUTS-ITEM.SUCCEEDED"
    assert deliveries[-1].at - deliveries[0].at > 0.2


def test_tells_before_it_answers(paypal: Caller, paypal_sandbox: SandboxService, hooked: Receiver):
    paypal_sandbox.fault("webhook_early", match={"path": "/v1/payments/payouts$"}, times=1)
    answer = paypal.pay(item("a@example.com"), key="k")
    assert answer.json()["batch_header"]["batch_status"] == "PENDING"
    assert len(hooked.deliveries) == 3, "they were there before the answer was"
    assert {delivery.type for delivery in hooked.deliveries} >= {SUCCEEDED}


def test_forges_in_three_ways_none_of_which_verifies(
    paypal: Caller, paypal_sandbox: SandboxService, hooked: Receiver
):
    paypal_sandbox.fault("webhook_forge", match={"path": "PAYMENT.PAYOUTS-ITEM"})
    paypal.settled(*(item(f"a{n}@example.com") for n in range(3)))
    told = [delivery for delivery in hooked.wait_for(8) if "PAYOUTS-ITEM" in delivery.type]
    forged = [delivery for delivery in told if delivery.body["resource"]["transaction_status"] != "SUCCESS"]
    assert len(forged) == 3
    assert not any(is_genuine(delivery, paypal_sandbox) for delivery in forged)
    genuine = [delivery for delivery in told if delivery not in forged]
    assert all(is_genuine(delivery, paypal_sandbox) for delivery in genuine)
    assert {d.body["id"] for d in forged} == {d.body["id"] for d in genuine}


def test_forges_events_of_batches_too(paypal: Caller, paypal_sandbox: SandboxService, hooked: Receiver):
    paypal_sandbox.fault("webhook_forge", match={"path": "PAYMENT.PAYOUTSBATCH"})
    for n in range(3):
        paypal.settled(item(f"a{n}@example.com"))
    told = [delivery for delivery in hooked.wait_for(15) if "PAYOUTSBATCH" in delivery.type]
    genuine = [delivery for delivery in told if is_genuine(delivery, paypal_sandbox)]
    assert len(genuine) == len(told) / 2
    assert {d.body["id"] for d in told} == {d.body["id"] for d in genuine}


@pytest.mark.parametrize("status", [200, 400])
def test_keeps_what_a_forged_event_was_answered_with(
    paypal: Caller, paypal_sandbox: SandboxService, hooked: Receiver, status: int
):
    hooked.status = status
    paypal_sandbox.fault("webhook_forge", match={"path": SUCCEEDED}, times=1)
    paypal.settled(item("a@example.com", key="i"))
    deadline = time.monotonic() + 5
    while not (lies := paypal_sandbox.get("/_sandbox/lies")["lies"]):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    [lie] = lies
    assert (lie["kind"], lie["answer"]) == ("webhook_forge", status)
    assert "i" in lie["about"]


# The API --------------------------------------------------------------------------------------------------------


def test_keeps_a_list_of_listeners(paypal: Caller, receiver: Receiver):
    made = paypal.call("POST", HOOKS, {"url": receiver.url, "event_types": [{"name": SUCCEEDED}]})
    assert made.status_code == 201
    path = f"{HOOKS}/{made.json()['id']}"
    assert paypal.call("GET", HOOKS).json()["webhooks"] == [made.json()]
    again = paypal.call("POST", HOOKS, {"url": receiver.url, "event_types": [{"name": "*"}]})
    assert again.json()["name"] == "WEBHOOK_URL_ALREADY_EXISTS"
    patch = [{"op": "replace", "path": "/event_types", "value": [{"name": "*"}]}]
    assert paypal.call("PATCH", path, patch).json()["event_types"][0]["name"] == "*"
    assert paypal.call("GET", f"{path}/event-types").json()["event_types"][0]["name"] == "*"
    assert paypal.call("DELETE", path).status_code == 204
    assert paypal.call("GET", path).status_code == 404


def test_tells_only_what_was_subscribed(paypal: Caller, receiver: Receiver):
    paypal.call(
        "POST", HOOKS, {"url": receiver.url, "event_types": [{"name": "PAYMENT.PAYOUTSBATCH.SUCCESS"}]}
    )
    paypal.settled(item("a@example.com"))
    assert types(receiver.wait_for(1)) == ["PAYOUTSBATCH.SUCCESS"]
    assert paypal.call("GET", "/v1/notifications/webhooks-events").json()["count"] == 1


@pytest.mark.parametrize("url", ["https://example.com/hook", "http://10.0.0.1/hook", "nonsense", None])
def test_calls_nobody_beyond_loopback(paypal: Caller, url):
    answer = paypal.call("POST", HOOKS, {"url": url, "event_types": [{"name": "*"}]})
    assert (answer.status_code, answer.json()["name"]) == (400, "VALIDATION_ERROR")


def test_takes_at_most_ten_listeners(paypal: Caller, receiver: Receiver):
    codes = [
        paypal.call("POST", HOOKS, {"url": f"{receiver.url}/{n}", "event_types": [{"name": "*"}]}).status_code
        for n in range(11)
    ]
    assert codes == [201] * 10 + [400]


def test_lists_shows_and_resends_events(paypal: Caller, hooked: Receiver):
    batch = paypal.settled(item("a@example.com"))
    hooked.wait_for(3)
    about = batch["items"][0]["transaction_id"]
    (event,) = paypal.call("GET", f"/v1/notifications/webhooks-events?transaction_id={about}").json()[
        "events"
    ]
    assert event["event_type"] == SUCCEEDED
    path = f"/v1/notifications/webhooks-events/{event['id']}"
    assert paypal.call("GET", path).json() == event
    assert paypal.call("POST", f"{path}/resend", {}).status_code == 202
    assert hooked.wait_for(4)[-1].body == event


def test_simulates_an_event(paypal: Caller, receiver: Receiver):
    body = {"url": receiver.url, "event_type": SUCCEEDED}
    assert paypal.call("POST", "/v1/notifications/simulate-event", body).status_code == 202
    assert receiver.wait_for(1)[0].type == SUCCEEDED


def test_verifies_the_very_bytes(paypal: Caller, paypal_sandbox: SandboxService, hooked: Receiver):
    paypal.settled(item("ä@example.com".replace("ä", "a"), note="Grüße"))
    delivery = hooked.wait_for_type(SUCCEEDED)
    fields = {
        name: delivery.headers[f"paypal-{name.replace('_', '-')}"]
        for name in ("auth_algo", "cert_url", "transmission_id", "transmission_sig", "transmission_time")
    }
    head = json.dumps({**fields, "webhook_id": paypal_sandbox.credentials["webhook_id"]})[:-1]

    def verify(event: bytes) -> str:
        data = head.encode() + b', "webhook_event": ' + event + b"}"
        answer = paypal.session.post(
            f"{paypal.url}/v1/notifications/verify-webhook-signature", data=data, timeout=10
        )
        assert answer.status_code == 200
        return str(answer.json()["verification_status"])

    assert verify(delivery.raw) == "SUCCESS"
    assert verify(json.dumps(delivery.body, indent=1).encode()) == "FAILURE"
    assert verify(delivery.raw.replace(b"SUCCESS", b"FAILED")) == "FAILURE"
