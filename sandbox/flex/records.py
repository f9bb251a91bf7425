"""Users, listings, bookings and transactions, and the versions of them that events remember.

A version is never changed, only replaced, so that an event keeps its after-image by holding on to it. Those of
transactions are small and may be shared: a hundred thousand of them must fit into modest memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from sandbox.flex.lines import NO_LINES, LineSet
from sandbox.flex.processes import Process
from sandbox.flex.values import Keyword, Uuid, instant

EXTENDED: Final = frozenset(("metadata", "protectedData", "privateData", "publicData"))
"""Attributes whose changes are told one top-level key at a time."""

Attributes = Mapping[str, Any]


class Step(NamedTuple):
    """One transition that a transaction has gone through."""

    transition: Keyword
    at: int
    by: Keyword


class Version(NamedTuple):
    """What of a transaction changes. `lines` counts into the record's `line_sets`."""

    steps: tuple[Step, ...] = ()
    lines: int = 0
    protected: Mapping[str, Any] = {}
    metadata: Mapping[str, Any] = {}


class Resource:
    """Anything but a transaction: its version is simply its attributes."""

    __slots__ = ("created", "id", "relationships", "type", "version")

    def __init__(
        self,
        *,
        type_name: str,
        record_id: Uuid,
        created: int,
        attributes: Attributes,
        relationships: Mapping[str, tuple[str, Uuid] | list[tuple[str, Uuid]]] | None = None,
    ) -> None:
        self.type = type_name
        self.id = record_id
        self.created = created
        self.version = attributes
        self.relationships = relationships or {}

    def attributes_of(self, version: Any) -> Attributes:
        """Give the attributes as they were in `version`."""
        attributes: Attributes = version
        return attributes


class Transaction:
    """One Sharetribe transaction."""

    __slots__ = (
        "booking",
        "created",
        "customer",
        "id",
        "line_sets",
        "listing",
        "marketplace",
        "process",
        "provider",
        "reservation",
        "version",
    )

    type = "transaction"

    def __init__(
        self,
        *,
        record_id: Uuid,
        process: Process,
        created: int,
        marketplace: Uuid,
        customer: Uuid,
        provider: Uuid,
        listing: Uuid | None,
    ) -> None:
        self.id = record_id
        self.process = process
        self.created = created
        self.marketplace = marketplace
        self.customer = customer
        self.provider = provider
        self.listing = listing
        self.booking: Uuid | None = None
        self.reservation: Uuid | None = None
        self.line_sets: tuple[LineSet, ...] = (NO_LINES,)
        self.version = Version()

    @property
    def last(self) -> Step:
        """Give the last transition that it went through."""
        return self.version.steps[-1]

    @property
    def state(self) -> str:
        """Give the state that it is in."""
        return self.process.transitions[self.last.transition].target

    @property
    def lines(self) -> LineSet:
        """Give the line items that hold now."""
        return self.line_sets[self.version.lines]

    @property
    def relationships(self) -> Mapping[str, tuple[str, Uuid] | list[tuple[str, Uuid]]]:
        """Give what it is related to; the many-sided ones are always empty here."""
        related: dict[str, tuple[str, Uuid] | list[tuple[str, Uuid]]] = {
            "marketplace": ("marketplace", self.marketplace),
            "customer": ("user", self.customer),
            "provider": ("user", self.provider),
        }
        if self.listing is not None:
            related["listing"] = ("listing", self.listing)
        if self.booking is not None:
            related["booking"] = ("booking", self.booking)
        if self.reservation is not None:
            related["stockReservation"] = ("stockReservation", self.reservation)
        related["reviews"] = []
        related["messages"] = []
        return related

    def attributes_of(self, version: Version) -> Attributes:
        """Give the attributes as they were in `version`."""
        lines = self.line_sets[version.lines]
        last = version.steps[-1]
        return {
            "createdAt": instant(self.created),
            "processName": self.process.name,
            "processVersion": 1,
            "lastTransition": last.transition,
            "lastTransitionedAt": instant(last.at),
            "state": Keyword(self.process.transitions[last.transition].target),
            "payinTotal": lines.payin,
            "payoutTotal": lines.payout,
            "lineItems": lines.items,
            "protectedData": version.protected,
            "metadata": version.metadata,
            "transitions": [
                {"transition": step.transition, "createdAt": instant(step.at), "by": step.by}
                for step in version.steps
            ],
        }


Record = Resource | Transaction


def linked(related: tuple[str, Uuid] | list[tuple[str, Uuid]]) -> dict[str, Any]:
    """Give a relationship as it is shown."""
    if isinstance(related, list):
        return {"data": [{"id": other, "type": Keyword(name)} for name, other in related]}
    return {"data": {"id": related[1], "type": Keyword(related[0])}}


def author_of(listing: Resource) -> Uuid:
    """Give who offers a listing."""
    related = listing.relationships["author"]
    return related[0][1] if isinstance(related, list) else related[1]


def merged(present: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Merge extended data on its top level; null takes a key away, nested values are replaced whole."""
    whole = {**present, **patch}
    return {key: value for key, value in whole.items() if value is not None}


def difference(before: Attributes, after: Attributes) -> dict[str, Any]:
    """Give the previous values of what differs, extended data one top-level key at a time.

    A key that came new has null as its previous value.
    """
    changed: dict[str, Any] = {}
    for name, value in before.items():
        now: Any = after.get(name)
        if now is value or now == value:
            continue
        if name in EXTENDED:
            changed[name] = {
                key: value.get(key) for key in {**value, **now} if value.get(key) != now.get(key)
            }
        elif name == "profile":
            changed[name] = difference(value, now)
        else:
            changed[name] = value
    return changed
