"""PayPal's webhooks: who listens, what is told, and how it is signed."""

from __future__ import annotations

import asyncio
import json
import threading
import time
import uuid
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from sandbox.core import Parcel, World
from sandbox.core.webhooks import Letter
from sandbox.paypal import views
from sandbox.paypal.books import Batch, Books, Item
from sandbox.paypal.signing import Signer, text_to_sign

BATCH_TYPES = (
    "PAYMENT.PAYOUTSBATCH.DENIED",
    "PAYMENT.PAYOUTSBATCH.PROCESSING",
    "PAYMENT.PAYOUTSBATCH.SUCCESS",
)
ITEM_TYPES = {
    "SUCCESS": "PAYMENT.PAYOUTS-ITEM.SUCCEEDED",
    "FAILED": "PAYMENT.PAYOUTS-ITEM.FAILED",
    "UNCLAIMED": "PAYMENT.PAYOUTS-ITEM.UNCLAIMED",
    "RETURNED": "PAYMENT.PAYOUTS-ITEM.RETURNED",
    "CANCELED": "PAYMENT.PAYOUTS-ITEM.CANCELED",
    "DENIED": "PAYMENT.PAYOUTS-ITEM.DENIED",
    "ONHOLD": "PAYMENT.PAYOUTS-ITEM.HELD",
    "BLOCKED": "PAYMENT.PAYOUTS-ITEM.BLOCKED",
    "REFUNDED": "PAYMENT.PAYOUTS-ITEM.REFUNDED",
    # PayPal names no event for a reversal; it comes under the name of a return.
    "REVERSED": "PAYMENT.PAYOUTS-ITEM.RETURNED",
}
TYPES = tuple(dict.fromkeys((*BATCH_TYPES, *ITEM_TYPES.values())))
KEPT_EVENTS = 50_000
RETRIES = tuple(float(min(2**n, 21_600)) for n in range(25))
"""25 tries more over three days, of the sandbox's time."""


@dataclass(slots=True)
class Listener:
    """One registered webhook; `types` None: every type."""

    id: str
    url: str
    types: list[str] | None

    def hears(self, event_type: str) -> bool:
        """Say whether it wants events of this type."""
        return self.types is None or event_type in self.types


@dataclass(slots=True)
class Event:
    """One event, as it is told and listed."""

    id: str
    at: float
    type: str
    resource: dict[str, Any]
    references: tuple[str, ...]
    waiting: set[str] = field(default_factory=set)

    def body(self, origin: str) -> dict[str, Any]:
        """Show it as PayPal does."""
        of_item = "PAYOUTS-ITEM" in self.type
        url = f"{origin}/v1/notifications/webhooks-events/{self.id}"
        return {
            "id": self.id,
            "event_version": "1.0",
            "create_time": views.instant(self.at),
            "resource_type": "payouts_item" if of_item else "payouts",
            "event_type": self.type,
            "summary": f"Payouts {'item' if of_item else 'batch'} event: {self.type.rpartition('.')[2].lower()}.",
            "resource": self.resource,
            "links": [views.link(url), views.link(f"{url}/resend", "resend", "POST")],
        }


class Notifications:
    """Makes events while somebody listens, and hands them to the courier."""

    def __init__(self, *, world: World, books: Books) -> None:
        self._world = world
        self._books = books
        self.signer = Signer(world, name="webhook")
        self.first_id = world.credential("webhook_id", lambda: books.new_id(8))
        self._forger: Signer | None = None
        self._forger_lock = threading.Lock()  # letters are written in threads, beside the loop
        self._forgeries = 0
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self.listeners: dict[str, Listener] = {}
        self.events: OrderedDict[str, Event] = OrderedDict()
        self.early: list[asyncio.Future[None]] | None = None

    def start(self) -> None:
        """Register the address from the command line, and go on with what was not delivered."""
        if self._world.webhook_url:
            self.register(Listener(self.first_id, self._world.webhook_url, None))
        for event in self.events.values():
            for listener_id in sorted(event.waiting):
                listener = self.listeners.get(listener_id)
                if listener is not None:
                    self._world.courier.send(self.parcel(event, listener))

    @property
    def forger(self) -> Signer:
        """Give somebody else's certificate, that no authority of ours vouches for."""
        with self._forger_lock:
            if self._forger is None:
                self._forger = Signer(self._world, name="forger")
            return self._forger

    # Who listens ---------------------------------------------------------------------------------------------

    def register(self, listener: Listener) -> None:
        """Add a listener, or change one."""
        self.listeners[listener.id] = listener
        self._world.journal.write("listener", [listener.id, listener.url, listener.types])

    def remove(self, listener_id: str) -> None:
        """Forget a listener."""
        del self.listeners[listener_id]
        self._world.journal.write("listener", [listener_id, None, None])

    # What is told --------------------------------------------------------------------------------------------

    def batch(self, batch: Batch) -> None:
        """Tell that a batch changed: its header only, never its items."""
        if self.listeners:
            url = views.batch_url(self._world.url, batch.id)
            resource = {"batch_header": views.batch_header(batch), "links": [views.link(url)]}
            names = tuple(name for name in (batch.id, batch.sender_batch_id) if name)
            self.tell(f"PAYMENT.PAYOUTSBATCH.{batch.status}", resource, names)

    def item(self, item: Item, *, event: str | None = None) -> None:
        """Tell that an item changed."""
        if self.listeners:
            name = ITEM_TYPES[event or item.status]
            self.tell(name, views.whole_item(item, self._world.url), tuple(item.names()))

    def tell(self, event_type: str, resource: dict[str, Any], references: tuple[str, ...]) -> None:
        """Make an event for everybody who wants it."""
        listeners = [one for one in self.listeners.values() if one.hears(event_type)]
        if not listeners:
            return
        event_id = f"WH-{self._books.new_id(8)}-{self._books.new_id(8)}"
        event = Event(event_id, self._world.clock.time(), event_type, resource, references)
        event.waiting = {one.id for one in listeners}
        self._keep(event)
        self._world.journal.write(
            "event", [event.id, event.at, event.type, event.resource, event.references, sorted(event.waiting)]
        )
        for listener in listeners:
            parcel = self.parcel(event, listener)
            if self.early is not None:
                parcel.arrived = asyncio.get_running_loop().create_future()
                self.early.append(parcel.arrived)
            self._world.courier.send(parcel)

    def parcel(self, event: Event, listener: Listener) -> Parcel:
        """Pack an event for one listener."""

        def done(ok: bool) -> None:
            event.waiting.discard(listener.id)
            self._world.journal.write("told", [event.id, listener.id])

        return Parcel(
            url=listener.url,
            subject=event.type,
            references=event.references,
            write=lambda forged: self._write(event, listener.id, forged),
            done=done,
            retries=RETRIES,
        )

    def simulated(self, event_type: str, url: str) -> Event:
        """Send a sample event; as with PayPal its webhook id is the literal word WEBHOOK_ID."""
        event = Event(
            f"WH-{self._books.new_id(8)}-{self._books.new_id(8)}",
            self._world.clock.time(),
            event_type,
            _SAMPLE,
            (),
        )
        self._world.courier.again(self.parcel(event, Listener("WEBHOOK_ID", url, None)))
        return event

    def _keep(self, event: Event) -> None:
        self.events[event.id] = event
        if len(self.events) > KEPT_EVENTS:
            self.events.popitem(last=False)

    def restore(self, kind: str, fact: Any) -> None:
        """Take back one fact from the state file."""
        if kind == "listener":
            if fact[1] is None:
                self.listeners.pop(fact[0], None)
            else:
                self.listeners[fact[0]] = Listener(*fact)
        elif kind == "event":
            event_id, at, event_type, resource, references, waiting = fact
            event = Event(event_id, at, event_type, resource, tuple(references))
            event.waiting = set(waiting)
            self._keep(event)
        elif kind == "told" and fact[0] in self.events:
            self.events[fact[0]].waiting.discard(fact[1])

    # How it is signed ----------------------------------------------------------------------------------------

    def certificate_url(self, signer: Signer) -> str:
        """Give the address of a signer's certificate."""
        return f"{self._world.url}/v1/notifications/certs/{signer.certificate_id}"

    def _write(self, event: Event, webhook_id: str, forged: bool) -> Letter:
        body = event.body(self._world.url)
        if forged:
            return self._forge(body, webhook_id)
        raw = json.dumps(body, separators=(",", ":")).encode()
        return raw, self._headers(raw, raw, webhook_id, self.signer, self.certificate_url(self.signer))

    def _headers(
        self, signed: bytes, sent: bytes, webhook_id: str, signer: Signer, url: str
    ) -> dict[str, str]:
        transmission_id = str(uuid.uuid4())
        # Real time, unlike everything else here: the receiver checks it against a clock that nobody moved.
        stamp = views.instant(time.time())
        text = text_to_sign(transmission_id=transmission_id, time=stamp, webhook_id=webhook_id, body=signed)
        return {
            "Paypal-Transmission-Id": transmission_id,
            "Paypal-Transmission-Time": stamp,
            "Paypal-Transmission-Sig": signer.sign(text),
            "Paypal-Cert-Url": url,
            "Paypal-Auth-Algo": "SHA256withRSA",
            "Paypal-Auth-Version": "v2",
            "User-Agent": "PayPal/AUHD-214.0-58843010",
            "Correlation-Id": transmission_id[:13].replace("-", ""),
        }

    def _forge(self, body: dict[str, Any], webhook_id: str) -> Letter:
        """Lie about the outcome, under the true event's id; each time another of three bad signatures."""
        # Another body in any case: an event of a batch has no status of an item that could be turned round.
        lie = json.loads(json.dumps(body)) | {"summary": "What the forger says."}
        status = "transaction_status" if "transaction_status" in lie["resource"] else None
        if status:
            lie["resource"][status] = "FAILED" if lie["resource"][status] == "SUCCESS" else "SUCCESS"
        true = json.dumps(body, separators=(",", ":")).encode()
        raw = json.dumps(lie, separators=(",", ":")).encode()
        self._forgeries += 1
        match self._forgeries % 3:
            case 1:  # a certificate from the right host that the wrong authority signed
                url = self.certificate_url(self.forger)
                return raw, self._headers(raw, raw, webhook_id, self.forger, url)
            case 2:  # the true signature of another body
                return raw, self._headers(
                    true, raw, webhook_id, self.signer, self.certificate_url(self.signer)
                )
        url = f"http://127.0.0.1:9/v1/notifications/certs/{self.forger.certificate_id}"
        return raw, self._headers(raw, raw, webhook_id, self.forger, url)


_SAMPLE: dict[str, Any] = {
    "payout_item_id": "8AELMXH8UB2P8",
    "transaction_id": "0C413693MN970190K",
    "transaction_status": "SUCCESS",
    "payout_batch_id": "Q8KVJG9TZTNN4",
    "payout_item": {
        "recipient_type": "EMAIL",
        "amount": {"currency": "USD", "value": "1.00"},
        "receiver": "receiver@example.com",
        "sender_item_id": "Sample",
    },
}
