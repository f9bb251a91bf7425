"""Every few hours: what is open is asked about, and each provider's own list is held against our attempts.

A movement that we did not make is evidence of a stolen key or a lost record: it is posted to suspense, and an incident
stops the provider.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

from django.db import transaction
from django.db.models import Min
from django.utils.dateparse import parse_datetime

from marketplace_payouts.lib.crash_points import crash_point
from marketplace_payouts.lib.ids import uuid7
from marketplace_payouts.lib.logs import logger
from payouts import heartbeats, ledger, reconciliation, settlement, statements
from payouts.incidents import Evidence, open_incidents
from payouts.ledger import Draft
from payouts.models import (
    Attempt,
    AttemptState,
    Batch,
    BatchState,
    Incarnation,
    Incident,
    Observation,
    Posting,
)
from payouts.providers import registry
from payouts.providers.base import PayoutProvider, ProviderUnavailable, Statement, StatementLine, Status
from payouts.statements import Comparison, Difference

log = logger(__name__)

# Read again before the last list ended: providers add to their lists late.
_OVERLAP: Final = timedelta(hours=24)
# How far the provider's clock may be behind ours.
_CLOCKS: Final = timedelta(minutes=5)
_ROUNDS: Final = 200
_MOVEMENTS: Final = UUID("0f4e3c0a-8f0b-4f8a-9c39-3d8d3a0b6b57")
_LISTED: Final = "on the list"
# What moved money that our books do not expect; the other differences are about what they do expect.
_SUSPENSE: Final = frozenset({"foreign_debit", "second_payment", "unexplained_movement"})


@dataclass(slots=True)
class Reconciled:
    """What came of one provider."""

    provider: str
    since: datetime
    complete_until: datetime | None = None
    lines: int = 0
    matched: int = 0
    differences: Sequence[Difference] = field(default_factory=list)
    opened: int = 0
    error: str = ""


def reconcile_all(*, now: datetime, since: datetime | None = None, only: str = "") -> list[Reconciled]:
    """This will ask about everything open, then compare each provider's list with our attempts, both ways.

    Of a provider that has no list nothing is given: each of its payments was asked about.

    :raises ProviderError: when the one provider that was named is not set up here.
    """
    ask_about_everything(now=now, only=only)
    providers = {only: registry.get(only)} if only else registry.available()
    return [
        reconcile(provider, since=since, now=now)
        for provider in providers.values()
        if provider.capabilities.lists_movements
    ]


def ask_about_everything(*, now: datetime, only: str = "") -> int:
    """This will ask about each batch that is not over, and settle what is heard; gives how many it asked about."""
    batches = Batch.objects.filter(state__in=(BatchState.SENT, BatchState.UNKNOWN, BatchState.ACCEPTED))
    if only:
        batches = batches.filter(provider=only)
    reconciliation.hurry(list(batches.values_list("pk", flat=True)), now=now)
    asked = 0
    for _ in range(_ROUNDS):
        found = reconciliation.ask(limit=100, now=now)
        asked += found
        while settlement.settle(limit=5000, now=now):
            pass
        if not found:
            break
    return asked


def reconcile(provider: PayoutProvider, *, since: datetime | None, now: datetime) -> Reconciled:
    """This will compare one provider's list with our attempts, and open an incident for each contradiction."""
    since = since or _since(provider.name, now=now)
    result = Reconciled(provider.name, since)
    try:
        statement, comparison = _compare(provider, since=since, now=now)
    except ProviderUnavailable as error:
        result.error = str(error)
        log.warning("statement_not_read", provider=provider.name, reason=str(error))
        return result
    result.since = comparison.since
    found = statements.differences(comparison, settle_time=provider.capabilities.settle_time)
    result.complete_until, result.lines = statement.complete_until, len(statement.lines)
    result.matched, result.differences = len(comparison.accounts), found
    with transaction.atomic():
        result.opened = _act(provider.name, found, now=now)
        _take_back(comparison, now=now)
        _observe_returns(comparison, now=now)
        _post_own_moves(comparison, now=now)
        heartbeats.beat(
            f"reconcile {provider.name}",
            now=now,
            complete_until=statement.complete_until.isoformat(),
            lines=result.lines,
            differences=len(found),
        )
        crash_point("reconcile.before_commit")
    crash_point("reconcile.after_commit")
    return result


def _compare(provider: PayoutProvider, *, since: datetime, now: datetime) -> tuple[Statement, Comparison]:
    """What was debited later than it was sent may be a second debit, whose first stands on an earlier part of the list:
    then the list is read from the sending on, so that each attempt is judged by all that there is of it."""
    statement = _listed(provider, since=since, now=now)
    comparison = statements.compare(provider, statement, since=since)
    sent = [
        account.attempt.batch.first_sent_at
        for account in comparison.accounts.values()
        if account.debits and account.attempt.batch.first_sent_at is not None
    ]
    earlier = _no_earlier_than_ours(provider.name, min(sent, default=since), now=now)
    if min(sent, default=since) >= since or earlier >= since:
        return statement, comparison
    statement = _listed(provider, since=earlier, now=now)
    return statement, statements.compare(provider, statement, since=earlier)


def _listed(provider: PayoutProvider, *, since: datetime, now: datetime) -> Statement:
    crash_point("reconcile.before_call")
    statement = provider.statement(since=since, until=now)
    crash_point("reconcile.after_call")
    return statement


def _observe_returns(comparison: Comparison, *, now: datetime) -> int:
    """A return in parts may stand on the provider's list alone: each line not seen before adds to what came back.

    Only to what is over and out by our books. What came back of a payment under way may mean that it failed, and of one
    that failed, that it had gone out before we heard so; the list is read again for whatever turns out to be paid.

    The counter is taken under the lock of the attempts, not before the reading: what came back adds up, whatever else
    was heard meanwhile, and one that counts as older than what was folded would never be folded.
    """
    accounts = {pk: account for pk, account in comparison.accounts.items() if account.returns}
    locked = Attempt.objects.filter(pk__in=list(accounts)).order_by("pk").select_for_update(no_key=True)
    accounts = {a.pk: accounts[a.pk] for a in locked if a.closed_at is not None and a.debited}
    seq = reconciliation.reading()
    seen: dict[UUID, dict[str, int]] = defaultdict(dict)
    rows = Observation.objects.filter(attempt_id__in=list(accounts), raw_status=_LISTED)
    for attempt_id, reference, units in rows.values_list("attempt_id", "return_reference", "returned_units"):
        seen[attempt_id][reference] = int(units or 0)
    found: list[Observation] = []
    for pk, account in accounts.items():
        total, excess = max(seen[pk].values(), default=0), account.excess
        for line in account.returns:
            if line.reference in seen[pk] or line.amount.currency != account.attempt.currency:
                continue
            # What came back of a second payment was never owed to the payee.
            made_good = min(excess, line.amount.units)
            excess -= made_good
            if made_good == line.amount.units:
                continue
            total += line.amount.units - made_good
            found.append(_return(account.attempt, line, total=total, seq=seq, now=now))
    return reconciliation.store(found)


def _return(attempt: Attempt, line: StatementLine, *, total: int, seq: int, now: datetime) -> Observation:
    return Observation(
        id=uuid7(),
        attempt=attempt,
        seq=seq,
        status=Status.RETURNED,
        raw_status=_LISTED,
        returned_units=total,
        return_reference=line.reference,
        provider_time=line.at,
        created_at=now,
    )


def _since(provider: str, *, now: datetime) -> datetime:
    """From a day before the last list ended; the first time, from the beginning.

    What came to count as paid since, however long after its sending, is looked for from its sending on.
    """
    text = heartbeats.detail_of(f"reconcile {provider}").get("complete_until")
    last = parse_datetime(text) if text else None
    if last is None:
        return compare_from(provider, now=now)
    since = last - _OVERLAP
    late = Attempt.objects.filter(
        provider=provider,
        state=AttemptState.SETTLED,
        closed_at__gt=since - registry.get(provider).capabilities.settle_time,
        batch__first_sent_at__lt=since + _CLOCKS,
    ).aggregate(first=Min("batch__first_sent_at"))["first"]
    return since if late is None else min(since, _no_earlier_than_ours(provider, late, now=now))


def _no_earlier_than_ours(provider: str, sent: datetime, *, now: datetime) -> datetime:
    """From when to read for the debit of what was sent then; what is older than our books is not ours to explain."""
    return max(sent - _CLOCKS, compare_from(provider, now=now))


def compare_from(provider: str, *, now: datetime) -> datetime:
    """This will give from when on a provider's list is ours to explain: this database was accepted, or had sent."""
    first = Incarnation.objects.aggregate(first=Min("accepted_at"))["first"]
    sent = Batch.objects.filter(provider=provider).aggregate(first=Min("first_sent_at"))["first"]
    return min(filter(None, [first, sent]), default=now)


def movement_id(provider: str, line: StatementLine) -> UUID:
    """This will give the id under which one line of a list is posted, for ever the same."""
    name = f"{provider}\n{line.reference}\n{line.kind}\n{line.amount.units}\n{line.at.isoformat()}"
    return uuid5(_MOVEMENTS, name)


def suspend(provider: str, lines: Sequence[StatementLine], *, now: datetime) -> list[StatementLine]:
    """This will post movements that our books do not explain to suspense; gives those that were not there yet."""
    ids = {movement_id(provider, line): line for line in lines}
    known = set(
        Posting.objects.filter(subject__in=list(ids), kind="suspense").values_list("subject", flat=True)
    )
    new = {pk: line for pk, line in ids.items() if pk not in known and line.amount.units}
    ledger.post([_suspense(provider, pk, line) for pk, line in new.items()], now=now)
    return list(new.values())


def _take_back(comparison: Comparison, *, now: datetime) -> int:
    """What came back of a second payment leaves suspense again, where that payment had been posted to it."""
    came_back = []
    for account in comparison.accounts.values():
        left = account.excess
        for line in account.returns:
            if line.amount.units <= left:
                left -= line.amount.units
                came_back.append((account, line))
    ids = {movement_id(comparison.provider, line) for account, _ in came_back for line in account.debits[1:]}
    posted = set(Posting.objects.filter(subject__in=ids, kind="suspense").values_list("subject", flat=True))
    lines = [
        line
        for account, line in came_back
        if any(movement_id(comparison.provider, one) in posted for one in account.debits[1:])
    ]
    return len(suspend(comparison.provider, lines, now=now))


def _suspense(provider: str, pk: UUID, line: StatementLine) -> Draft:
    # Positive is out for a debit, and in for everything else.
    out = line.amount if line.kind in ("debit", "fee", "account_fee") else -line.amount
    amount, debit, credit = ledger.flipped(out, f"suspense:{provider}", f"provider_cash:{provider}")
    return Draft("suspense", pk, debit, credit, amount)


def _act(provider: str, found: Sequence[Difference], *, now: datetime) -> int:
    """Movements go to suspense, and open an incident, once; the others open one until people have explained them."""
    open_questions = unexplained(provider, found)
    moved = [one.line for one in found if one.kind in _SUSPENSE and one.line is not None]
    new = {id(line) for line in suspend(provider, moved, now=now)}
    fresh = [one for one in open_questions if one.kind not in _SUSPENSE or id(one.line) in new]
    return open_incidents([_evidence(provider, one) for one in fresh], now=now)


def unexplained(provider: str, found: Sequence[Difference]) -> list[Difference]:
    """This will leave out what people have explained by closing its incident: the list goes on showing it."""
    incidents = Incident.objects.filter(provider=provider)
    asked = _references(incidents.filter(closed_at__isnull=True))
    closed = set(incidents.filter(closed_at__isnull=False).values_list("kind", "subject"))
    ids = {movement_id(provider, one.line) for one in found if one.line is not None}
    posted = set(Posting.objects.filter(subject__in=ids, kind="suspense").values_list("subject", flat=True))

    def is_explained(one: Difference) -> bool:
        if one.kind in _SUSPENSE and one.line is not None:
            return movement_id(provider, one.line) in posted and one.line.reference not in asked
        return (one.kind, _evidence(provider, one).subject) in closed

    return [one for one in found if not is_explained(one)]


def _references(incidents: Iterable[Incident]) -> set[str]:
    """The provider's ids of the movements that these incidents are about."""
    about = [incident.facts for incident in incidents]
    about += [movement for facts in about for movement in facts.get("movements", ())]
    return {str(facts["reference"]) for facts in about if facts.get("reference")}


def _evidence(provider: str, one: Difference) -> Evidence:
    subject = f"attempt {one.attempt.pk}" if one.attempt is not None else ""
    if one.line is not None:
        subject = f"{provider} {one.line.reference} {movement_id(provider, one.line)}"
    facts = {} if one.line is None else line_facts(one.line)
    return Evidence(
        kind=one.kind,
        subject=subject,
        sentence=one.sentence,
        provider=provider,
        facts=facts,
        payout=one.attempt.payout if one.attempt is not None else None,
        attempt=one.attempt,
        payee_id=one.attempt.payout.payee_id
        if one.attempt is not None and one.kind == "debit_of_the_dead"
        else None,
    )


def line_facts(line: StatementLine) -> dict[str, object]:
    """This will give what people need to find a line in the provider's own pages; no destination in clear."""
    return {
        "reference": line.reference,
        "item_key": line.item_key,
        "kind": line.kind,
        "amount": line.amount.to_json(),
        "at": line.at.isoformat(),
    }


def _post_own_moves(comparison: Comparison, *, now: datetime) -> int:
    """What the account's owner moved, and what the provider exchanged, is no payout's: posted once, from the list."""
    drafts = _own_moves(comparison)
    posted = Posting.objects.filter(subject__in=[one.subject for one in drafts])
    known = set(posted.values_list("subject", "kind"))
    new = [one for one in drafts if (one.subject, one.kind) not in known]
    ledger.post(new, now=now)
    return len(new)


def _own_moves(comparison: Comparison) -> list[Draft]:
    provider = comparison.provider
    cash, owner, exchange = f"provider_cash:{provider}", "owner_funding", f"fx:{provider}"
    ways = (
        ("fund", cash, owner, comparison.top_ups),
        # A bank may send a withdrawal back, which is listed with the other sign.
        ("withdraw", owner, cash, comparison.withdrawals),
        # The currency that was given is posted the other way round.
        ("convert", cash, exchange, comparison.conversions),
        ("fee", f"fees:{provider}", cash, comparison.account_fees),
    )
    drafts = {}
    for kind, debit, credit, lines in ways:
        for line in filter(lambda one: one.amount.units, lines):
            subject = movement_id(provider, line)
            amount, one, other = ledger.flipped(line.amount, debit, credit)
            drafts[subject] = Draft(kind, subject, one, other, amount)
    return list(drafts.values())
