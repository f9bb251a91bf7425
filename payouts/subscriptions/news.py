"""News that no row of the core tells of, said by whoever knows it; everything else is captured by triggers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from django.db import connection


def sellers_verified(*, sellers: Mapping[UUID, UUID], now: datetime) -> None:
    """This will have subscribers told that a payment service has verified sellers, inside the caller's transaction.

    `sellers` gives for each payee's id the id of what says so, such as the row of the service's event: the same
    verification, said again, is told once. One statement, however many; nothing is made where nobody subscribes.
    """
    payees, sources = list(sellers), list(sellers.values())
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT payouts_webhook_capture(%s::text[], %s::uuid[], %s::uuid[], %s::timestamptz[])",
            [["seller.verified"] * len(payees), sources, payees, [now] * len(payees)],
        )
