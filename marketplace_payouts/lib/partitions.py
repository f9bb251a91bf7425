"""Tables that only grow, partitioned by month: made by migrations, kept ahead by a daily task."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db import connection
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation

from marketplace_payouts.lib.logs import logger

log = logger(__name__)


class PartitionByMonth(Operation):
    """Turns a freshly created, empty table into one that is partitioned by month on a timestamp column.

    The primary key becomes (id, column), since PostgreSQL wants the partition's column in every unique index;
    ids are UUIDv7 and stay unique in practice. Unique constraints must contain the column already.
    """

    reversible = True

    def __init__(self, table: str, column: str) -> None:
        self.table, self.column = table, column

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        """This will name the operation for a migration file."""
        return self.__class__.__name__, [self.table, self.column], {}

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Django's picture of the model does not change."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, *_states: Any
    ) -> None:
        """This will make the table anew as a partitioned one, with its constraints and indexes."""
        # Deferred statements (foreign keys, indexes) must stand on the old table before it is read.
        for statement in schema_editor.deferred_sql:
            schema_editor.execute(statement, None)
        schema_editor.deferred_sql.clear()
        with schema_editor.connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            foreign = self._definitions(
                cursor,
                "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass"
                " AND contype = 'f'",
            )
            unique = self._definitions(
                cursor,
                "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass"
                " AND contype = 'u'",
            )
            indexes = self._definitions(
                cursor,
                "SELECT i.relname, pg_get_indexdef(x.indexrelid) FROM pg_index x JOIN pg_class i ON i.oid ="
                " x.indexrelid WHERE x.indrelid = %s::regclass AND NOT x.indisunique",
            )
            table, column = self.table, self.column
            cursor.execute(f"ALTER TABLE {table} RENAME TO {table}_plain")
            cursor.execute(
                f"CREATE TABLE {table} (LIKE {table}_plain INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"
                f" PARTITION BY RANGE ({column})"
            )
            cursor.execute(f"DROP TABLE {table}_plain")
            cursor.execute(f"ALTER TABLE {table} ADD PRIMARY KEY (id, {column})")
            for name, definition in [*foreign, *unique]:
                cursor.execute(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}')
            for _name, definition in indexes:
                cursor.execute(definition)
            cursor.execute(f"CREATE TABLE {table}_default PARTITION OF {table} DEFAULT")

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, *_states: Any
    ) -> None:
        """Dropping the table, which its own migration does, takes the partitions along."""

    def _definitions(self, cursor: Any, sql: str) -> list[tuple[str, str]]:
        cursor.execute(sql, [self.table])
        return [(row[0], row[1]) for row in cursor.fetchall()]

    def describe(self) -> str:
        """This will say what the operation does."""
        return f"Partition {self.table} by month of {self.column}"


PARTITIONED = (
    "payouts_payoutevent",
    "payouts_observation",
    "payouts_stepbody",
    "payouts_outboxmessage",
    "flexsync_flexevent",
)


def _month(day: date, ahead: int) -> date:
    index = day.year * 12 + day.month - 1 + ahead
    return date(index // 12, index % 12 + 1, 1)


def ensure_partitions(*, today: date, months_ahead: int = 3) -> int:
    """This will make the partitions of this month and the coming ones; gives how many it made.

    A month for which the default partition already holds rows is left there: nothing is lost by it.
    The application's role does not own the tables: `payouts_make_partition` runs as their owner.
    """
    made = 0
    with connection.cursor() as cursor:
        for table in PARTITIONED:
            for ahead in range(months_ahead + 1):
                first, after = _month(today, ahead), _month(today, ahead + 1)
                cursor.execute("SELECT payouts_make_partition(%s, %s, %s)", [table, first, after])
                made += bool(cursor.fetchone()[0])
    log.info("partitions", made=made)
    return made
