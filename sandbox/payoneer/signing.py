"""The signature of an IPCN: HMAC-SHA256 over application, method, address, time, nonce and the MD5 of the body."""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import quote_plus

APPLICATION = "Webhook-IPCNSender-sandbox"


def text_to_sign(*, method: str, url: str, body: bytes, application: str, nonce: str, timestamp: str) -> str:
    """Put together what is signed; a body counts with POST only."""
    digest = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
    return "".join((application, method, encoded(url), timestamp, nonce, digest if method == "POST" else ""))


def encoded(url: str) -> str:
    """Give an address as it stands in what is signed: small letters, sorted parameters, encoded, small again."""
    path, mark, query = url.lower().partition("?")
    whole = path + mark + "&".join(sorted(query.split("&"))) if mark else path
    return quote_plus(whole).replace("~", "%7E").lower()


def authorization(
    secret: str, *, url: str, body: bytes, nonce: str, timestamp: str, application: str = APPLICATION
) -> str:
    """Make the header of a delivery by POST."""
    text = text_to_sign(
        method="POST", url=url, body=body, application=application, nonce=nonce, timestamp=timestamp
    )
    signature = base64.b64encode(hmac.digest(secret.encode(), text.encode(), hashlib.sha256)).decode()
    return f"hmacauth {application}:{signature}:{nonce}:{timestamp}"
