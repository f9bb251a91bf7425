"""Messages that nobody needs any more."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import connection

from payouts.models import WebhookSubscription

KEPT: Final = timedelta(days=30)
"""How long a message is kept after what it tells of happened; longer where it is still on its way."""
_AT_ONCE: Final = 5000


def purge(*, now: datetime) -> int:
    """This will remove old messages with their calls, and secrets that sign no more; gives how many rows it touched."""
    former = WebhookSubscription.objects.filter(former_until__lte=now)
    touched = former.update(former_secret=None, former_until=None)
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                """
                WITH old AS (
                    SELECT m.id FROM payouts_webhookmessage m
                    JOIN payouts_webhooksubscription s ON s.id = m.subscription_id
                    WHERE m.happened_at < %s
                      AND (m.next_at IS NULL OR s.off_at IS NOT NULL OR s.ended_at IS NOT NULL)
                    LIMIT %s
                ), calls AS (DELETE FROM payouts_webhookcall WHERE message_id IN (SELECT id FROM old))
                DELETE FROM payouts_webhookmessage WHERE id IN (SELECT id FROM old)
                """,
                [now - KEPT, _AT_ONCE],
            )
            found = int(cursor.rowcount)
        touched += found
        if found < _AT_ONCE:
            return touched
