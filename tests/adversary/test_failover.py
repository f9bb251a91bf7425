"""The database server crashes in part, or another one takes over: both must show at once."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from marketplace_payouts.lib import locks
from marketplace_payouts.lib.embedded_postgres import EmbeddedPostgres
from payouts import incarnation

# Until these are written out, the control file does not learn of a failover.
WORK = "CREATE TABLE work AS SELECT g, repeat('x', 500) AS t FROM generate_series(1, 20000) g"


@contextmanager
def running(folder: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(folder=folder, fast=True)
    server.start(debug=True)
    try:
        yield server
    finally:
        assert server.stop()


def session(server: EmbeddedPostgres) -> psycopg.Connection[Any]:
    return psycopg.connect(server.url(role="postgres", database="postgres"), autocommit=True)


def standby(server: EmbeddedPostgres, folder: Path) -> Path:
    """Copy the data of a server as a standby that has everything up to now."""
    shutil.copytree(server.folder, folder, ignore=shutil.ignore_patterns("postmaster.pid", "*.lock"))
    data = next(one.parent for one in folder.rglob("PG_VERSION") if (one.parent / "global").is_dir())
    mark = data / "standby.signal"
    mark.touch(mode=0o600)
    os.chown(mark, data.stat().st_uid, data.stat().st_gid)
    return folder


def test_a_standby_that_took_over_is_another_database_at_once(tmp_path: Path) -> None:
    with running(tmp_path / "first" / "postgres") as first, session(first) as one:
        one.execute("CREATE TABLE payouts_incarnation ()")
        one.execute("CHECKPOINT")
        before = one.execute(incarnation.IDENTITY).fetchone()
        one.execute(WORK)
        one.execute("SELECT pg_switch_wal()")
        copy = standby(first, tmp_path / "second" / "postgres")
        with running(copy) as second, session(second) as other:
            assert other.execute(incarnation.IDENTITY).fetchone() == before
            assert other.execute("SELECT pg_promote()").fetchone() == (True,)
            assert other.execute(incarnation.IDENTITY).fetchone() != before


def test_a_backend_that_crashed_took_everybodys_locks_with_it(tmp_path: Path) -> None:
    with running(tmp_path / "postgres") as server:
        with session(server) as one:
            before = one.execute(f"SELECT {locks.LIFE}, pg_postmaster_start_time()").fetchone()
            assert one.execute(f"SELECT {locks.LIFE}, pg_postmaster_start_time()").fetchone() == before
            os.kill(one.info.backend_pid, signal.SIGKILL)
        after = None
        end = time.monotonic() + 20
        while after is None and time.monotonic() < end:
            try:
                with session(server) as other:
                    after = other.execute(f"SELECT {locks.LIFE}, pg_postmaster_start_time()").fetchone()
            except psycopg.OperationalError:
                time.sleep(0.05)
    assert before is not None
    assert after is not None
    assert after[1] == before[1]
    assert after[0] != before[0]
