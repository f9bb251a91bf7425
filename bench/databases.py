"""The databases of the measurements: migrated once, seeded once, cloned for each round.

They are kept in the server from run to run, named after the set of migrations and the size, and dropped when the
migrations change.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import psycopg
import psycopg.conninfo
from django.db import connections
from psycopg import sql

from bench.results import CHECKOUT
from marketplace_payouts.lib.embedded_postgres import APP, OWNER
from marketplace_payouts.lib.embedded_postgres_databases import ensure_database, ensure_roles, with_database

_MAKES_THE_SCHEMA: Final = (
    "*/migrations/*.py",
    "*/sql/*.sql",
    "marketplace_payouts/settings.py",
    "requirements.txt",
)
_MAKES_THE_ROWS: Final = ("bench/seeding.py", "bench/history.py")


class CannotPrepare(Exception):
    """The database of a measurement cannot be made."""


@dataclass(frozen=True, slots=True)
class Databases:
    """The server, by the URL with which its superuser comes in; `ready` names a migrated database, if there is one."""

    admin_url: str
    ready: str = ""

    @property
    def version(self) -> str:
        """The server's version, and whether it keeps its promises to the disk."""
        names = ("server_version", "fsync", "synchronous_commit", "shared_buffers")
        with self._admin() as connection:
            shown = [connection.execute(f"SHOW {name}").fetchone() for name in names]
        told = {name: one[0] for name, one in zip(names, shown, strict=True) if one}
        rest = ", ".join(f"{name}={told[name]}" for name in names[1:])
        return f"{told['server_version']} ({rest})"

    @contextmanager
    def alone(self) -> Iterator[None]:
        """This will keep other measurements off the server, and clear away what earlier ones left there.

        :raises CannotPrepare: when another one is under way.
        """
        with self._admin() as connection:
            row = connection.execute("SELECT pg_try_advisory_lock(hashtext('bench'))").fetchone()
            if row is None or not row[0]:
                raise CannotPrepare("Another measurement is under way on this server: wait for its end.")
            _drop_outdated(connection)
            yield

    def empty(self) -> str:
        """This will have a migrated database that nobody is connected to, and name it."""
        if self.ready:
            return self.ready
        ensure_roles(admin_url=self.admin_url)
        return self._kept(f"bench_{_schema_digest()}_empty", self._migrate)

    def seeded(self, what: str, fill: Callable[[], None], *, of: str = "") -> str:
        """This will have a database filled by `fill`, once for ever, and name it; `of` is what it is cloned from.

        `fill` finds Django pointed at the new database.
        """
        source = of or self.empty()

        def make(name: str) -> None:
            self._clone(source, name)
            with self.used(name):
                fill()
            self.tidy(name)

        return self._kept(f"bench_{_schema_digest()}_{_rows_digest()}_{what}", make)

    @contextmanager
    def clone(self, of: str) -> Iterator[str]:
        """This will clone a database for one round, tidied and with Django pointed at it, and drop it afterwards."""
        name = f"bench_round_{os.getpid()}"
        self._clone(of, name)
        try:
            with self.used(name):
                self.tidy(name)
                yield name
        finally:
            self._drop(name)

    @contextmanager
    def once(self, fill: Callable[[], None]) -> Iterator[str]:
        """This will have a database filled for the rounds of one row: what it says is true of one sandbox only."""
        name = f"bench_once_{os.getpid()}"
        self._clone(self.empty(), name)
        try:
            with self.used(name):
                fill()
            yield name
        finally:
            self._drop(name)

    @contextmanager
    def bare(self) -> Iterator[str]:
        """This will have an empty database for a baseline, and name it; its owner comes in."""
        name = f"bench_bare_{os.getpid()}"
        ensure_roles(admin_url=self.admin_url)
        ensure_database(admin_url=self.admin_url, database=name, fresh=True)
        try:
            yield name
        finally:
            self._drop(name)

    @contextmanager
    def used(self, name: str) -> Iterator[None]:
        """This will point Django, in every thread of this process, at a database."""
        connections.close_all()
        connections.settings["default"] |= _address(self.url(name))
        try:
            yield
        finally:
            connections.close_all()

    @property
    def present(self) -> str:
        """The database that Django is pointed at."""
        return str(connections.settings["default"]["NAME"])

    def tidy(self, name: str) -> None:
        """This will put a database into the state that a quiet night leaves behind, before anything is measured."""
        with self.superuser(name) as connection:
            connection.execute("VACUUM (ANALYZE)")
            connection.execute("CHECKPOINT")

    def url(self, name: str, *, role: str = APP) -> str:
        """This will write the URL of a database; the server must trust whoever reaches it."""
        found = psycopg.conninfo.conninfo_to_dict(with_database(self.admin_url, name))
        return f"postgresql://{role}@/{name}?host={found.get('host', '')}&port={found.get('port', 5432)}"

    @contextmanager
    def superuser(self, name: str) -> Iterator[psycopg.Connection[Any]]:
        """This will enter a database as its superuser."""
        with psycopg.connect(with_database(self.admin_url, name), autocommit=True) as connection:
            yield connection

    def _admin(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.admin_url, autocommit=True)

    def _kept(self, name: str, make: Callable[[str], None]) -> str:
        """Make it under another name first, so that what was interrupted is never taken for finished."""
        with self._admin() as connection:
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                return name
        unfinished = f"bench_unfinished_{os.getpid()}"
        self._drop(unfinished)
        make(unfinished)
        with self._admin() as connection:
            names = sql.Identifier(unfinished), sql.Identifier(name)
            connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(*names))
        return name

    def _clone(self, of: str, name: str) -> None:
        self._drop(name)
        with self._admin() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                    sql.Identifier(name), sql.Identifier(of)
                )
            )

    def _drop(self, name: str) -> None:
        with self._admin() as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )

    def _migrate(self, name: str) -> None:
        ensure_database(admin_url=self.admin_url, database=name, fresh=True)
        told = subprocess.run(
            [sys.executable, "manage.py", "quick_migrate", "--no-input", "--verbosity=0", "--skip-checks"],
            cwd=CHECKOUT,
            env=os.environ | {"DATABASE_URL": self.url(name, role=OWNER)},
            capture_output=True,
            text=True,
            check=False,
        )
        if told.returncode:
            raise CannotPrepare(f"The migrations do not run: {told.stderr.strip()[-500:]}")


def _address(url: str) -> dict[str, Any]:
    found = psycopg.conninfo.conninfo_to_dict(url)
    return {
        "NAME": found["dbname"],
        "USER": found["user"],
        "PASSWORD": "",
        "HOST": found["host"],
        "PORT": found["port"],
    }


def _digest(patterns: tuple[str, ...]) -> str:
    digest = hashlib.sha256()
    for path in sorted(path for pattern in patterns for path in CHECKOUT.glob(pattern)):
        digest.update(f"{path.relative_to(CHECKOUT)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:10]


def _schema_digest() -> str:
    return _digest(_MAKES_THE_SCHEMA)


def _rows_digest() -> str:
    return _digest(_MAKES_THE_ROWS)


def _drop_outdated(connection: psycopg.Connection[Any]) -> None:
    present = f"bench_{_schema_digest()}_"
    for (name,) in connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'bench\\_%'"):
        is_seeded = name.startswith(f"{present}{_rows_digest()}_")
        if name != f"{present}empty" and not is_seeded:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
