"""Asking payees who are owed money where to pay it: at once, after 3, 7 and 21 days, and then it stands before staff.

One row per payee for as long as it lasts: begun when money is due and there is no usable method, ended as soon as there
is one or nothing is due, and begun anew for a later debt. A set at a time, with as many statements however many payees.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction

from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.crash_points import crash_point
from marketplace_payouts.lib.ids import uuid7
from payouts import incarnation
from payouts.models import OutboxMessage, Reminder
from payouts.notices import debts, kinds, recipients, staging
from payouts.notices.debts import Debt

AFTER: Final = (timedelta(days=0), timedelta(days=3), timedelta(days=7), timedelta(days=21))
"""How long after it began each notice is due: the invitation first."""

# One that was late does not bring the next sooner.
_THEN: Final = (*(later - earlier for earlier, later in pairwise(AFTER)), None)

_NEW: Final = f"""
    SELECT DISTINCT w.payee_id FROM ({debts.WAITING}) w WHERE NOT EXISTS
        (SELECT FROM payouts_reminder r WHERE r.payee_id = w.payee_id AND r.ended_at IS NULL)
    ORDER BY w.payee_id LIMIT %s
"""  # noqa: S608 - fixed text
_OVER: Final = f"""
    SELECT r.id FROM payouts_reminder r WHERE r.ended_at IS NULL
        AND r.payee_id NOT IN (SELECT w.payee_id FROM ({debts.WAITING}) w)
    ORDER BY r.id LIMIT %s FOR UPDATE SKIP LOCKED
"""  # noqa: S608 - fixed text


def remind(*, limit: int, now: datetime) -> int:
    """This will begin, go on with and end up to `limit` reminders each, and give how many it touched."""
    if not incarnation.is_accepted():
        return 0
    with transaction.atomic():
        ended = _end(limit, now=now)
        begun = _begin(limit, now=now)
        written = _write(limit, now=now)
        crash_point("remind.before_commit")
    crash_point("remind.after_commit")
    return ended + begun + written


def _end(limit: int, *, now: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_OVER, [limit])
        over = [row[0] for row in cursor.fetchall()]
    return Reminder.objects.filter(pk__among=over).update(ended_at=now, next_at=None)


def _begin(limit: int, *, now: datetime) -> int:
    """Two who begin at once begin one."""
    with connection.cursor() as cursor:
        cursor.execute(_NEW, [limit])
        payees: list[UUID] = [row[0] for row in cursor.fetchall()]
    rows = [Reminder(id=uuid7(), payee_id=payee, began_at=now, next_at=now) for payee in payees]
    return len(rowsets.insert(Reminder, rows, on_conflict="DO NOTHING", returning="id"))


def _write(limit: int, *, now: datetime) -> int:
    """Stage what is due; whoever is not waited for any more is ended by the next round, and written nothing.

    Of whom Sharetribe was never asked, the address is known in a moment: written to none, the invitation would be lost.
    """
    rows = list(
        Reminder.objects.filter(next_at__lte=now)
        .exclude(payee__profile_read_at=None, payee__email="", payee__user__email=None)
        .order_by("next_at", "id")
        .select_related("payee__user")
        .select_for_update(skip_locked=True, of=("self",))[:limit]
    )
    waiting = debts.of({row.payee_id for row in rows})
    rows = [row for row in rows if row.payee_id in waiting]
    staged = [_message(row, now=now) for row in rows if not _is_known(row, waiting[row.payee_id])]
    rowsets.insert(OutboxMessage, staged)
    rowsets.update(Reminder, [_moved(row, now=now) for row in rows])
    return len(rows)


def _is_known(row: Reminder, debt: Debt) -> bool:
    """Whoever's payout was just refused has heard of it, and needs no invitation."""
    return row.step == 0 and debt.ask == debts.MEND


def _message(row: Reminder, *, now: datetime) -> OutboxMessage:
    kind = kinds.INVITED if row.step == 0 else kinds.REMINDED
    return staging.message(kind, subject=row.pk, payee_id=row.payee_id, now=now, turn=str(row.step))


def _moved(row: Reminder, *, now: datetime) -> dict[str, Any]:
    then = _THEN[row.step]
    # Nobody can be asked whose address is not known: that is staff's to find out, and at once.
    is_unreachable = row.payee.profile_read_at is not None and not recipients.address(row.payee)
    listed = row.listed_at or (now if then is None or is_unreachable else None)
    return {
        "id": row.pk,
        "step": row.step + 1,
        "next_at": None if then is None else now + then,
        "listed_at": listed,
    }
