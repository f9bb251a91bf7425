"""What is recorded of buyers' money is counted: its transaction is looked at again, its payee too, and it is told.

It comes before stage 2, and works on whatever `payments.recording` was told by anybody but Sharetribe. A word about a
transaction that nobody has heard of waits until it is heard of, and is looked at now and then, ever more seldom. So
does the id of a payment that was prepared for a buyer, which the transaction is to be told.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final, TypeVar
from uuid import UUID

from django.db import connection, transaction

from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.crash_points import crash_point
from marketplace_payouts.lib.ids import uuid7
from payments import recording
from payments.models import Intent, PaymentIn
from payments.recording import Answer, Verdict
from payments.words import PaymentWord
from payouts import kicks
from payouts.models import OutboxMessage

TELL: Final = "tell_payment"
"""The kind of message that has a transaction told how its buyer's payment stands."""

Waiting = TypeVar("Waiting", PaymentIn, Intent)

_SOONEST: Final = timedelta(minutes=1)
_LATEST: Final = timedelta(hours=1)


def hear(words: Sequence[PaymentWord], *, marketplace_id: UUID, now: datetime) -> list[Answer]:
    """This will record what is said of buyers' money from outside, and have it counted as soon as may be.

    Gives for each word, in their order, whether it was recorded, known or refused, with a sentence for whoever said it.
    """
    answers = recording.record(words, marketplace_id=marketplace_id, now=now)
    if any(one.verdict is Verdict.RECORDED for one in answers):
        kicks.kick("count")
    return answers


def count(*, limit: int, now: datetime) -> int:
    """This will count up to `limit` words, and so many prepared payments; gives how many were counted or put off."""
    with transaction.atomic():
        words, prepared = _claim(PaymentIn, limit, now=now), _claim(Intent, limit, now=now)
        rows: list[PaymentIn | Intent] = [*words, *prepared]
        if not rows:
            return 0
        sources = _look_again({row.transaction_id for row in rows}, now=now)
        rowsets.update(PaymentIn, [{"id": w.pk, "next_at": _next(w, sources, now=now)} for w in words])
        rowsets.update(Intent, [{"id": p.pk, "next_at": _next(p, sources, now=now)} for p in prepared])
        came = {sources[row.transaction_id] for row in rows if row.transaction_id in sources}
        _wake_payees(came, now=now)
        rowsets.insert(OutboxMessage, [_message(source, now=now) for source in sorted(came)])
        crash_point("count.before_commit")
    crash_point("count.after_commit")
    return len(rows)


def wake(references: Sequence[UUID], *, now: datetime) -> None:
    """This will have counted what waited for these transactions to be heard of; in the caller's transaction.

    What somebody counts just now is left to them: they hold it, and may wait for these transactions themselves.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH words AS (
                SELECT id FROM payments_paymentin WHERE next_at > %(now)s AND transaction_id = ANY(%(references)s)
                FOR NO KEY UPDATE SKIP LOCKED
            ), prepared AS (
                SELECT id FROM payments_intent WHERE next_at > %(now)s AND transaction_id = ANY(%(references)s)
                FOR NO KEY UPDATE SKIP LOCKED
            ), woken AS (
                UPDATE payments_paymentin AS w SET next_at = %(now)s FROM words WHERE w.id = words.id
            )
            UPDATE payments_intent AS p SET next_at = %(now)s FROM prepared WHERE p.id = prepared.id
            """,
            {"now": now, "references": list(references)},
        )


def _claim(model: type[Waiting], limit: int, *, now: datetime) -> list[Waiting]:
    due = model._default_manager.filter(next_at__lte=now).order_by("next_at", "id")
    return list(due.select_for_update(skip_locked=True)[:limit])


def _look_again(references: Collection[UUID], *, now: datetime) -> dict[UUID, UUID]:
    """Have these transactions understood anew: a change of the payment changes what is owed. Gives those known.

    Whoever understands one of them just now is waited for, and what they did not see is seen by the next.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH locked AS (SELECT id FROM payouts_source WHERE reference = ANY(%s)"
            " ORDER BY reference FOR NO KEY UPDATE)"
            " UPDATE payouts_source AS s SET next_at = least(coalesce(s.next_at, %s), %s)"
            " FROM locked WHERE s.id = locked.id RETURNING s.reference, s.id",
            [list(references), now, now],
        )
        return dict(cursor.fetchall())


def _next(row: PaymentIn | Intent, sources: dict[UUID, UUID], *, now: datetime) -> datetime | None:
    """When a row is looked at again: never, once its transaction is known; else after as long as it waited already."""
    if row.transaction_id in sources:
        return None
    waited = now - (row.recorded_at or now)
    return now + min(max(waited, _SOONEST), _LATEST)


def _wake_payees(sources: Collection[UUID], *, now: datetime) -> None:
    """Let whoever waited for the payment be looked at now, and not when their next look would come."""
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH locked AS (SELECT p.id FROM accounts_payee p WHERE p.id IN (SELECT b.payee_id FROM payouts_payable b"
            " WHERE b.source_id = ANY(%s) AND b.settled = '' AND b.waits_for = '') ORDER BY p.id FOR NO KEY UPDATE)"
            " UPDATE accounts_payee AS p SET next_gather_at = least(coalesce(p.next_gather_at, %s), %s)"
            " FROM locked WHERE p.id = locked.id",
            [list(sources), now, now],
        )


def _message(source_id: UUID, *, now: datetime) -> OutboxMessage:
    return OutboxMessage(id=uuid7(), kind=TELL, subject=source_id, facts={}, created_at=now, next_at=now)
