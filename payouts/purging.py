"""What nobody needs any more: old requests and answers, worked-off webhooks, told messages, former sessions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection

from accounts import purging as accounts
from marketplace_payouts.lib.logs import logger
from payouts.providers import registry
from payouts.subscriptions import purging as messages

log = logger(__name__)

_AT_ONCE: Final = 5000
# Longer than any provider's window; for providers that are not set up here any more.
_LONGEST_WINDOW: Final = timedelta(days=400)
_WEBHOOKS_KEPT: Final = timedelta(days=90)
# Whoever asks what they were told, asks within a year; they hold addresses.
_NOTICES_KEPT: Final = timedelta(days=400)
_NOTICES: Final = """
    DELETE FROM payouts_notice WHERE id IN (SELECT id FROM payouts_notice WHERE created_at < %s LIMIT %s)
"""
# The row of a delivery stays, so that the same event is still known; what buyers and sellers told Stripe goes.
_STRIPE_EVENTS: Final = (
    """
    UPDATE payments_stripedelivery SET body = '' WHERE id IN (
        SELECT id FROM payments_stripedelivery WHERE received_at < %s AND state IN ('applied', 'ignored')
          AND body <> '' LIMIT %s)
    """,
    """
    DELETE FROM djstripe_event WHERE djstripe_id IN (
        SELECT e.djstripe_id FROM djstripe_event e WHERE e.djstripe_created < %s
          AND NOT EXISTS (SELECT FROM djstripe_webhookeventtrigger t WHERE t.event_id = e.id) LIMIT %s)
    """,
)


def purge(*, now: datetime) -> int:
    """This will remove what is past its time, and give how many rows it touched."""
    windows = {name: _window(name) for name in _providers()}
    removed = sum(_bodies(name, until=now - window, now=now) for name, window in windows.items())
    removed += _webhooks(until=now - _WEBHOOKS_KEPT)
    removed += sum(_in_parts(sql, [now - _WEBHOOKS_KEPT, _AT_ONCE]) for sql in _STRIPE_EVENTS)
    removed += _in_parts(_NOTICES, [now - _NOTICES_KEPT, _AT_ONCE])
    removed += accounts.purge(now=now)
    removed += messages.purge(now=now)
    log.info("purged", rows=removed)
    return removed


def _providers() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT provider FROM payouts_batch")
        return [row[0] for row in cursor.fetchall()]


def _window(name: str) -> timedelta:
    provider = registry.find(name)
    return _LONGEST_WINDOW if provider is None else provider.capabilities.return_window


def _bodies(provider: str, *, until: datetime, now: datetime) -> int:
    """Only of batches that are over and that nobody asks about any more: a stored step may else be sent again."""
    sql = """
        DELETE FROM payouts_stepbody WHERE (id, created_at) IN (
            SELECT b.id, b.created_at FROM payouts_stepbody b
            JOIN payouts_step s ON s.id = b.step_id JOIN payouts_batch h ON h.id = s.batch_id
            WHERE h.provider = %s AND b.created_at < %s AND h.next_at IS NULL AND h.state IN ('closed', 'refused')
              AND NOT EXISTS (SELECT FROM payouts_attempt a WHERE a.batch_id = h.id AND a.watch_until > %s)
            LIMIT %s)
    """
    return _in_parts(sql, [provider, until, now, _AT_ONCE])


def _webhooks(*, until: datetime) -> int:
    """The row stays, so that the same event is still known; its body goes."""
    sql = """
        UPDATE payouts_webhookdelivery SET body = '' WHERE id IN (
            SELECT id FROM payouts_webhookdelivery WHERE received_at < %s AND state <> 'new' AND body <> '' LIMIT %s)
    """
    return _in_parts(sql, [until, _AT_ONCE])


def _in_parts(sql: str, values: Sequence[Any]) -> int:
    total = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
            found = int(cursor.rowcount)
        total += found
        if found < _AT_ONCE:
            return total
