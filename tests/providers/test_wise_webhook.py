"""Whose a delivery is, and what it points at; Wise's own published example verifies, and nothing near it does."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from payouts.providers.base import BadWebhook, ProviderError, RawWebhook
from payouts.providers.wise.provider import Wise
from payouts.providers.wise.webhook import EVENTS, load_key, read_webhook
from tests.providers.contract import pay
from tests.providers.wise_payments import payment
from tests.sandbox.receiver import Delivery, Receiver, receiving
from tests.sandbox_services import SandboxService

# github.com/transferwise/digital-signatures-examples, verify-webhook-signature; signed with the key of Wise's sandbox.
BODY = (
    b'{"data":{"resource":{"id":49983981,"profile_id":16055450,"account_id":14124090,"type":"transfer"},'
    b'"current_state":"incoming_payment_waiting","previous_state":null,"occurred_at":"2021-08-23T10:12:50Z"},'
    b'"subscription_id":"90aa8e14-4ef1-4a56-861c-f3c9cde097ea","event_type":"transfers#state-change",'
    b'"schema_version":"2.0.0","sent_at":"2021-08-23T10:12:50Z"}'
)
SIGNATURE = (
    "wKcKCYXAzxNgiu7xmoDm943NUni7Rz33QN8JkEA9dWSGebgndonabgSj18Y4C08OrwVmueGsED2s00M7DtJVcYKOS1i3G4TMVx+mgM3aL9djMBkQ"
    "tiYNBFUd6wrPI7ZUNHv/TrlKSjTMc+6JFvUvJ7owY3z85e3I4jLRLJowMFvO8kvCJ60+1pY9wDwZvtZ//WS93LrwGjk9Dvwzpmu0w+P4J75tETT5"
    "qC3Uv0y5G2yO8SEoO3yNP/tg/BOli02niHb53vEOUWUb9bly6thnfMoXoiV/osoGxgF20R58RlvkAmezyyl1Sv542TfS2DpiwVnmjjjkCyXeSUcK"
    "ookYLQ=="
)
PROFILE = "16055450"


def raw(body: bytes = BODY, **headers: str) -> RawWebhook:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return RawWebhook({"x-signature-sha256": SIGNATURE, **named}, body, datetime.now(UTC))


def test_wises_own_example_verifies():
    (hint,) = read_webhook(raw(), key=load_key("", live=False), profile=PROFILE)
    assert hint.item_reference == "49983981"
    assert hint.batch_reference == "", "nothing was paid into it, so it answers no question"
    assert hint.kind == "transfers#state-change incoming_payment_waiting"


@pytest.mark.parametrize(
    "request_",
    [
        raw(json.dumps(json.loads(BODY)).encode()),
        raw(BODY + b" "),
        raw(BODY.replace(b"49983981", b"49983982")),
        raw(x_signature_sha256=""),
        raw(x_signature_sha256="not base64!"),
        raw(x_signature_sha256=SIGNATURE[:-4] + "AAA="),
        raw(BODY + b" " * 300_000),
        raw(BODY + b" ", x_test_notification="true"),
    ],
    ids=["rewritten", "one blank", "another id", "unsigned", "no base64", "other", "too large", "a test"],
)
def test_nothing_near_it_does(request_: RawWebhook):
    with pytest.raises(BadWebhook):
        read_webhook(request_, key=load_key("", live=False), profile=PROFILE)


def test_the_live_key_is_another():
    with pytest.raises(BadWebhook):
        read_webhook(raw(), key=load_key("", live=True), profile=PROFILE)


def test_the_old_signature_is_not_taken():
    old = RawWebhook({"x-signature": SIGNATURE}, BODY, datetime.now(UTC))
    with pytest.raises(BadWebhook):
        read_webhook(old, key=load_key("", live=False), profile=PROFILE)


def test_another_profiles_event_points_at_nothing():
    assert read_webhook(raw(), key=load_key("", live=False), profile="1") == []


def test_a_key_that_is_none_is_named():
    with pytest.raises(ProviderError, match="WISE_WEBHOOK_PUBLIC_KEY_FILE"):
        load_key("-----BEGIN", live=False)


# Against the sandbox ---------------------------------------------------------------------------------------------


def delivered(one: Delivery) -> RawWebhook:
    return RawWebhook(one.headers, one.raw, datetime.now(UTC))


@pytest.fixture
def receiver(wise_sandbox: SandboxService) -> Any:
    with receiving() as listening:
        yield listening


def test_the_address_is_registered_once_for_each_event(
    wise: Wise, wise_sandbox: SandboxService, receiver: Receiver
):
    first = wise.register_webhook(receiver.url)
    assert len(first.split(", ")) == len(EVENTS)
    assert wise.register_webhook(receiver.url) == first
    probes = receiver.wait_for(len(EVENTS))
    assert [wise.read_webhook(delivered(one)) for one in probes] == [[]] * len(EVENTS)
    report = wise.check()
    assert report.webhook == receiver.url
    assert not any("No webhook" in sentence for sentence in report.missing)


def test_an_address_that_does_not_answer_is_refused_with_what_to_do(wise: Wise, receiver: Receiver):
    receiver.status = 500
    with pytest.raises(ProviderError, match="reachable"):
        wise.register_webhook(receiver.url)


def test_states_refunds_and_failures_point_at_their_transfer(
    wise: Wise, wise_sandbox: SandboxService, receiver: Receiver
):
    wise_sandbox.post("/_sandbox/webhook", {"url": receiver.url})
    reference = pay(wise, payment(wise, "Bouncy Bert"))
    told = receiver.wait_for(7)
    hints = [hint for one in told for hint in wise.read_webhook(delivered(one))]
    assert len(hints) == 7
    assert {hint.item_reference for hint in hints} == {hint.batch_reference for hint in hints} == {reference}
    assert len({hint.event_id for hint in hints}) == 7
    kinds = {hint.kind for hint in hints}
    assert "transfers#payout-failure WRONG_ACCOUNT_NUMBER" in kinds
    assert "transfers#refund" in kinds
    assert all(len(hint.event_id) <= 200 for hint in hints)


def test_a_second_delivery_is_the_same_event(wise: Wise, wise_sandbox: SandboxService, receiver: Receiver):
    wise_sandbox.post("/_sandbox/webhook", {"url": receiver.url})
    wise_sandbox.fault("webhook_double")
    pay(wise, payment(wise))
    told = receiver.wait_for(6)
    deliveries = {one.headers["x-delivery-id"] for one in told}
    events = {hint.event_id for one in told for hint in wise.read_webhook(delivered(one))}
    assert (len(deliveries), len(events)) == (6, 3)


def test_forgeries_are_refused(wise: Wise, wise_sandbox: SandboxService, receiver: Receiver):
    wise_sandbox.post("/_sandbox/webhook", {"url": receiver.url})
    wise_sandbox.fault("webhook_forge")
    pay(wise, payment(wise))
    forged = [one for one in receiver.wait_for(6) if b'"forged":true' in one.raw]
    assert len(forged) == 3
    for one in forged:
        with pytest.raises(BadWebhook):
            wise.read_webhook(delivered(one))
