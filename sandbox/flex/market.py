"""The marketplace itself: who and what is in it, and the few ways in which that changes.

Whoever changes something does it here, so that no change is without its event. Time, chance and the caller's
identity are handed in (`Doing`), so that the same commands give the same marketplace again.
"""

from __future__ import annotations

import heapq
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, NamedTuple

from sandbox.flex import engine
from sandbox.flex.engine import Companion, Plan
from sandbox.flex.events import NOBODY, Audit, EventLog, Kind
from sandbox.flex.processes import Process, Transition
from sandbox.flex.records import Attributes, Record, Resource, Transaction, merged
from sandbox.flex.values import Keyword, Uuid, instant

Fates = Callable[[str, str], Mapping[str, float]]
"""Asked for each event about a transaction (type, id): which event faults strike it, and with what number."""


@dataclass(frozen=True, slots=True)
class Doing:
    """The circumstances of a change."""

    at: int
    rng: Random
    fates: Fates
    audit: Audit = NOBODY
    source: str = "source/transaction"

    def new_id(self) -> Uuid:
        """Make the id of something new."""
        return Uuid(uuid.UUID(int=self.rng.getrandbits(128), version=4))


class Write(NamedTuple):
    """One change of a transaction's metadata, kept so that tests can see what was written, when and by whom."""

    at: int
    client: Uuid | None
    patch: Mapping[str, Any]
    by: str
    """`update_metadata`, or the transition that brought it."""


class Market:
    """Everything in one marketplace."""

    def __init__(
        self, *, market_id: Uuid, name: str, processes: Mapping[str, Process], first_event: int
    ) -> None:
        self.id = market_id
        self.name = name
        self.processes = processes
        self.users: dict[str, Resource] = {}
        self.by_email: dict[str, Resource] = {}
        self.passwords: dict[str, str] = {}
        self.listings: dict[str, Resource] = {}
        self.companions: dict[str, Resource] = {}
        self.transactions: dict[str, Transaction] = {}
        self.log = EventLog(marketplace=market_id, first=first_event)
        self.writes: dict[str, list[Write]] = {}
        self.revision = 0
        self._timers: list[tuple[int, int, str, Transition]] = []
        self._timer_serial = 0

    # ------------------------------------------------------------------------------------- events

    def emit(self, doing: Doing, *, subtype: str, record: Record, previous: Any, gone: bool = False) -> int:
        """Write down that a record changed, and give the event's position."""
        self.revision += 1
        kind = Kind(f"{record.type}/{subtype}", doing.source)
        version = None if gone else record.version
        fates = doing.fates(kind.event_type, record.id) if isinstance(record, Transaction) else {}
        if "event_unknown_type" in fates:
            unknown = kind._replace(event_type=f"{record.type}/annotated")
            self._append(doing, unknown, record, version, record.version)
        position = self._append(doing, kind, record, version, previous)
        if "event_gap" in fates:
            self.log.withheld[position] = float("inf")
        elif "event_late_visible" in fates:
            self.log.withheld[position] = doing.at + fates["event_late_visible"]
        if "event_duplicate" in fates:
            self.log.doubled.add(position)
        if "poison_event" in fates:
            self.log.poisoned.add(position)
        return position

    def _append(self, doing: Doing, kind: Kind, record: Record, version: Any, previous: Any) -> int:
        return self.log.append(
            kind=kind,
            audit=doing.audit,
            record=record,
            version=version,
            previous=previous,
            at=doing.at,
            rng=doing.rng,
        )

    # ------------------------------------------------------------------------------------- records

    def add(self, doing: Doing, *, kept_in: dict[str, Resource], record: Resource) -> Resource:
        """Take in a new record that is no transaction."""
        kept_in[record.id] = record
        self.emit(doing, subtype="created", record=record, previous=None)
        return record

    def change(self, doing: Doing, *, record: Resource, attributes: Attributes) -> None:
        """Give a record other attributes; nothing happens when they are the same."""
        if attributes == record.version:
            return
        previous, record.version = record.version, attributes
        self.emit(doing, subtype="updated", record=record, previous=previous)

    def write_metadata(self, doing: Doing, *, record: Transaction, patch: Mapping[str, Any]) -> None:
        """Merge into a transaction's metadata; an event comes only of a difference.

        :raises ApiError: when it grows too large.
        """
        whole = merged(record.version.metadata, patch)
        engine.check_size("metadata", whole)
        self._note_write(doing, record, patch, "update_metadata")
        if whole == record.version.metadata:
            return
        previous, record.version = record.version, record.version._replace(metadata=whole)
        self.emit(doing, subtype="updated", record=record, previous=previous)

    def _note_write(self, doing: Doing, record: Transaction, patch: Mapping[str, Any], by: str) -> None:
        self.writes.setdefault(record.id, []).append(Write(doing.at, doing.audit.client, patch, by))

    def delete(self, doing: Doing, *, record: Transaction) -> None:
        """Take a transaction away."""
        del self.transactions[record.id]
        self.emit(doing, subtype="deleted", record=record, previous=record.version, gone=True)

    # --------------------------------------------------------------------------------- transitions

    def carry_out(self, doing: Doing, *, plan: Plan) -> None:
        """Do what was planned: first the booking and the stock, then the transaction itself."""
        record = plan.record
        for companion in plan.companions:
            self._change_companion(doing, record, companion)
        initial = not record.version.steps
        previous = None if initial else record.version
        # Before the version, which counts into them.
        record.line_sets = plan.line_sets
        record.version = plan.version
        if initial:
            self.transactions[record.id] = record
        if plan.params.get("metadata"):
            self._note_write(doing, record, plan.params["metadata"], plan.transition.name)
        self.emit(doing, subtype="initiated" if initial else "transitioned", record=record, previous=previous)
        self.schedule(record)

    def _change_companion(self, doing: Doing, record: Transaction, companion: Companion) -> None:
        if companion.new:
            made = Resource(
                type_name=companion.type,
                record_id=doing.new_id(),
                created=doing.at,
                attributes={**companion.changes, "createdAt": instant(doing.at)},
                relationships={"transaction": ("transaction", record.id)},
            )
            if companion.type == "booking":
                record.booking = made.id
            else:
                record.reservation = made.id
            self.add(doing, kept_in=self.companions, record=made)
            return
        present = self.companions.get(
            (record.booking if companion.type == "booking" else record.reservation) or ""
        )
        if present is not None:
            self.change(doing, record=present, attributes={**present.version, **companion.changes})

    def booking_of(self, record: Transaction) -> Attributes | None:
        """Give the attributes of a transaction's booking."""
        booking = self.companions.get(record.booking or "")
        return booking.version if booking else None

    # -------------------------------------------------------------------------------------- timers

    def schedule(self, record: Transaction) -> None:
        """Set the alarm for every transition that leaves the present state by itself."""
        for transition in record.process.timed_from(record.state):
            if transition.at is None:
                continue
            at = engine.due(record=record, moment=transition.at, booking=self.booking_of(record))
            if at is not None:
                self._timer_serial += 1
                heapq.heappush(self._timers, (at, self._timer_serial, record.id, transition))

    @property
    def next_due(self) -> int | None:
        """Give when the next timed transition comes due."""
        return self._timers[0][0] if self._timers else None

    def run_timers(self, doing: Doing) -> int:
        """Carry out every timed transition that is due, each at its own moment, and give how many that were."""
        done = 0
        while self._timers and self._timers[0][0] <= doing.at:
            due, _, record_id, transition = heapq.heappop(self._timers)
            record = self.transactions.get(record_id)
            # Another transition may have left the state since.
            if record is None or record.state != transition.source:
                continue
            at = max(due, record.last.at)
            moment = Doing(at=at, rng=doing.rng, fates=doing.fates)
            plan = engine.plan(record=record, transition=transition.name, actor="system", params={}, at=at)
            self.carry_out(moment, plan=plan)
            done += 1
        return done

    # -------------------------------------------------------------------------------------- shown

    def as_resource(self) -> Resource:
        """Give the marketplace as the API shows it."""
        attributes = {"name": self.name, "description": "A marketplace in the sandbox."}
        return Resource(type_name="marketplace", record_id=self.id, created=0, attributes=attributes)

    def find(self, *, type_name: str, record_id: str) -> Record | None:
        """Find a record by its type and id."""
        if type_name == "transaction":
            return self.transactions.get(record_id)
        if type_name == "marketplace":
            return self.as_resource() if record_id == self.id else None
        kept = {"user": self.users, "listing": self.listings}.get(type_name, self.companions)
        return kept.get(record_id)


def full_profile(given: Mapping[str, Any]) -> dict[str, Any]:
    """Give a whole profile from what is known of a person."""
    first, last = given.get("firstName", "Sam"), given.get("lastName", "Seller")
    return {
        "firstName": first,
        "lastName": last,
        "displayName": given.get("displayName", f"{first} {last[:1]}"),
        "abbreviatedName": f"{first[:1]}{last[:1]}",
        "bio": given.get("bio"),
        **{
            name: dict(given.get(name) or {})
            for name in ("publicData", "protectedData", "privateData", "metadata")
        },
    }


def user_attributes(*, email: str, at: int, given: Mapping[str, Any]) -> dict[str, Any]:
    """Give the attributes of a user as the Integration API shows them."""
    allow = Keyword("permission/allow")
    return {
        "banned": given.get("state") == "banned",
        "deleted": False,
        "state": Keyword(given.get("state") or "active"),
        "createdAt": instant(at),
        "email": email,
        "emailVerified": bool(given.get("emailVerified", True)),
        "pendingEmail": None,
        "stripeConnected": bool(given.get("stripeConnected")),
        "identityProviders": [],
        "permissions": {"postListings": allow, "initiateTransactions": allow, "read": allow},
        "profile": full_profile(given.get("profile") or {}),
    }
