"""Telling Sharetribe once more what became of a payout, after a person cleared up why it refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from flexsync.models import WriteBack
from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.ids import uuid7
from payouts.models import OutboxMessage, PayoutLine


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
            [
                OutboxMessage(
                    id=uuid7(), kind="write_back", subject=payout_id, facts={}, created_at=now, next_at=now
                )
                for payout_id in sorted(set(newest.values()))
            ],
        )
    references = WriteBack.objects.filter(pk__in=list(newest)).values_list("source__reference", flat=True)
    return sorted(str(reference) for reference in references)
