"""Stage 6, send: gates again under lock, intent committed, then the call; every path to a provider begins here."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, Max, OuterRef, Sum

from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.clock import database_now
from marketplace_payouts.lib.crash_points import crash_point
from marketplace_payouts.lib.ids import uuid7
from marketplace_payouts.lib.logs import logger
from marketplace_payouts.lib.pool import run_all
from payouts import approval, day_limits, deferring, digests, facts, incarnation, transmission
from payouts.actors import Actor
from payouts.attempt_postings import commit_draft
from payouts.facts import Facts
from payouts.gates import Stage, first_block
from payouts.holding import hold_by_rule
from payouts.ledger import Draft
from payouts.lifecycle import PATIENCE, Move, move
from payouts.models import (
    Attempt,
    AttemptState,
    Batch,
    Payout,
    ProviderFunds,
    State,
    Step,
    StepBody,
)
from payouts.providers import registry
from payouts.providers.base import BadItem, PayoutProvider, Progress
from payouts.providers.base import Step as ProviderStep
from payouts.refusing import ROUNDS_TOGETHER
from payouts.steps import items_of, step_rows

log = logger(__name__)

SENDER = Actor.rule("sender")
_LOOK_AGAIN = timedelta(minutes=1)


def send(*, limit: int, now: datetime) -> int:
    """This will send up to `limit` approved payouts of one provider and currency; gives how many went out.

    Nothing is sent by a database that is not accepted: restored, copied, or of another environment.
    """
    if not incarnation.is_accepted():
        return 0
    put_off = deferring.recommit(now=now)
    batches = [put_off] if put_off is not None else []
    while not batches:
        claimed = _commit(limit=limit, now=now)
        if claimed is None:
            return 0
        # Where gates stopped a whole group, its rows were pushed ahead, and the next group has its turn.
        batches = claimed
    provider = registry.get(batches[0].provider)
    run_all(transmission.transmit, [batch.pk for batch in batches], workers=provider.capabilities.concurrency)
    return sum(batch.item_count for batch in batches)


def _commit(*, limit: int, now: datetime) -> list[Batch] | None:
    """The claim: gates under lock, then batches, attempts and their first steps; committed before any call.

    Gives None when nothing was there to claim.
    """
    with transaction.atomic():
        payouts = _claim(limit, now=now)
        if not payouts:
            return None
        loaded = facts.for_payouts(payouts, now=now, lock=True)
        passing = _pass_gates(payouts, loaded, now=now)
        passing = day_limits.fit(_fit_funds(passing, now=now), now=now)
        if not passing:
            return []
        provider = registry.get(passing[0].provider)
        items = provider.capabilities.items_per_batch
        chunks = [passing[start : start + items] for start in range(0, len(passing), items)]
        batches = _write(provider, chunks, loaded, now=now)
        crash_point("send.before_intent")
    crash_point("send.after_intent")
    return batches


def _claim(limit: int, *, now: datetime) -> list[Payout]:
    """The oldest approved payout says which provider and currency go; rows that others hold are passed over."""
    deferred = Attempt.objects.filter(payout=OuterRef("pk"), state=AttemptState.DEFERRED)
    ready = Payout.objects.filter(~Exists(deferred), state=State.APPROVED, next_at__lte=now)
    first = ready.order_by("next_at", "id").select_for_update(skip_locked=True).first()
    if first is None:
        return []
    group = ready.filter(provider=first.provider, sent_currency=first.sent_currency)
    if first.rounds >= ROUNDS_TOGETHER:
        group, limit = group.filter(rounds=first.rounds), _half(limit, first)
    return list(
        # Payee and method are read under their locks, with everything else that the gates look at.
        group.order_by("next_at", "id").select_for_update(skip_locked=True)[:limit]
    )


def _half(limit: int, first: Payout) -> int:
    if (provider := registry.find(first.provider)) is None:
        return limit
    same = Payout.objects.filter(
        state=State.APPROVED, provider=first.provider, sent_currency=first.sent_currency, rounds=first.rounds
    ).count()
    items = provider.capabilities.items_per_batch >> (first.rounds - ROUNDS_TOGETHER + 1)
    return max(1, min(limit, items, -(-same // 2)))


def _pass_gates(payouts: Sequence[Payout], loaded: dict[UUID, Facts], *, now: datetime) -> list[Payout]:
    passing, void, later, waiting = [], [], [], []
    for payout in payouts:
        found = first_block(loaded[payout.pk], up_to=Stage.SEND)
        if found is None:
            passing.append(payout)
        elif found[0].name == "approved":
            void.append(payout)
        elif found[0].name == "hours" and (opens := found[1].until) is not None:
            # Looked at again when its hour has come, and by nobody before: it is where it should be.
            patience = PATIENCE[State.APPROVED] or timedelta(0)
            waiting.append(
                {"id": payout.pk, "next_at": opens, "person_after": opens + patience, "blocked_by": "hours"}
            )
        else:
            later.append({"id": payout.pk, "next_at": now + _LOOK_AGAIN, "blocked_by": found[0].name})
    rowsets.update(Payout, later)
    rowsets.update(Payout, waiting)
    if void:
        approval.withdraw(
            void, actor=SENDER, reason="The approval no longer covers what the payout is.", now=now
        )
    return passing


def _fit_funds(payouts: Sequence[Payout], *, now: datetime) -> list[Payout]:
    """What the provider last said it holds, less what was committed since, decides how many go: one locked row."""
    if not payouts:
        return []
    provider, currency = payouts[0].provider, payouts[0].sent_currency
    row = ProviderFunds.objects.filter(provider=provider, currency=currency).select_for_update().first()
    if row is None or row.available_units is None or row.as_of is None:
        return list(payouts)
    committed = Attempt.objects.filter(
        provider=provider, currency=currency, created_at__gt=row.as_of
    ).exclude(state__in=(AttemptState.REFUSED, AttemptState.ABSENT))
    left = int(row.available_units) - int(committed.aggregate(total=Sum("units"))["total"] or 0)
    fitting, late = [], []
    for payout in payouts:
        if payout.sent_units <= left:
            left -= int(payout.sent_units)
            fitting.append(payout)
        else:
            late.append({"id": payout.pk, "next_at": now + _LOOK_AGAIN, "blocked_by": "funds"})
    rowsets.update(Payout, late)
    return fitting


@dataclass(slots=True)
class _Rows:
    """What one claim writes."""

    batches: list[Batch]
    attempts: list[Attempt]
    steps: list[Step]
    bodies: list[StepBody]
    drafts: dict[UUID, Draft]


def _write(
    provider: PayoutProvider, chunks: Sequence[Sequence[Payout]], loaded: dict[UUID, Facts], *, now: datetime
) -> list[Batch]:
    numbers = _attempt_numbers([payout.pk for chunk in chunks for payout in chunk])
    rows = _Rows([], [], [], [], {})
    clock = database_now(connection)
    for chunk in chunks:
        _add_batch(provider, chunk, loaded, numbers, rows, clock=clock)
    rowsets.insert(Batch, rows.batches)
    rowsets.insert(Attempt, rows.attempts)
    rowsets.insert(Step, rows.steps)
    rowsets.insert(StepBody, rows.bodies)
    moved = move(
        [
            Move(
                payout=p, to=State.SUBMITTING, reason=f"Sent by {provider.label}.", drafts=[rows.drafts[p.pk]]
            )
            for chunk in chunks
            for p in chunk
            if p.pk in rows.drafts
        ],
        actor=SENDER,
        now=now,
    )
    if moved.refused:
        raise RuntimeError("A payout changed under its own lock.")  # cannot happen; nothing is committed
    return rows.batches


def _add_batch(
    provider: PayoutProvider,
    chunk: Sequence[Payout],
    loaded: dict[UUID, Facts],
    numbers: dict[UUID, int],
    rows: _Rows,
    *,
    clock: datetime,
) -> None:
    batch = Batch(
        id=uuid7(),
        provider=provider.name,
        key=str(uuid.uuid4()),
        currency=chunk[0].sent_currency,
        item_count=len(chunk),
        total_units=sum(int(p.sent_units) for p in chunk),
        environment=settings.ENVIRONMENT,
        created_at=clock,
        lease_until=clock + settings.SEND_LEASE,
        # The sweep looks after it once the lease is over; the sender itself records earlier.
        next_at=clock + settings.SEND_LEASE,
        person_after=clock + timedelta(minutes=10),
    )
    attempts = [
        Attempt.new(
            id=uuid7(),
            payout_id=payout.pk,
            n=numbers.get(payout.pk, 0) + 1,
            batch_id=batch.pk,
            provider=provider.name,
            key=str(uuid.uuid4()),
            method_id=payout.method_id,
            units=payout.sent_units,
            currency=payout.sent_currency,
            destination=payout.method.fingerprint,
            digest=digests.digest_of(loaded[payout.pk]),
            created_at=clock,
            postings_made=1,
        )
        for payout in chunk
    ]
    for attempt, payout in zip(attempts, chunk, strict=True):
        attempt.payout, attempt.method = payout, payout.method
    attempts, step = _first_step(provider, batch, attempts)
    if step is None:
        return
    batch.item_count, batch.total_units = len(attempts), sum(int(a.units) for a in attempts)
    row, body = step_rows(batch, step, n=1, clock=clock)
    rows.batches.append(batch)
    rows.attempts += attempts
    rows.steps.append(row)
    rows.bodies.append(body)
    for attempt in attempts:
        rows.drafts[attempt.payout_id] = commit_draft(attempt, ordinal=0)


def _first_step(
    provider: PayoutProvider, batch: Batch, attempts: list[Attempt]
) -> tuple[list[Attempt], ProviderStep | None]:
    """An item that the provider's module cannot express is put aside with a hold; the others go on without it."""
    while attempts:
        try:
            step = provider.next_step(
                Progress(
                    batch_key=batch.key,
                    currency=batch.currency,
                    items=items_of(attempts),
                    at=batch.created_at,
                )
            )
        except BadItem as error:
            bad = next(a for a in attempts if a.key == error.item_key)
            hold_by_rule(rule="bad_item", reason=str(error), payouts=[bad.payout_id], now=batch.created_at)
            attempts = [a for a in attempts if a is not bad]
            continue
        assert isinstance(step, ProviderStep), "a batch without a first step"
        return attempts, step
    return [], None


def _attempt_numbers(payout_ids: Iterable[UUID]) -> dict[UUID, int]:
    rows = Attempt.objects.filter(payout__among=payout_ids).values_list("payout_id").annotate(last=Max("n"))
    return dict(rows)
