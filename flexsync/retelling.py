"""Telling Sharetribe once more what became of a payout or a payment, after a person cleared up why it refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from flexsync.models import PaymentTold, WriteBack
from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.ids import uuid7
from payouts.counting import TELL
from payouts.models import OutboxMessage, PayoutLine
from payouts.outbox import WRITE_BACK


def tell_again(*, source_ids: Sequence[UUID], now: datetime) -> list[str]:
    """This will forget that Sharetribe refused, and stage what it is to be told; gives the transactions' ids.

    What is told follows from the payouts' present state when it is told. A transaction that no payout covers has
    nothing to be told.
    """
    with transaction.atomic():
        rows = list(
            WriteBack.objects.filter(pk__in=source_ids)
            .order_by("pk")
            .select_for_update(no_key=True, of=("self",))
        )
        lines = PayoutLine.objects.filter(payable__source__in=[row.pk for row in rows]).order_by("id")
        newest: dict[UUID, UUID] = dict(lines.values_list("payable__source", "payout_id"))
        # Not confirmed any more: the same value counts as news, and the transition is tried again.
        WriteBack.objects.filter(pk__in=list(newest)).update(confirmed_at=None, conflict_at=None, tries=0)
        rowsets.insert(
            OutboxMessage,
            [_message(WRITE_BACK, payout_id, now=now) for payout_id in sorted(set(newest.values()))],
        )
    references = WriteBack.objects.filter(pk__in=list(newest)).values_list("source__reference", flat=True)
    return sorted(str(reference) for reference in references)


def tell_payment_again(*, source_ids: Sequence[UUID], now: datetime) -> list[str]:
    """This will forget that Sharetribe refused to hear of payments, and stage them; gives the transactions' ids."""
    with transaction.atomic():
        rows = list(
            PaymentTold.objects.filter(pk__in=source_ids)
            .select_related("source")
            .order_by("pk")
            .select_for_update(no_key=True, of=("self",))
        )
        PaymentTold.objects.filter(pk__in=[row.pk for row in rows]).update(
            confirmed_at=None, conflict_at=None, tries=0
        )
        rowsets.insert(OutboxMessage, [_message(TELL, row.pk, now=now) for row in rows])
    return sorted(str(row.source.reference) for row in rows)


def _message(kind: str, subject: UUID, *, now: datetime) -> OutboxMessage:
    return OutboxMessage(id=uuid7(), kind=kind, subject=subject, facts={}, created_at=now, next_at=now)
