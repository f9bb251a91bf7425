"""The webhook inbox: verified over the raw body, stored, answered; worked off later by re-reading what it names."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Protocol, runtime_checkable
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from marketplace_payouts.lib import crypto, rowsets
from marketplace_payouts.lib.crash_points import crash_point
from marketplace_payouts.lib.ids import uuid7
from marketplace_payouts.lib.logs import logger
from payouts import marks, recovery
from payouts.models import Attempt, Batch, BatchState, WebhookDelivery
from payouts.providers import registry
from payouts.providers.base import Hint, PayoutProvider, ProviderError, RawWebhook
from payouts.reconciliation import hurry

log = logger(__name__)

_TRY_AGAIN = timedelta(seconds=15)
_TRIES = 12


@runtime_checkable
class HeardElsewhere(Protocol):
    """A provider whose events come to a door that stands for other reasons too, and verifies them."""

    def hints_of(self, event: Mapping[str, Any]) -> Sequence[Hint]:
        """This will say what a verified event points at; nothing where it is about no payment of ours."""
        ...


def receive(provider: PayoutProvider, request: RawWebhook) -> int:
    """This will verify a delivery and store what it points at, once per event; gives how many were new.

    :raises BadWebhook: when it cannot be verified; nothing is stored then.
    """
    crash_point("webhook.before_call")
    hints = provider.read_webhook(request)
    crash_point("webhook.after_call")
    return store(provider.name, hints, request)


def hear(provider: PayoutProvider | None, event: Mapping[str, Any], request: RawWebhook) -> int:
    """This will store what an event points at that was verified at another door; gives how many hints were new.

    Of a provider that is not set up, or has no other door, it stores nothing.
    """
    if provider is None:
        return 0
    hints = provider.hints_of(event) if isinstance(provider, HeardElsewhere) else ()
    return store(provider.name, hints, request) if hints else 0


def store(provider: str, hints: Sequence[Hint], request: RawWebhook) -> int:
    """This will store what a verified delivery points at, once per event; gives how many were new."""
    rows = [_delivery(provider, hint, request) for hint in hints]
    with transaction.atomic():
        new = rowsets.insert(
            WebhookDelivery, rows, on_conflict="(provider, event_id) DO NOTHING", returning="id"
        )
        crash_point("webhook.before_commit")
    crash_point("webhook.after_commit")
    return len(new)


def _delivery(provider: str, hint: Hint, request: RawWebhook) -> WebhookDelivery:
    pk = uuid7()
    return WebhookDelivery(
        id=pk,
        provider=provider,
        event_id=hint.event_id[:200],
        kind=hint.kind[:120],
        hint=json.loads(json.dumps(asdict(hint))),
        body=crypto.seal(request.body, aad=pk.bytes),
        received_at=request.received_at,
        next_at=request.received_at,
    )


def work_off(*, limit: int, now: datetime) -> int:
    """This will make the batches that stored deliveries point at due for re-reading; gives how many it worked off."""
    with transaction.atomic():
        rows = list(
            WebhookDelivery.objects.filter(state=WebhookDelivery.State.NEW, next_at__lte=now)
            .order_by("next_at", "id")
            .select_for_update(skip_locked=True)[:limit]
        )
        batches = _batches(rows)
        adopting = {row.pk: b for row in rows if (b := batches.get(row.pk)) and _must_adopt(b, row)}
        went_there = _to_destinations(rows)
        named = [b.pk for pk, b in batches.items() if pk not in adopting]
        hurry([*named, *(pk for found in went_there.values() for pk in found)], now=now)
        _close([row for row in rows if row.pk not in adopting], {*batches, *went_there}, now=now)
        rowsets.update(
            WebhookDelivery,
            [
                {"id": row.pk, "tries": row.tries + 1, "next_at": now + _TRY_AGAIN * (row.tries + 1)}
                for row in rows
                if row.pk in adopting
            ],
        )
        crash_point("work_off.before_commit")
    crash_point("work_off.after_commit")
    for row in rows:
        if row.pk in adopting:
            _adopt(row, adopting[row.pk], now=now)
    return len(rows)


def _must_adopt(batch: Batch, row: WebhookDelivery) -> bool:
    """A batch whose outcome is unknown learns its reference from the delivery; what exists is compared first.

    So does one that counts as refused, or that people decided about: what exists after all is evidence.
    """
    is_missing = batch.state in (BatchState.REFUSED, BatchState.CLOSED) and not batch.reference
    is_unknown = batch.state in (BatchState.SENT, BatchState.UNKNOWN)
    return (is_unknown or is_missing) and bool(row.hint["batch_reference"])


def _batches(rows: Sequence[WebhookDelivery]) -> dict[UUID, Batch]:
    """The batch that each delivery is about, by any of the ids that it carries."""
    fields = ("batch_reference", "batch_key", "item_reference", "item_key")
    ids = {name: {row.hint[name] for row in rows if row.hint[name]} for name in fields}
    by_reference = _by(Batch.objects.filter(reference__in=ids["batch_reference"]), "reference")
    by_key = _by(Batch.objects.filter(key__in=ids["batch_key"]), "key")
    attempts = Attempt.objects.select_related("batch")
    by_item = {
        (a.provider, a.reference): a.batch for a in attempts.filter(reference__in=ids["item_reference"])
    }
    by_item_key = {(a.provider, a.key): a.batch for a in attempts.filter(key__in=ids["item_key"])}
    found = {}
    for row in rows:
        tables = (by_reference, by_key, by_item, by_item_key)
        hits = (table.get((row.provider, row.hint[name])) for table, name in zip(tables, fields, strict=True))
        batch = next((hit for hit in hits if hit is not None), None)
        if batch is not None:
            found[row.pk] = batch
    return found


def _to_destinations(rows: Sequence[WebhookDelivery]) -> dict[UUID, list[UUID]]:
    """Where a delivery points at a destination: the batches that went there and are still asked about."""
    places = {
        row.pk: (row.provider, marks.of_echo(row.provider, row.hint["destination"]))
        for row in rows
        if row.hint.get("destination")
    }
    wanted = Attempt.objects.filter(
        payout__method__fingerprint__in={mark for _, mark in places.values()}, batch__next_at__isnull=False
    )
    there: dict[tuple[str, str], list[UUID]] = defaultdict(list)
    for provider, mark, batch in wanted.values_list("provider", "destination", "batch_id"):
        there[provider, mark].append(batch)
    return {pk: there[place] for pk, place in places.items() if place in there}


def _by(batches: QuerySet[Batch], column: str) -> dict[tuple[str, str], Batch]:
    return {(b.provider, getattr(b, column)): b for b in batches}


def _close(rows: Sequence[WebhookDelivery], applied: Collection[UUID], *, now: datetime) -> None:
    states = WebhookDelivery.State
    rowsets.update(
        WebhookDelivery,
        [
            {
                "id": row.pk,
                "state": states.APPLIED if row.pk in applied else states.IGNORED,
                "worked_at": now,
                "next_at": None,
            }
            for row in rows
        ],
    )


def _adopt(row: WebhookDelivery, batch: Batch, *, now: datetime) -> None:
    try:
        done = recovery.adopt_reference(registry.get(row.provider), batch, row.hint["batch_reference"])
    except ProviderError as error:
        log.warning("webhook_not_worked_off", delivery=str(row.pk), reason=str(error))
        done = False
    if done:
        hurry([batch.pk], now=now)
        _close([row], {row.pk}, now=now)
        crash_point("adopt.after_closing")
    elif row.tries + 1 >= _TRIES:
        WebhookDelivery.objects.filter(pk=row.pk).update(
            state=WebhookDelivery.State.DEAD, error="The batch could not be adopted.", next_at=None
        )
