"""Wise's webhooks: whether a delivery is Wise's, and what it points at (read 2026-11).

The signature covers the raw body and nothing else: neither time nor address. A delivery may therefore be shown to us
again at any time, and Wise itself delivers again for two weeks; what is read here is only a pointer, to be read again
from the API. Tests are verified like everything else, and answered.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from payouts.providers.base import BadWebhook, Hint, ProviderError, RawWebhook
from payouts.providers.wise.amounts import read_json
from payouts.providers.wise.codes import WAITING
from payouts.providers.wise.fields import read_id, read_text
from payouts.providers.wise.keys import LIVE, SANDBOX

SIGNATURE: Final = "x-signature-sha256"
LARGEST_BODY: Final = 256 * 1024
STATE: Final = "transfers#state-change"
REFUND: Final = "transfers#refund"
FAILURE: Final = "transfers#payout-failure"
EVENTS: Final[Mapping[str, str]] = {STATE: "2.0.0", REFUND: "1.0.0", FAILURE: "2.0.0"}
"""Every event that we ask Wise for, in which version; refunds exist in the first one only."""

_WORD = re.compile(r"[A-Za-z0-9_#:.+-]{1,80}", re.ASCII)


def load_key(pem: str, *, live: bool) -> rsa.RSAPublicKey:
    """This will read the public key that verifies deliveries: the one given, else Wise's own.

    :raises ProviderError: when it is none.
    """
    try:
        key = load_pem_public_key((pem or (LIVE if live else SANDBOX)).encode())
    except ValueError:
        key = None
    if not isinstance(key, rsa.RSAPublicKey):
        raise ProviderError("WISE_WEBHOOK_PUBLIC_KEY_FILE must name a file with an RSA public key (PEM).")
    return key


def read_webhook(request: RawWebhook, *, key: rsa.RSAPublicKey, profile: str) -> Sequence[Hint]:
    """This will verify a delivery and say what it points at; nothing, for tests and what is not about transfers.

    :raises BadWebhook: when it is not Wise's, or cannot be read.
    """
    verify(request, key=key)
    event = _event(request.body)
    kind, data = read_text(event, "event_type"), event.get("data")
    if kind not in EVENTS or not isinstance(data, Mapping):
        return []
    resource = data.get("resource")
    about: Mapping[str, Any] = resource if isinstance(resource, Mapping) else data
    transfer = read_id(about, "id") or read_id(about, "transfer_id")
    if not transfer:
        raise BadWebhook("The event names no transfer.")
    if read_id(about, "profile_id") not in ("", profile):
        return []
    state = read_text(data, "current_state")
    return [
        Hint(
            event_id=_identity(event, data, kind, transfer),
            kind=" ".join(filter(None, (kind, state, read_text(data, "failure_reason_code"))))[:120],
            # A transfer that nobody has paid into yet is no answer to the question whether it was paid.
            batch_reference="" if state == WAITING else transfer,
            item_reference=transfer,
        )
    ]


def verify(request: RawWebhook, *, key: rsa.RSAPublicKey) -> None:
    """This will check that Wise signed this very body.

    :raises BadWebhook: when it did not.
    """
    if len(request.body) > LARGEST_BODY:
        raise BadWebhook("The body is larger than any event.")
    given = request.headers.get(SIGNATURE, "")
    if not given:
        raise BadWebhook("The delivery is not signed.")
    try:
        signature = base64.b64decode(given, validate=True)
    except (binascii.Error, ValueError):
        raise BadWebhook("The signature cannot be read.") from None
    try:
        key.verify(signature, request.body, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        raise BadWebhook("The signature does not fit.") from None


def _event(body: bytes) -> Mapping[str, Any]:
    try:
        event = read_json(body)
    except ValueError:
        raise BadWebhook("The body is no JSON.") from None
    if not isinstance(event, Mapping):
        raise BadWebhook("The body is no object.")
    return event


def _identity(event: Mapping[str, Any], data: Mapping[str, Any], kind: str, transfer: str) -> str:
    """What makes an event the same one when it is delivered again: Wise's own id is that of a delivery."""
    parts = [read_text(event, "subscription_id"), kind, transfer]
    parts += [read_text(data, "current_state"), read_text(data, "occurred_at")]
    return " ".join(part if _WORD.fullmatch(part) else "-" for part in parts)
