"""Stage 7, hear back: providers are asked what became of batches, and what they say is stored as observations.

Also where a batch is recovered whose sender died or heard nothing certain. Webhooks only make a batch due sooner.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F

from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.clock import database_now
from marketplace_payouts.lib.crash_points import crash_point
from marketplace_payouts.lib.ids import uuid7
from marketplace_payouts.lib.logs import logger
from marketplace_payouts.lib.pool import run_all
from payouts import doubt, incarnation, item_readings, methods, pacing, recovery
from payouts.incidents import Evidence, open_incidents
from payouts.models import (
    Attempt,
    AttemptState,
    Batch,
    BatchState,
    Observation,
    Payout,
    ProviderFunds,
)
from payouts.pacing import NoTurn
from payouts.providers import registry
from payouts.providers.base import (
    BatchView,
    ItemRefusal,
    PayoutProvider,
    ProviderError,
    ProviderUnavailable,
    ReferenceVanished,
    Status,
)
from payouts.providers.base import Observation as Seen
from payouts.sending import load

log = logger(__name__)

_BACK_OFF_AT_MOST = timedelta(days=1)
_CLAIM = timedelta(minutes=2)
_UNDER_WAY = (AttemptState.COMMITTED, AttemptState.UNKNOWN, AttemptState.ACCEPTED)


def ask(*, limit: int, now: datetime) -> int:
    """This will ask the providers about up to `limit` batches whose time has come; gives how many it asked about."""
    batches = _claim(limit, now=now)
    by_provider: dict[str, list[Batch]] = defaultdict(list)
    for batch in batches:
        by_provider[batch.provider].append(batch)
    for name, group in by_provider.items():
        try:
            provider = registry.get(name)
        except ProviderError as error:
            _note(group, str(error), now=now)
            continue
        workers = provider.capabilities.concurrency
        run_all(lambda batch, p=provider: _ask_one(p, batch, now=now), group, workers=workers)  # type: ignore[misc]
    return len(batches)


def _claim(limit: int, *, now: datetime) -> list[Batch]:
    """Pushed ahead before the call, so that a batch whose reading kills the worker cannot starve the others."""
    with transaction.atomic():
        batches = list(
            Batch.objects.filter(next_at__lte=max(now, database_now(connection)))
            .exclude(state=BatchState.COMMITTED, attempts__state=AttemptState.DEFERRED)
            .order_by("next_at", "id")
            .select_for_update(skip_locked=True, of=("self",))[:limit]
        )
        Batch.objects.filter(pk__in=[batch.pk for batch in batches]).update(next_at=now + _CLAIM)
        crash_point("ask.before_claim")
    crash_point("ask.after_claim")
    for batch in batches:
        batch.next_at = now + _CLAIM
    return batches


def _ask_one(provider: PayoutProvider, batch: Batch, *, now: datetime) -> None:
    if batch.state == BatchState.ACCEPTED or (batch.state == BatchState.CLOSED and batch.reference):
        read(provider, batch, now=now)
    elif incarnation.is_accepted():
        recovery.recover(provider, batch, now=now)


def read(provider: PayoutProvider, batch: Batch, *, now: datetime) -> None:
    """This will read what exists under the batch's reference and store what is new about its items."""
    try:
        pacing.take_turn(provider)
    except NoTurn as error:
        _note([batch], str(error), now=now)
        return
    seq = reading()
    crash_point("ask.before_call")
    try:
        view = item_readings.view_of(provider, batch, reference=batch.reference, now=now)
    except ReferenceVanished as error:
        _vanished(batch, str(error))
        return
    except ProviderUnavailable as error:
        _note([batch], str(error), now=now)
        return
    crash_point("ask.after_call")
    with transaction.atomic():
        # The batch before what it carries, as everywhere, and as it stands now: the call took its time.
        present = Batch.objects.select_for_update().get(pk=batch.pk)
        is_hurried = present.next_at != batch.next_at
        news = observe(present, view, seq=seq, now=now)
        _next_reading(provider, present, view, news=news, is_hurried=is_hurried, now=now)
        crash_point("ask.before_commit")
    crash_point("ask.after_commit")


def _vanished(batch: Batch, reason: str) -> None:
    """What the provider named it does not know any more: nobody can say what became of what is still open."""
    with transaction.atomic():
        clock = database_now(connection)
        sending = load(Batch.objects.select_for_update().get(pk=batch.pk), now=clock)
        doubt.vanished(sending, f"The provider does not know {batch.reference} any more: {reason}")
        crash_point("vanish.before_commit")
    crash_point("vanish.after_commit")


def reading() -> int:
    """This will take the counter that orders observations; it is taken before the reading that they come from."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('payouts_reading')")
        return int(cursor.fetchone()[0])


def observe(batch: Batch, view: BatchView, *, seq: int, now: datetime) -> int:
    """This will store an observation for each item that says something new; gives how many did.

    An item that is not ours is evidence of a debit that we did not make.
    """
    attempts = {a.key: a for a in batch.attempts.order_by("pk").select_for_update(of=("self",))}
    by_reference = {a.reference: a for a in attempts.values() if a.reference}
    rows: list[Observation] = []
    foreign: list[Evidence] = []
    for seen in view.observations:
        attempt = attempts.get(seen.item_key) or by_reference.get(seen.reference)
        if attempt is None:
            foreign.append(_foreign(batch, seen))
            continue
        row = _observation(attempt, seen, denied=view.denied, seq=seq, now=now)
        if _says_something(attempt, row):
            rows.append(row)
    store(rows)
    open_incidents(foreign, now=now)
    return len(rows)


def store(rows: Sequence[Observation]) -> int:
    """This will store observations and let the settling see them; gives how many."""
    rowsets.insert(Observation, rows)
    newest: dict[UUID, int] = {}
    for row in rows:
        newest[row.attempt_id] = max(row.seq, newest.get(row.attempt_id, 0))
    # Never backwards: an answer that was long on its way is stored after one to a later question.
    locked = Attempt.objects.filter(pk__among=newest).order_by("pk").select_for_update(no_key=True)
    known = dict(locked.values_list("pk", "observed"))
    rowsets.update(Attempt, [{"id": pk, "observed": max(newest[pk], known[pk])} for pk in sorted(newest)])
    return len(rows)


def _observation(
    attempt: Attempt, seen: Seen, *, denied: ItemRefusal | None, seq: int, now: datetime
) -> Observation:
    # An innocent item of a denied batch has no reason of its own; people are told the batch's.
    refusal = denied if seen.status is Status.NOT_STARTED and seen.refusal is None else seen.refusal
    return Observation.new(
        id=uuid7(),
        attempt_id=attempt.pk,
        seq=seq,
        status=seen.status,
        raw_status=seen.raw_status[:60],
        reference=seen.reference,
        units=None if seen.amount is None else seen.amount.units,
        currency="" if seen.amount is None else seen.amount.currency,
        destination=methods.echo_fingerprint(attempt.provider, seen.destination) if seen.destination else "",
        fee_units=None if seen.fee is None else seen.fee.units,
        fee_currency="" if seen.fee is None else seen.fee.currency,
        returned_units=None if seen.returned is None else seen.returned.units,
        return_reference=seen.return_reference,
        movement_reference=seen.movement_reference,
        onward="" if seen.onward is None else seen.onward.leg,
        onward_message="" if seen.onward is None else seen.onward.message,
        refusal_code="" if refusal is None else refusal.code[:80],
        refusal_class="" if refusal is None else refusal.refusal,
        message="" if refusal is None else refusal.message,
        provider_time=seen.provider_time,
        created_at=now,
    )


def _says_something(attempt: Attempt, row: Observation) -> bool:
    """What repeats the newest thing folded is not stored, or weeks of polling would fill the table.

    While something stored is not folded yet, everything is kept: the repetition may be of an older word.
    """
    if attempt.observed > attempt.folded or attempt.state in (AttemptState.COMMITTED, AttemptState.UNKNOWN):
        return True
    fee_is_new = (
        (attempt.debited or attempt.fee_units is not None)
        and row.fee_units is not None
        and (row.fee_units, row.fee_currency) != (attempt.fee_units, attempt.fee_currency)
    )
    echo_is_wrong = row.units is not None and (row.units, row.currency) != (attempt.units, attempt.currency)
    return (
        (row.status, row.raw_status) != (attempt.status, attempt.raw_status)
        or fee_is_new
        or echo_is_wrong
        or bool(row.destination and row.destination != attempt.destination)
        or bool(row.reference and row.reference != attempt.reference)
        or bool(row.movement_reference and row.movement_reference != attempt.movement_reference)
        or bool(row.onward and row.onward != attempt.onward)
        or (row.returned_units or 0) > attempt.returned_units
    )


def _foreign(batch: Batch, seen: Seen) -> Evidence:
    amount = None if seen.amount is None else seen.amount.to_json()
    return Evidence(
        kind="foreign_item",
        subject=f"{batch.provider} {seen.reference or seen.item_key}",
        sentence=f"{batch.provider} lists an item in our batch that we did not send: {seen.reference}.",
        provider=batch.provider,
        facts={"reference": seen.reference, "status": seen.raw_status, "amount": amount},
    )


def _next_reading(
    provider: PayoutProvider, batch: Batch, view: BatchView, *, news: int, is_hurried: bool, now: datetime
) -> None:
    """Often while something is under way, ever more seldom until the return window closes, then never.

    Where a webhook came while this answer was under way, the answer may be older than it: asked again at once.
    """
    open_items = batch.attempts.filter(state__in=_UNDER_WAY).exists() or news
    # A failure may turn out to be none, just as what was paid may come back.
    last = (
        batch.attempts.filter(watch_until__isnull=False)
        .exclude(state=AttemptState.RETURNED)
        .order_by("-watch_until")
        .first()
    )
    batch.raw_status = view.raw_status[:60]
    batch.tries = 0 if news else batch.tries + 1
    wait = min(provider.capabilities.poll_every * 2 ** min(batch.tries, 12), _BACK_OFF_AT_MOST)
    hurried_to = batch.next_at if is_hurried else None
    batch.next_at = now + wait
    if not open_items and batch.state == BatchState.ACCEPTED:
        batch.state = BatchState.CLOSED
    if not open_items and (last is None or last.watch_until is None or last.watch_until < now):
        batch.next_at = None
    batch.next_at = hurried_to or batch.next_at
    if view.fee is not None:
        batch.fee_units, batch.fee_currency = view.fee.units, view.fee.currency
    batch.reason = ""
    batch.save(
        update_fields=["raw_status", "tries", "next_at", "state", "fee_units", "fee_currency", "reason"]
    )


def _note(batches: Sequence[Batch], reason: str, *, now: datetime) -> None:
    for batch in batches:
        wait = min(timedelta(seconds=15) * 2 ** min(batch.tries, 10), timedelta(hours=1))
        Batch.objects.filter(pk=batch.pk).update(
            tries=F("tries") + 1, next_at=now + wait, reason=reason[:500]
        )
        crash_point("ask.after_note")
        log.warning("provider_not_asked", batch=str(batch.pk), reason=reason)


def hurry(batch_ids: Sequence[UUID], *, now: datetime) -> int:
    """This will make batches due for asking now, as a webhook or a person wishes; gives how many."""
    with transaction.atomic():
        batches = Batch.objects.filter(pk__in=batch_ids).exclude(state=BatchState.REFUSED).order_by("pk")
        locked = [batch.pk for batch in batches.select_for_update(no_key=True)]
        hurried = Batch.objects.filter(pk__in=locked).update(next_at=now)
        crash_point("hurry.before_commit")
    crash_point("hurry.after_commit")
    return hurried


def read_funds(*, now: datetime) -> int:
    """This will read what each provider says it holds for us, a hint that may be hours old."""
    read_rows = 0
    for name, provider in registry.available().items():
        crash_point("funds.before_call")
        try:
            balances = provider.balances()
        except ProviderUnavailable as error:
            log.warning("balance_not_read", provider=name, reason=str(error))
            continue
        crash_point("funds.after_call")
        rows = [
            ProviderFunds(
                id=uuid7(),
                provider=name,
                currency=balance.available.currency,
                available_units=balance.available.units,
                as_of=balance.as_of,
                read_at=now,
            )
            for balance in balances
        ]
        rowsets.insert(
            ProviderFunds,
            rows,
            on_conflict="(provider, currency) DO UPDATE SET available_units = excluded.available_units,"
            " as_of = excluded.as_of, read_at = excluded.read_at",
        )
        crash_point("funds.after_commit")
        read_rows += len(rows)
    Payout.objects.filter(state="approved", blocked_by="funds").update(next_at=now)
    crash_point("funds.after_wake")
    return read_rows
