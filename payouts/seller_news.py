"""Passes on what Stripe's word about sellers changes: subscribers, Sharetribe, and payouts that waited for it.

`payments` notes on a seller's row that there is news, and knows nothing of who wants to hear it.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction

from accounts.models import Payee
from marketplace_payouts.lib.crash_points import crash_point
from payments import sellers
from payments.models import Seller
from payouts import readiness
from payouts.models import BEFORE_SENDING, Payout
from payouts.subscriptions import news

GATE: Final = "stripe_verified"


def pass_on(*, limit: int, now: datetime) -> int:
    """This will pass on the news of up to `limit` sellers, and give of how many.

    Of whoever is no payee nobody is told; should they become one, the daily look at Sharetribe's users finds it.
    """
    with transaction.atomic():
        due = Seller.objects.filter(news_at__lte=now).order_by("news_at", "id")
        rows = list(due.select_for_update(skip_locked=True)[:limit])
        if not rows:
            return 0
        payees = dict(
            Payee.objects.filter(user__among=[row.user_id for row in rows]).values_list("user_id", "pk")
        )
        verified = {
            payees[row.user_id]: row.verification
            for row in rows
            if row.verification is not None and row.user_id in payees
        }
        news.sellers_verified(sellers=verified, now=now)
        readiness.changed(payees.values(), now=now)
        _wake(verified, now=now)
        Seller.objects.filter(pk__among=[row.pk for row in rows]).update(news_at=None)
        crash_point("stripe_sellers.before_commit")
    crash_point("stripe_sellers.after_commit")
    return len(rows)


def _wake(payee_ids: Collection[UUID], *, now: datetime) -> None:
    """Let what waited for the verification be looked at now; what somebody else works on is looked at anyway."""
    held = Payout.objects.filter(
        payee__among=payee_ids, provider=sellers.PROVIDER, state__in=BEFORE_SENDING, blocked_by=GATE
    )
    awake = held.order_by("pk").select_for_update(skip_locked=True).values("pk")
    Payout.objects.filter(pk__in=awake).update(next_at=now)
    waiting = Payee.objects.filter(pk__among=payee_ids, next_gather_at__isnull=False)
    asleep = waiting.order_by("pk").select_for_update(no_key=True, skip_locked=True).values("pk")
    Payee.objects.filter(pk__in=asleep).update(next_gather_at=now)
