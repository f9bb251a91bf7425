"""Whether a payee can be paid: by a method that stands, is verified, and was not refused for their own reason."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import connection

from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.ids import uuid7
from payouts.models import OutboxMessage
from payouts.providers.base import RefusalClass

TELL: Final = "tell_user"
"""The kind of message that has a payee's Sharetribe user told how they stand."""

FOR_THE_PAYEE: Final = (RefusalClass.PAYEE, RefusalClass.FINAL)
"""The classes of refusals that nobody but the payee can mend, by another method or at the provider."""

REFUSED: Final = """
    EXISTS (SELECT FROM payouts_payout f JOIN payouts_attempt a ON a.payout_id = f.id
            WHERE f.method_id = m.id AND f.state = 'failed' AND a.refusal_class IN ('payee', 'final')
              AND NOT EXISTS (SELECT FROM payouts_attempt b WHERE b.payout_id = f.id AND b.n > a.n))
"""
"""Of a method `m`: the last try to pay to it failed for a reason that nobody but the payee can mend."""

USABLE: Final = f"(m.retired_at IS NULL AND m.verified_at IS NOT NULL AND NOT {REFUSED})"
"""Of a method `m`: its payee can be paid there, now or after its cool-down."""


def ready(payee_ids: Collection[UUID]) -> set[UUID]:
    """This will give those of the payees who can be paid, in one statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT m.payee_id FROM payouts_payoutmethod m WHERE m.payee_id = ANY(%s) AND {USABLE}",  # noqa: S608 - fixed text
            [list(payee_ids)],
        )
        return {row[0] for row in cursor.fetchall()}


def changed(payee_ids: Collection[UUID], *, now: datetime) -> None:
    """This will have Sharetribe told how these payees stand, inside the caller's transaction.

    What is told follows from how they stand when it is told; where that is known there already, nothing is said.
    """
    rowsets.insert(OutboxMessage, [message(pk, now=now) for pk in sorted(set(payee_ids))])


def message(payee_id: UUID, *, now: datetime) -> OutboxMessage:
    """This will make the message that has Sharetribe told how a payee stands."""
    return OutboxMessage.new(id=uuid7(), kind=TELL, subject=payee_id, facts={}, created_at=now, next_at=now)
