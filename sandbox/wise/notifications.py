"""Wise's webhooks: who listens to what, the probe when somebody begins to, what is told, and how it is signed."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from sandbox.core import Parcel, Request, Response, World
from sandbox.core.webhooks import Letter, is_loopback
from sandbox.wise.books import Books, Transfer
from sandbox.wise.numbers import answer, decimal, dumps, read
from sandbox.wise.problems import Problem
from sandbox.wise.quotes import Quotes
from sandbox.wise.signing import Signer
from sandbox.wise.views import instant

STATE, REFUND, FAILURE = "transfers#state-change", "transfers#refund", "transfers#payout-failure"
VERSIONS = {
    STATE: ("2.0.0", "4.0.0"),
    REFUND: ("1.0.0",),
    FAILURE: ("2.0.0",),
    "transfers#active-cases": ("2.0.0",),
    "balances#update": ("2.0.0", "3.0.0"),
}
KEPT_EVENTS = 50_000
RETRIES = tuple(float(min(2**n, 86_400)) for n in range(25))
"""25 tries more over two weeks, of the sandbox's time."""


@dataclass(slots=True)
class Subscription:
    """One address that wants one kind of event."""

    id: str
    name: str
    trigger: str
    version: str
    url: str
    created: float

    def shown(self, books: Books) -> dict[str, Any]:
        """Show it as Wise does."""
        return {
            "id": self.id,
            "name": self.name,
            "trigger_on": self.trigger,
            "delivery": {"version": self.version, "url": self.url},
            "scope": {"domain": "profile", "id": str(books.business)},
            "created_by": {"type": "user", "id": str(books.user)},
            "created_at": instant(self.created),
        }


@dataclass(slots=True)
class Event:
    """One event, as it is told to one subscription."""

    id: str
    subscription: str
    body: dict[str, Any]
    references: tuple[str, ...]
    waiting: bool = True
    is_test: bool = field(default=False)


class Notifications:
    """Makes events while somebody listens, and hands them to the courier."""

    def __init__(self, books: Books, quotes: Quotes) -> None:
        self._books = books
        self._quotes = quotes
        self._world: World = books.world
        self.signer = Signer(self._world, "webhook_key")
        self._forger: Signer | None = None
        self._forger_lock = threading.Lock()  # letters are written in threads, beside the loop
        self._forgeries = 0
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self.subscriptions: dict[str, Subscription] = {}
        self.events: OrderedDict[str, Event] = OrderedDict()
        self.early: list[asyncio.Future[None]] | None = None

    def start(self) -> None:
        """Subscribe the address from the command line, and go on with what was not delivered."""
        if self._world.webhook_url and not self.subscriptions:
            self.listen(self._world.webhook_url)
        for event in self.events.values():
            if event.waiting and event.subscription in self.subscriptions:
                self._world.courier.send(self._parcel(event))

    # Subscriptions -------------------------------------------------------------------------------------------

    def listen(self, url: str) -> list[Subscription]:
        """Subscribe an address to everything, without a probe."""
        made = [self._subscription("All", trigger, VERSIONS[trigger][0], url) for trigger in VERSIONS]
        for one in made:
            self._keep(one)
        return made

    def subscribe(self, request: Request) -> Response:
        """Subscribe an address, if it answers a test notification that is sent before this answer."""
        self._quotes.profile(request)
        asked = read(request)
        trigger, delivery = str(asked.get("trigger_on")), asked.get("delivery") or {}
        url, version = str(delivery.get("url")), str(delivery.get("version"))
        if trigger not in VERSIONS or version not in VERSIONS[trigger]:
            raise Problem(422, "INVALID_TRIGGER", f"There is no {trigger} {version}", path="trigger_on")
        if not is_loopback(url) or "?" in url:
            raise Problem(422, "INVALID_CALLBACK_URL", "This address cannot be called", path="delivery.url")
        made = self._subscription(str(asked.get("name", "")), trigger, version, url)
        response = answer(made.shown(self._books))
        self._probe(made, response)
        return response

    def _probe(self, made: Subscription, response: Response) -> None:
        body = {"data": {}, "subscription_id": made.id, "event_type": "event-type#test"}
        body |= {"schema_version": made.version, "sent_at": instant(self._books.now)}
        event = Event(self._books.new_uuid(), made.id, body, (), is_test=True)

        def done(ok: bool) -> None:
            if ok:
                self._keep(made)
                return
            refusal = Problem(422, "INVALID_CALLBACK_URL", "The address did not answer the test notification")
            told = refusal.response()
            response.status, response.body = told.status, told.body

        parcel = Parcel(
            url=made.url,
            subject="event-type#test",
            references=(),
            write=lambda forged: self._write(event, forged),
            done=done,
        )
        parcel.arrived = asyncio.get_running_loop().create_future()
        response.wait_for.append(parcel.arrived)
        self._world.courier.again(parcel)

    def list(self, request: Request) -> Response:
        """List all subscriptions of a profile."""
        self._quotes.profile(request)
        return answer([one.shown(self._books) for one in self.subscriptions.values()])

    def show(self, request: Request) -> Response:
        """Show one."""
        return answer(self._of_path(request).shown(self._books))

    def remove(self, request: Request) -> Response:
        """Forget one."""
        found = self._of_path(request)
        del self.subscriptions[found.id]
        self._world.journal.write("unsubscribed", found.id)
        return Response(204)

    def _of_path(self, request: Request) -> Subscription:
        found = self.subscriptions.get(request.params["subscription"])
        if found is None:
            raise Problem(404, "subscription.not-found", "There is no such subscription")
        return found

    def _subscription(self, name: str, trigger: str, version: str, url: str) -> Subscription:
        return Subscription(self._books.new_uuid(), name, trigger, version, url, self._books.now)

    def _keep(self, one: Subscription) -> None:
        self.subscriptions[one.id] = one
        fact = [one.id, one.name, one.trigger, one.version, one.url, one.created]
        self._world.journal.write("subscription", fact)

    # What is told --------------------------------------------------------------------------------------------

    def state(self, transfer: Transfer, former: str) -> None:
        """Tell that a transfer is in another state."""
        if former == transfer.status:
            return
        data = {
            "resource": self._resource(transfer),
            "current_state": transfer.status,
            "previous_state": former,
            "occurred_at": instant(self._books.now),
        }
        self._tell(STATE, data, transfer)
        if transfer.status == "bounced_back":
            why = {
                "transfer_id": transfer.id,
                "profile_id": transfer.profile,
                "failure_reason_code": "WRONG_ACCOUNT_NUMBER",
                "failure_description": "The bank does not know the account.",
                "occurred_at": instant(self._books.now),
            }
            self._tell(FAILURE, why, transfer)

    def refund(self, transfer: Transfer, units: int) -> None:
        """Tell that money of a transfer came back."""
        resource = self._resource(transfer) | {
            "refund_amount": decimal(units, transfer.source),
            "refund_currency": transfer.source,
        }
        self._tell(REFUND, {"resource": resource, "occurred_at": instant(self._books.now)}, transfer)

    def _resource(self, transfer: Transfer) -> dict[str, Any]:
        return {
            "type": "transfer",
            "id": transfer.id,
            "profile_id": transfer.profile,
            "account_id": transfer.account,
        }

    def _tell(self, trigger: str, data: dict[str, Any], transfer: Transfer) -> None:
        for one in list(self.subscriptions.values()):
            if one.trigger != trigger:
                continue
            body = {
                "data": data,
                "subscription_id": one.id,
                "event_type": trigger,
                "schema_version": one.version,
                "sent_at": instant(self._books.now),
            }
            event = Event(self._books.new_uuid(), one.id, body, tuple(sorted(transfer.names())))
            self.events[event.id] = event
            if len(self.events) > KEPT_EVENTS:
                self.events.popitem(last=False)
            if self._world.journal.kept:
                raw = dumps(body).decode()
                self._world.journal.write("event", [event.id, one.id, raw, event.references])
            parcel = self._parcel(event)
            if self.early is not None:
                parcel.arrived = asyncio.get_running_loop().create_future()
                self.early.append(parcel.arrived)
            self._world.courier.send(parcel)

    def _parcel(self, event: Event) -> Parcel:
        def done(ok: bool) -> None:
            event.waiting = False
            self._world.journal.write("told", event.id)

        return Parcel(
            url=self.subscriptions[event.subscription].url,
            subject=str(event.body["event_type"]),
            references=event.references,
            write=lambda forged: self._write(event, forged),
            done=done,
            retries=RETRIES,
        )

    # How it is signed ----------------------------------------------------------------------------------------

    def _write(self, event: Event, forged: bool) -> Letter:
        raw = dumps(event.body)
        headers = {"X-Delivery-Id": str(uuid.uuid4()), "User-Agent": "Wise"}
        if event.is_test:
            headers["X-Test-Notification"] = "true"
        if forged:
            return self._forge(event, raw, headers)
        return raw, {**headers, "X-Signature-SHA256": self.signer.sign(raw)}

    def _forge(self, event: Event, raw: bytes, headers: dict[str, str]) -> Letter:
        """Lie about the state; each time another of three bad signatures."""
        data = dict(event.body["data"])
        if "current_state" in data:
            data["current_state"] = "funds_refunded"
        lie = dumps({**event.body, "data": {**data, "forged": True}})
        with self._forger_lock:
            self._forgeries += 1
            if self._forger is None:
                self._forger = Signer(self._world, "forger_key")
            which, forger = self._forgeries % 3, self._forger
        if which == 1:  # somebody else's key
            return lie, {**headers, "X-Signature-SHA256": forger.sign(lie)}
        if which == 2:  # the true signature of another body
            return lie, {**headers, "X-Signature-SHA256": self.signer.sign(raw)}
        # A test is verified like everything else.
        return lie, {**headers, "X-Test-Notification": "true", "X-Signature-SHA256": forger.sign(lie)}

    def restore(self, kind: str, fact: Any) -> None:
        """Take back one fact from the state file."""
        if kind == "subscription":
            self.subscriptions[fact[0]] = Subscription(*fact)
        elif kind == "unsubscribed":
            self.subscriptions.pop(fact, None)
        elif kind == "event":
            event_id, subscription, raw, references = fact
            self.events[event_id] = Event(event_id, subscription, parsed(raw), tuple(references))
        elif kind == "told" and fact in self.events:
            self.events[fact].waiting = False


def parsed(raw: str) -> dict[str, Any]:
    """Read an event back, its numbers exactly."""
    return read(Request(method="POST", target="/", headers={}, body=raw.encode()))
