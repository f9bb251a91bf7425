"""Secrets and signatures as Standard Webhooks 1.0 has them: symmetric, `v1`.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md, read 2026-11.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from marketplace_payouts.lib import crypto
from payouts.models import WebhookSubscription

_PREFIX: Final = "whsec_"
_BYTES: Final = 32


def new_secret() -> str:
    """This will make a secret in the form in which subscribers are given it."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode()


def seal(secret: str, subscription: WebhookSubscription) -> bytes:
    """This will seal a secret for the row of its subscription."""
    return crypto.seal(secret.encode(), aad=subscription.pk.bytes)


def secrets_of(subscription: WebhookSubscription, *, now: datetime) -> list[str]:
    """This will open what messages are signed with now: the secret and, for a while, the former one.

    :raises CryptoError: when one was changed, moved to another row, or its key is missing.
    """
    sealed = [subscription.secret]
    if subscription.former_secret is not None and (subscription.former_until or now) > now:
        sealed.append(subscription.former_secret)
    return [crypto.open(bytes(one), aad=subscription.pk.bytes).decode() for one in sealed]


def headers(*, message_id: str, at: datetime, body: bytes, secrets: Sequence[str]) -> Mapping[str, str]:
    """This will sign a body, once with each secret, and give the headers that go with it."""
    timestamp = str(int(at.timestamp()))
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(_signature(secret, signed) for secret in secrets),
    }


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
