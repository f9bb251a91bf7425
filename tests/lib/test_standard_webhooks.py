"""Signatures of Standard Webhooks: the specification's own example, and everything that is not quite one."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest

from marketplace_payouts.lib import standard_webhooks
from marketplace_payouts.lib.standard_webhooks import BadSignature, Signed

# The example of the specification and of its libraries' tests.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE, AT, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
NOW = datetime.fromtimestamp(AT, tz=UTC)


def headers(**changes: str) -> dict[str, str]:
    given = {"webhook-id": MESSAGE, "webhook-timestamp": str(AT), "webhook-signature": SIGNATURE}
    return given | {f"webhook-{name}": value for name, value in changes.items()}


def is_good(body: bytes = BODY, secret: str = SECRET, **changes: str) -> bool:
    return Signed.read(headers(**changes), body, now=NOW).is_by(secret)


def test_the_specifications_example_is_signed_and_verified():
    assert standard_webhooks.headers(secrets=[SECRET], message=MESSAGE, at=AT, body=BODY) == headers()
    assert is_good()
    assert is_good(secret=SECRET.removeprefix("whsec_"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"body": b'{"test": 2432232315}'},
        {"body": b'{"test":2432232314}'},
        {"body": b""},
        {"id": "msg_other"},
        {"timestamp": str(AT + 1)},
        {"secret": standard_webhooks.new_secret()},
        {"signature": "v1,"},
        {"signature": "v1"},
        {"signature": "nonsense"},
        {"signature": "v1,ü"},
        {"signature": SIGNATURE.replace("v1,", "v2,")},
        {"signature": SIGNATURE.replace("v1,", "v1a,")},
        {"signature": SIGNATURE + "x"},
        {"signature": SIGNATURE.removesuffix("=")},
    ],
)
def test_anything_else_is_not_signed(wrong):
    assert not is_good(**wrong)


def test_one_of_several_signatures_is_enough():
    assert is_good(signature=f"v1,{base64.b64encode(b'x' * 32).decode()} v1a,abc {SIGNATURE}")
    assert not is_good(signature=" ".join(["v1,YQ=="] * 10 + [SIGNATURE]))


def test_signs_with_each_secret():
    other = standard_webhooks.new_secret()
    given = standard_webhooks.headers(secrets=[other, SECRET], message=MESSAGE, at=AT, body=BODY)
    signed = Signed.read(given, BODY, now=NOW)
    assert signed.is_by(other)
    assert signed.is_by(SECRET)


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_five_minutes_either_way_are_tolerated(seconds):
    assert Signed.read(headers(), BODY, now=NOW + timedelta(seconds=seconds)).is_by(SECRET)


@pytest.mark.parametrize("seconds", [-301, 301, 86_400])
def test_what_is_further_away_is_stale(seconds):
    with pytest.raises(BadSignature, match="five minutes") as caught:
        Signed.read(headers(), BODY, now=NOW + timedelta(seconds=seconds))
    assert caught.value.code == "signature_stale"


@pytest.mark.parametrize("moment", ["", "soon", "1614265330.0", "-1614265330", "1e9", "9" * 40, "nan", "١٢٣"])
def test_a_moment_is_a_number_of_seconds(moment):
    with pytest.raises(BadSignature):
        Signed.read(headers(timestamp=moment), BODY, now=NOW)


@pytest.mark.parametrize("message", ["", "a b", "a.b", "ü", "x" * 256, "a\nb"])
def test_an_id_is_a_word_without_dots(message):
    with pytest.raises(BadSignature) as caught:
        Signed.read(headers(id=message), BODY, now=NOW)
    assert caught.value.code in ("signature_malformed", "signature_incomplete")


@pytest.mark.parametrize("missing", standard_webhooks.HEADERS)
def test_every_header_is_needed(missing):
    given = {name: value for name, value in headers().items() if name != missing}
    with pytest.raises(BadSignature, match=missing):
        Signed.read(given, BODY, now=NOW)


def test_secrets_are_long_and_differ():
    one, two = standard_webhooks.new_secret(), standard_webhooks.new_secret()
    assert one != two
    assert one.startswith("whsec_")
    assert len(base64.b64decode(one.removeprefix("whsec_"))) == 32
