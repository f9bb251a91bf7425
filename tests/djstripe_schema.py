"""The dump of dj-stripe's tables that the demo and the tests load; `python -m tests.djstripe_schema` writes it anew.

To be done after an upgrade of dj-stripe that brings migrations. It runs them, which takes a minute or more.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from psycopg import sql

from marketplace_payouts.lib.embedded_postgres_databases import ensure_database, ensure_roles, with_database
from payments.stripe.schema import APP, FILE, STANDS_FOR
from tests import database
from tests.chaos.backups import printed_by

_HEAD: Final = """\
-- The tables of dj-stripe (MIT licence), as its migrations make them; written by `python -m tests.djstripe_schema`.
"""
_NOT_OURS: Final = re.compile(
    r"^(--.*|\\(un)?restrict .*|SET .*|SELECT pg_catalog\.set_config.*|)\n", re.MULTILINE
)


@contextmanager
def migrated(admin: str, *, command: str) -> Iterator[str]:
    """Make a database by `migrate` or by `quick_migrate` for as long as needed; gives a superuser's way into it."""
    name = f"schema_{os.getpid()}_{command}"
    ensure_database(admin_url=admin, database=name, fresh=True)
    url = with_database(admin, name)
    try:
        database.migrate(url, command=command)
        yield url
    finally:
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def dump(url: str) -> str:
    """Write down dj-stripe's tables in a migrated database, and which migrations made them."""
    names = [name for app, name in rows(url, "django_migrations", "app, name") if app == APP]
    text = printed_by("pg_dump", "--schema-only", "--no-owner", "--no-privileges", "-t", f"{APP}_*", url)
    return f"{_HEAD}{STANDS_FOR}{' '.join(names)}\n{_NOT_OURS.sub('', text)}"


def rows(url: str, table: str, columns: str) -> list[Any]:
    """Read some columns of a table, in their order."""
    with psycopg.connect(url) as connection:
        return connection.execute(f"SELECT {columns} FROM {table} ORDER BY {columns}").fetchall()


def main() -> int:
    """Write the dump."""
    with database.admin_url() as admin:
        ensure_roles(admin_url=admin)
        with migrated(admin, command="migrate") as url:
            FILE.write_text(dump(url), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
