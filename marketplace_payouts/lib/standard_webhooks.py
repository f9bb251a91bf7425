"""Signatures of Standard Webhooks: an id, a moment and a body under a shared secret.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md, read 2026-11. The
specification's own Python package raises whatever strange headers make its parser raise, hence these few lines.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

from marketplace_payouts.lib.crypto import constant_time_equal

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
HEADERS: Final = (ID, TIMESTAMP, SIGNATURE)
TOLERANCE: Final = timedelta(minutes=5)

_PREFIX: Final = "whsec_"
_VERSION: Final = "v1,"
_SECRET_BYTES: Final = 32
_MOST_SIGNATURES: Final = 10
# The parts are joined by dots, so an id with one in it could be read in two ways.
_MESSAGE: Final = re.compile(r"[!-\-/-~]{1,255}")
_SECONDS: Final = re.compile(r"[0-9]{1,11}")


class BadSignature(Exception):
    """A message is not signed as it should be; `code` and `str()` say how it is not."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True, slots=True)
class Signed:
    """A message that says of itself that it is signed."""

    message: str
    at: int
    """Seconds since 1970."""
    signatures: tuple[bytes, ...]
    body: bytes

    @classmethod
    def read(cls, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Self:
        """Read the headers of a message.

        :raises BadSignature: when one is missing or malformed, or the moment is more than five minutes away from `now`.
        """
        missing = [name for name in HEADERS if not headers.get(name)]
        if missing:
            raise BadSignature("signature_incomplete", f"The header {' and '.join(missing)} is missing.")
        message, moment = headers[ID], headers[TIMESTAMP]
        if not _MESSAGE.fullmatch(message):
            sentence = f"{ID} may have up to 255 printable characters, without blanks and dots."
            raise BadSignature("signature_malformed", sentence)
        if not _SECONDS.fullmatch(moment):
            raise BadSignature("signature_malformed", f"{TIMESTAMP} is no number of seconds since 1970.")
        if abs(int(moment) - now.timestamp()) > TOLERANCE.total_seconds():
            sentence = (
                f"{TIMESTAMP} is more than five minutes away from our clock: sign anew, and check your clock."
            )
            raise BadSignature("signature_stale", sentence)
        return cls(message, int(moment), tuple(_signatures(headers[SIGNATURE])), body)

    def is_by(self, secret: str) -> bool:
        """Tell whether one of the signatures was made with a secret, in a time that does not tell how far off it is."""
        expected = _digest(secret, self.message, self.at, self.body)
        fitting = [constant_time_equal(expected, given) for given in self.signatures]
        return any(fitting)


def new_secret() -> str:
    """Make a secret, ``whsec_`` and base64."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def headers(*, secrets: Sequence[str], message: str, at: int, body: bytes) -> dict[str, str]:
    """Sign a body once with each secret, `at` in seconds since 1970, and give the headers that go with it."""
    signatures = [base64.b64encode(_digest(secret, message, at, body)).decode() for secret in secrets]
    return {
        ID: message,
        TIMESTAMP: str(at),
        SIGNATURE: " ".join(_VERSION + signature for signature in signatures),
    }


def _digest(secret: str, message: str, at: int, body: bytes) -> bytes:
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    return hmac.digest(key, f"{message}.{at}.".encode() + body, "sha256")


def _signatures(header: str) -> Iterator[bytes]:
    """Several stand side by side while secrets are changed; those of another version are somebody else's."""
    for word in header.split(" ")[:_MOST_SIGNATURES]:
        if word.startswith(_VERSION):
            try:
                yield base64.b64decode(word.removeprefix(_VERSION), validate=True)
            except (binascii.Error, ValueError):
                continue
