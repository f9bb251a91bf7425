"""What came of calls, written down for a set at once: each message's end or next try, and how its subscriber stands."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import F

from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.crash_points import crash_point
from marketplace_payouts.lib.ids import uuid7
from payouts.alerts import raise_alert
from payouts.models import (
    WebhookCall,
    WebhookMessage,
    WebhookSubscription,
    WebhookSubscriptionChange,
)
from payouts.subscriptions.calling import Outcome

# The example of the specification: ten tries over three days.
DELAYS: Final = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""How long a message waits after its first, second, … failure; after as many and one more it is given up."""
MOST_TRIES: Final = len(DELAYS) + 1
_JITTER: Final = 0.1
REST: Final = timedelta(minutes=1)
"""How often a subscriber is tried that fails again and again, or wants fewer messages without saying when."""
OFF_AFTER: Final = timedelta(days=5)
"""After so long of nothing but failures a subscription is switched off."""
_THROTTLED: Final = frozenset({429, 502, 504})


@dataclass(frozen=True, slots=True)
class Called:
    """One message with what came of its call."""

    message: WebhookMessage
    outcome: Outcome
    at: datetime


def record(
    subscription_id: UUID, *, called: Sequence[Called], untouched: Sequence[WebhookMessage], now: datetime
) -> WebhookSubscription:
    """This will write down what came of the calls of one subscription, in their order, and give its row.

    What was claimed and then not sent is given back as if it had not been. Whoever claimed a message after us keeps it.
    """
    with transaction.atomic():
        subscription = WebhookSubscription.objects.select_for_update(no_key=True).get(pk=subscription_id)
        was_failing = subscription.is_failing
        rowsets.update(
            WebhookMessage, [_row(one, subscription, now=now) for one in called], match=("id", "tries")
        )
        rowsets.insert(WebhookCall, [_call(one) for one in called])
        _give_back(untouched, now=now)
        for one in called:
            _fold(subscription, one.outcome, now=now)
        if was_failing and not subscription.failures:
            _hurry(subscription, now=now)
        _switch_off_if_hopeless(subscription, called, now=now)
        subscription.save(
            update_fields=["failures", "failing_since", "rest_until", "succeeded_at", "off_at", "off_why"]
        )
        crash_point("deliver.before_commit")
    crash_point("deliver.after_commit")
    return subscription


def next_try(*, tries: int, now: datetime, retry_after: timedelta | None) -> datetime | None:
    """This will say when a message that failed so many times is sent again, or None where it is given up."""
    if tries >= MOST_TRIES:
        return None
    delay = DELAYS[tries - 1]
    spread = delay * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - only spreads the tries
    return now + max(spread, retry_after or timedelta(0))


def is_to_rest(outcome: Outcome) -> bool:
    """This will tell whether a subscriber that did not take a message asks to be left alone for a while."""
    return outcome.retry_after is not None or outcome.status in _THROTTLED or outcome.is_gone


def _row(one: Called, subscription: WebhookSubscription, *, now: datetime) -> dict[str, Any]:
    message, outcome = one.message, one.outcome
    next_at = None
    if not outcome.is_delivered and subscription.ended_at is None:
        next_at = next_try(tries=message.tries, now=now, retry_after=outcome.retry_after)
    return {
        "id": message.pk,
        "tries": message.tries,
        "next_at": next_at,
        "delivered_at": now if outcome.is_delivered else None,
        "given_up_at": now if not outcome.is_delivered and next_at is None else None,
        "error": outcome.error,
    }


def _call(one: Called) -> WebhookCall:
    outcome = one.outcome
    return WebhookCall.new(
        id=uuid7(),
        message_id=one.message.pk,
        at=one.at,
        seconds=round(outcome.seconds, 3),
        status=outcome.status,
        error=outcome.error,
        excerpt=outcome.excerpt,
    )


def _give_back(untouched: Sequence[WebhookMessage], *, now: datetime) -> None:
    if untouched:
        claimed = WebhookMessage.objects.filter(
            pk__among=[message.pk for message in untouched], next_at=untouched[0].next_at
        )
        claimed.update(tries=F("tries") - 1, next_at=now)


def _fold(subscription: WebhookSubscription, outcome: Outcome, *, now: datetime) -> None:
    if outcome.is_delivered:
        subscription.failures, subscription.failing_since, subscription.rest_until = 0, None, None
        subscription.succeeded_at = now
        return
    subscription.failures += 1
    subscription.failing_since = subscription.failing_since or now
    if subscription.is_failing or is_to_rest(outcome):
        subscription.rest_until = now + (outcome.retry_after or REST)


def _hurry(subscription: WebhookSubscription, *, now: datetime) -> None:
    """It answers again: what failed meanwhile need not wait for its turn."""
    WebhookMessage.objects.filter(subscription=subscription, next_at__gt=now, tries__gt=0).update(next_at=now)


def _switch_off_if_hopeless(
    subscription: WebhookSubscription, called: Sequence[Called], *, now: datetime
) -> None:
    if subscription.off_at is not None or subscription.ended_at is not None:
        return
    if any(one.outcome.is_gone for one in called):
        why = "It answered 410 Gone: it wants nothing more."
    elif subscription.failing_since is not None and subscription.failing_since <= now - OFF_AFTER:
        why = f"It took nothing for {OFF_AFTER.days} days. Last: {called[-1].outcome.error}"
    else:
        return
    subscription.off_at, subscription.off_why = now, why
    WebhookSubscriptionChange.objects.create(
        subscription=subscription, what=WebhookSubscriptionChange.What.OFF, note=why, at=now
    )
    raise_alert(
        subject=subscription.pk,
        title="A webhook subscription was switched off",
        text=f"{subscription.description} ({subscription.shown_url}): {why} What happens from now on is kept for"
        " it. Mend the receiver, then switch the subscription on in the admin, or end it.",
        now=now,
    )
