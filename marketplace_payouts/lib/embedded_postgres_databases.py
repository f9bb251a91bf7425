"""The databases of a PostgreSQL server: their two roles and what each may do. It must not know Django."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from marketplace_payouts.lib.embedded_postgres import APP, OWNER

# The product's own role reads and writes rows; it cannot change tables, drop triggers or truncate.
_RIGHTS: Final = (
    "GRANT USAGE ON SCHEMA public TO {app}",
    "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {app}",
    "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT USAGE, SELECT ON SEQUENCES TO {app}",
)
_NAMES: Final = {"owner": sql.Identifier(OWNER), "app": sql.Identifier(APP)}


def ensure_roles(*, admin_url: str) -> None:
    """Have the role that owns the tables and the role that the product runs as."""
    with _one_at_a_time(admin_url) as connection:
        for role in (OWNER, APP):
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))


def ensure_database(*, admin_url: str, database: str, fresh: bool = False) -> None:
    """Have a database that `payouts_owner` owns and `payouts_app` works in; a `fresh` one is empty.

    `admin_url` is a superuser's, of another database of the same server.
    """
    name = sql.Identifier(database)
    with _one_at_a_time(admin_url) as connection:
        if fresh:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone():
            return
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {owner}").format(name, **_NAMES))
        with psycopg.connect(with_database(admin_url, database), autocommit=True) as inside:
            for statement in _RIGHTS:
                inside.execute(sql.SQL(statement).format(**_NAMES))


def with_database(url: str, database: str) -> str:
    """Point the URL of a server at another of its databases."""
    return urlsplit(url)._replace(path=f"/{database}").geturl()


@contextmanager
def _one_at_a_time(admin_url: str) -> Iterator[psycopg.Connection[Any]]:
    # Roles and databases cannot be made "if not there yet": two who look at once would both try.
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(hashtext('roles and databases'))")
        yield connection
