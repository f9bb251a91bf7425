"""Sharetribe's records as typed values; the border where foreign JSON is checked, and goes no further as `Any`.

What the product decides by is parsed and must be right; everything else stays in `raw`. Unknown keys and unknown
words are left alone, for Sharetribe may add them at any time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from marketplace_payouts.lib.sharetribe.errors import FlexBadAnswer

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class FlexMoney:
    """An amount as Sharetribe writes it: whole units with the marketplace's own number of decimals."""

    amount: int
    currency: str


@dataclass(frozen=True, slots=True)
class TransitionRecord:
    """One transition that a transaction went through; `by` is customer, provider, operator or system."""

    transition: str
    created_at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Marketplace:
    """The marketplace that our credentials belong to."""

    id: UUID
    name: str
    raw: JsonObject = field(repr=False)


@dataclass(frozen=True, slots=True)
class User:
    """A user of the marketplace; the profile's data is free text of that user and never to be trusted."""

    id: UUID
    email: str
    email_verified: bool
    display_name: str
    state: str
    """``active``, ``pendingApproval`` or ``banned``; derived from `banned` where Sharetribe does not say."""
    deleted: bool
    stripe_connected: bool
    metadata: JsonObject = field(repr=False)
    private_data: JsonObject = field(repr=False)
    raw: JsonObject = field(repr=False)


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction of the marketplace, as it stood when it was read or when an event was made of it."""

    id: UUID
    created_at: datetime
    process_name: str
    process_version: int
    last_transition: str
    last_transitioned_at: datetime
    state: str
    """Such as ``state/received``; empty on records that do not carry it."""
    payin_total: FlexMoney | None
    payout_total: FlexMoney | None
    line_items: Sequence[JsonObject]
    transitions: Sequence[TransitionRecord]
    metadata: JsonObject
    protected_data: JsonObject = field(repr=False)
    provider_id: UUID | None
    """Sharetribe's provider: our payee."""
    customer_id: UUID | None
    listing_id: UUID | None
    raw: JsonObject = field(repr=False)
    included: Sequence[JsonObject] = field(default=(), repr=False)

    @classmethod
    def parse(cls, resource: object, *, included: Sequence[JsonObject] = ()) -> Transaction:
        """Read a transaction resource, from an answer or from an event.

        :raises FlexBadAnswer: when something that decisions depend on is missing or has another shape.
        """
        record = as_object(resource, "transaction")
        facts = as_object(record.get("attributes"), "attributes of a transaction")
        return cls(
            id=as_uuid(record.get("id"), "id"),
            created_at=as_moment(facts.get("createdAt"), "createdAt"),
            process_name=as_text(facts.get("processName"), "processName"),
            process_version=as_int(facts.get("processVersion"), "processVersion"),
            last_transition=as_text(facts.get("lastTransition"), "lastTransition"),
            last_transitioned_at=as_moment(facts.get("lastTransitionedAt"), "lastTransitionedAt"),
            state=_optional_text(facts.get("state")),
            payin_total=_money(facts.get("payinTotal"), "payinTotal"),
            payout_total=_money(facts.get("payoutTotal"), "payoutTotal"),
            line_items=_objects(facts.get("lineItems"), "lineItems"),
            transitions=[_transition(entry) for entry in _objects(facts.get("transitions"), "transitions")],
            metadata=_extended(facts.get("metadata"), "metadata"),
            protected_data=_extended(facts.get("protectedData"), "protectedData"),
            provider_id=_related(record, "provider"),
            customer_id=_related(record, "customer"),
            listing_id=_related(record, "listing"),
            raw=record,
            included=included,
        )


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in the marketplace; its resource is as it was then and is read by whoever uses it."""

    id: UUID
    sequence_id: int
    created_at: datetime
    event_type: str
    marketplace_id: UUID | None
    source: str
    resource_id: UUID
    resource_type: str
    resource: JsonObject | None = field(repr=False)
    """The whole resource after the change; None once it was deleted, empty where it was nonsense."""
    previous_values: JsonObject = field(repr=False)
    client_id: str
    """The application that caused it, where one did; our own means an echo of our own write."""
    raw: JsonObject = field(repr=False)


@dataclass(frozen=True, slots=True)
class EventPage:
    """One page of events, in the order of their sequence ids; a full page means that there may be more."""

    events: Sequence[Event]
    is_full: bool


def parse_event(value: object) -> Event:
    """Read an event. Nothing is asked of its resource, so that one bad record cannot hold up the others.

    :raises FlexBadAnswer: when it lacks what a cursor needs.
    """
    record = as_object(value, "event")
    facts = as_object(record.get("attributes"), "attributes of an event")
    audit = facts.get("auditData")
    resource, previous = facts.get("resource"), facts.get("previousValues")
    return Event(
        id=as_uuid(record.get("id"), "id"),
        sequence_id=as_int(facts.get("sequenceId"), "sequenceId"),
        created_at=as_moment(facts.get("createdAt"), "createdAt"),
        event_type=as_text(facts.get("eventType"), "eventType"),
        marketplace_id=_optional_uuid(facts.get("marketplaceId"), "marketplaceId"),
        source=_optional_text(facts.get("source")),
        resource_id=as_uuid(facts.get("resourceId"), "resourceId"),
        resource_type=as_text(facts.get("resourceType"), "resourceType"),
        resource=resource if resource is None or isinstance(resource, dict) else {},
        previous_values=previous if isinstance(previous, dict) else {},
        client_id=_optional_text(audit.get("clientId")) if isinstance(audit, dict) else "",
        raw=record,
    )


def parse_marketplace(value: object) -> Marketplace:
    """Read the marketplace.

    :raises FlexBadAnswer: when it has no id.
    """
    record = as_object(value, "marketplace")
    facts = _extended(record.get("attributes"), "attributes of a marketplace")
    return Marketplace(id=as_uuid(record.get("id"), "id"), name=_optional_text(facts.get("name")), raw=record)


def parse_user(value: object) -> User:
    """Read a user.

    :raises FlexBadAnswer: when the id or the attributes are missing.
    """
    record = as_object(value, "user")
    facts = as_object(record.get("attributes"), "attributes of a user")
    profile = _extended(facts.get("profile"), "profile")
    banned = facts.get("banned") is True
    return User(
        id=as_uuid(record.get("id"), "id"),
        email=_optional_text(facts.get("email")),
        email_verified=facts.get("emailVerified") is True,
        display_name=_optional_text(profile.get("displayName")),
        state=_optional_text(facts.get("state")) or ("banned" if banned else "active"),
        deleted=facts.get("deleted") is True,
        stripe_connected=facts.get("stripeConnected") is True,
        metadata=_extended(profile.get("metadata"), "metadata"),
        private_data=_extended(profile.get("privateData"), "privateData"),
        raw=record,
    )


def as_object(value: object, what: str) -> JsonObject:
    """Give the value as a JSON object; like its siblings raises FlexBadAnswer, naming what is wrong."""
    if not isinstance(value, dict):
        raise FlexBadAnswer(f"Sharetribe's answer has no {what}")
    return value


def as_text(value: object, what: str) -> str:
    """Give the value as a text that is not empty."""
    if not isinstance(value, str) or not value:
        raise FlexBadAnswer(f"Sharetribe's answer has no {what}")
    return value


def as_int(value: object, what: str) -> int:
    """Give the value as a whole number; 1.0 and true are none."""
    if type(value) is not int:
        raise FlexBadAnswer(f"{what} in Sharetribe's answer is not a whole number")
    return value


def as_uuid(value: object, what: str) -> UUID:
    """Give the value as a UUID."""
    try:
        return UUID(as_text(value, what))
    except ValueError:
        raise FlexBadAnswer(f"{what} in Sharetribe's answer is not a UUID") from None


def as_moment(value: object, what: str) -> datetime:
    """Give the value as an aware moment in UTC."""
    try:
        moment = datetime.fromisoformat(as_text(value, what))
    except ValueError:
        raise FlexBadAnswer(f"{what} in Sharetribe's answer is not a time") from None
    if moment.tzinfo is None:
        raise FlexBadAnswer(f"{what} in Sharetribe's answer has no time zone")
    return moment.astimezone(UTC)


def _money(value: object, what: str) -> FlexMoney | None:
    if value is None:
        return None
    record = as_object(value, what)
    return FlexMoney(
        amount=as_int(record.get("amount"), what), currency=as_text(record.get("currency"), what)
    )


def _transition(entry: JsonObject) -> TransitionRecord:
    return TransitionRecord(
        transition=as_text(entry.get("transition"), "transition"),
        created_at=as_moment(entry.get("createdAt"), "createdAt of a transition"),
        by=_optional_text(entry.get("by")),
    )


def _objects(value: object, what: str) -> Sequence[JsonObject]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise FlexBadAnswer(f"{what} in Sharetribe's answer is not a list")
    return [as_object(entry, what) for entry in value]


def _extended(value: object, what: str) -> JsonObject:
    return {} if value is None else as_object(value, what)


def _optional_text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _optional_uuid(value: object, what: str) -> UUID | None:
    return None if value is None else as_uuid(value, what)


def _related(record: Mapping[str, object], name: str) -> UUID | None:
    relationships = record.get("relationships")
    relation = relationships.get(name) if isinstance(relationships, dict) else None
    data = relation.get("data") if isinstance(relation, dict) else None
    return as_uuid(data.get("id"), f"id of the {name}") if isinstance(data, dict) else None
