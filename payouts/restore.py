"""After a restore or failover: what the database may have forgotten is found out before it may send again.

Two witnesses are heard: each provider's own list since a day before the last known commit, and the announcements on
Sharetribe's transactions. What they know and we do not is put before people; what we know is asked about; only then
is the database accepted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F

from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.clock import database_now
from marketplace_payouts.lib.crash_points import crash_point
from marketplace_payouts.lib.currencies import format_amount
from payouts import heartbeats, incarnation, reconciling, restore_holds, statements
from payouts.actors import Actor
from payouts.attempt_postings import commit_draft
from payouts.incidents import Evidence, open_incidents
from payouts.lifecycle import Move, move
from payouts.models import (
    Attempt,
    AttemptState,
    Batch,
    BatchState,
    Hold,
    Payout,
    PayoutEvent,
    PayoutLine,
    SourceCheck,
    State,
)
from payouts.providers import registry
from payouts.providers.base import PayoutProvider, ProviderUnavailable, Statement
from payouts.statements import Comparison, Difference, place_of

_RESTORER: Final = Actor.rule("after restore")
_BEFORE: Final = timedelta(hours=24)
_REVOKED: Final = (
    "Its approval was taken back before the restore; perhaps it was approved again and sent after."
)
_DECIDED: Final = "It was being sent, or unknown: perhaps people decided about it since, and sent it again."


@dataclass(frozen=True, slots=True)
class Witnessed:
    """What Sharetribe's transactions say: how many were read, and which name payouts that we do not know."""

    read: int = 0
    unread: int = 0
    strangers: Mapping[UUID, str] = field(default_factory=dict)
    """Source → the numbers that it names and we do not know."""
    named: Mapping[UUID, Sequence[str]] = field(default_factory=dict)
    """Source → all numbers that it names."""


Witness = Callable[..., Witnessed]
"""witness(*, now) → Witnessed."""


@dataclass(slots=True)
class Outcome:
    """Whether the database may send again, and what was found, in sentences."""

    accepted: bool = False
    sentences: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Heard:
    """One provider's list."""

    provider: PayoutProvider
    statement: Statement


def after_restore(*, by: str, witness: Witness, stopped_at: datetime | None, now: datetime) -> Outcome:
    """This will hear both witnesses, put before people what we do not know, and accept the database.

    `stopped_at` is when the database that was lost certainly sent nothing any more; without it, when it was first
    noticed here. Until every provider's list is complete up to then, nothing is changed and nothing accepted.

    :raises ProviderError: when a provider is set up by half or wrongly.
    """
    outcome = Outcome()
    if incarnation.is_accepted():
        outcome.accepted = True
        outcome.sentences.append("This database is accepted already; there is nothing to do.")
        return outcome
    stopped = min(stopped_at or noticed_at(now=now), now)
    since = last_commit(now=now) - _BEFORE
    heard = _hear(since=since, stopped=stopped, now=now, outcome=outcome)
    if heard is None:
        return outcome
    seen = witness(now=now)
    with transaction.atomic():
        for one in heard:
            _take_in(one, since=since, stopped=stopped, now=now, outcome=outcome)
        for name in _without_list():
            _take_in_unlisted(name, since=since, stopped=stopped, now=now, outcome=outcome)
        _take_in_witness(seen, now=now, outcome=outcome)
        # What was read before the loss proves nothing: every transaction is read once more before its sending.
        SourceCheck.objects.update(checked_at=None)
        incarnation.accept(by=by)
        heartbeats.drop("not accepted")
        crash_point("restore.before_commit")
    crash_point("restore.after_commit")
    outcome.accepted = True
    outcome.sentences.append("This database is accepted: sending goes on.")
    return outcome


def noticed_at(*, now: datetime) -> datetime:
    """This will give when it was first noticed that this database may not send, and note it if nobody has."""
    found = heartbeats.last("not accepted")
    if found is None:
        heartbeats.beat("not accepted", now=now)
        crash_point("restore.after_notice")
        return now
    return found.at


def last_commit(*, now: datetime) -> datetime:
    """This will give the newest moment that this database knows of; ids rise with time, so two keys tell it."""
    event = PayoutEvent.objects.order_by("-pk").values_list("created_at", flat=True).first()
    batch = Batch.objects.order_by("-pk").values_list("created_at", flat=True).first()
    return min(max(filter(None, (event, batch)), default=now), now)


def _hear(*, since: datetime, stopped: datetime, now: datetime, outcome: Outcome) -> list[_Heard] | None:
    """All lists, each complete up to when the lost database had certainly stopped; or None, and why."""
    heard = []
    offered = dict(registry.available())
    used = set(Batch.objects.exclude(provider="manual").values_list("provider", flat=True).distinct())
    for name in sorted(used - offered.keys()):
        outcome.sentences.append(
            f"{name} was used and is not set up here: set it up, so that its list can be read."
        )
    listing = {name: one for name, one in offered.items() if one.capabilities.lists_movements}
    for name, provider in sorted(listing.items()):
        crash_point("restore.before_call")
        try:
            statement = provider.statement(since=since, until=now)
        except ProviderUnavailable as error:
            outcome.sentences.append(f"The list of {name} could not be read: {error} Run this again later.")
            continue
        crash_point("restore.after_call")
        if statement.complete_until < stopped:
            outcome.sentences.append(
                f"The list of {name} is complete up to {statement.complete_until:%Y-%m-%d %H:%M:%S} UTC, and must"
                f" reach {stopped:%Y-%m-%d %H:%M:%S} UTC: run this again later, or say with --stopped-at when the"
                " lost database certainly sent nothing any more."
            )
            continue
        heard.append(_Heard(provider, statement))
    return heard if used <= offered.keys() and len(heard) == len(listing) else None


def _take_in(one: _Heard, *, since: datetime, stopped: datetime, now: datetime, outcome: Outcome) -> None:
    name = one.provider.name
    comparison = statements.compare(one.provider, one.statement, since=since)
    differences = statements.differences(comparison, settle_time=one.provider.capabilities.settle_time)
    doubtful = _doubt(name, stopped=stopped, now=now)
    asked = _ask_again(comparison, since=since, now=now)
    parked = _park(name, comparison, differences, now=now)
    lost = [difference for difference in differences if difference.line is not None]
    reconciling.suspend(name, [difference.line for difference in lost if difference.line], now=now)
    open_incidents(_evidence(name, differences, parked, stopped=stopped), now=now)
    outcome.sentences.append(
        f"{name}: {len(one.statement.lines)} lines since {since:%Y-%m-%d %H:%M} UTC, {len(comparison.accounts)} of"
        f" them of attempts that we know, {len(differences)} that contradict our books, {len(parked)} holds set;"
        f" {doubtful} batches count as unknown now, {asked} are asked about again."
    )


def _without_list() -> list[str]:
    return sorted(name for name, one in registry.available().items() if not one.capabilities.lists_movements)


def _take_in_unlisted(
    name: str, *, since: datetime, stopped: datetime, now: datetime, outcome: Outcome
) -> None:
    """Of a provider without a list the announcements alone tell what was sent in the time that was lost; of what no
    transaction announced, a person finds it out."""
    doubtful = _doubt(name, stopped=stopped, now=now)
    asked = _ask_again(Comparison(name, since, stopped), since=since, now=now)
    held = restore_holds.hold_unwitnessed(name, now=now)
    outcome.sentences.append(
        f"{name}: it gives no list; {doubtful} batches count as unknown now, {asked} are asked about again, and"
        f" {held} holds are set on what no transaction in Sharetribe bears witness of."
    )


def _doubt(provider: str, *, stopped: datetime, now: datetime) -> int:
    """Whatever was committed, or deferred, may have been sent after the last commit that we know of.

    It goes through recovery as if its sender had died: a look, and the same key again once a person lifts its hold.
    """
    _recommit_deferred(provider, now=now)
    batches = Batch.objects.filter(
        provider=provider, state__in=(BatchState.COMMITTED, BatchState.SENT, BatchState.UNKNOWN)
    )
    # To ask again under the old key would be to pay again, where the new one is still on its way.
    undecided = Attempt.objects.filter(
        batch__in=batches, state__in=(AttemptState.COMMITTED, AttemptState.UNKNOWN)
    )
    restore_holds.set_holds([Hold(payout_id=one.payout_id, reason=_DECIDED) for one in undecided], now=now)
    return batches.update(
        state=BatchState.UNKNOWN,
        transmissions=F("transmissions") + 1,
        first_sent_at=F("created_at"),
        last_sent_at=stopped,
        lease_until=None,
        sender="",
        next_at=now,
        person_after=now,
        reason="The database was restored: it may have been sent after the last commit that is known.",
    )


def _recommit_deferred(provider: str, *, now: datetime) -> None:
    attempts = list(
        Attempt.objects.filter(provider=provider, state=AttemptState.DEFERRED)
        .order_by("pk")
        .select_for_update()
    )
    payouts = {
        payout.pk: payout
        for payout in Payout.objects.filter(pk__in=[a.payout_id for a in attempts])
        .order_by("pk")
        .select_for_update()
    }
    reason = "The database was restored: it may have been sent."
    unapproved = [payout for payout in payouts.values() if payout.state == State.AWAITING_APPROVAL]
    restore_holds.set_holds([Hold(payout=payout, reason=_REVOKED) for payout in unapproved], now=now)
    move(
        [Move(payout=p, to=State.APPROVED, reason=reason, kind="restored", quiet=True) for p in unapproved],
        actor=_RESTORER,
        now=now,
    )
    moves = [
        Move(
            payout=payouts[attempt.payout_id],
            to=State.SUBMITTING,
            reason=reason,
            drafts=[commit_draft(attempt, ordinal=attempt.postings_made)],
            quiet=True,
        )
        for attempt in attempts
    ]
    move(moves, actor=_RESTORER, now=now)
    rowsets.update(
        Attempt,
        [
            {"id": a.pk, "state": AttemptState.COMMITTED, "postings_made": a.postings_made + 1}
            for a in attempts
        ],
    )


def _ask_again(comparison: Comparison, *, since: datetime, now: datetime) -> int:
    """Batches of which the list speaks, and all that were made lately: their present state may be news to us."""
    listed = {account.attempt.batch_id for account in comparison.accounts.values()}
    batches = Batch.objects.filter(
        provider=comparison.provider, state__in=(BatchState.ACCEPTED, BatchState.CLOSED)
    )
    clock = database_now(connection)
    return batches.filter(pk__in=listed).update(next_at=clock) + (
        batches.filter(created_at__gte=since).exclude(pk__in=listed).update(next_at=clock)
    )


def _park(
    provider: str, comparison: Comparison, differences: Sequence[Difference], *, now: datetime
) -> dict[int, str]:
    """Holds on whatever a movement that we do not know may have paid; gives line → what it may belong to."""
    debits = [line for line in comparison.unmatched if line.kind == "debit"]
    debits += [one.line for one in differences if one.line is not None and one.attempt is not None]
    known = {
        id(one.line): one.attempt for one in differences if one.attempt is not None and one.line is not None
    }
    rows: list[Hold] = []
    parked: dict[int, str] = {}
    payouts, payees, unwitnessed = restore_holds.candidates(provider, debits)
    asked_about = restore_holds.asked_about(provider, debits)
    for line in debits:
        reason = (
            f"After the restore {provider} lists {format_amount(line.amount)} of {line.at:%Y-%m-%d %H:%M} UTC"
            f" ({line.reference}) that our books do not know: it may have paid this already."
        )
        attempt = known.get(id(line))
        found = [attempt.payout] if attempt is not None else payouts.get(place_of(provider, line), [])
        rows += [Hold(payout=payout, reason=reason) for payout in found]
        parked |= {id(line): payout.number for payout in found}
        if attempt is not None:
            continue
        rows += [
            Hold(payout=payout, reason=reason) for payout in asked_about.get(place_of(provider, line), ())
        ]
        owners = payees.get(place_of(provider, line)[0], set())
        # Where a payout fits, it may yet be another that was made later, of what no transaction bears witness.
        for payee in sorted(owners & unwitnessed if found else owners):
            rows.append(Hold(payee_id=payee, reason=reason))
            parked.setdefault(id(line), f"payee {payee}")
    dead = [one.attempt for one in differences if one.kind == "debit_of_the_dead" and one.attempt is not None]
    rows += [
        Hold(payout=a.payout, reason=f"{provider} debited an attempt that counts as refused.") for a in dead
    ]
    restore_holds.set_holds(rows, now=now)
    return parked


def _evidence(
    provider: str, differences: Sequence[Difference], parked: Mapping[int, str], *, stopped: datetime
) -> list[Evidence]:
    """One incident for all that a provider's list knows and we do not; each line stands in it."""
    if not differences:
        return []
    rows = [
        {
            "sentence": one.sentence,
            "may_be": parked.get(id(one.line), ""),
            **(reconciling.line_facts(one.line) if one.line is not None else {}),
        }
        for one in differences
    ]
    return [
        Evidence(
            kind="restored",
            subject=f"{provider} {stopped.isoformat()}",
            sentence=f"After the restore {provider} lists {len(rows)} movements that contradict our books.",
            provider=provider,
            facts={"movements": rows},
        )
    ]


def _take_in_witness(seen: Witnessed, *, now: datetime, outcome: Outcome) -> None:
    lines = PayoutLine.objects.filter(
        payable__source_id__in=list(seen.named),
        released_at__isnull=True,
        payout__state__in=restore_holds.UNSENT,
    ).select_related("payout", "payable")
    reasons = {line.payout: reason for line in lines if (reason := _why_perhaps_sent(seen, line))}
    restore_holds.set_holds(
        [Hold(payout=payout, reason=reason) for payout, reason in reasons.items()], now=now
    )
    outcome.sentences.append(
        f"Sharetribe: {seen.read} open transactions read, {len(seen.strangers)} name a payout that we do not know,"
        f" {len(reasons)} payouts that are not sent are held by what they say"
        + (f", {seen.unread} could not be read and are read again before sending." if seen.unread else ".")
    )


def _why_perhaps_sent(seen: Witnessed, line: PayoutLine) -> str:
    """What was announced is sent next, and a request may still be on its way when every list is read."""
    source = line.payable.source_id
    assert source is not None
    if source in seen.strangers:
        return (
            f"The transaction in Sharetribe names {seen.strangers[source]}, which we do not know: it may have been paid"
            " before the restore."
        )
    if line.payout.number in seen.named[source]:
        return (
            "It was announced in Sharetribe, and may have been sent in the time that was lost: look whether the"
            " provider has it, once nothing can be on its way there any more."
        )
    return ""
