"""The sweep: at every crash point, die in every way; then let others go on, and have the oracle judge.

Each case has a database of its own, cloned from a prepared one, and services of its own, begun from prepared state
files. All of it is forked from one warmed parent, so that a case costs no imports.
"""

from __future__ import annotations

import gc
import os
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from signal import SIGKILL
from typing import Any, Final

import psycopg
import psycopg.conninfo
from django.db import connections

from tests import database, network
from tests.chaos import cases, lives, oracle, services, story
from tests.chaos.cases import KILL, KINDS, STALL, STOP, Case
from tests.chaos.forks import Child, DidNotEnd, Ended, Tell
from tests.chaos.lives import AS_IS, Doom, Place, Product
from tests.chaos.results import Report, Result, not_reached
from tests.chaos.story import SCENARIOS, Installation, Scenario, pointed_at

_LONG_S: Final = 120.0
_TRIES: Final = 3
_WHILE_STOPPED: Final = 4
"""So many rounds a process goes on while a person has stopped everything."""

Say = Callable[[str], None]
Work = Sequence[tuple[Case, Product]]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A scenario's ground: a database to be cloned, state files to be copied."""

    template: str
    states: Path
    destinations: Mapping[str, str]


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
    def place(self, scenario: Scenario, product: Product) -> Iterator[Place]:
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
            statements = [
                story.ANOTHER_DATABASE if scenario.is_restored else "",
                f"UPDATE payouts_webhooksubscription SET url = '{letters}{story.SUBSCRIBER}'",
                product.sql,
            ]
            with psycopg.connect(url, autocommit=True) as connection:
                for statement in filter(None, statements):
                    connection.execute(statement)
            for kind, terms in scenario.faults:
                provider.fault(kind, **terms)
            yield Place(url, running, letters, folder, product)

    def run(self, case: Case, product: Product = AS_IS) -> Result:
        """Run a case, and judge it."""
        result = Result(str(case), case.scenario.name)
        begun = time.monotonic()
        with self.place(case.scenario, product) as place:
            try:
                self._happen(case, place, result)
                self._judge(case.scenario, place, result)
            except DidNotEnd as error:
                result.wrong.append(str(error))
            if result.wrong:
                result.wrong.append(_last_lines(place.log))
        result.seconds = time.monotonic() - begun
        return result

    def _happen(self, case: Case, place: Place, result: Result) -> None:
        left = set(case.points)
        while left:
            at = self._die(case, left, place, result)
            if at is None:
                break
            left.discard(at)
            result.reached.append(at)
        # However many died: whoever comes last brings everything to its end.
        last = Child(lambda _tell: lives.live(case.scenario, place), log=place.log)
        _note(last.end(within_s=_LONG_S), result)

    def _die(self, case: Case, left: Collection[str], place: Place, result: Result) -> str | None:
        """Let one process live until something happens to it; gives at which point that was."""

        # Nothing comes to its end while everything is stopped.
        rounds = _WHILE_STOPPED if case.kind == STOP else None

        def live(tell: Tell) -> dict[str, Any]:
            doom = Doom(case, frozenset(left), place, tell)
            return lives.live(case.scenario, place, doom, rounds=rounds)

        victim = Child(live, log=place.log)
        if case.kind in (STALL, STOP) and victim.stopped(within_s=_LONG_S):
            meanwhile = self._stopped_meanwhile if case.kind == STOP else self._taken_over_meanwhile
            ended = meanwhile(case, place, result, victim)
        else:
            ended = victim.end(within_s=_LONG_S)
        at = [one["at"] for one in ended.told]
        if at and case.kind == KILL and ended.signal:
            # What was passed by one that was killed was passed all the same.
            result.hits[at[0]] = result.hits.get(at[0], 0) + 1
        else:
            _note(ended, result)
        return at[0] if at else None

    def _taken_over_meanwhile(self, case: Case, place: Place, result: Result, victim: Child) -> Ended:
        """Others take over while a process stands still, past its lease; what it alone may do waits for it."""
        asleep = lives.clock(place)
        lives.end_idle_transactions(place)
        their_end = replace(case, points=(case.then,), n=1, kind=KILL)

        def take_over(tell: Tell) -> dict[str, Any]:
            doom = Doom(their_end, frozenset(their_end.points), place, tell) if case.then else None
            return lives.live(case.scenario, place, doom, is_patient=True)

        others = Child(take_over, log=place.log).end(within_s=_LONG_S)
        if not (case.then and others.signal == SIGKILL):
            _note(others, result)
        if case.then and not others.signal:
            result.wrong.append(f"{case.then} was never reached by those who took over.")
        _do(partial(lives.outsleep, since=asleep), case, place)
        if (slept := lives.clock(place) - asleep) <= lives.longest_lease():
            result.wrong.append(f"It stood still for {slept} only, which is within its lease.")
        victim.go_on()
        return victim.end(within_s=_LONG_S)

    def _stopped_meanwhile(self, case: Case, place: Place, result: Result, victim: Child) -> Ended:
        """A person says stop while a process stands still; from then until another lifts it, no money leaves."""
        provider = place.services[case.scenario.provider]
        _do(lives.stop, case, place)
        before = len(provider.ledger())
        victim.go_on()
        ended = victim.end(within_s=_LONG_S)
        left = [one for one in provider.ledger()[before:] if one["kind"] == "debit"]
        result.wrong += [f"sent after the stop: {one['units']} to {one['destination']}" for one in left]
        _do(lives.resume, case, place)
        return ended

    def _judge(self, scenario: Scenario, place: Place, result: Result) -> None:
        checking = Child(lambda _tell: lives.check(scenario, place), log=place.log)
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


def _do(act: Callable[[Scenario, Place], None], case: Case, place: Place) -> None:
    """Have something done in a place, which must go well."""
    _raise(Child(lambda _tell: act(case.scenario, place), log=place.log).end(within_s=_LONG_S))


def _note(ended: Ended, result: Result) -> None:
    if ended.error or ended.signal:
        result.wrong.append(ended.error or f"A process that nobody killed died of signal {ended.signal}.")
        return
    for name, count in ended.value["hits"].items():
        result.hits[name] = result.hits.get(name, 0) + count
    result.wrong += ended.value["refused"]


def _raise(ended: Ended) -> None:
    if ended.error or ended.signal:
        raise RuntimeError(ended.error or f"A process died of signal {ended.signal}.")


def _last_lines(log: Path) -> str:
    return (
        "\n".join(["its log:", *(line[:1500] for line in log.read_text().splitlines()[-6:])])
        if log.exists()
        else "no log"
    )


def database_of(url: str) -> str:
    """Give the name of a URL's database."""
    return str(psycopg.conninfo.conninfo_to_dict(url)["dbname"])


@contextmanager
def prepared(providers: Collection[str]) -> Iterator[Sweep]:
    """Have a prepared ground for cases of these providers; to be called in a warmed parent."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sweep-")))
        stack.enter_context(network.guarded())
        admin = stack.enter_context(database.admin_url())
        connections.close_all()
        box = stack.enter_context(services.mailbox())
        made = Sweep(folder, admin, box)
        stack.callback(made.close)
        made.prepare(providers)
        gc.freeze()
        yield made


def sweep(
    *,
    kinds: Sequence[str] = tuple(KINDS),
    most: int = 1,
    chain: int = 0,
    only: str = "",
    jobs: int = 2,
    say: Say = lambda line: None,
    product: Product = AS_IS,
) -> Report:
    """This will run every case of these kinds, each point up to `most` times over; to be called in a warmed parent.

    With `chain`, up to so many processes die one after the other in each case: far fewer cases visit every point.
    What a case does not come to is visited alone, and once more if chance led it elsewhere. `only` narrows it to cases
    whose name contains it; each case is said as it ends.
    """
    begun, report = time.monotonic(), Report()
    with prepared({one.provider for one in SCENARIOS}) as made:

        def visit(wanted: Sequence[Case]) -> tuple[list[Result], list[Case]]:
            done = in_parallel([(one, product) for one in wanted if only in str(one)], made, jobs, say)
            return done, not_reached(wanted, done)

        first = cases.undisturbed(only)
        report.results = in_parallel([(one, product) for one in first], made, jobs, say)
        hits = {one.scenario: one.hits for one in report.results}
        missed = cases.plan_chains(hits, kinds, length=chain) if chain else cases.plan(hits, kinds, most=most)
        for _ in range(_TRIES):
            done, missed = visit(missed)
            report.results += done
        report.unvisited = [f"{one}" for one in missed]
        if len(first) == len(SCENARIOS):
            report.unvisited += cases.unreached(hits)
    report.seconds = time.monotonic() - begun
    return report


def line(result: Result) -> str:
    """Say in a line what came of a case."""
    return f"{result.seconds:6.2f} s  {'WRONG' if result.wrong else 'well '}  {result.case}"


def in_parallel(work: Work, made: Sweep, jobs: int, say: Say) -> list[Result]:
    """Run cases in a few forks of the parent, each of which takes every so many; gives what came of each, in order."""

    def run(first: int) -> list[dict[str, Any]]:
        results = []
        for case, product in work[first::jobs]:
            results.append(result := made.run(case, product))
            say(line(result))
        return [asdict(one) for one in results]

    runners = [Child(lambda _tell, first=first: run(first)) for first in range(jobs)]  # type: ignore[misc]
    results: dict[int, Result] = {}
    for first, runner in enumerate(runners):
        ended = runner.end(within_s=7200)
        _raise(ended)
        results |= {first + n * jobs: Result(**one) for n, one in enumerate(ended.value)}
    return [results[n] for n in range(len(work))]
