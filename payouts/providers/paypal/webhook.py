"""PayPal's webhooks: whether a delivery is PayPal's, and what it points at.

The signature covers an id, a time, our webhook's id, and of the body nothing but its CRC32 (PayPal's page
"webhooks/rest", read 2026-11). Whoever holds one true delivery can therefore make another body that fits: what is
read here is only a pointer, to be read again from the API, and never applied.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from payouts.providers.base import BadWebhook, Hint, RawWebhook
from payouts.providers.paypal.batch_request import read_key
from payouts.providers.paypal.certificates import CertificateKeeper
from payouts.providers.paypal.fields import read_text, read_time

ID_HEADER: Final = "paypal-transmission-id"
TIME_HEADER: Final = "paypal-transmission-time"
SIGNATURE_HEADER: Final = "paypal-transmission-sig"
CERTIFICATE_HEADER: Final = "paypal-cert-url"
ALGORITHM_HEADER: Final = "paypal-auth-algo"
# PayPal's own libraries take SHA1withRSA too; a collision of SHA-1 can be bought.
ALGORITHM: Final = "sha256withrsa"
LARGEST_BODY: Final = 256 * 1024
# PayPal delivers again for three days and does not say whether it writes a new time: a narrower window would refuse
# what was missed while we were down. A second delivery does nothing, since the event's id is known by then.
OLDEST: Final = timedelta(days=3, hours=1)
# Clocks differ.
NEWEST: Final = timedelta(minutes=5)

BATCH_EVENTS: Final = "PAYMENT.PAYOUTSBATCH."
ITEM_EVENTS: Final = "PAYMENT.PAYOUTS-ITEM."
EVENTS: Final = (
    *(BATCH_EVENTS + word for word in ("PROCESSING", "SUCCESS", "DENIED")),
    *(
        ITEM_EVENTS + word
        for word in (
            "SUCCEEDED",
            "FAILED",
            "UNCLAIMED",
            "RETURNED",
            "CANCELED",
            "DENIED",
            "HELD",
            "BLOCKED",
            "REFUNDED",
        )
    ),
)
"""Every type of event that we ask PayPal to send."""

_TRANSMISSION = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)
_EVENT_ID = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)


def read_webhook(request: RawWebhook, *, webhook_id: str, certificates: CertificateKeeper) -> Sequence[Hint]:
    """This will verify a delivery and say what it points at; nothing, for events that are not about payouts.

    :raises BadWebhook: when it is not PayPal's, is too old, or cannot be read.
    """
    verify(request, webhook_id=webhook_id, certificates=certificates)
    event = _event(request.body)
    event_id, kind = _text(event, "id"), _text(event, "event_type")
    if not _EVENT_ID.fullmatch(event_id) or not kind:
        raise BadWebhook("The event has no id or no type.")
    resource = event.get("resource")
    if not isinstance(resource, Mapping):
        raise BadWebhook("The event is about nothing.")
    if kind.startswith(BATCH_EVENTS):
        return [_batch_hint(event_id, kind, resource)]
    if kind.startswith(ITEM_EVENTS):
        return [_item_hint(event_id, kind, resource)]
    return []


def verify(request: RawWebhook, *, webhook_id: str, certificates: CertificateKeeper) -> None:
    """This will check that PayPal signed this delivery for this webhook, the cheap checks first.

    :raises BadWebhook: when it did not, or the delivery is too old.
    """
    if not webhook_id:
        raise BadWebhook("PAYPAL_WEBHOOK_ID is not set, so no delivery can be verified.")
    if len(request.body) > LARGEST_BODY:
        raise BadWebhook("The body is larger than any event.")
    transmission = _header(request, ID_HEADER)
    if not _TRANSMISSION.fullmatch(transmission):
        raise BadWebhook("The id of the transmission is none.")
    if _header(request, ALGORITHM_HEADER).lower() != ALGORITHM:
        raise BadWebhook("Only signatures by SHA256withRSA are taken.")
    time = _header(request, TIME_HEADER)
    _check_time(time, now=request.received_at)
    signature = _signature(_header(request, SIGNATURE_HEADER))
    key = certificates.key_behind(_header(request, CERTIFICATE_HEADER), now=request.received_at)
    signed = f"{transmission}|{time}|{webhook_id}|{zlib.crc32(request.body) & 0xFFFFFFFF}"
    try:
        key.verify(signature, signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        raise BadWebhook("The signature does not fit.") from None


def _check_time(text: str, *, now: datetime) -> None:
    time = read_time(text)
    if time is None:
        raise BadWebhook("The time of the transmission is none.")
    if not now - OLDEST <= time <= now + NEWEST:
        raise BadWebhook("The transmission is too old, or from the future.")


def _header(request: RawWebhook, name: str) -> str:
    value = request.headers.get(name, "")
    if not value:
        raise BadWebhook(f"The header {name} is missing.")
    return value


def _signature(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadWebhook("The signature is not base64.") from None


def _event(body: bytes) -> Mapping[str, Any]:
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        raise BadWebhook("The body is not JSON.") from None
    if not isinstance(event, dict):
        raise BadWebhook("The body is no object.")
    return event


def _batch_hint(event_id: str, kind: str, resource: Mapping[str, Any]) -> Hint:
    header = resource.get("batch_header")
    sender = header.get("sender_batch_header") if isinstance(header, Mapping) else None
    return Hint(
        event_id=event_id,
        kind=kind,
        batch_reference=_text(header, "payout_batch_id"),
        batch_key=read_key(_text(sender, "sender_batch_id")),
    )


def _item_hint(event_id: str, kind: str, resource: Mapping[str, Any]) -> Hint:
    return Hint(
        event_id=event_id,
        kind=kind,
        batch_reference=_text(resource, "payout_batch_id"),
        item_reference=_text(resource, "payout_item_id"),
        batch_key=read_key(_text(resource, "sender_batch_id")),
        item_key=_text(resource.get("payout_item"), "sender_item_id"),
    )


def _text(value: object, name: str) -> str:
    return read_text(value, name)[:300]
