"""How subscribers stand, for the first page, the metrics and whoever asks whether the product keeps up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import connection
from django.db.models import Count, Q

from payouts.models import WebhookMessage, WebhookSubscription
from payouts.models.subscriptions import FAILING_AFTER

LATE: Final = timedelta(minutes=30)
"""How long something may be due for a subscriber that answers, before it is late."""
_COUNTED_TO: Final = 10_000
_DUE: Final = """
    SELECT s.id, d.n, d.oldest FROM payouts_webhooksubscription s CROSS JOIN LATERAL (
        SELECT count(*) AS n, min(x.next_at) AS oldest FROM (
            SELECT m.next_at FROM payouts_webhookmessage m WHERE m.subscription_id = s.id AND m.next_at <= %s
            ORDER BY m.next_at, m.id LIMIT %s) x) d
    WHERE s.ended_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """One subscription that has not ended: how much is due for it, up to 10,000, and since when."""

    subscription: WebhookSubscription
    due: int
    oldest: datetime | None

    def is_late(self, *, now: datetime) -> bool:
        """Whether nobody sends what could be sent."""
        one = self.subscription
        is_ready = one.off_at is None and one.environment == settings.ENVIRONMENT and not one.failures
        return is_ready and self.oldest is not None and self.oldest < now - LATE


def standings(*, now: datetime) -> list[Standing]:
    """This will give how each subscription stands, in two statements."""
    with connection.cursor() as cursor:
        cursor.execute(_DUE, [now, _COUNTED_TO])
        due = {pk: (count, oldest) for pk, count, oldest in cursor.fetchall()}
    rows = WebhookSubscription.objects.filter(pk__among=due).order_by("pk")
    return [Standing(row, *due[row.pk]) for row in rows]


@dataclass(frozen=True, slots=True)
class Counts:
    """What needs a person, among the subscriptions that have not ended."""

    off: int
    failing: int
    given_up: int
    """Messages that were given up."""


def is_off() -> Q:
    """This will say which subscriptions are switched off, or were made in another environment."""
    return Q(off_at__isnull=False) | ~Q(environment=settings.ENVIRONMENT)


def is_failing() -> Q:
    """This will say which are on, and fail again and again."""
    return ~is_off() & Q(failures__gte=FAILING_AFTER)


def counts() -> Counts:
    """This will count what needs a person, in two statements."""
    found = WebhookSubscription.objects.filter(ended_at__isnull=True).aggregate(
        off=Count("pk", filter=is_off()), failing=Count("pk", filter=is_failing())
    )
    lost = WebhookMessage.objects.filter(given_up_at__isnull=False, subscription__ended_at__isnull=True)
    return Counts(off=found["off"], failing=found["failing"], given_up=lost.count())
