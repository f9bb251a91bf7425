"""The sandbox's Wise tells what happens: subscriptions with their probe, signatures, events, deliveries again."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.sandbox.receiver import Delivery, Receiver
from tests.sandbox.wise_api import WiseCaller, code
from tests.sandbox_services import SandboxService

SUBSCRIPTIONS = "/v3/profiles/{p}/subscriptions"
STATE, REFUND = "transfers#state-change", "transfers#refund"


def body(url: str, trigger: str = STATE, version: str = "2.0.0") -> dict[str, object]:
    return {"name": "Ours", "trigger_on": trigger, "delivery": {"version": version, "url": url}}


def is_signed(delivery: Delivery, service: SandboxService, *, raw: bytes | None = None) -> bool:
    pem = Path(service.credentials["webhook_public_key_file"]).read_bytes()
    key = serialization.load_pem_public_key(pem)
    assert isinstance(key, rsa.RSAPublicKey)
    signature = base64.b64decode(delivery.headers["x-signature-sha256"])
    try:
        key.verify(signature, delivery.raw if raw is None else raw, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def test_whoever_subscribes_is_probed_first(
    wise: WiseCaller, wise_sandbox: SandboxService, receiver: Receiver
):
    made = wise.done("POST", SUBSCRIPTIONS, body(receiver.url))
    (probe,) = receiver.wait_for(1)
    assert probe.headers["x-test-notification"] == "true"
    assert is_signed(probe, wise_sandbox)
    assert wise.done("GET", SUBSCRIPTIONS) == [made]
    receiver.status = 500
    refused = wise.call("POST", SUBSCRIPTIONS, body(receiver.url))
    assert (refused.status_code, code(refused)) == (422, "INVALID_CALLBACK_URL")
    assert wise.done("GET", SUBSCRIPTIONS) == [made]
    assert wise.call("DELETE", f"{SUBSCRIPTIONS}/{made['id']}").status_code == 204
    assert wise.done("GET", SUBSCRIPTIONS) == []


@pytest.mark.parametrize("trigger", [(STATE, "1.0.0"), (REFUND, "2.0.0"), ("transfers#nothing", "2.0.0")])
def test_each_event_has_versions_of_its_own(wise: WiseCaller, receiver: Receiver, trigger: tuple[str, str]):
    refused = wise.call("POST", SUBSCRIPTIONS, body(receiver.url, *trigger))
    assert (refused.status_code, code(refused)) == (422, "INVALID_TRIGGER")
    assert not receiver.deliveries


@pytest.mark.parametrize("url", ["https://example.com/hook", "http://127.0.0.1:9/hook?a=1"])
def test_addresses_that_it_does_not_call_are_refused(wise: WiseCaller, url: str):
    assert code(wise.call("POST", SUBSCRIPTIONS, body(url))) == "INVALID_CALLBACK_URL"


def test_states_and_refunds_are_told_signed_over_the_raw_body(
    wise: WiseCaller, wise_sandbox: SandboxService, receiver: Receiver
):
    wise_sandbox.post("/_sandbox/webhook", {"url": receiver.url})
    transfer = wise.sent("Partly Bert")
    refund = receiver.wait_for_type(REFUND)
    assert refund.body["data"]["resource"]["refund_amount"] == 45
    assert refund.body["schema_version"] == "1.0.0"
    told = receiver.wait_for(7)
    states = [one.body["data"]["current_state"] for one in told if one.type == STATE]
    assert set(states) == {
        "processing",
        "funds_converted",
        "outgoing_payment_sent",
        "bounced_back",
        "funds_refunded",
    }
    assert all(is_signed(one, wise_sandbox) for one in told)
    assert not any("customerTransactionId" in one.raw.decode() for one in told)
    assert refund.body["data"]["resource"]["id"] == transfer["id"]
    again = json.dumps(refund.body, indent=1).encode()
    assert not is_signed(refund, wise_sandbox, raw=again), "the same value in other bytes"


def test_what_is_not_taken_is_delivered_again(
    wise: WiseCaller, wise_sandbox: SandboxService, receiver: Receiver
):
    wise_sandbox.post("/_sandbox/webhook", {"url": receiver.url})
    wise_sandbox.post("/_sandbox/simulate", {"manual": True})
    receiver.status = 500
    transfer = wise.sent()
    wise.done("GET", f"/v1/simulation/transfers/{transfer['id']}/processing")
    (first,) = receiver.wait_for(1)
    receiver.status = 200
    for _ in range(100):
        wise_sandbox.advance(60)
    second = receiver.wait_for(2)[1]
    assert first.raw == second.raw
    assert first.headers["x-delivery-id"] != second.headers["x-delivery-id"]


def test_forgeries_do_not_verify(wise: WiseCaller, wise_sandbox: SandboxService, receiver: Receiver):
    wise_sandbox.post("/_sandbox/webhook", {"url": receiver.url})
    wise_sandbox.fault("webhook_forge")
    wise.sent()
    told = receiver.wait_for(6)
    forged = [one for one in told if b'"forged":true' in one.raw]
    assert len(forged) == 3
    assert not any(is_signed(one, wise_sandbox) for one in forged)
    assert any("x-test-notification" in one.headers for one in forged)


def test_an_event_may_come_before_the_answer(
    wise: WiseCaller, wise_sandbox: SandboxService, receiver: Receiver
):
    wise_sandbox.post("/_sandbox/webhook", {"url": receiver.url})
    transfer = wise.transfer()
    wise_sandbox.fault("webhook_early", times=1)
    assert wise.fund(transfer).ok
    assert receiver.deliveries
