"""Signatures are those of Standard Webhooks, and both secrets sign while one replaces the other."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest

from payouts.subscriptions import signing
from tests.subscriptions.verifying import NotVerified, verify

# The vector of the specification's own libraries (standard-webhooks, libraries/javascript/src/webhook.test.ts).
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE = "msg_p5jXN8AQM9LWM0D4loKWxJek"
AT = datetime.fromtimestamp(1614265330, tz=UTC)
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_signs_the_published_vector():
    headers = signing.headers(message_id=MESSAGE, at=AT, body=BODY, secrets=[SECRET])
    assert headers == {
        "webhook-id": MESSAGE,
        "webhook-timestamp": "1614265330",
        "webhook-signature": SIGNATURE,
    }


def test_the_tests_own_verifier_takes_the_published_vector_and_nothing_else():
    headers = {"webhook-id": MESSAGE, "webhook-timestamp": "1614265330", "webhook-signature": SIGNATURE}
    assert verify(headers, BODY, SECRET, now=AT.timestamp()) == MESSAGE
    for changed in (
        headers | {"webhook-id": "msg_another"},
        headers | {"webhook-timestamp": "1614265331"},
        headers | {"webhook-signature": SIGNATURE.replace("v1,", "v2,")},
        headers | {"webhook-signature": "v1,AAAA"},
    ):
        with pytest.raises(NotVerified):
            verify(changed, BODY, SECRET, now=AT.timestamp())
    with pytest.raises(NotVerified):
        verify(headers, BODY + b" ", SECRET, now=AT.timestamp())
    with pytest.raises(NotVerified):
        verify(headers, BODY, SECRET, now=AT.timestamp() + 301)


def test_signs_with_each_secret():
    other = signing.new_secret()
    headers = signing.headers(message_id=MESSAGE, at=AT, body=BODY, secrets=[other, SECRET])
    for secret in (other, SECRET):
        assert verify(headers, BODY, secret, now=AT.timestamp()) == MESSAGE


def test_a_secret_is_random_and_as_long_as_the_specification_wants():
    first, second = signing.new_secret(), signing.new_secret()
    assert first != second
    assert len(base64.b64decode(first.removeprefix("whsec_"), validate=True)) == 32
