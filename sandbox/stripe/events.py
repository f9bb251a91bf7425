"""Stripe's events: what happened, kept for thirty days and told to those who listen."""

from __future__ import annotations

import asyncio
import json
import os
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from sandbox.core import Parcel, World
from sandbox.stripe.names import names_of
from sandbox.stripe.settings import Settings
from sandbox.stripe.showing import Shows
from sandbox.stripe.signing import Signer
from sandbox.stripe.store import Data, Record, Store

KEPT = 50_000
KEPT_S = 30 * 86_400
RETRIES = tuple(float(min(2**n, 21_600)) for n in range(25))
"""25 tries more over three days, of the sandbox's time."""
OPT_IN = ("payment_method.automatically_updated",)


class Events:
    """Makes events, and hands them to the courier after a while, or before the request that caused them ends."""

    def __init__(
        self, *, world: World, store: Store, shows: Shows, settings: Settings, platform: str
    ) -> None:
        self._world = world
        self._settings = settings
        self._store = store
        self._shows = shows
        self._platform = platform
        self._signer = Signer()
        self.version = os.environ.get("SANDBOX_STRIPE_API_VERSION", "2026-08-26.dahlia")
        self.livemode = False
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self._kept: deque[Record] = deque()
        self._cause: Data = {"id": None, "idempotency_key": None}
        self._arrivals: list[asyncio.Future[None]] | None = None

    def start(self) -> None:
        """Go on with what the state file holds and was not delivered."""
        self._kept.extend(self._store.all("event"))
        for event in self._kept:
            for endpoint_id in event.hidden["waiting"]:
                endpoint = self._store.get(endpoint_id, "webhook_endpoint")
                if endpoint is not None:
                    self._world.courier.send(self._parcel(event, endpoint))

    @contextmanager
    def caused_by(
        self, request_id: str, key: str | None, *, early: bool
    ) -> Iterator[list[asyncio.Future[None]]]:
        """Name the request that causes what is told within; `early`: give what its answer must wait for."""
        arrivals: list[asyncio.Future[None]] = []
        self._cause = {"id": request_id, "idempotency_key": key}
        self._arrivals = arrivals if early else None
        try:
            yield arrivals
        finally:
            self._cause = {"id": None, "idempotency_key": None}
            self._arrivals = None

    # What is told --------------------------------------------------------------------------------------------

    def tell(self, kind: str, record: Record, *, before: Data | None = None) -> None:
        """Tell that something happened to a resource; `before`: how it was shown until now."""
        shown = self._shows.show(record)
        previous = None if before is None else _previous(before, shown)
        owner = record.id if record.kind == "account" and record.id != self._platform else record.account
        self.tell_of(kind, shown, account=owner, references=names_of(record, self._store), previous=previous)

    def tell_of(
        self, kind: str, shown: Data, *, account: str, references: Iterable[str], previous: Data | None = None
    ) -> Record:
        """Tell of anything at all; what is told is as it was at this moment, whatever becomes of it."""
        data: Data = {"object": shown}
        if previous is not None:
            data["previous_attributes"] = previous
        listeners = [
            one
            for one in self._store.listed(self._platform, "webhook_endpoint")
            if self._hears(one, kind, account)
        ]
        event: Data = {
            "id": self._store.new_id("evt"),
            "object": "event",
            "api_version": self.version,
            "created": self._store.now(),
            "livemode": self.livemode,
            "pending_webhooks": len(listeners),
            "request": dict(self._cause),
            "type": kind,
        }
        if account != self._platform:
            event["account"] = account
        hidden = {
            "waiting": [one.id for one in listeners],
            "names": sorted({*references, event["id"]}),
            "told": json.dumps(data),  # as a text, which nobody changes, and which is small
        }
        record = self._store.add("event", account, event, hidden)
        self._keep(record)
        self._send(record, listeners)
        return record

    def _hears(self, endpoint: Record, kind: str, account: str) -> bool:
        """Say whether an endpoint wants it: those of the platform its own events, Connect's all others."""
        if endpoint.data["status"] != "enabled" or endpoint.hidden["connect"] is (account == self._platform):
            return False
        wanted = endpoint.data["enabled_events"]
        return kind in wanted or ("*" in wanted and kind not in OPT_IN)

    def _keep(self, event: Record) -> None:
        self._kept.append(event)
        while len(self._kept) > KEPT:
            self._store.remove(self._kept.popleft())

    def _send(self, event: Record, listeners: Iterable[Record]) -> None:
        parcels = [self._parcel(event, endpoint) for endpoint in listeners]
        if self._arrivals is None:
            self._world.clock.call_later(self._settings.pace_s, lambda: self._dispatch(parcels))
            return
        for parcel in parcels:
            parcel.arrived = asyncio.get_running_loop().create_future()
            self._arrivals.append(parcel.arrived)
        self._dispatch(parcels)

    def _dispatch(self, parcels: Iterable[Parcel]) -> None:
        for parcel in parcels:
            self._world.courier.send(parcel)

    def _parcel(self, event: Record, endpoint: Record) -> Parcel:
        def done(ok: bool) -> None:
            waiting = event.hidden["waiting"]
            if endpoint.id in waiting:
                waiting.remove(endpoint.id)
            event.data["pending_webhooks"] = len(waiting)
            self._world.journal.write("told", [event.id, endpoint.id])

        body = self._shows.show(event)
        body["api_version"] = endpoint.data["api_version"] or body["api_version"]
        return Parcel(
            url=endpoint.data["url"],
            subject=event.data["type"],
            references=event.hidden["names"],
            write=self._signer.writer(body, secret=endpoint.hidden["secret"]),
            done=done,
            retries=RETRIES,
        )

    def told(self, fact: list[str]) -> None:
        """Take back from the state file that an event was delivered."""
        event = self._store.get(fact[0], "event")
        if event is not None and fact[1] in event.hidden["waiting"]:
            event.hidden["waiting"].remove(fact[1])
            event.data["pending_webhooks"] = len(event.hidden["waiting"])

    def thin(
        self, *, kind: str, related: Data | None, account: str | None, endpoints: Iterable[Record]
    ) -> Data:
        """Send a thin event of the second version of the interface, which holds no resource, to these endpoints."""
        body: Data = {
            "id": self._store.new_id("evt_test"),
            "object": "v2.core.event",
            "context": account,
            "created": f"{self._world.clock.now():%Y-%m-%dT%H:%M:%S}.000Z",
            "livemode": self.livemode,
            "reason": None,
            "related_object": related,
            "type": kind,
        }
        for endpoint in endpoints:
            self._world.courier.send(
                Parcel(
                    url=endpoint.data["url"],
                    subject=kind,
                    references=[body["id"], *([related["id"]] if related else [])],
                    write=self._signer.writer(body, secret=endpoint.hidden["secret"]),
                    done=lambda ok: None,
                    retries=RETRIES,
                )
            )
        return body


def _previous(before: Data, after: Data) -> Data:
    """Give the former values of what has changed."""
    return {name: value for name, value in before.items() if after.get(name) != value}
