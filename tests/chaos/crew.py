"""The product's processes in a storm: what is killed, stalled, and started again by whoever looks after them."""

from __future__ import annotations

import contextlib
import http.client
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from marketplace_payouts.lib.embedded_postgres import until
from tests.chaos.ground import Ground, Leases
from tests.chaos.mix import CLOCK_SKEWED, OUTLASTED, Happening
from tests.chaos.processes import Group, Guard, is_stopped

# The queue's rows carry the clocks of those who write and read them: a cluster that is far behind does little, so that
# at most one is.
_AHEAD_S: Final[Mapping[str, Sequence[int]]] = {
    "web": (0, 300, -300),
    "cluster 1": (0, 0, 300, -5),
    "cluster 2": (0, 0, 300, -300),
    "people": (0,),
}
# For so long at least, also where nobody has a lease.
_STALL_S: Final = 5.0
_TELLING: Final = ("write_back.after_claim", "write_back.before_call", "write_back.after_call")
"""The points at which somebody has the sole right to write to transactions."""
_PAUSE_S: Final = 0.7
_YOUNG_S: Final = 15.0
_READY_S: Final = 90.0
_DOUBLE_SCHEDULES: Final = """
    INSERT INTO django_q_schedule (name, func, hook, args, kwargs, schedule_type, minutes, repeats, next_run, cron,
                                   task, cluster, intended_date_kwarg)
    SELECT name, func, hook, args, kwargs, schedule_type, minutes, repeats, now(), cron, task, cluster,
           intended_date_kwarg
    FROM django_q_schedule WHERE id IN (SELECT min(id) FROM django_q_schedule GROUP BY name) AND schedule_type = 'I'
"""


@dataclass(slots=True)
class Stall:
    """Somebody who stands still until every lease is over that it may stand in."""

    point: str
    """The crash point at which it stands; nothing where it may stand anywhere."""
    since: float
    leases: Leases | None = None

    @property
    def own(self) -> datetime | None:
        """Until when it has a lease, where it is certain that it has one."""
        if self.leases is None:
            return None
        return self.leases.sending or (self.leases.telling if self.point in _TELLING else None)


class Crew:
    """Web, two clusters, people."""

    def __init__(self, ground: Ground, *, guard: Guard, rng: random.Random, injected: Counter[str]) -> None:
        self._ground, self._rng, self._injected = ground, rng, injected
        self._stalled: dict[int, Stall] = {}
        self.slow = 1.0
        web = ["-m", "gunicorn", "marketplace_payouts.wsgi:application", "--bind", f"127.0.0.1:{ground.port}"]
        web += ["--workers", "2", "--threads", "4", "--log-level", "warning", "--no-control-socket"]
        commands = {
            "web": web,
            "cluster 1": ["manage.py", "qcluster"],
            "cluster 2": ["manage.py", "qcluster"],
            "people": ["-m", "tests.chaos.people", "live"],
        }
        self._groups = {
            name: Group(name, command, log=ground.folder / f"{name.replace(' ', '-')}.log", guard=guard)
            for name, command in commands.items()
        }
        self._web, self._people = self._groups["web"], self._groups["people"]
        self._clusters = [self._groups["cluster 1"], self._groups["cluster 2"]]

    def start(self) -> None:
        """Start everybody, and wait until they work."""
        for name in self._groups:
            self._start(name)
        if not until(self._is_ready, timeout_s=_READY_S):
            raise RuntimeError(f"The processes did not start: see {self._ground.folder}")

    def end(self) -> None:
        """End everybody, and whatever they left behind."""
        for group in self._groups.values():
            group.end()

    def look_after(self, *, is_calm: bool) -> None:
        """Do as a supervisor does: start what ended; and let go on who stood still for long enough."""
        for file in (self._ground.folder / "stalled").iterdir():
            self._stalled.setdefault(int(file.name), Stall(file.read_text(), time.monotonic()))
            file.unlink(missing_ok=True)
        now = self._ground.now() if self._stalled else None
        for pid, stall in list(self._stalled.items()):
            if is_calm or self._is_over(pid, stall, now=now):
                self._stalled.pop(pid)
                _signal(pid, signal.SIGCONT)
        if not self._ground.server.is_running():
            self._ground.server.start(debug=True)
            # A cluster's pusher waits for ten seconds after that: one of the two is started anew at once.
            self._clusters[0].end()
        for name, group in self._groups.items():
            if group in self._clusters and _is_headless(group):
                group.kill()
            if group.has_ended() and time.monotonic() - group.started > _PAUSE_S:
                self._start(name, is_calm=is_calm)

    def _is_over(self, pid: int, stall: Stall, *, now: datetime | None) -> bool:
        """Whether every lease is over in which somebody may stand, by the clock of leases; counts who surely did."""
        if now is None:
            return False
        if stall.leases is None:
            stall.leases = self._ground.leases(pid)
            return False
        if time.monotonic() - stall.since < _STALL_S * self.slow or now <= stall.leases.latest:
            return False
        self._injected[OUTLASTED] += stall.own is not None and is_stopped(pid)
        return True

    def start_anew(self) -> None:
        """Do as a machine does that is started anew: nobody from before is left."""
        self.look_after(is_calm=True)
        for group in self._groups.values():
            for pid in group.left_behind():
                _signal(pid, signal.SIGKILL)
        for group in self._clusters:
            group.end()

    def happen(self, happening: Happening) -> bool:
        """Let something happen; False where there was nobody whom it could happen to."""
        return self._acts()[happening]()

    # What happens --------------------------------------------------------------------------------------------

    def _acts(self) -> Mapping[Happening, Callable[[], bool]]:
        ground = self._ground
        return {
            Happening.KILL_WORKER: lambda: self._kill(self._workers()),
            Happening.KILL_SENTINEL: lambda: self._kill(
                [p for g in self._clusters for p in g.members(depth=1)]
            ),
            Happening.KILL_CLUSTER: lambda: self._kill(
                [g.leader for g in self._clusters if not g.has_ended()]
            ),
            Happening.KILL_LEFT_BEHIND: lambda: self._kill(
                [p for g in self._clusters for p in g.left_behind()]
            ),
            Happening.KILL_WEB_WORKER: lambda: self._kill(self._web.members(depth=1)),
            Happening.KILL_WEB: lambda: self._kill([self._web.leader]),
            Happening.KILL_PEOPLE: lambda: self._kill([self._people.leader]),
            Happening.STALL_WORKER: lambda: self._stall(self._workers()),
            Happening.STALL_WEB_WORKER: lambda: self._stall(self._web.members(depth=1)),
            Happening.STOP_POSTGRES: ground.stop_postgres,
            Happening.EMPTY_QUEUE: lambda: ground.execute("DELETE FROM django_q_ormq"),
            Happening.DOUBLE_QUEUE: lambda: ground.execute(
                # Due at once, also what somebody is working on: a row without a moment would never be read.
                "INSERT INTO django_q_ormq (key, payload, lock) SELECT key, payload, now() FROM django_q_ormq"
            ),
            Happening.DOUBLE_SCHEDULES: lambda: ground.execute(_DOUBLE_SCHEDULES),
            Happening.LEAP: self._leap,
        }

    def _workers(self) -> list[int]:
        return [pid for group in self._clusters for pid in group.members(depth=2)]

    def _kill(self, pids: Sequence[int]) -> bool:
        return bool(pids) and _signal(self._rng.choice(pids), signal.SIGKILL)

    def _stall(self, pids: Sequence[int]) -> bool:
        chosen = [pid for pid in pids if not is_stopped(pid)]
        if not chosen:
            return False
        pid = self._rng.choice(chosen)
        self._stalled[pid] = Stall("", time.monotonic())
        return _signal(pid, signal.SIGSTOP)

    def _leap(self) -> bool:
        self._ground.pass_time(self._rng.uniform(20, 80))
        return True

    # Starting ------------------------------------------------------------------------------------------------

    def _start(self, name: str, *, is_calm: bool = False) -> None:
        """Start one of them, by a clock that goes right, or ahead, or behind."""
        ahead = 0 if is_calm else self._rng.choice(_AHEAD_S[name])
        self._groups[name].start(self._ground.environ | {"CHAOS_AHEAD_S": str(ahead)})
        self._injected[CLOCK_SKEWED] += bool(ahead)

    def _is_ready(self) -> bool:
        time.sleep(0.2)
        return self._web_answers() and all(group.members(depth=2) for group in self._clusters)

    def _web_answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self._ground.port, timeout=5)
        with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        return False


def _is_headless(group: Group) -> bool:
    """Whether a cluster has no sentinel: it starts nothing again, and a watch would find that out by its heartbeat."""
    is_young = time.monotonic() - group.started < _YOUNG_S
    return not (group.has_ended() or is_young or group.members(depth=1))


def _signal(pid: int, number: signal.Signals) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True
