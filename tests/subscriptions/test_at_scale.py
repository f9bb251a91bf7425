"""A thousand pieces of news for three subscribers: delivered once each, by as many statements as one piece."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections
from django.db.backends.signals import connection_created

from payouts.models import WebhookMessage
from tests.subscriptions.conftest import deliver, news, subscribe
from tests.subscriptions.receiver import Subscriber


@contextmanager
def counted() -> Iterator[Callable[[], int]]:
    """Count the statements of every thread's connection."""
    count, mutex = 0, threading.Lock()

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal count
        # Beginnings and ends of transactions, and what a new connection sets, are not what grows.
        with mutex:
            count += not sql.startswith(("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT", "SET "))
        return execute(sql, params, many, context)

    def attach(connection: Any, **_: Any) -> None:
        connection.execute_wrappers.append(note)

    connection_created.connect(attach)
    with connections["default"].execute_wrapper(note):
        try:
            yield lambda: count
        finally:
            connection_created.disconnect(attach)


def test_a_thousand_for_three_cost_as_many_statements_as_one(engineer, start_subscriber):
    receivers: list[Subscriber] = [start_subscriber() for _ in range(3)]
    for n, receiver in enumerate(receivers):
        subscribe(engineer, receiver, description=f"Shop {n}")
    used = []
    for count in (1, 1_000):
        news(1)
        _multiply(count)
        with counted() as statements:
            assert deliver(limit=1_000) == 3 * count
            used.append(statements())
    assert used[0] == used[1]
    for receiver in receivers:
        assert len(receiver.got) == len(set(receiver.ids)) == 1_001
    assert not WebhookMessage.objects.filter(delivered_at__isnull=True).exists()


def _multiply(count: int) -> None:
    """Have each subscription told the same piece of news so many times, as of different pieces."""
    from marketplace_payouts.lib.ids import uuid7

    for message in WebhookMessage.objects.filter(delivered_at__isnull=True):
        copies = [WebhookMessage.new(**_columns(message) | {"id": uuid7()}) for _ in range(count - 1)]
        WebhookMessage.objects.bulk_create(copies)


def _columns(message: WebhookMessage) -> dict[str, Any]:
    return {field.attname: getattr(message, field.attname) for field in WebhookMessage._meta.concrete_fields}
