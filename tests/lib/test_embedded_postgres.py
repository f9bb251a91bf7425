from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import environ
import psycopg
import pytest

from marketplace_payouts.lib.embedded_postgres import (
    EmbeddedPostgres,
    EmbeddedPostgresError,
    private_home,
    until,
)
from marketplace_payouts.lib.embedded_postgres_databases import ensure_database
from tests.database import CHECKOUT

HOLD = (
    "import sys, time\n"
    "from pathlib import Path\n"
    "from marketplace_payouts.lib.embedded_postgres import EmbeddedPostgres\n"
    "server = EmbeddedPostgres(folder=Path(sys.argv[1]), fast=True)\n"
    "server.start(debug=True)\n"
    "print(server.keeper_pid(), flush=True)\n"
    "time.sleep(600)\n"
)


@pytest.fixture(scope="module")
def initialised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data that PostgreSQL has made once, for servers that start with a copy."""
    server = EmbeddedPostgres(folder=tmp_path_factory.mktemp("initialised") / "postgres", fast=True)
    server.start(debug=True)
    ensure_database(admin_url=server.url(role="postgres", database="postgres"), database="payouts")
    assert server.stop()
    return server.folder


@pytest.fixture
def server(tmp_path: Path, initialised: Path) -> Iterator[EmbeddedPostgres]:
    shutil.copytree(initialised, tmp_path / "postgres")
    server = EmbeddedPostgres(folder=tmp_path / "postgres", fast=True)
    yield server
    assert server.stop()
    assert not server.socket_folder.exists()


def hold(server: EmbeddedPostgres) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(server.folder)], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True
    )


def told_by(holder: subprocess.Popen[str]) -> int:
    assert holder.stdout is not None
    return int(holder.stdout.readline())


def end(holder: subprocess.Popen[str], number: int) -> None:
    holder.send_signal(number)
    holder.communicate()


def test_is_refused_where_debug_is_off(tmp_path):
    with pytest.raises(EmbeddedPostgresError, match="set DATABASE_URL"):
        EmbeddedPostgres(folder=tmp_path / "postgres").start(debug=False)
    assert not (tmp_path / "postgres").exists()


def test_the_url_suits_django_as_well_as_psycopg(server):
    server.start(debug=True)
    with psycopg.connect(server.url()) as connection:
        assert connection.execute("SELECT current_user, current_database()").fetchone() == (
            "payouts_app",
            "payouts",
        )
    settings = environ.Env.db_url_config(server.url())
    assert settings["NAME"] == "payouts"
    assert settings["USER"] == "payouts_app"
    assert settings["OPTIONS"] == {"host": str(server.socket_folder)}


def test_the_product_may_change_rows_and_nothing_else(server):
    server.start(debug=True)
    with psycopg.connect(server.url(role="payouts_owner"), autocommit=True) as owner:
        owner.execute("CREATE TABLE things (id bigint GENERATED ALWAYS AS IDENTITY)")
    with psycopg.connect(server.url(), autocommit=True) as app:
        app.execute("INSERT INTO things DEFAULT VALUES")
        for statement in ("TRUNCATE things", "DROP TABLE things", "CREATE TABLE mine ()", "CREATE ROLE mine"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                app.execute(statement)


def test_listens_on_its_private_socket_only(server):
    server.start(debug=True)
    assert server.socket_folder.stat().st_mode & 0o777 == 0o700
    with psycopg.connect(server.url()) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
    assert (server.folder / "data" / "pg_hba.conf").read_text() == "local all all trust\n"


def test_keeps_its_data_and_stops_with_its_last_holder(server):
    server.start(debug=True)
    with psycopg.connect(server.url(role="payouts_owner")) as owner:
        owner.execute("CREATE TABLE kept ()")
    other = hold(server)
    told_by(other)
    server.release()
    assert not server.wait_stopped(timeout_s=0.5)
    end(other, signal.SIGTERM)
    assert server.wait_stopped(timeout_s=10)
    server.start(debug=True)
    with psycopg.connect(server.url()) as connection:
        assert connection.execute("SELECT to_regclass('kept') IS NOT NULL").fetchone() == (True,)


def test_processes_that_start_at_once_share_one_server(server):
    holders = [hold(server) for _ in range(4)]
    assert len({told_by(holder) for holder in holders}) == 1
    for holder in holders:
        end(holder, signal.SIGKILL)
    assert server.wait_stopped(timeout_s=10)


def test_a_killed_keeper_takes_its_server_along_and_is_replaced(server):
    server.start(debug=True)
    killed = server.keeper_pid()
    assert killed
    os.kill(killed, signal.SIGKILL)
    assert until(lambda: server.keeper_pid() is None, timeout_s=5)
    server.start(debug=True)
    assert server.keeper_pid() != killed
    with psycopg.connect(server.url()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_stale_pid_file_that_names_a_living_stranger_is_no_obstacle(server):
    (server.folder / "data" / "postmaster.pid").write_text(
        f"{os.getppid()}\n{server.folder}/data\n1\n5432\n\n\n"
    )
    server.start(debug=True)
    with psycopg.connect(server.url()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_long_temporary_folder_does_not_make_the_socket_too_long(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", f"/tmp/{'long' * 25}")  # noqa: S108 - only named
    server = EmbeddedPostgres(folder=tmp_path / "postgres")
    assert len(bytes(server.socket_folder / ".s.PGSQL.5432")) <= 107


def test_a_socket_folder_that_others_may_enter_is_not_used(server):
    server.socket_folder.mkdir(mode=0o755)
    with pytest.raises(EmbeddedPostgresError, match="not a private folder"):
        server.start(debug=True)
    server.socket_folder.rmdir()


@pytest.mark.skipif(os.getuid() != 0, reason="is about root")
def test_root_needs_no_namespace_and_loosens_no_permission(tmp_path, monkeypatch):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "unshare").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "bin" / "unshare").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    server = EmbeddedPostgres(folder=closed / "postgres", fast=True)
    try:
        server.start(debug=True)
        with psycopg.connect(server.url(role="postgres", database="postgres")) as connection:
            row = connection.execute("SHOW data_directory").fetchone()
        home = private_home(server.folder)
        assert row == (str(home / "data"),)
        assert home.stat().st_uid != 0
        assert home.stat().st_mode & 0o777 == 0o700
        assert closed.stat().st_mode & 0o777 == 0o700
    finally:
        assert server.stop()
        server.remove()
    assert not home.exists()
