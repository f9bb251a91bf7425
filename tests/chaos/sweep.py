"""The sweep: at every crash point, die in every way; then let others go on, and have the oracle judge.

Each case has a database of its own, cloned from a prepared one, and services of its own, begun from prepared state
files. All of it is forked from one warmed parent, so that a case costs no imports.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import psycopg
import psycopg.conninfo
from django.db import connections

from marketplace_payouts.lib import crash_points
from marketplace_payouts.lib.embedded_postgres import APP
from tests import database, network
from tests.chaos import oracle, services, story
from tests.chaos.forks import Child, DidNotEnd, Ended, Tell
from tests.chaos.story import SCENARIOS, Installation, Scenario, letters_at, pointed_at
from tests.sandbox_services import SandboxService

KILL, STALL, RAISE, CUT = "kill", "stall", "raise", "cut"
KINDS: Final = {
    KILL: "The process is killed (SIGKILL).",
    STALL: "The process stops until its leases are over and others have taken over, and then goes on.",
    RAISE: "An exception is raised.",
    CUT: "The process loses all its connections to the database.",
}
_LONG_S: Final = 120.0


class Broken(Exception):
    """What is raised at a crash point."""


@dataclass(frozen=True, slots=True)
class Case:
    """The n-th time that a point is reached in a scenario, this happens.

    With several points it happens to one process after the other, each at whichever of the points it comes to first.
    """

    scenario: Scenario
    points: tuple[str, ...]
    n: int
    kind: str

    def __str__(self) -> str:
        return f"{self.scenario.name}: {self.kind} at {', '.join(self.points)} #{self.n}"


@dataclass(slots=True)
class Result:
    """What came of one case."""

    case: str
    scenario: str
    seconds: float = 0.0
    reached: list[str] = field(default_factory=list)
    hits: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Report:
    """What came of a sweep."""

    results: list[Result] = field(default_factory=list)
    unvisited: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def wrong(self) -> list[str]:
        """Everything that is wrong, in sentences."""
        found = [f"{one.case}: {sentence}" for one in self.results for sentence in one.wrong]
        return found + [f"{point} was never reached" for point in self.unvisited]

    def to_json(self) -> dict[str, Any]:
        """Give it as it is written down."""
        hits: Counter[str] = Counter()
        for one in self.results:
            hits.update(one.hits)
        total = oracle.add(oracle.Figures(**one.figures) for one in self.results if one.figures)
        return {
            "ok": not self.wrong,
            "cases": len(self.results),
            "seconds": round(self.seconds, 1),
            "points": len(crash_points.POINTS),
            "hits": dict(sorted(hits.items())),
            "figures": asdict(total),
            "wrong": self.wrong,
        }


@dataclass(frozen=True, slots=True)
class Prepared:
    """A scenario's ground: a database to be cloned, state files to be copied."""

    template: str
    states: Path
    destinations: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Place:
    """Where one case happens."""

    superuser_url: str
    services: Mapping[str, SandboxService]
    letters: str
    folder: Path

    @property
    def app_url(self) -> str:
        """As which role, and by which clock, the product comes in."""
        return database.as_role(self.superuser_url, APP)


class Sweep:
    """Everything that cases share."""

    def __init__(self, folder: Path, admin: str, mailbox: str) -> None:
        self._folder, self._admin, self._mailbox = folder, admin, mailbox
        self._stack = ExitStack()
        self._prepared: dict[str, Prepared] = {}
        self._count = 0

    def prepare(self, providers: Collection[str]) -> None:
        """Prepare the ground for these providers; it stays until `close`."""
        for provider in sorted(providers):
            url = self._stack.enter_context(database.clone(self._admin, of=database.template(self._admin)))
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(story.CLOCK)
            states = self._folder / f"prepared-{provider}"
            with services.running("flex", provider, folder=states, mailbox=self._mailbox) as running:
                place = Place(url, running, self._mailbox, self._folder)

                def set_up(_tell: Tell, place: Place = place, provider: str = provider) -> dict[str, str]:
                    with pointed_at(place.app_url, place.services):
                        return Installation(provider, place.services, is_new=True).prepare()

                ended = Child(set_up, log=self._folder / "prepare.log").end(within_s=_LONG_S)
            if ended.error:
                raise RuntimeError(ended.error)
            self._prepared[provider] = Prepared(database_of(url), states, ended.value)

    def close(self) -> None:
        """Drop what was prepared."""
        self._stack.close()

    @contextmanager
    def place(self, scenario: Scenario) -> Iterator[Place]:
        """Have a fresh place for one case."""
        prepared = self._prepared[scenario.provider]
        self._count += 1
        folder = self._folder / f"{os.getpid()}-{self._count}"
        letters = f"{self._mailbox}/{folder.name}"
        with ExitStack() as stack:
            running = stack.enter_context(
                services.running(
                    "flex", scenario.provider, folder=folder, prepared=prepared.states, mailbox=letters
                )
            )
            url = stack.enter_context(database.clone(self._admin, of=prepared.template))
            provider = running[scenario.provider]
            if scenario.provider == "paypal":
                provider.post("/_sandbox/webhook", {"url": letters})
                provider.post("/_sandbox/fresh", {"always": True})
            if scenario.is_restored:
                with psycopg.connect(url, autocommit=True) as connection:
                    connection.execute(story.ANOTHER_DATABASE)
            for kind, terms in scenario.faults:
                provider.fault(kind, **terms)
            yield Place(url, running, letters, folder)

    def run(self, case: Case | None, *, scenario: Scenario) -> Result:
        """Run a case, or without one the undisturbed story, and judge it."""
        result = Result(str(case or f"{scenario.name}: undisturbed"), scenario.name)
        begun = time.monotonic()
        with self.place(scenario) as place:
            try:
                self._happen(case, scenario, place, result)
                self._judge(scenario, place, result)
            except DidNotEnd as error:
                result.wrong.append(str(error))
            if result.wrong:
                result.wrong.append(_last_lines(place.folder / "log"))
        result.seconds = time.monotonic() - begun
        return result

    def _happen(self, case: Case | None, scenario: Scenario, place: Place, result: Result) -> None:
        left = set(case.points) if case is not None else set()
        while case is not None and left:
            at = self._die(case, left, place, result)
            if at is None:
                break
            left.discard(at)
            result.reached.append(at)
        # However many died: whoever comes last brings everything to its end.
        last = Child(lambda _tell: _live(scenario, place), log=place.folder / "log")
        _note(last.end(within_s=_LONG_S), result)

    def _die(self, case: Case, left: Collection[str], place: Place, result: Result) -> str | None:
        """Let one process live until something happens to it; gives at which point that was."""

        def live(tell: Tell) -> dict[str, Any]:
            return _live(case.scenario, place, _Doom(case, frozenset(left), place, tell))

        victim = Child(live, log=place.folder / "log")
        if case.kind == STALL and victim.stopped(within_s=_LONG_S):
            _end_idle_transactions(place)
            # Others take over while it stands still; what it alone may do waits for it.
            others = Child(
                lambda _tell: _live(case.scenario, place, is_patient=True), log=place.folder / "log"
            )
            _note(others.end(within_s=_LONG_S), result)
            victim.go_on()
        ended = victim.end(within_s=_LONG_S)
        if ended.value is not None:
            _note(ended, result)
        at = [one["at"] for one in ended.told]
        # What was passed by one that was killed was passed all the same.
        for name in at if ended.value is None else ():
            result.hits[name] = result.hits.get(name, 0) + 1
        return at[0] if at else None

    def _judge(self, scenario: Scenario, place: Place, result: Result) -> None:
        checking = Child(lambda _tell: _check(scenario, place), log=place.folder / "log")
        verdict = oracle.judge(
            database=psycopg.conninfo.make_conninfo(place.superuser_url, options=story.SEARCH_PATH),
            flex=place.services["flex"].url,
            providers={scenario.provider: place.services[scenario.provider].url},
            destinations=self._prepared[scenario.provider].destinations,
        )
        ended = checking.end(within_s=_LONG_S)
        result.figures = asdict(verdict.figures)
        result.wrong += verdict.wrong
        result.wrong += [ended.error] if ended.error else ended.value


# ------------------------------------------------------------------------------------------- inside the children


class _Doom:
    """What waits for a process: at the n-th time that it comes to one of the points, something happens to it."""

    def __init__(self, case: Case, points: Collection[str], place: Place, tell: Tell) -> None:
        self._case, self._points, self._place, self._tell = case, points, place, tell

    def strike(self, name: str, n: int) -> None:
        """Let it happen, once."""
        if name in self._points and n == self._case.n:
            self._points = ()
            self._tell({"at": name})
            _ACTS[self._case.kind](self._place)


def _live(
    scenario: Scenario, place: Place, doom: _Doom | None = None, *, is_patient: bool = False
) -> dict[str, Any]:
    """Live in a place."""
    hits: Counter[str] = Counter()

    def hook(name: str) -> None:
        hits[name] += 1
        if doom is not None:
            doom.strike(name, hits[name])

    with pointed_at(place.app_url, place.services):
        crash_points.install(hook)
        try:
            Installation(scenario.provider, place.services, is_new=False).live(
                scenario, letters_at(place.letters)
            )
        except Exception:
            # Whatever it is: others go on where a process ends to which something happened.
            if doom is None and not is_patient:
                raise
    return {"hits": hits, "refused": network.refused}


def _check(scenario: Scenario, place: Place) -> list[str]:
    with pointed_at(place.app_url, place.services):
        return Installation(scenario.provider, place.services, is_new=False).broken_promises()


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


_ACTS: Final[Mapping[str, Callable[[Place], None]]] = {KILL: _kill, STALL: _stall, RAISE: _raise, CUT: _cut}


# ------------------------------------------------------------------------------------------- in the parent


def _note(ended: Ended, result: Result) -> None:
    if ended.error or ended.signal:
        result.wrong.append(ended.error or f"A process that nobody killed died of signal {ended.signal}.")
        return
    for name, count in ended.value["hits"].items():
        result.hits[name] = result.hits.get(name, 0) + count
    result.wrong += ended.value["refused"]


def _end_idle_transactions(place: Place) -> None:
    """PostgreSQL ends by itself, after a minute, a session that stands still within a transaction."""
    with psycopg.connect(place.superuser_url, autocommit=True) as session:
        session.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND state LIKE 'idle in transaction%'"
        )


def _last_lines(log: Path) -> str:
    return (
        "\n".join(["its log:", *(line[:1500] for line in log.read_text().splitlines()[-6:])])
        if log.exists()
        else "no log"
    )


def database_of(url: str) -> str:
    """Give the name of a URL's database."""
    return str(psycopg.conninfo.conninfo_to_dict(url)["dbname"])


def plan(hits: Mapping[str, Mapping[str, int]], kinds: Sequence[str], *, most: int) -> list[Case]:
    """Choose the cases: each point in the first scenario of its provider that reaches it, up to `most` times over."""
    return [
        Case(scenario, (point,), n, kind)
        for scenario, points in _first_reached(hits)
        for point in points
        for n in range(1, min(hits[scenario.name][point], _times(point, most)) + 1)
        for kind in kinds
    ]


def plan_chains(hits: Mapping[str, Mapping[str, int]], kinds: Sequence[str], *, length: int) -> list[Case]:
    """Choose fewer cases in which one process dies after the other, at points that lie apart."""
    cases = []
    for scenario, points in _first_reached(hits):
        count = -(-len(points) // length)
        cases += [
            Case(scenario, tuple(points[first::count]), 1, kind) for first in range(count) for kind in kinds
        ]
        if scenario.provider == "two_step" and scenario.is_plain:
            cases += [Case(scenario, (point,), _FUNDING, kind) for point in _AROUND for kind in kinds]
    return cases


_AROUND: Final = ("send.before_call", "send.after_call")
# Two payouts are created before either is funded.
_FUNDING: Final = 3


def _times(point: str, most: int) -> int:
    """How many times over a point is visited: around each step of a sending more often than elsewhere."""
    return max(most, 4) if point.startswith("send.") else most


def _first_reached(hits: Mapping[str, Mapping[str, int]]) -> list[tuple[Scenario, list[str]]]:
    """Which points each scenario is for, in the order in which it comes to them."""
    done: set[tuple[str, str]] = set()
    found = []
    for scenario in SCENARIOS:
        points = [point for point in hits[scenario.name] if (scenario.provider, point) not in done]
        done |= {(scenario.provider, point) for point in points}
        found.append((scenario, points))
    return found


def sweep(
    *,
    kinds: Sequence[str] = tuple(KINDS),
    most: int = 1,
    chain: int = 0,
    only: str = "",
    jobs: int = 2,
    say: Callable[[str], None] = lambda line: None,
) -> Report:
    """This will run every case of these kinds, each point up to `most` times over; to be called in a warmed parent.

    With `chain`, up to so many processes die one after the other in each case: far fewer cases visit every point.
    What a chain does not come to is visited alone. `only` narrows it to cases whose name contains it; each case is
    said as it ends.
    """
    begun, report = time.monotonic(), Report()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sweep-")))
        stack.enter_context(network.guarded())
        admin = stack.enter_context(database.admin_url())
        connections.close_all()
        box = stack.enter_context(services.mailbox())
        all_of_it = Sweep(folder, admin, box)
        stack.callback(all_of_it.close)
        all_of_it.prepare({one.provider for one in SCENARIOS})
        gc.freeze()

        def visit(cases: Sequence[Case]) -> tuple[list[Result], list[Case]]:
            todo = [(case, case.scenario) for case in cases if only in str(case)]
            done = _in_parallel(todo, all_of_it, jobs, say)
            return done, _not_reached(cases, done)

        report.results = _in_parallel([(None, one) for one in SCENARIOS], all_of_it, jobs, say)
        hits = {one.scenario: one.hits for one in report.results}
        if chain:
            done, missed = visit(plan_chains(hits, kinds, length=chain))
            report.results += done
            done, missed = visit(missed)
        else:
            done, missed = visit(plan(hits, kinds, most=most))
        report.results += done
        report.unvisited = [f"{case}" for case in missed]
        visited = {point for one in hits.values() for point in one}
        report.unvisited += sorted(crash_points.POINTS.keys() - visited)
    report.seconds = time.monotonic() - begun
    return report


def _in_parallel(
    work: Sequence[tuple[Case | None, Scenario]], all_of_it: Sweep, jobs: int, say: Callable[[str], None]
) -> list[Result]:
    """Run cases in a few forks of the parent, each of which takes every so many."""

    def run(first: int) -> list[dict[str, Any]]:
        results = []
        for case, scenario in work[first::jobs]:
            results.append(result := all_of_it.run(case, scenario=scenario))
            say(f"{result.seconds:6.2f} s  {'WRONG' if result.wrong else 'well '}  {result.case}")
        return [asdict(one) for one in results]

    runners = [Child(lambda _tell, first=first: run(first)) for first in range(jobs)]  # type: ignore[misc]
    results: list[Result] = []
    for runner in runners:
        ended = runner.end(within_s=7200)
        if ended.error or ended.signal:
            raise RuntimeError(ended.error or f"A runner died of signal {ended.signal}.")
        results += [Result(**one) for one in ended.value]
    return results


def _not_reached(cases: Sequence[Case], results: Sequence[Result]) -> list[Case]:
    """What did not happen, each as a case of its own."""
    reached = {one.case: one.reached for one in results}
    return [
        Case(case.scenario, (point,), case.n, case.kind)
        for case in cases
        for point in case.points
        if point not in reached.get(str(case), case.points)
    ]


def write(report: Report, path: Path) -> None:
    """This will write the figures of a sweep down."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report.to_json(), indent=1) + "\n")
