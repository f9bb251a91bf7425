"""IPCN, Payoneer's webhooks: an address for each type of event, keys with spaces, texts encoded as in an address."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from sandbox.core import Parcel, World
from sandbox.core.webhooks import Letter
from sandbox.payoneer.books import Payee, Payment
from sandbox.payoneer.signing import authorization

EVENTS = (
    "payment-accepted",
    "payment-cancelled",
    "sent-to-bank",
    "card-loaded",
    "payee-approved",
    "payee-declined",
)
RETRIES = (1.0, 10.0, 60.0, 600.0, 3_600.0, 20_000.0, 60_000.0)
_STALE_S = 900


@dataclass(frozen=True, slots=True)
class Event:
    """One event: what it tells, and whether it is signed."""

    url: str
    body: dict[str, str]
    signed: bool
    late_s: int = 0


class Notifications:
    """Makes events while somebody listens, and hands them to the courier."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.secret = world.credential("webhook_secret", lambda: world.token(24))
        self.forget()

    def forget(self) -> None:
        """Begin anew, with the address of the command line."""
        self._base = self._world.webhook_url

    def listen(self, url: str) -> dict[str, str]:
        """Deliver to an address from now on; gives the one for each type of event."""
        self._base = url
        self._world.journal.write("listener", url)
        return {event: self._address(event) for event in EVENTS}

    def restore(self, fact: Any) -> None:
        """Take the address back from the state file."""
        self._base = fact

    def payment(self, event: str, payment: Payment) -> None:
        """Tell that a payment changed."""
        body = {"Payee Id": payment.payee_id, "IntPaymentId": payment.reference}
        amount = f"{payment.units / 100:.2f}"
        if event == "payment-cancelled":
            body |= {
                "Reason Code": "" if payment.reason_code is None else str(payment.reason_code),
                "Reason Description": _encoded((payment.reason or "").replace(" ", "+")),
                "Payment Amount": amount,
                "Canceled Payment Date": _encoded(self._now()),
            }
        elif event != "payment-accepted":
            body |= {
                "Amount": amount,
                "Currency": payment.currency,
                "Transaction Date": _encoded(self._now()),
            }
        self._tell(event, body, payment.names())

    def payee(self, payee: Payee) -> None:
        """Tell that Payoneer has decided about a payee."""
        body = {"Payee Id": payee.id, "Payoneer Id": payee.account_id, "Session Id": payee.session}
        if payee.status == "Inactive":
            self._tell("payee-declined", body | {"Reason Description": _encoded(payee.reason)}, {payee.id})
        else:
            self._tell("payee-approved", body, {payee.id})

    def _tell(self, kind: str, body: dict[str, str], names: set[str]) -> None:
        if self._base is None:
            return
        faults = self._world.faults
        unsigned = faults.take("webhook_unsigned", references=names, subject=kind)
        stale = faults.take("webhook_stale", references=names, subject=kind)
        event = Event(self._address(kind), body, unsigned is None, _STALE_S if stale else 0)
        self._world.courier.send(
            Parcel(
                url=event.url,
                subject=kind,
                references=names,
                write=lambda forged: self._write(event, forged=forged),
                done=lambda ok: None,
                retries=RETRIES,
            )
        )

    def _write(self, event: Event, *, forged: bool) -> Letter:
        """A forger knows the address and the format, and not the secret."""
        body = {**event.body, "Reason Code": "10009"} if forged else event.body
        raw = json.dumps(body, separators=(",", ":")).encode()
        if not event.signed:
            return raw, {}
        header = authorization(
            "another secret" if forged else self.secret,
            url=event.url,
            body=raw,
            nonce=self._world.token(16),
            # Real time, unlike everything else here: the receiver checks it against a clock that nobody moved.
            timestamp=str(int(time.time()) - event.late_s),
        )
        return raw, {"Authorization": header}

    def _address(self, event: str) -> str:
        assert self._base is not None
        return f"{self._base}{'&' if '?' in self._base else '?'}event={event}"

    def _now(self) -> str:
        return datetime.fromtimestamp(self._world.clock.time(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _encoded(text: str) -> str:
    return quote(text, safe="+-.").lower() if ":" in text else quote(text, safe="+-.,")
