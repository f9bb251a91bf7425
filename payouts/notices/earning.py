"""What payees earned on a day, told once the day is over; to those who are asked where to pay it, that says it all."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection

from accounts.models import Marketplace
from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.clock import local_day, moment_at
from marketplace_payouts.lib.crash_points import crash_point
from payouts import incarnation
from payouts.models import OutboxMessage
from payouts.notices import kinds, staging

_DAYS: Final = 3
"""How many days back are looked at: a machine that stood still for a night or two forgets nothing."""

# What waits for a person may never be paid; what was made of another payable (a rest, a return) is not earned.
_EARNED: Final = """
    SELECT b.payee_id, b.currency, sum(b.units), max(b.due_at) FROM payouts_payable b
    JOIN accounts_payee y ON y.id = b.payee_id
    WHERE b.marketplace_id = %(marketplace)s AND b.created_at >= %(start)s AND b.created_at < %(end)s
      AND b.waits_for = '' AND b.purpose IN ('sale', 'change', 'bonus', 'correction', 'deduction') AND NOT y.closed
      AND NOT EXISTS (SELECT FROM payouts_reminder r WHERE r.payee_id = b.payee_id AND r.ended_at IS NULL)
      AND NOT EXISTS (SELECT FROM payouts_notice n WHERE n.kind = 'owed' AND n.subject = b.payee_id
                      AND n.turn = %(turn)s)
    GROUP BY b.payee_id, b.currency HAVING sum(b.units) > 0
    ORDER BY b.payee_id, b.currency
"""


@dataclass(slots=True)
class _Earned:
    """What one payee earned on a day, and when the last of it is due."""

    amounts: list[tuple[str, str]] = field(default_factory=list)
    due_at: datetime | None = None


def tell_of_days(*, now: datetime) -> int:
    """This will stage what was earned on the last days that are over, each told once; gives how many notices."""
    marketplace = Marketplace.objects.first()
    if marketplace is None or not incarnation.is_accepted() or kinds.OWED in kinds.off_by_marketplace():
        return 0
    today = local_day(moment=now, zone=marketplace.time_zone)
    days = [today - timedelta(days=back) for back in range(_DAYS, 0, -1)]
    return sum(_tell(marketplace, day, now=now) for day in days)


def _tell(marketplace: Marketplace, day: date, *, now: datetime) -> int:
    found: dict[UUID, _Earned] = defaultdict(_Earned)
    with connection.cursor() as cursor:
        cursor.execute(_EARNED, _values(marketplace, day))
        for payee_id, currency, units, due_at in cursor.fetchall():
            one = found[payee_id]
            one.amounts.append((currency, str(units)))
            one.due_at = max(due_at, one.due_at or due_at)
    rowsets.insert(OutboxMessage, [_message(pk, day, one, now=now) for pk, one in found.items()])
    crash_point("earned.after_staging")
    return len(found)


def _values(marketplace: Marketplace, day: date) -> dict[str, Any]:
    zone = marketplace.time_zone
    return {
        "marketplace": marketplace.pk,
        "start": moment_at(day=day, at=time(0), zone=zone),
        "end": moment_at(day=day + timedelta(days=1), at=time(0), zone=zone),
        "turn": day.isoformat(),
    }


def _message(payee_id: UUID, day: date, one: _Earned, *, now: datetime) -> OutboxMessage:
    assert one.due_at is not None
    return staging.message(
        kinds.OWED,
        subject=payee_id,
        payee_id=payee_id,
        now=now,
        turn=day.isoformat(),
        amounts=one.amounts,
        due_at=one.due_at.isoformat(),
    )
