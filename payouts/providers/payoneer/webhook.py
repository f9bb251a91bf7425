"""Payoneer's webhooks (IPCN): whether a delivery is Payoneer's, and which payment it points at.

The body says neither which event it is nor by what id: each type has an address of its own, ours with `?event=…`. The
header is `Authorization: hmacauth <application>:<signature>:<nonce>:<unix time>`; the signature is an HMAC-SHA256 over
the application, the method, the address as it was configured, time, nonce and the MD5 of the body (Payoneer's published
verifier for Java, as ported by pcriv/go-payoneer and there checked against its sandbox, read 2026-11).

The address that is signed is the one that is configured, and never made of what a proxy or the caller says. Of the body
nothing but an MD5 is signed, so what is read here is only a pointer, to be read again, and never applied. The nonce is
the id of the event: whoever stores deliveries once per event thereby takes each nonce once.

Where Payoneer has agreed to no secret, deliveries come unsigned. PAYONEER_WEBHOOK_UNSIGNED takes them, at an address
that nobody can guess; each is labelled as unsigned where it is stored.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import parse_qs, quote_plus, urlsplit

from payouts.providers.base import BadWebhook, Hint, RawWebhook
from payouts.providers.payoneer.fields import read_encoded

APPLICATION: Final = "Webhook-IPCNSender-sandbox"
LIVE_APPLICATION: Final = "Webhook-IPCNSender-production"
EVENT: Final = "event"
EVENTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Payment Request Accepted": f"?{EVENT}=payment-accepted",
        "Cancel Payout": f"?{EVENT}=payment-cancelled",
        "Sent to bank (iACH)": f"?{EVENT}=sent-to-bank",
        "Account Loaded": f"?{EVENT}=account-loaded",
        "Card Loaded": f"?{EVENT}=card-loaded",
    }
)
"""What Payoneer calls each event that is about a payment → what stands behind our address for it."""
UNSIGNED: Final = "unsigned"
LARGEST_BODY: Final = 64 * 1024
SKEW: Final = timedelta(minutes=5)

_HEADER = re.compile(
    r"hmacauth\s+([^:\s]{1,100}):([A-Za-z0-9+/=]{1,200}):([^:\s]{1,150}):(\d{1,12})",
    re.ASCII | re.IGNORECASE,
)
_WORD = re.compile(r"[A-Za-z0-9-]{1,60}", re.ASCII)


def read_webhook(
    request: RawWebhook, *, secret: str, application: str, takes_unsigned: bool
) -> Sequence[Hint]:
    """This will verify a delivery and say what it points at; nothing, where it is about no payment.

    :raises BadWebhook: when it is not Payoneer's, is too old, or cannot be read.
    """
    if len(request.body) > LARGEST_BODY:
        raise BadWebhook("The body is larger than any event.")
    if secret:
        event_id = verify(request, secret=secret, application=application)
        kind = _kind(request)
    elif takes_unsigned:
        event_id, kind = _unsigned_id(request), f"{UNSIGNED} {_kind(request)}"
    else:
        raise BadWebhook("PAYONEER_WEBHOOK_SECRET is not set, so no delivery can be verified.")
    key = read_encoded(_body(request.body), "IntPaymentId")
    if not key:
        return []
    return [Hint(event_id=event_id, kind=kind, item_reference=key[:120], item_key=key[:120])]


def verify(request: RawWebhook, *, secret: str, application: str) -> str:
    """This will check that Payoneer signed this delivery just now, and give its nonce.

    :raises BadWebhook: when it did not.
    """
    found = _HEADER.fullmatch(request.headers.get("authorization", "").strip())
    if found is None:
        raise BadWebhook("The header that signs a delivery is missing, or none.")
    sender, signature, nonce, timestamp = found.groups()
    if sender != application:
        raise BadWebhook(f"The delivery is signed by {sender}, and not by {application}.")
    if not request.url:
        raise BadWebhook("It is not known at which address it was delivered.")
    if abs(request.received_at.timestamp() - int(timestamp)) > SKEW.total_seconds():
        raise BadWebhook("The delivery is too old, or from the future.")
    wanted = sign(
        secret, url=request.url, body=request.body, application=sender, nonce=nonce, timestamp=timestamp
    )
    if not hmac.compare_digest(wanted.encode(), signature.encode()):
        raise BadWebhook("The signature does not fit.")
    return nonce


def sign(secret: str, *, url: str, body: bytes, application: str, nonce: str, timestamp: str) -> str:
    """This will give the signature of a delivery by POST."""
    digest = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
    signed = f"{application}POST{_encoded(url)}{timestamp}{nonce}{digest}"
    return base64.b64encode(hmac.digest(secret.encode(), signed.encode(), hashlib.sha256)).decode()


def _encoded(url: str) -> str:
    """Small letters, sorted parameters, encoded, and small letters once more."""
    path, mark, query = url.lower().partition("?")
    whole = f"{path}?{'&'.join(sorted(query.split('&')))}" if mark else path
    return quote_plus(whole).replace("~", "%7E").lower()


def _kind(request: RawWebhook) -> str:
    """Give the type of the event, which stands in the address alone."""
    found = parse_qs(urlsplit(request.url).query).get(EVENT, [""])[0]
    return found if _WORD.fullmatch(found) else "untyped"


def _unsigned_id(request: RawWebhook) -> str:
    """Whoever says the same at another hour may mean it anew; within one it is said once."""
    said = hashlib.sha256(_kind(request).encode() + b"\n" + request.body).hexdigest()
    return f"{UNSIGNED}-{said[:40]}-{request.received_at:%Y%m%d%H}"


def _body(body: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise BadWebhook("The body is not JSON.") from None
    if not isinstance(value, dict):
        raise BadWebhook("The body is no object.")
    return value
