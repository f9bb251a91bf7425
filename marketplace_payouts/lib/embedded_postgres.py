"""A private PostgreSQL for the demo, the tests and trying things out; production sets DATABASE_URL.

Who starts the server *holds* it, by a shared lock on a file. One keeper process per folder
(`embedded_postgres_keeper`) runs PostgreSQL as its child and stops it when the last holder is gone, however that one
died. So any number of processes may share one server, and none can leak it. It must not know Django.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final, Literal
from urllib.parse import quote

OWNER: Final = "payouts_owner"  # owns every table and runs the migrations
APP: Final = "payouts_app"  # what the product runs as: rows only
SUPERUSER: Final = "postgres"
Role = Literal["payouts_owner", "payouts_app", "postgres"]

PORT: Final = 5432
_SOCKET_PATH_LIMIT: Final = 107  # a longer path cannot be bound
_START_TIMEOUT_S: Final = 60.0
_STOP_TIMEOUT_S: Final = 30.0
_LOG_LIMIT: Final = 5_000_000
_CHECKOUT: Final = Path(__file__).resolve().parents[2]


class EmbeddedPostgresError(Exception):
    """The private PostgreSQL cannot be used; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class EmbeddedPostgres:
    """The private server of one folder; `fast` gives up surviving a crash of the machine, for tests."""

    folder: Path
    fast: bool = False
    _held: list[IO[str]] = field(default_factory=list, repr=False, compare=False)

    @property
    def socket_folder(self) -> Path:
        """Name the private folder of the socket, short enough to be bound."""
        digest = hashlib.sha256(f"{os.getuid()}:{self.folder.resolve()}".encode()).hexdigest()[:12]
        for base in (Path(tempfile.gettempdir()), Path("/tmp")):  # noqa: S108 - private before it is used
            folder = base / f"mp-{digest}"
            fits = len(bytes(folder / f".s.PGSQL.{PORT}")) <= _SOCKET_PATH_LIMIT
            if fits and (os.getuid() != 0 or _open_to_all(base)):
                return folder
        raise EmbeddedPostgresError("No temporary folder can hold the socket: set TMPDIR to a short path.")

    def url(self, *, role: Role = APP, database: str = "payouts") -> str:
        """Write the URL of a database, good for DATABASE_URL and for psycopg; starts nothing."""
        # The socket's folder stands in the query: as a host it would be put into small letters by URL parsers.
        return f"postgresql://{role}@/{database}?host={quote(str(self.socket_folder))}"

    def start(self, *, debug: bool) -> None:
        """Have the server running, and hold it until `release` or the end of this process.

        :raises EmbeddedPostgresError: when `debug` is off, or the server does not come up.
        """
        if not debug:
            raise EmbeddedPostgresError(
                "A private PostgreSQL is for DEBUG only: set DATABASE_URL, or DEBUG=1 to try things out."
            )
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not self._held:
            self._held.append(self._hold())
        try:
            with _locked(self.folder / "start.lock"):
                self._have_server()
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Let go of the server; it stops when nobody else holds it."""
        while self._held:
            self._held.pop().close()

    def stop(self) -> bool:
        """Stop the server whoever holds it, and say whether it is gone."""
        self.release()
        if not self.folder.exists():
            return True
        with _locked(self.folder / "start.lock"):
            if pid := self.keeper_pid():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)
            return self.wait_stopped()

    def remove(self) -> None:
        """Remove the data of a stopped server."""
        shutil.rmtree(private_home(self.folder), ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def wait_stopped(self, *, timeout_s: float = _STOP_TIMEOUT_S) -> bool:
        """Wait until the server and its keeper are gone, and say whether they are."""
        return until(lambda: self.keeper_pid() is None, timeout_s=timeout_s)

    def keeper_pid(self) -> int | None:
        """Find the process that keeps the server; 0 while it is only starting."""
        try:
            file = (self.folder / "keeper.lock").open()
        except FileNotFoundError:
            return None
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(file.read().strip() or 0)
        return None

    def is_running(self) -> bool:
        """Say whether the server accepts connections."""
        ready = self.folder / "ready"
        try:
            return ready.read_text() == str(self.keeper_pid())
        except FileNotFoundError:
            return False

    def _hold(self) -> IO[str]:
        file = (self.folder / "holders.lock").open("a")
        # Waits while a keeper that has seen its last holder go is stopping the server.
        fcntl.flock(file, fcntl.LOCK_SH)
        return file

    def _have_server(self) -> None:
        # A keeper that was told to stop is waited for; then ours takes its place.
        until(lambda: self.is_running() or self.keeper_pid() is None, timeout_s=_START_TIMEOUT_S)
        if not self.is_running():
            self._start_keeper()

    def _start_keeper(self) -> None:
        (self.folder / "ready").unlink(missing_ok=True)  # of a keeper that was killed
        log = self.folder / "log"
        fresh = not log.exists() or log.stat().st_size > _LOG_LIMIT
        command = [sys.executable, "-m", f"{__package__}.embedded_postgres_keeper"]
        command += [str(self.folder.resolve()), str(self.socket_folder), *(["--fast"] if self.fast else [])]
        with log.open("w" if fresh else "a") as output:
            keeper = subprocess.Popen(
                command,
                cwd=_CHECKOUT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C in our terminal is not for the server
            )
        until(lambda: keeper.poll() is not None or self.is_running(), timeout_s=_START_TIMEOUT_S)
        if not self.is_running():
            if keeper.poll() is None:
                keeper.terminate()
            lines = log.read_text(errors="replace").strip().splitlines() or ["no word from it"]
            raise EmbeddedPostgresError(f"The private PostgreSQL did not start: {lines[-1]} (see {log})")
        # It may outlive us while others hold the server: not a forgotten child, whose end we would wait for.
        keeper.returncode = 0


def private_home(folder: Path) -> Path:
    """Name the folder that takes binaries and data where root may not have a user namespace."""
    digest = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]
    return Path("/var/lib/marketplace-payouts") / digest


def until(condition: Callable[[], bool], *, timeout_s: float) -> bool:
    """Wait for a condition that costs next to nothing to ask, and say whether it came true."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _open_to_all(folder: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in (folder, *folder.resolve().parents))
