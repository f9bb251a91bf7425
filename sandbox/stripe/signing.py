"""Stripe's signatures of webhooks: `t=<second>,v1=<HMAC-SHA256 of "t.body">`; and how they are forged."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import time
from collections.abc import Callable

from sandbox.core.webhooks import Letter
from sandbox.stripe.store import Data


def signature(secret: str, *, second: int, body: bytes) -> str:
    """Sign a body."""
    return hmac.new(secret.encode(), f"{second}.".encode() + body, hashlib.sha256).hexdigest()


class Signer:
    """Writes letters, true ones and forged ones."""

    def __init__(self) -> None:
        self._forgeries = itertools.count()  # letters are written in threads, beside the loop

    def writer(self, event: Data, *, secret: str) -> Callable[[bool], Letter]:
        """Give what writes an event, each time anew."""

        def write(forged: bool) -> Letter:
            # Real time, unlike everything else here: the receiver checks it against a clock that nobody moved.
            second = int(time.time())
            body = json.dumps(event, indent=2).encode()
            if forged:
                return self._forge(event, body, second=second, secret=secret)
            return body, _headers(f"t={second},v1={signature(secret, second=second, body=body)}")

        return write

    def _forge(self, event: Data, true: bytes, *, second: int, secret: str) -> Letter:
        """Lie about the outcome, under the true event's id; each time with another of three bad signatures."""
        body = json.dumps(_lie(event), indent=2).encode()
        match next(self._forgeries) % 3:
            case 0:  # somebody else's secret
                stolen = signature("whsec_" + "0" * 32, second=second, body=body)
                return body, _headers(f"t={second},v1={stolen}")
            case 1:  # the true signature of another body
                borrowed = signature(secret, second=second, body=true)
                return body, _headers(f"t={second},v1={borrowed}")
        # A scheme that nobody must accept.
        return body, _headers(f"t={second},v0={hashlib.sha256(body).hexdigest()}")


def _headers(signed: str) -> dict[str, str]:
    return {
        "Stripe-Signature": signed,
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        "Accept": "*/*; q=0.5, application/xml",
        "Cache-Control": "no-cache",
    }


_OPPOSITES = {
    "paid": "failed",
    "failed": "paid",
    "in_transit": "failed",
    "pending": "paid",
    "succeeded": "canceled",
    "canceled": "succeeded",
}


def _lie(event: Data) -> Data:
    """Tell the opposite: another status, other abilities, ten times the money."""
    lie: Data = json.loads(json.dumps(event))
    told = lie.get("data", {}).get("object", {})
    for name in ("charges_enabled", "payouts_enabled", "details_submitted"):
        if name in told:
            told[name] = not told[name]
    if "status" in told:
        told["status"] = _OPPOSITES.get(told["status"], "succeeded")
    if isinstance(told.get("amount"), int):
        told["amount"] *= 10
    lie["forged"] = True  # another body in any case
    return lie
