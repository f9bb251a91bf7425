"""Payouts that were settled long ago: some paid by the product itself, then as many copies of them as are wanted.

A copy has ids of its own, which sort before those that it was made from, as if it had been made earlier. Payees and
methods are shared. The requests' bodies are left out, as if purged.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import psycopg
from django.db import connection

from bench import seeding, stages
from bench.databases import Databases
from bench.results import NotAsPromised
from bench.sandboxes import Sandbox
from marketplace_payouts.lib.clock import utc_now
from payouts import reconciliation
from payouts.models import Batch, BatchState

_TABLES: Final = (
    "payouts_source",
    "payouts_sourcecheck",
    "payouts_payable",
    "payouts_payout",
    "payouts_payoutline",
    "payouts_announcement",
    "payouts_approval",
    "payouts_payoutevent",
    "payouts_batch",
    "payouts_attempt",
    "payouts_observation",
    "payouts_posting",
    "payouts_outboxmessage",
)
_SHARED: Final = (
    "marketplace_id",
    "payee_id",
    "payee_reference",
    "method_id",
    "by_id",
    "made_by_id",
    "decided_by_id",
)
_EARLIER: Final = """
    CREATE FUNCTION pg_temp.earlier(id uuid, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
        SELECT (lpad(to_hex((('x' || left(id::text, 8))::bit(32)::bigint - n * 60) & 4294967295), 8, '0')
                || substr(id::text, 9))::uuid
    $$
"""
_TEXTS: Final = {
    ("payouts_payable", "reference"): "pg_temp.earlier(reference::uuid, %(n)s)::text",
    ("payouts_payout", "number"): "number || '~' || %(n)s",
    ("payouts_batch", "key"): "pg_temp.earlier(key::uuid, %(n)s)::text",
    ("payouts_batch", "reference"): "reference || '~' || %(n)s",
    ("payouts_attempt", "key"): "pg_temp.earlier(key::uuid, %(n)s)::text",
    ("payouts_attempt", "reference"): "reference || '~' || %(n)s",
}
_ACCOUNT: Final = (
    "CASE WHEN {0} LIKE 'allocated:%%' THEN 'allocated:' || pg_temp.earlier(substr({0}, 11)::uuid, %(n)s)"
    " ELSE {0} END"
)


def settled(count: int, paypal: Sandbox) -> None:
    """This will have so many payouts paid by the product's own stages, until nothing is left to be asked."""
    paypal.reset()
    seeding.approved(count)
    stages.pay_all()
    stages.check_paid(paypal, count=count)
    for _ in range(5):
        waiting = list(Batch.objects.filter(state=BatchState.ACCEPTED).values_list("pk", flat=True))
        if not waiting:
            break
        reconciliation.hurry(waiting, now=utc_now())
        reconciliation.ask(limit=len(waiting), now=utc_now())
    else:
        raise NotAsPromised("Some batches were never closed.")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE payouts_outboxmessage SET next_at = NULL, done_at = clock_timestamp()")


def multiply(databases: Databases, name: str, *, copies: int) -> None:
    """This will add so many copies of everything settled to a database, two tables at a time."""

    def one(table: str) -> None:
        with databases.superuser(name) as admin:
            admin.execute("SET session_replication_role = replica; SET synchronous_commit = off")
            admin.execute(_EARLIER)
            _multiply(admin, table, copies)

    with ThreadPoolExecutor(max_workers=2) as both:
        list(both.map(one, _TABLES))


def _multiply(admin: psycopg.Connection[Any], table: str, copies: int) -> None:
    """Without the indexes that no constraint needs, which are made again at the end."""
    columns = admin.execute(
        "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute"
        " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        [table],
    ).fetchall()
    names = ", ".join(f'"{column}"' for column, _ in columns)
    values = ", ".join(_value(table, column, kind) for column, kind in columns)
    admin.execute(f"CREATE TEMP TABLE original AS SELECT * FROM {table}")
    indexes = _drop_indexes(admin, table)
    # The oldest first, so that ids come in their order, as they did when they were made.
    for n in range(copies, 0, -1):
        admin.execute(f"INSERT INTO {table} ({names}) SELECT {values} FROM original", {"n": n})
    for definition in indexes:
        admin.execute(definition)
    admin.execute("DROP TABLE original")


def _value(table: str, column: str, kind: str) -> str:
    if (table, column) in _TEXTS:
        return _TEXTS[table, column]
    if table == "payouts_posting" and column in ("debit", "credit"):
        return _ACCOUNT.format(column)
    if kind == "uuid" and column not in _SHARED:
        return f'pg_temp.earlier("{column}", %(n)s)'
    return f'"{column}"'


def _drop_indexes(admin: psycopg.Connection[Any], table: str) -> Sequence[Any]:
    found = admin.execute(
        "SELECT x.indexrelid::regclass::text, pg_get_indexdef(x.indexrelid) FROM pg_index x"
        " WHERE x.indrelid = %s::regclass AND NOT x.indisunique"
        " AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = x.indexrelid)",
        [table],
    ).fetchall()
    for index, _ in found:
        admin.execute(f"DROP INDEX {index}")
    return [definition.replace(" ON ONLY ", " ON ") for _, definition in found]
