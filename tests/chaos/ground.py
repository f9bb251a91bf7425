"""Where a storm happens: a durable PostgreSQL, the services of the sandbox, and an environment that leads to both."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, LiteralString

import psycopg
from psycopg import sql

from marketplace_payouts.lib.embedded_postgres import APP, EmbeddedPostgres, private_home, until
from payouts import webhook_addresses
from tests import database
from tests.chaos import oracle, story, times
from tests.chaos.mix import ODD
from tests.providers.two_step import running as two_step
from tests.sandbox_services import SandboxService, running

VAR: Final = database.CHECKOUT / "var"
SERVER: Final = "chaos-postgres"


_LEASES: Final = """
    WITH standing AS (
        SELECT lease_until, answers < transmissions AND split_part(split_part(sender, '/', 3), ':', 3) = %(pid)s AS own
        FROM payouts_batch WHERE lease_until > chaos.clock_timestamp()
    ), telling AS (
        SELECT max(lease_until) AS latest FROM flexsync_writeback WHERE lease_until > chaos.clock_timestamp()
    )
    SELECT max(lease_until) FILTER (WHERE own), telling.latest,
           greatest(max(lease_until), telling.latest, chaos.clock_timestamp())
    FROM telling LEFT JOIN standing ON true GROUP BY telling.latest
"""


@dataclass(frozen=True, slots=True)
class Leases:
    """Until when leases stand, by the database's clock."""

    sending: datetime | None
    """The process's own, where it is in the middle of sending."""
    telling: datetime | None
    latest: datetime


@dataclass(slots=True)
class Ground:
    """One storm's own database, services and folder."""

    name: str
    folder: Path
    server: EmbeddedPostgres
    port: int
    seed: int
    providers: tuple[str, ...]
    services: dict[str, SandboxService] = field(default_factory=dict)
    environ: dict[str, str] = field(default_factory=dict)
    destinations: dict[str, str] = field(default_factory=dict)
    """Where each seller wants to be paid, by their id in Sharetribe."""

    @property
    def url(self) -> str:
        """A superuser's way into the database."""
        return self.server.url(role="postgres", database=self.name)

    # Preparing -----------------------------------------------------------------------------------------------

    def prepare(self, *, payouts: int) -> None:
        """Open for business, with so many sellers."""
        self.environ = dict(os.environ) | {
            "DJANGO_SETTINGS_MODULE": "tests.chaos.settings",
            "DATABASE_URL": self.server.url(database=self.name),
            "EXTRA_PROVIDERS": two_step.PROVIDER if "two_step" in self.services else "",
            "CLUSTER_WORKERS": "3",
            "POLL_SHORTEST_S": "1",
            "POLL_LONGEST_S": "2",
            "TWO_STEP_PATIENCE_S": str(times.PATIENCE_S),
            "TWO_STEP_SETTLE_S": str(times.SETTLE_S),
        }
        for service in self.services.values():
            self.environ |= service.environment()
        options = {"payouts": payouts, "providers": ",".join(self.providers), "seed": self.seed}
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        told = self.command("-m", "tests.chaos.people", "prepare", *words)
        self.destinations = json.loads(told.splitlines()[-1])
        self.environ |= {"CHAOS_FOLDER": str(self.folder), "CHAOS_SEED": str(self.seed)}

    def command(
        self, *words: str, status: Sequence[int] = (0,), environ: Mapping[str, str] | None = None
    ) -> str:
        """Run one of the product's commands to its end, and give what it says."""
        with (self.folder / "commands.log").open("a") as log:
            ended = subprocess.run(
                [sys.executable, *words],
                cwd=database.CHECKOUT,
                env=dict(self.environ if environ is None else environ),
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                check=False,
            )
        if ended.returncode not in status:
            raise RuntimeError(
                f"{words} ended with {ended.returncode}: {ended.stdout[-500:]} (see {log.name})"
            )
        return ended.stdout

    # Acting --------------------------------------------------------------------------------------------------

    def pass_time(self, seconds: float) -> None:
        """Let time go by: the database's first, since a provider's that is ahead would prove absences too early."""
        if not self.execute("UPDATE chaos.skew SET ahead = ahead + make_interval(secs => %s)", seconds):
            return
        for name in self.providers:
            self.services[name].advance(seconds)

    def execute(self, statement: str, *values: object) -> bool:
        """Change something in the database; False where it cannot be reached."""
        try:
            with psycopg.connect(self.url, autocommit=True) as connection:
                connection.execute(statement, values)
        except psycopg.OperationalError:
            return False
        return True

    def stop_postgres(self) -> bool:
        """Do as `pg_ctl stop -m immediate` does; False where it stands still already."""
        for home in (self.server.folder, private_home(self.server.folder)):
            pid_file = home / "data" / "postmaster.pid"
            if self.server.is_running() and pid_file.exists():
                os.kill(int(pid_file.read_text().split()[0]), signal.SIGQUIT)
                return until(lambda: not self.server.is_running(), timeout_s=20)
        return False

    # Asking --------------------------------------------------------------------------------------------------

    def column(self, query: str) -> set[str]:
        """Ask for one column."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            return {str(value) for (value,) in connection.execute(query)}

    def open_ends(self, *, payouts: int) -> set[str]:
        """Name what has not come to its end."""
        found = self.column(
            "SELECT id::text FROM payouts_payout WHERE state NOT IN ('paid', 'returned', 'cancelled', 'failed')"
            " UNION ALL SELECT 'source ' || id FROM payouts_source WHERE next_at IS NOT NULL"
            " UNION ALL SELECT 'message ' || id FROM payouts_outboxmessage WHERE next_at IS NOT NULL"
            " UNION ALL SELECT 'webhook ' || id FROM payouts_webhookdelivery WHERE state = 'new'"
            " UNION ALL SELECT 'batch ' || id FROM payouts_batch WHERE next_at <= chaos.clock_timestamp()"
        )
        [known] = self.column("SELECT count(DISTINCT source_id)::text FROM payouts_payable")
        return found | ({"sales"} if int(known) < payouts else set())

    def before_people(self) -> set[str]:
        """Name the payouts that only people can bring to their end."""
        return self.column(
            "SELECT id::text FROM payouts_payout WHERE state = 'unknown' OR EXISTS (SELECT FROM payouts_hold h"
            " WHERE h.payout_id = payouts_payout.id AND h.lifted_at IS NULL)"
        )

    def states(self) -> dict[str, int]:
        """Count the payouts by their states and what stops them."""
        with psycopg.connect(self.url) as connection:
            rows = connection.execute(
                "SELECT trim(state || ' ' || blocked_by), count(*) FROM payouts_payout GROUP BY 1 ORDER BY 2 DESC"
            )
            return dict(rows.fetchall())

    def now(self) -> datetime | None:
        """Ask for the time that leases go by; None where the database cannot be reached."""
        found = self._row("SELECT chaos.clock_timestamp()")
        return None if found is None else found[0]

    def leases(self, pid: int) -> Leases | None:
        """Ask for the leases that stand now, among them a process's own; None where the database cannot be reached.

        Whoever tells transactions something does not write down who it is: of these leases, everybody's are given.
        """
        found = self._row(_LEASES, {"pid": str(pid)})
        return None if found is None else Leases(*found)

    def _row(self, query: LiteralString, values: Mapping[str, str] | None = None) -> Any:
        try:
            with psycopg.connect(self.url) as connection:
                return connection.execute(query, values).fetchone()
        except psycopg.OperationalError:
            return None

    def debits(self) -> int:
        """Count the payments that really left."""
        ledgers = [self.services[name].ledger() for name in self.providers]
        return sum(one["kind"] == "debit" for ledger in ledgers for one in ledger)

    def judge(self) -> oracle.Verdict:
        """Ask the oracle."""
        return oracle.judge(
            database=psycopg.conninfo.make_conninfo(self.url, options=story.SEARCH_PATH),
            flex=self.services["flex"].url,
            providers={name: self.services[name].url for name in self.providers},
            destinations=self.destinations,
            odd=ODD,
        )


@contextmanager
def ground(*, seed: int, providers: tuple[str, ...]) -> Iterator[Ground]:
    """Have a place for a storm; nothing of it stays but its folder of logs."""
    folder = VAR / "chaos" / str(seed)
    for name in ("visits", "strikes", "stalled"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for file in [one for one in folder.rglob("*") if one.is_file()]:
        file.unlink()
    server = EmbeddedPostgres(folder=VAR / SERVER)
    made = Ground(f"chaos_{seed}_{os.getpid()}", folder, server, _free_port(), seed, providers)
    with ExitStack() as stack:
        stack.enter_context(_database(made))
        for name in ("flex", *providers):
            made.services[name] = stack.enter_context(_service(made, name))
        yield made


@contextmanager
def _database(made: Ground) -> Iterator[None]:
    """Have a database on a server that keeps what it has promised, whatever happens to it."""
    made.server.start(debug=True)
    admin = made.server.url(role="postgres", database="postgres")
    try:
        template = database.template(admin)
        names = sql.Identifier(made.name), sql.Identifier(template)
        with psycopg.connect(admin, autocommit=True) as connection:
            # A crash would else be followed by many seconds in which every file is written out by itself.
            connection.execute("ALTER SYSTEM SET recovery_init_sync_method = 'syncfs'")
            connection.execute("SELECT pg_reload_conf()")
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(*names))
        with psycopg.connect(made.url, autocommit=True) as connection:
            connection.execute(story.CLOCK)
            connection.execute(
                f"ALTER ROLE {APP} IN DATABASE {made.name} SET search_path = chaos, pg_catalog, public"
            )
        yield
    finally:
        made.server.start(debug=True)
        with psycopg.connect(admin, autocommit=True) as connection:
            name = sql.Identifier(made.name)
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        made.server.release()
        made.server.wait_stopped()


@contextmanager
def _service(made: Ground, name: str) -> Iterator[SandboxService]:
    url = f"http://127.0.0.1:{made.port}/webhooks/{name}/{webhook_addresses.token(name)}/"
    options = ["--seed", str(made.seed)]
    if name == "two_step":
        manager = two_step.running(*options, "--webhook-url", url)
    else:
        manager = running(name, *options)
    with manager as service:
        if name == "paypal":
            service.post("/_sandbox/webhook", {"url": url})
            service.post("/_sandbox/fresh", {"always": True})
        yield service


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
