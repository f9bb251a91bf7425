"""Sends what subscribers are to be told: each its own messages, so that one who is slow keeps nobody else waiting.

A message is claimed, counted and, the first time, written before it is sent; whoever dies in between leaves it to be
sent again, with the same id and the same bytes. A database that is a copy, or was restored and is not accepted yet,
tells nobody.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.clock import utc_now
from marketplace_payouts.lib.crash_points import crash_point
from marketplace_payouts.lib.crypto import CryptoError
from marketplace_payouts.lib.http import BadBaseUrl, HttpClient
from marketplace_payouts.lib.pool import run_all
from payouts import incarnation
from payouts.models import WebhookMessage, WebhookSubscription
from payouts.models.subscriptions import FAILING_AFTER
from payouts.subscriptions import calling, payloads, signing
from payouts.subscriptions.calling import Outcome
from payouts.subscriptions.recording import MOST_TRIES, Called, is_to_rest, record

AT_ONCE: Final = 4
"""How many messages of one subscription are under way at once, of all workers together."""
CLAIM: Final = timedelta(minutes=5)
"""How long a message that was claimed is left to whoever claimed it."""
_LEASE_S: Final = 120
"""How long one worker alone calls a subscriber; longer than it begins calls for, and the last one."""
_WORK_S: Final = 20.0
"""For how long calls are begun with; what is left by then is taken up by the next."""


def deliver(*, limit: int, now: datetime) -> int:
    """This will send what is due, up to `limit` messages of a subscription at a time; gives how many were sent."""
    if not incarnation.is_accepted():
        return 0
    taken = _take(now=now)
    if not taken:
        return 0
    subscriptions = list(WebhookSubscription.objects.filter(pk__among=taken).order_by("pk"))
    lanes = [_Lane(one, limit=limit, now=now) for one in subscriptions]
    run_all(_Lane.run, lanes, workers=len(lanes))
    return sum(lane.sent for lane in lanes)


def _take(*, now: datetime) -> list[UUID]:
    """Take the sole right to call those for whom something is due, in one statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE payouts_webhooksubscription
            SET leased_until = clock_timestamp() + %(lease)s * interval '1 second'
            WHERE id IN (
                SELECT s.id FROM payouts_webhooksubscription s
                WHERE s.off_at IS NULL AND s.ended_at IS NULL AND s.environment = %(environment)s
                  AND (s.rest_until IS NULL OR s.rest_until <= %(now)s)
                  AND (s.leased_until IS NULL OR s.leased_until < clock_timestamp())
                  AND EXISTS (SELECT FROM payouts_webhookmessage m
                              WHERE m.subscription_id = s.id AND m.next_at <= %(now)s)
                FOR UPDATE SKIP LOCKED)
            RETURNING id
            """,
            {"lease": _LEASE_S, "environment": settings.ENVIRONMENT, "now": now},
        )
        taken = [row[0] for row in cursor.fetchall()]
    crash_point("deliver.after_take")
    return taken


@dataclass(slots=True)
class _Lane:
    """What one subscription is sent in one go."""

    subscription: WebhookSubscription
    limit: int
    now: datetime
    sent: int = 0
    _begun: float = field(default_factory=time.monotonic)
    _called: list[Called] = field(default_factory=list)
    _failures: int = 0
    _is_to_rest: bool = False
    _mutex: threading.Lock = field(default_factory=threading.Lock)

    def run(self) -> None:
        """Send chunk after chunk, until nothing is due, the time is up, or the subscriber is to be left alone."""
        while self._may_go_on() and (messages := self._claim()):
            self._send(messages)
        WebhookSubscription.objects.filter(pk=self.subscription.pk).update(leased_until=None)
        crash_point("deliver.after_giving_back")

    @property
    def _moment(self) -> datetime:
        return self.now + timedelta(seconds=time.monotonic() - self._begun)

    def _may_go_on(self) -> bool:
        one = self.subscription
        rests = one.rest_until is not None and one.rest_until > self._moment
        return one.off_at is None and one.ended_at is None and not rests and not self._is_over()

    def _is_over(self) -> bool:
        return time.monotonic() - self._begun >= _WORK_S

    def _claim(self) -> list[WebhookMessage]:
        """One alone of a subscriber that fails and fails, to see whether it still does."""
        now = self._moment
        most = 1 if self.subscription.is_failing else self.limit
        with transaction.atomic():
            messages = list(
                WebhookMessage.objects.filter(subscription=self.subscription, next_at__lte=now)
                .order_by("next_at", "id")
                .select_for_update(skip_locked=True)[:most]
            )
            unwritten = [message for message in messages if not message.body]
            bodies = payloads.render(unwritten, self.subscription)
            for message in messages:
                message.body = message.body or bodies.get(message.pk, "")
                message.tries += 1
                message.next_at = now + CLAIM
            rowsets.update(WebhookMessage, [_claimed(message, now=now) for message in messages])
            crash_point("deliver.before_claim")
        crash_point("deliver.after_claim")
        return [message for message in messages if not _why_not(message)]

    def _send(self, messages: Sequence[WebhookMessage]) -> None:
        self._called, self._failures, self._is_to_rest = [], self.subscription.failures, False
        try:
            secrets = signing.secrets_of(self.subscription, now=self._moment)
            client = calling.client_for(self.subscription, at_once=AT_ONCE)
        except (BadBaseUrl, CryptoError) as error:
            self._note(messages[0], Outcome(status=None, seconds=0.0, error=str(error)))
        else:
            self._send_by(client, messages, secrets)
        reached = {one.message.pk for one in self._called}
        self.subscription = record(
            self.subscription.pk,
            called=self._called,
            untouched=[message for message in messages if message.pk not in reached],
            now=self._moment,
        )
        self.sent += len(self._called)

    def _send_by(
        self, client: HttpClient, messages: Sequence[WebhookMessage], secrets: Sequence[str]
    ) -> None:
        def send(message: WebhookMessage) -> None:
            # Looked at right before each call: what cannot be taken just now is not tried in vain.
            if not self._is_over() and not self._is_to_rest:
                self._note(message, calling.call(client, message, secrets=secrets))

        with closing(client):
            run_all(send, messages, workers=AT_ONCE)

    def _note(self, message: WebhookMessage, outcome: Outcome) -> None:
        with self._mutex:
            self._called.append(Called(message, outcome, utc_now()))
            self._failures = 0 if outcome.is_delivered else self._failures + 1
            self._is_to_rest = not outcome.is_delivered and (
                self._failures >= FAILING_AFTER or is_to_rest(outcome)
            )


def _claimed(message: WebhookMessage, *, now: datetime) -> dict[str, object]:
    why_not = _why_not(message)
    return {
        "id": message.pk,
        "body": message.body,
        "tries": message.tries,
        "next_at": None if why_not else message.next_at,
        "given_up_at": now if why_not else None,
        "error": why_not or message.error,
    }


def _why_not(message: WebhookMessage) -> str:
    """Say why a message cannot be sent at all, and steps aside for the others."""
    if not message.body:
        return "What it tells of is not there any more, or cannot be written down."
    if message.tries > MOST_TRIES:
        return "Whoever sent it died of it each time."
    return ""
