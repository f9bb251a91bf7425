"""What strikes the real processes at their crash points: the seed says at which visit of which point, and how.

It is an app of `tests.chaos.settings` alone and does nothing without CHAOS_FOLDER. Visits are counted in files, so
that all processes share the count and none is lost with a process that is killed.
"""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import psycopg
from django.apps import AppConfig
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from marketplace_payouts.lib import crash_points
from tests import network
from tests.chaos import times

KILL, STALL, RAISE, CUT = "kill", "stall", "raise", "cut"
ACTS: Final = (KILL, STALL, RAISE, CUT)

_FIRST_VISITS: Final = 4
# The first visits of a point are struck more often: some points are not visited again.
_EARLY, _LATER = 0.12, 0.006
# Every so many visits right before a call under a lease, so that each storm has some who go on when it is over.
_STALLS_EACH: Final[Mapping[str, int]] = {"send.before_call": 20, "write_back.before_call": 80}


_GUARDED: Final = ExitStack()
"""For as long as the process lives."""


class Broken(Exception):
    """What is raised at a crash point."""


class Doomed(AppConfig):
    """Has the points strike in whatever process loads it."""

    name = "tests.chaos"
    label = "chaos"

    def ready(self) -> None:
        """This will install the doom, and the rules about sockets, where CHAOS_FOLDER names a folder.

        :raises ImproperlyConfigured: where the product is live, or not under DEBUG.
        """
        folder = os.environ.get("CHAOS_FOLDER")
        if not folder:
            return
        if not settings.DEBUG or settings.ENVIRONMENT != "test":
            raise ImproperlyConfigured(
                "CHAOS_FOLDER is for tests: unset it, or set DEBUG=1, ENVIRONMENT=test."
            )
        _have_small_claims()
        _GUARDED.enter_context(network.guarded())
        _have_little_patience()
        crash_points.install(Doom(Path(folder), seed=int(os.environ["CHAOS_SEED"])).visit)


def _have_small_claims() -> None:
    """Have many small sets instead of few large ones, and leases that end within a storm."""
    from flexsync import telling
    from payouts import stages

    vars(stages)["LIMITS"] |= {"reread": 12, "send": 3}
    vars(telling).update(
        LEASE_S=times.TELL_LEASE_S, WORK_S=times.TELL_WORK_S, PATIENCE_S=times.TELL_PATIENCE_S
    )


def _have_little_patience() -> None:
    """Have calls give up in seconds, so that what hangs and what is accepted late outlasts them."""
    from flexsync import calls
    from marketplace_payouts.lib.http import Timeouts
    from payouts.providers.paypal import client

    vars(calls).update(TIMEOUTS=Timeouts(read=times.PATIENCE_S, total=times.TELL_PATIENCE_S))
    vars(client).update(CALL_S=times.PATIENCE_S)


class Doom:
    """What happens at each visit."""

    def __init__(self, folder: Path, *, seed: int) -> None:
        self._folder, self._seed = folder, seed

    def visit(self, name: str) -> None:
        """Count a visit, and strike where the seed says so."""
        n = count(self._folder / "visits" / name)
        act = choose(self._seed, name, n)
        if act and (self._folder / "raging").exists():
            count(self._folder / "strikes" / f"{name}:{act}")
            _ACTS[act](self._folder, name)


def choose(seed: int, name: str, n: int) -> str:
    """Say what happens at the n-th visit of a point, or nothing."""
    if n % _STALLS_EACH.get(name, n) == 2:
        return STALL
    digest = hashlib.sha256(f"{seed}:{name}:{n}".encode()).digest()
    chance = int.from_bytes(digest[:8]) / 2**64
    return ACTS[digest[8] % len(ACTS)] if chance < (_EARLY if n <= _FIRST_VISITS else _LATER) else ""


def count(path: Path) -> int:
    """Count one more of something, and give how many there are by now."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(file, b".")
        return os.fstat(file).st_size
    finally:
        os.close(file)


def counted(folder: Path) -> dict[str, int]:
    """Give all that was counted in a folder."""
    return {path.name: path.stat().st_size for path in sorted(folder.iterdir())}


def _kill(_folder: Path, _name: str) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _stall(folder: Path, name: str) -> None:
    file = folder / f"stalling-{os.getpid()}"
    file.write_text(name)
    file.rename(folder / "stalled" / str(os.getpid()))
    os.kill(os.getpid(), signal.SIGSTOP)


def _raise(_folder: Path, _name: str) -> None:
    raise Broken("Raised at a crash point.")


def _cut(_folder: Path, _name: str) -> None:
    """As a network or an administrator does it: all of the product's sessions end, the processes go on."""
    address = {name: connection.settings_dict[name.upper()] for name in ("user", "host", "port")}
    with psycopg.connect(dbname=connection.settings_dict["NAME"], **address, autocommit=True) as session:
        session.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_user"
            " AND datname = current_database() AND pid <> pg_backend_pid()"
        )


_ACTS: Final[Mapping[str, Callable[[Path, str], None]]] = {
    KILL: _kill,
    STALL: _stall,
    RAISE: _raise,
    CUT: _cut,
}
