"""Interpreting a transaction once more from what is stored of it: also the way back for one that was put aside."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from flexsync import interpreter
from flexsync.models import FlexEvent
from marketplace_payouts.lib.ids import uuid_or_none
from payouts.errors import Refused
from payouts.models import Source


def find(text: str) -> Source:
    """This will find a transaction by its id, by an event's id, or by an event's sequence id.

    :raises Refused: when nothing of it is stored.
    """
    references: list[UUID] = []
    if text.isascii() and text.isdecimal():
        references = list(
            FlexEvent.objects.filter(sequence_id=int(text)).values_list("resource_id", flat=True)[:10]
        )
    elif (wanted := uuid_or_none(text)) is not None:
        events = FlexEvent.objects.filter(event_id=wanted) | FlexEvent.objects.filter(pk=wanted)
        references = [wanted, *events.values_list("resource_id", flat=True)[:10]]
    source = Source.objects.filter(reference__in=references).first()
    if source is None:
        raise Refused(
            f"Nothing is stored of {text}: give the id of a transaction or event, or a sequence id."
        )
    return source


def replay(*, source_id: UUID, now: datetime) -> Source:
    """This will have a transaction interpreted at once, put aside or not, and give it as it then is."""
    with transaction.atomic():
        source = Source.objects.select_for_update(no_key=True).get(pk=source_id)
        source.next_at, source.parked_at, source.tries, source.error = now, None, 0, ""
        source.save(update_fields=["next_at", "parked_at", "tries", "error"])
    interpreter.understand_these([source_id], now=now)
    source.refresh_from_db()
    return source
