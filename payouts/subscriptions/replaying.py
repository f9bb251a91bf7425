"""Sending again what was sent, or was given up: the same messages, with the ids and the bytes that they had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Count, QuerySet

from accounts.models import User
from accounts.roles import require
from payouts import kicks
from payouts.models import WebhookMessage, WebhookSubscriptionChange
from payouts.outcomes import Done
from payouts.subscriptions.subscribing import NEEDS


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which messages are to be sent again; what is not given does not narrow them."""

    since: datetime | None = None
    until: datetime | None = None
    subscriptions: Sequence[UUID] | None = None
    types: Sequence[str] | None = None
    messages: Sequence[UUID] | None = None
    only_undelivered: bool = False

    def rows(self) -> QuerySet[WebhookMessage]:
        """This will find them; those of a subscription that has ended are not among them."""
        rows = WebhookMessage.objects.filter(subscription__ended_at__isnull=True)
        given = {
            "happened_at__gte": self.since,
            "happened_at__lte": self.until,
            "subscription__in": self.subscriptions,
            "type__in": self.types,
            "pk__in": self.messages,
        }
        rows = rows.filter(**{lookup: value for lookup, value in given.items() if value is not None})
        return rows.filter(delivered_at__isnull=True) if self.only_undelivered else rows


def send_again(*, by: User | None, wanted: Wanted, now: datetime) -> Done:
    """This will have messages sent again from the first try; gives how many of which subscription.

    `by` is None on the command line.

    :raises NotAllowed: when the person's roles do not cover it.
    """
    if by is not None:
        require(by, NEEDS)
    with transaction.atomic():
        counts = list(
            wanted.rows()
            .order_by("subscription")
            .values_list("subscription", "subscription__description")
            .annotate(n=Count("pk"))
        )
        ids = wanted.rows().values("pk")
        WebhookMessage.objects.filter(pk__in=ids).update(
            next_at=now, delivered_at=None, given_up_at=None, tries=0
        )
        for subscription_id, _, count in counts:
            WebhookSubscriptionChange.objects.create(
                subscription_id=subscription_id,
                what=WebhookSubscriptionChange.What.AGAIN,
                note=f"{count} messages",
                by=by,
                at=now,
            )
        kicks.kick("deliver")
    return Done(done=[f"{count} to {description}" for _, description, count in counts])
