"""What the processes of a sweep do: live until something happens to them, or until everything came to its end."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import psycopg
from django.conf import settings

from flexsync import telling
from marketplace_payouts.lib import crash_points
from marketplace_payouts.lib.embedded_postgres import APP
from payouts import outbox
from payouts.stages import StagesFailed
from payouts.subscriptions import delivering
from tests import database, network
from tests.chaos.cases import CUT, KILL, RAISE, STALL, STOP, Case
from tests.chaos.forks import Tell
from tests.chaos.story import (
    SEARCH_PATH,
    SUBSCRIBER,
    Installation,
    NotOver,
    Scenario,
    letters_at,
    pointed_at,
)
from tests.sandbox_services import SandboxService


@dataclass(frozen=True, slots=True)
class Product:
    """The product as it is, or with something taken away: from its code, and from its database."""

    altered: Callable[[], AbstractContextManager[None]] = nullcontext
    sql: str = ""


AS_IS: Final = Product()


@dataclass(frozen=True, slots=True)
class Place:
    """Where one case happens."""

    superuser_url: str
    services: Mapping[str, SandboxService]
    letters: str
    folder: Path
    product: Product = AS_IS

    @property
    def app_url(self) -> str:
        """As which role, and by which clock, the product comes in."""
        return database.as_role(self.superuser_url, APP)

    @property
    def log(self) -> Path:
        """Where its processes write what they log."""
        return self.folder / "log"


class Broken(Exception):
    """What is raised at a crash point."""


@dataclass(slots=True)
class Doom:
    """What waits for a process: at the n-th time that it comes to one of the points, something happens to it."""

    case: Case
    points: frozenset[str]
    place: Place
    tell: Tell
    has_struck: bool = False

    def strike(self, name: str, n: int) -> None:
        """Let it happen, once."""
        if not self.has_struck and name in self.points and n == self.case.n:
            self.has_struck = True
            self.tell({"at": name})
            _ACTS[self.case.kind](self.place)


def live(
    scenario: Scenario,
    place: Place,
    doom: Doom | None = None,
    *,
    is_patient: bool = False,
    rounds: int | None = None,
) -> dict[str, Any]:
    """Live in a place, for so many rounds or until everything came to its end.

    Whoever is patient need not see the end: what another holds that stands still waits for that one.

    :raises Exception: of whatever ends it, unless that follows from what struck it.
    """
    hits: Counter[str] = Counter()

    def hook(name: str) -> None:
        hits[name] += 1
        if doom is not None:
            doom.strike(name, hits[name])

    with pointed_at(place.app_url, place.services), place.product.altered():
        crash_points.install(hook)
        try:
            installation(scenario, place).live(scenario, letters_at(place.letters), rounds=rounds)
        except NotOver:
            if not is_patient and rounds is None:
                raise
        except Exception as error:
            # Others go on where a process ends of what happened to it, and of nothing else.
            if doom is None or not doom.has_struck or not _is_of(error, _ENDS[doom.case.kind]):
                raise
    return {"hits": hits, "refused": network.refused}


def _is_of(error: Exception, names: frozenset[str]) -> bool:
    """Whether an error, or each that stages ended with, is one of these."""
    texts = error.errors.values() if isinstance(error, StagesFailed) else [type(error).__name__]
    return {text.partition(":")[0] for text in texts} <= names


def outsleep(scenario: Scenario, place: Place, *, since: datetime) -> None:
    """Let every lease end that was taken before a moment, though nobody is left who waits for that."""
    with pointed_at(place.app_url, place.services):
        left = since + longest_lease() - clock(place)
        if left >= timedelta(0):
            installation(scenario, place).pass_time(left.total_seconds() + 1)


def longest_lease() -> timedelta:
    """Give for how long anybody may keep what they began to themselves: a sending, a transaction, a message."""
    return max(settings.SEND_LEASE, timedelta(seconds=telling.LEASE_S), outbox.CLAIM, delivering.CLAIM)


def clock(place: Place) -> datetime:
    """Tell the time as leases do."""
    with psycopg.connect(place.superuser_url, options=SEARCH_PATH) as session:
        [(now,)] = session.execute("SELECT clock_timestamp()")
    return now  # type: ignore[no-any-return]


def stop(scenario: Scenario, place: Place) -> None:
    """Be the person who stops everything."""
    with pointed_at(place.app_url, place.services):
        installation(scenario, place).stop()


def resume(scenario: Scenario, place: Place) -> None:
    """Be the person who lifts that."""
    with pointed_at(place.app_url, place.services):
        installation(scenario, place).resume()


def check(scenario: Scenario, place: Place) -> list[str]:
    """Ask the product's own invariants, and whether the subscriber heard of everything."""
    with pointed_at(place.app_url, place.services):
        world = installation(scenario, place)
        return [*world.broken_promises(), *world.unheard(letters_at(place.letters + SUBSCRIBER))]


def installation(scenario: Scenario, place: Place) -> Installation:
    """Give the world of a place that was prepared."""
    return Installation(scenario.provider, place.services, is_new=False)


def _kill(_place: Place) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _stall(_place: Place) -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def _raise(_place: Place) -> None:
    raise Broken("Raised at a crash point.")


def _cut(place: Place) -> None:
    """As a network, a proxy or an administrator does it: the sessions end, the process goes on."""
    with psycopg.connect(place.superuser_url, autocommit=True) as session:
        session.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def end_idle_transactions(place: Place) -> None:
    """PostgreSQL ends by itself, after a minute, a session that stands still within a transaction."""
    with psycopg.connect(place.superuser_url, autocommit=True) as session:
        session.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND state LIKE 'idle in transaction%'"
        )


_ACTS: Final[Mapping[str, Callable[[Place], None]]] = {
    KILL: _kill,
    STALL: _stall,
    RAISE: _raise,
    CUT: _cut,
    STOP: _stall,
}

_CUT_OFF: Final = frozenset({"OperationalError", "InterfaceError", "AdminShutdown"})
_ENDS: Final[Mapping[str, frozenset[str]]] = {
    KILL: frozenset(),
    STALL: _CUT_OFF,
    RAISE: frozenset({"Broken"}),
    CUT: _CUT_OFF,
    STOP: frozenset(),
}
"""Of which errors a process may end that was struck; one that stands still loses the transaction it stands in."""
