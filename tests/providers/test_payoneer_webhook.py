"""Payoneer's deliveries: what is believed, what is not, and what a true one points at."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from payouts.providers.base import BadWebhook, Hint, RawWebhook
from payouts.providers.payoneer.webhook import APPLICATION, LIVE_APPLICATION, SKEW, read_webhook, sign

SECRET = "test-secret"
NOW = datetime(2026, 11, 30, 12, 30, tzinfo=UTC)
URL = "https://pay.example/webhooks/payoneer/7A/?event=payment-cancelled"
BODY = b'{"Payee Id":"p","IntPaymentId":"k-1","Reason Description":"Payee+is+inactive","Date":"2022%3a05Z"}'


def delivery(
    body: bytes = BODY,
    *,
    secret: str = SECRET,
    at: datetime = NOW,
    url: str = URL,
    signed_url: str = "",
    application: str = APPLICATION,
    nonce: str = "nonce-1",
    signed_body: bytes | None = None,
) -> RawWebhook:
    stamp = str(int(at.timestamp()))
    signature = sign(
        secret,
        url=signed_url or url,
        body=body if signed_body is None else signed_body,
        application=application,
        nonce=nonce,
        timestamp=stamp,
    )
    header = f"hmacauth {application}:{signature}:{nonce}:{stamp}"
    return RawWebhook({"authorization": header}, body, NOW, url)


def read(request: RawWebhook, **changes: Any) -> list[Hint]:
    known = {"secret": SECRET, "application": APPLICATION, "takes_unsigned": False}
    return list(read_webhook(request, **{**known, **changes}))


def test_the_signature_is_the_one_that_was_seen_at_payoneer():
    signature = sign(
        "test-secret",
        url="https://example.com/webhooks",
        body=b'{"Payee Id":"p"}',
        application="Webhook-IPCNSender-sandbox",
        nonce="nonce-1",
        timestamp="1700000000",
    )
    assert signature == "M2wyAni2ltbNP+LUWs3hu6jEVx9hQCP8kI17vzZJS0Q="


def test_a_true_delivery_points_at_its_payment():
    hint = Hint(event_id="nonce-1", kind="payment-cancelled", item_reference="k-1", item_key="k-1")
    assert read(delivery()) == [hint]


def test_texts_may_be_encoded_as_in_an_address():
    [hint] = read(delivery(b'{"IntPaymentId":"k%2d1"}'))
    assert hint.item_key == "k-1"


def test_what_is_about_no_payment_points_at_nothing():
    assert read(delivery(b'{"Payee Id":"p","Session Id":"s"}')) == []


def test_an_address_without_a_type_is_heard_all_the_same():
    [hint] = read(delivery(url="https://pay.example/webhooks/payoneer/7A/"))
    assert hint.kind == "untyped"


def test_capitals_and_the_order_of_parameters_do_not_count():
    other = "https://PAY.example/webhooks/payoneer/7a/?b=2&a=1"
    assert read(delivery(url="https://pay.example/webhooks/payoneer/7A/?a=1&b=2", signed_url=other))


@pytest.mark.parametrize(
    "request_",
    [
        delivery(secret="another"),
        delivery(signed_body=BODY + b" "),
        delivery(signed_url="https://evil.example/webhooks/payoneer/7A/?event=payment-cancelled"),
        delivery(signed_url=URL.replace("cancelled", "accepted")),
        delivery(application=LIVE_APPLICATION),
        delivery(at=NOW - SKEW - timedelta(seconds=1)),
        delivery(at=NOW + SKEW + timedelta(seconds=1)),
        delivery(url=""),
        delivery(b"[]"),
        delivery(b"<xml>"),
        delivery(b"{" * 70_000),
        RawWebhook({}, BODY, NOW, URL),
        RawWebhook({"authorization": "Bearer x"}, BODY, NOW, URL),
        RawWebhook({"authorization": f"hmacauth {APPLICATION}:x:y"}, BODY, NOW, URL),
        RawWebhook({"authorization": f"hmacauth {APPLICATION}:eA==:n:١٧"}, BODY, NOW, URL),
        RawWebhook({"authorization": f"hmacauth {APPLICATION}:eA==:n:999999999999"}, BODY, NOW, URL),
    ],
    ids=[
        "secret",
        "body",
        "host",
        "type",
        "application",
        "old",
        "future",
        "no address",
        "array",
        "xml",
        "large",
        "no header",
        "other scheme",
        "three fields",
        "other digits",
        "far future",
    ],
)
def test_whatever_is_not_right_is_refused(request_: RawWebhook):
    with pytest.raises(BadWebhook):
        read(request_)


@pytest.mark.parametrize("age", [-SKEW, SKEW])
def test_clocks_may_differ_a_little(age: timedelta):
    assert read(delivery(at=NOW + age))


def test_a_live_delivery_is_signed_by_the_live_sender():
    assert read(delivery(application=LIVE_APPLICATION), application=LIVE_APPLICATION)


def test_without_secret_and_without_leave_nothing_is_taken():
    with pytest.raises(BadWebhook, match="PAYONEER_WEBHOOK_SECRET"):
        read(delivery(), secret="")


def test_an_unsigned_delivery_is_labelled_and_said_once_an_hour():
    unsigned = {"secret": "", "takes_unsigned": True}
    [hint] = read(RawWebhook({}, BODY, NOW, URL), **unsigned)
    assert hint.kind == "unsigned payment-cancelled"
    assert hint.item_key == "k-1"
    [again] = read(RawWebhook({}, BODY, NOW + timedelta(minutes=1), URL), **unsigned)
    [later] = read(RawWebhook({}, BODY, NOW + timedelta(hours=1), URL), **unsigned)
    [other] = read(RawWebhook({}, BODY, NOW, URL.replace("cancelled", "accepted")), **unsigned)
    assert hint.event_id == again.event_id
    assert len({hint.event_id, later.event_id, other.event_id}) == 3


def test_where_a_secret_is_set_an_unsigned_delivery_is_refused():
    with pytest.raises(BadWebhook):
        read(RawWebhook({}, BODY, NOW, URL), takes_unsigned=True)


def test_long_references_are_cut_to_what_a_key_may_have():
    [hint] = read(delivery(json.dumps({"IntPaymentId": "k" * 500}).encode()))
    assert len(hint.item_key) == 120
