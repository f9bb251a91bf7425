"""dj-stripe's tables from a shipped dump: its own migrations take more than a minute of CPU on an empty database.

Only for databases that are made again and again, by `manage.py quick_migrate`; production runs the real migrations.
`python -m tests.djstripe_schema` writes the dump, and a slow test holds it equal to what the migrations make.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor

APP: Final = "djstripe"
FILE: Final = Path(__file__).resolve().parents[1] / "sql" / "djstripe_schema.sql"
STANDS_FOR: Final = "-- stands for: "


def load_where_missing(connection: BaseDatabaseWrapper) -> bool:
    """This will make dj-stripe's tables on a database that has none, and record its migrations as applied.

    Everything that does not need them is migrated before, for they refer to the table of users; what does, and any
    newer migration of dj-stripe's, is left to be migrated afterwards. Gives whether the dump was loaded: it is not
    where dj-stripe's migrations are no longer those that it stands for.
    """
    executor = MigrationExecutor(connection)
    names = stands_for()
    is_begun = any(app == APP for app, _ in executor.loader.applied_migrations)
    if is_begun or any((APP, name) not in executor.loader.disk_migrations for name in names):
        return False
    executor.migrate(_independent(executor.loader.graph))
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        cursor.execute(FILE.read_text(encoding="utf-8"))
        for name in names:
            executor.recorder.record_applied(APP, name)
    return True


def stands_for() -> Sequence[str]:
    """This will name the migrations of dj-stripe that made what was dumped."""
    with FILE.open(encoding="utf-8") as file:
        line = next(line for line in file if line.startswith(STANDS_FOR))
    return line.removeprefix(STANDS_FOR).split()


def _independent(graph: Any) -> list[tuple[str, str]]:
    """The last migration of each app that can be applied without dj-stripe's."""
    leaves = graph.leaf_nodes()
    return [leaf for leaf in leaves if all(app != APP for app, _ in graph.forwards_plan(leaf))]
