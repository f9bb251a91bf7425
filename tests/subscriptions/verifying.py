"""Verifies signatures as a subscriber would, written after the specification alone and not after our code."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping


class NotVerified(Exception):
    """Somebody else sent this, or something changed on the way."""


def verify(
    headers: Mapping[str, str], body: bytes, secret: str, *, now: float, tolerance_s: int = 300
) -> str:
    """Check a delivery, and give its id.

    :raises NotVerified: when no signature fits, or the timestamp is too old or too new.
    """
    message_id, timestamp = headers["webhook-id"], headers["webhook-timestamp"]
    if abs(now - int(timestamp)) > tolerance_s:
        raise NotVerified(f"signed at {timestamp}, now it is {now}")
    assert secret.startswith("whsec_")
    key = base64.b64decode(secret[len("whsec_") :], validate=True)
    assert 24 <= len(key) <= 64
    content = f"{message_id}.{timestamp}.".encode() + body
    expected = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    for one in headers["webhook-signature"].split(" "):
        version, _, signature = one.partition(",")
        if version == "v1" and hmac.compare_digest(signature, expected):
            return message_id
    raise NotVerified("no signature fits")
