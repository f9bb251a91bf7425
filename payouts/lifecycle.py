"""The one writer of a payout's state: the table of moves, and `move`, which makes them for a set at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from marketplace_payouts.lib import crypto, rowsets
from marketplace_payouts.lib.ids import uuid7
from payouts import kicks, ledger, readiness
from payouts.actors import Actor
from payouts.errors import ForbiddenMove
from payouts.ledger import Draft
from payouts.models import OutboxMessage, Payout, PayoutEvent, State

S = State

MOVES: dict[State, frozenset[State]] = {
    S.PENDING: frozenset({S.AWAITING_APPROVAL, S.CANCELLED}),
    S.AWAITING_APPROVAL: frozenset({S.APPROVED, S.CANCELLED}),
    # Back to approval: the approval is void or expired, or was revoked.
    S.APPROVED: frozenset({S.SUBMITTING, S.AWAITING_APPROVAL, S.CANCELLED}),
    # Back to approved: deferred, an innocent neighbour, or our own funds or credentials.
    S.SUBMITTING: frozenset({S.APPROVED, S.SUBMITTED, S.PAID, S.FAILED, S.UNKNOWN}),
    # Unknown ends by evidence alone, or by two people with a document.
    S.UNKNOWN: frozenset({S.SUBMITTED, S.PAID, S.FAILED, S.RETURNED, S.CANCELLED}),
    # Unknown again: the reference vanished. Approved: a whole batch was denied for our reason, nothing debited.
    S.SUBMITTED: frozenset({S.PAID, S.FAILED, S.RETURNED, S.CANCELLED, S.UNKNOWN, S.APPROVED}),
    # A provider can take the money back weeks later: paid is not the end.
    S.PAID: frozenset({S.RETURNED}),
    # The last three: later evidence, and no newer attempt.
    S.FAILED: frozenset({S.APPROVED, S.AWAITING_APPROVAL, S.CANCELLED, S.PAID, S.SUBMITTED, S.UNKNOWN}),
    S.RETURNED: frozenset(),
    S.CANCELLED: frozenset(),
}

# How long a payout may stand in a state before it must stand before a person; None: never because of time.
PATIENCE: dict[State, timedelta | None] = {
    S.PENDING: timedelta(hours=1),
    S.AWAITING_APPROVAL: timedelta(0),
    S.APPROVED: timedelta(hours=1),
    S.SUBMITTING: timedelta(minutes=10),
    S.SUBMITTED: timedelta(days=2),
    S.UNKNOWN: timedelta(0),
    S.PAID: None,
    S.FAILED: timedelta(0),
    S.RETURNED: timedelta(0),
    S.CANCELLED: None,
}

# What Sharetribe and, by e-mail, the payee are told of. What may have left counts as sent there: a database that went
# back in time must find more than the announcement.
_WRITTEN_BACK = frozenset({S.SUBMITTED, S.UNKNOWN, S.PAID, S.FAILED, S.RETURNED, S.CANCELLED})
_NOTICED = frozenset({S.PAID, S.FAILED, S.RETURNED})

NEWS: dict[State, str] = {
    S.APPROVED: "payout.approved",
    S.PAID: "payout.paid",
    S.FAILED: "payout.failed",
    S.RETURNED: "payout.returned",
}
"""What subscribers are told of: it stands on the event, and a trigger of the database makes the messages of it."""


@dataclass(frozen=True, slots=True)
class Move:
    """One payout to be moved; `payout` carries the id, version and state on which the decision rests."""

    payout: Payout
    to: State
    reason: str
    kind: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    drafts: Sequence[Draft] = ()
    changes: Mapping[str, Any] = field(default_factory=dict)
    """Columns that change with the state; every move of one call must name the same ones."""
    next_at: datetime | None = None
    quiet: bool = False
    """True where nobody outside need be told, as when an innocent neighbour goes out again."""


@dataclass(slots=True)
class Moved:
    """Which moves were made, and which were not because the row had changed since it was read."""

    moved: list[Payout] = field(default_factory=list)
    refused: list[Payout] = field(default_factory=list)


def move(moves: Sequence[Move], *, actor: Actor, now: datetime) -> Moved:
    """This will set states for a whole set, with events, postings and outbox rows, inside the caller's transaction.

    Rows are updated by id and version, in the order of their ids; the caller consumes both lists. The instances
    that moved carry their new state and version.

    :raises ForbiddenMove: when the table does not allow one of them; then nothing is done.
    """
    if not moves:
        return Moved()
    ordered = sorted(moves, key=lambda one: one.payout.pk)
    for one in ordered:
        if one.to not in MOVES[State(one.payout.state)]:
            raise ForbiddenMove(one.payout.number, one.payout.state, one.to)
    events = [_event(one, actor=actor, now=now) for one in ordered]
    updated = set(
        rowsets.update(Payout, _rows(ordered, events, now), match=("id", "version"), bump="version")
    )
    outcome = Moved()
    kept: list[PayoutEvent] = []
    drafts: list[Draft] = []
    messages: list[OutboxMessage] = []
    for one, event in zip(ordered, events, strict=True):
        if one.payout.pk not in updated:
            outcome.refused.append(one.payout)
            continue
        kept.append(event)
        drafts.extend(one.drafts)
        messages.extend(_messages(one, now=now))
        _apply(one, event, now)
        outcome.moved.append(one.payout)
    rowsets.insert(PayoutEvent, kept)
    ledger.post(drafts, now=now)
    rowsets.insert(OutboxMessage, messages)
    if actor.is_staff:
        # What a person decided is acted upon at once; what a stage did, its worker goes on with by itself.
        kicks.kick("gather")
    return outcome


def record(
    payouts: Sequence[Payout],
    *,
    kind: str,
    actor: Actor,
    reason: str,
    now: datetime,
    facts: Mapping[str, Any] | None = None,
    news: str = "",
) -> None:
    """This will write an event into the record of each payout without moving it; the rows must be locked."""
    events = [
        _chained(
            payout,
            kind=kind,
            to=payout.state,
            actor=actor,
            reason=reason,
            facts=facts or {},
            news=news,
            now=now,
        )
        for payout in payouts
    ]
    rowsets.insert(PayoutEvent, events)
    rowsets.update(
        Payout,
        [
            {"id": p.pk, "chain_length": e.n, "chain_hash": e.hash}
            for p, e in zip(payouts, events, strict=True)
        ],
    )
    for payout, event in zip(payouts, events, strict=True):
        payout.chain_length, payout.chain_hash = event.n, event.hash


def created(payouts: Sequence[Payout], *, actor: Actor, reason: str, now: datetime) -> None:
    """This will insert new payouts in the state pending, each with the first event of its record."""
    events = []
    for payout in payouts:
        payout.state = ""
        event = _chained(
            payout, kind="gathered", to=State.PENDING, actor=actor, reason=reason, facts={}, now=now
        )
        payout.state = State.PENDING
        payout.chain_length, payout.chain_hash = event.n, event.hash
        events.append(event)
    rowsets.insert(Payout, payouts)
    rowsets.insert(PayoutEvent, events)


def chain_hash(event: PayoutEvent, previous: bytes) -> bytes:
    """This will compute what an event's hash must be, after the previous one of the same payout."""
    return crypto.digest(
        {
            "previous": previous.hex(),
            "payout": event.payout_id,
            "n": event.n,
            "kind": event.kind,
            "from": event.from_state,
            "to": event.to_state,
            "actor": event.actor,
            "reason": event.reason,
            "facts": event.facts,
            "at": event.created_at,
        }
    )


def _chained(
    payout: Payout,
    *,
    kind: str,
    to: str,
    actor: Actor,
    reason: str,
    facts: Mapping[str, Any],
    now: datetime,
    news: str = "",
) -> PayoutEvent:
    event = PayoutEvent.new(
        id=uuid7(),
        payout_id=payout.pk,
        n=payout.chain_length + 1,
        kind=kind,
        from_state=payout.state,
        to_state=to,
        actor=actor.text,
        reason=reason,
        facts=dict(facts),
        news=news,
        created_at=now,
    )
    event.hash = chain_hash(event, bytes(payout.chain_hash))
    return event


def _event(one: Move, *, actor: Actor, now: datetime) -> PayoutEvent:
    return _chained(
        one.payout,
        kind=one.kind or one.to,
        to=one.to,
        actor=actor,
        reason=one.reason,
        facts=one.facts,
        news="" if one.quiet else NEWS.get(one.to, ""),
        now=now,
    )


def _person_after(one: Move, now: datetime) -> datetime | None:
    patience = PATIENCE[one.to]
    return None if patience is None else now + patience


def _rows(moves: Sequence[Move], events: Sequence[PayoutEvent], now: datetime) -> list[dict[str, Any]]:
    return [
        {
            "id": one.payout.pk,
            "version": one.payout.version,
            "state": one.to,
            "state_since": now,
            "reason": one.reason,
            "next_at": one.next_at or now,
            "person_after": _person_after(one, now),
            "blocked_by": "",
            "chain_length": event.n,
            "chain_hash": event.hash,
            **one.changes,
        }
        for one, event in zip(moves, events, strict=True)
    ]


def _apply(one: Move, event: PayoutEvent, now: datetime) -> None:
    payout = one.payout
    payout.state, payout.state_since, payout.reason = one.to, now, one.reason
    payout.version += 1
    payout.next_at, payout.person_after, payout.blocked_by = one.next_at or now, _person_after(one, now), ""
    payout.chain_length, payout.chain_hash = event.n, event.hash
    for column, value in one.changes.items():
        setattr(payout, column, value)


def _messages(one: Move, *, now: datetime) -> list[OutboxMessage]:
    if one.quiet:
        return []
    kinds = ["write_back"] if one.to in _WRITTEN_BACK else []
    kinds += ["notice"] if one.to in _NOTICED else []
    messages = [
        OutboxMessage.new(
            id=uuid7(),
            kind=kind,
            subject=one.payout.pk,
            facts={"state": str(one.to), "number": one.payout.number, "turn": one.payout.chain_length + 1},
            created_at=now,
            next_at=now,
        )
        for kind in kinds
    ]
    # Whether its payee can be paid may hang on it.
    if State.FAILED in (one.to, one.payout.state):
        messages.append(readiness.message(one.payout.payee_id, now=now))
    return messages
