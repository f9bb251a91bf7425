"""The database of the tests: a template built once per set of migrations, a clone per process, and its cleaning.

Tests work as `payouts_app`, as the product does, so that a missing right shows. Cleaning needs a superuser, because
the product's tables refuse to be emptied.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import psycopg.conninfo
import pytest
from psycopg import sql

from marketplace_payouts.lib.embedded_postgres import OWNER, EmbeddedPostgres
from marketplace_payouts.lib.embedded_postgres_databases import ensure_database, ensure_roles, with_database

CHECKOUT = Path(__file__).resolve().parents[1]
# What a migrated database depends on: our migrations, which apps there are, and the versions of others' apps.
_MAKES_THE_SCHEMA = (
    "*/migrations/*.py",
    "*/sql/*.sql",
    "marketplace_payouts/settings.py",
    "requirements.txt",
)
_VACUUM_ABOVE = 1_000_000


@contextmanager
def admin_url() -> Iterator[str]:
    """Hold a server, and give the URL by which its superuser comes in."""
    if given := os.environ.get("TEST_DATABASE_ADMIN_URL"):
        ensure_roles(admin_url=given)
        yield given
        return
    server = EmbeddedPostgres(folder=CHECKOUT / "var" / "test-postgres", fast=True)
    server.start(debug=True)
    try:
        yield server.url(role="postgres", database="postgres")
    finally:
        server.release()


def as_role(url: str, role: str) -> str:
    """Write the URL of a database as one of our roles; the server must trust whoever reaches it."""
    address = psycopg.conninfo.conninfo_to_dict(url)
    host, port, name = address.get("host", ""), address.get("port", 5432), address["dbname"]
    return f"postgresql://{role}@/{name}?host={host}&port={port}"


def django_address(url: str) -> dict[str, Any]:
    """Say where a database is in the words of Django's settings."""
    address = psycopg.conninfo.conninfo_to_dict(url)
    return {
        "NAME": address["dbname"],
        "USER": address["user"],
        "PASSWORD": address.get("password", ""),
        "HOST": address.get("host", ""),
        "PORT": address.get("port", ""),
    }


def template(admin: str) -> str:
    """Have a migrated database that nobody is connected to, and name it."""
    name = f"template_{_schema_digest()}"
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(hashtext('template'))")
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            _drop_old_templates(connection)
            _build(admin, connection, name)
    return name


def _schema_digest() -> str:
    digest = hashlib.sha256()
    for path in sorted(path for pattern in _MAKES_THE_SCHEMA for path in CHECKOUT.glob(pattern)):
        digest.update(f"{path.relative_to(CHECKOUT)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _build(admin: str, connection: psycopg.Connection[Any], name: str) -> None:
    unfinished = "template_unfinished"
    ensure_database(admin_url=admin, database=unfinished, fresh=True)
    migrate(with_database(admin, unfinished))
    identifiers = sql.Identifier(unfinished), sql.Identifier(name)
    connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(identifiers[0]))
    connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(*identifiers))


def migrate(url: str, *, command: str = "quick_migrate") -> None:
    """Migrate an empty database as the owner of the tables."""
    result = subprocess.run(
        [sys.executable, "manage.py", command, "--no-input", "--verbosity=0", "--skip-checks"],
        cwd=CHECKOUT,
        env=os.environ | {"DATABASE_URL": as_role(url, OWNER), "DJANGO_SETTINGS_MODULE": "tests.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        pytest.fail(f"The migrations do not run:\n{result.stdout}{result.stderr}", pytrace=False)


def _drop_old_templates(connection: psycopg.Connection[Any]) -> None:
    newest_first = connection.execute(
        "SELECT datname FROM pg_database WHERE datname LIKE 'template\\_________________' ORDER BY oid DESC"
    ).fetchall()
    for (name,) in newest_first[3:]:  # a few stay for whoever goes to and fro between branches
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))


@contextmanager
def clone(admin: str, *, of: str) -> Iterator[str]:
    """Clone a template for as long as needed, and give the URL by which a superuser enters the clone."""
    name = f"test_{os.getpid()}_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{os.urandom(3).hex()}"
    identifier = sql.Identifier(name)
    with psycopg.connect(admin, autocommit=True) as connection:
        # Held until the end: a clone whose lock is free was left behind by someone who is gone.
        connection.execute("SELECT pg_advisory_lock(hashtext(%s))", [name])
        _drop_abandoned_clones(connection)
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                identifier, sql.Identifier(of)
            )
        )
        try:
            yield with_database(admin, name)
        finally:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(identifier))


def _drop_abandoned_clones(connection: psycopg.Connection[Any]) -> None:
    names = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'test\\_%'").fetchall()
    for (name,) in names:
        [(abandoned,)] = connection.execute("SELECT pg_try_advisory_lock(hashtext(%s))", [name]).fetchall()
        if abandoned:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )
            connection.execute("SELECT pg_advisory_unlock(hashtext(%s))", [name])


class Cleaner:
    """Puts a clone back to what its template was, in a few milliseconds: only rows, and only where they changed."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True, application_name="cleaner")
        # A test that left a transaction open must not stop the ones after it without a word.
        self._connection.execute("SET lock_timeout = '10s'; SET synchronous_commit = off")
        tables = self._connection.execute(
            "SELECT oid::regclass::text FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY 1"
        ).fetchall()
        self._first_rows = {name: rows for (name,) in tables if (rows := self._rows(name))}
        self._which_changed = " UNION ALL ".join(self._changed(name) for (name,) in tables)

    def clean(self) -> list[str]:
        """Restore every table that changed, and name them."""
        changed: list[str] = [name for (name,) in self._connection.execute(self._which_changed)]
        if changed:
            with self._connection.transaction():
                # Silences the triggers that refuse changes, and the foreign keys, for this transaction of ours.
                self._connection.execute("SET LOCAL session_replication_role = replica")
                for name in changed:
                    self._connection.execute(f"DELETE FROM {name}")
                    self._restore(name)
            self._vacuum(changed)
        return changed

    def close(self) -> None:
        """Leave the database."""
        self._connection.close()

    def _rows(self, name: str) -> bytes:
        with self._connection.cursor().copy(f"COPY (SELECT * FROM {name}) TO STDOUT") as copy:
            return b"".join(bytes(part) for part in copy)

    def _restore(self, name: str) -> None:
        if name in self._first_rows:
            with self._connection.cursor().copy(f"COPY {name} FROM STDIN") as copy:
                copy.write(self._first_rows[name])

    def _changed(self, name: str) -> str:
        if name not in self._first_rows:
            return f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})"
        digest = f"SELECT count(*) || ' ' || coalesce(sum(hashtextextended(t::text, 0)), 0) FROM {name} t"
        row = self._connection.execute(digest).fetchone()
        assert row is not None
        return f"SELECT '{name}' WHERE ({digest}) <> '{row[0]}'"

    def _vacuum(self, names: list[str]) -> None:
        # Rows deleted by the thousand would be waded through after every later test.
        for name in names:
            query = "SELECT coalesce(sum(pg_relation_size(relid)), 0) > %s FROM pg_partition_tree(%s)"
            row = self._connection.execute(query, [_VACUUM_ABOVE, name]).fetchone()
            if row is not None and row[0]:
                self._connection.execute(f"VACUUM {name}")
