"""What is rare is asked for each minute, or each few seconds: it is found by an index, never by reading a table."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from django.db import connection, transaction

from payouts.models import Attempt, OutboxMessage, Payout, WebhookMessage
from payouts.stages import WAITING

pytestmark = pytest.mark.django_db

RARE = {
    "payouts_attempt_deferred": Attempt.objects.filter(state="deferred").values("batch_id").distinct(),
    "dead_at_idx": OutboxMessage.objects.filter(dead_at__isnull=False),
    "payouts_webhookmessage_lost": WebhookMessage.objects.filter(given_up_at__isnull=False),
    "payouts_payout_came_back": Payout.objects.filter(state="paid", returned_units__gt=0),
}


def plan(sql: str, params: Any = None) -> str:
    """How PostgreSQL would run it, were reading a whole table ever so dear."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {sql}", params)
        return "\n".join(line for (line,) in cursor.fetchall())


@pytest.mark.parametrize("name", WAITING)
def test_a_stage_finds_its_work_by_an_index(name):
    found = plan(f"{WAITING[name]} LIMIT 1", {"now": "2026-01-01", "environment": "test"})
    assert "Seq Scan" not in found, found
    assert "Sort" not in found, found


@pytest.mark.parametrize("index", RARE)
def test_what_is_rare_has_an_index_of_its_own(index, superuser_url):
    query = RARE[index]
    sql, params = query.query.sql_with_params()
    with psycopg.connect(superuser_url) as superuser:
        # Of a table with a few rows any index may do: the others are taken away for the length of this transaction.
        superuser.execute(
            "UPDATE pg_index SET indisvalid = false WHERE indrelid::regclass::text LIKE %s"
            " AND indexrelid::regclass::text NOT LIKE %s",
            [f"{query.model._meta.db_table}%", f"%{index}%"],
        )
        superuser.execute("SET LOCAL enable_seqscan = off")
        found = "\n".join(line for (line,) in superuser.execute(f"EXPLAIN {sql}", params))
        superuser.rollback()
    assert index in found, found
    assert "Seq Scan" not in found, found
