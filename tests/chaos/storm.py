"""The storm: the whole product as real processes, and everything that can go wrong at once; then calm, and a judge.

First a phase of faults, whose every choice follows from the seed; then a drain, in which nothing goes wrong any more
and everything must come to its end within a time; then the oracle and the product's own invariants.
"""

from __future__ import annotations

import json
import math
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final

from tests.chaos import doom, oracle
from tests.chaos.crew import Crew
from tests.chaos.ground import Ground, ground
from tests.chaos.mix import RATES, REFUND, Fault, Happening, counted_as, faults_of, landed, too_little
from tests.chaos.processes import guarded
from tests.chaos.times import SPEED

UNASKED: Final[Mapping[str, str]] = {
    "poller_is_alive": "A poller listens for a minute by its own watch, while the drain lets hours pass at once.",
}
"""Invariants about how long ago something was, which a clock that is moved by hours breaks; and why."""

_TICK_S: Final = 0.1
_SELLING: Final = 0.75
_REFUNDED: Final = 0.08
# Everything goes wrong for longer, up to so many times as long, until this share of the payouts was debited and
# enough has gone wrong.
_ENOUGH_DEBITED: Final = 0.6
_LONGEST: Final = 5
_SLOWEST: Final = 6.0
# What passes at once in the drain: back-offs end, the last of them after two hours, and the daily walk over all
# transactions finds the sales whose events were withheld.
_LEAPS_S: Final = (6, 60, 190, 310, 60, 610, 190, 3610, 60, 7210, 60, 86_500, 60)
_LEAP_TICKS: Final = 15


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be survived."""

    seed: int
    payouts: int
    seconds: float
    providers: tuple[str, ...]
    drain_s: float


@dataclass(slots=True)
class Record:
    """What happened, and what came of it."""

    order: Order
    injected: Counter[str] = field(default_factory=Counter)
    visits: dict[str, int] = field(default_factory=dict)
    strikes: dict[str, int] = field(default_factory=dict)
    slow: float = 1.0
    raged_s: float = 0.0
    when_calm_began: dict[str, int] = field(default_factory=dict)
    is_drained: bool = False
    drain_s: float = 0.0
    verdict: oracle.Verdict = field(default_factory=oracle.Verdict)
    invariants: list[str] = field(default_factory=list)
    seconds: float = 0.0


Due = list[tuple[float, Happening]]


class Storm:
    """One run."""

    def __init__(self, order: Order, *, say: Callable[[str], None]) -> None:
        self._order, self._say = order, say
        self._rng = random.Random(order.seed)
        self.record = Record(order)
        self._faults: dict[tuple[str, str], Fault] = {}

    def run(self) -> Record:
        """Go through all of it; whatever happens, nothing is left behind."""
        begun, order, record = time.monotonic(), self._order, self.record
        with ExitStack() as stack:
            place = stack.enter_context(ground(seed=order.seed, providers=order.providers))
            guard = stack.enter_context(guarded())
            self._tell(f"{order.payouts} sellers are signed up")
            place.prepare(payouts=order.payouts)
            crew = Crew(place, guard=guard, rng=self._rng, injected=record.injected)
            stack.callback(crew.end)
            crew.start()
            record.slow = crew.slow = slowness()
            self._tell(f"{order.seconds * crew.slow:.0f} seconds of everything")
            self._rage(place, crew)
            self._tell("calm, and everything comes to its end")
            self._drain(place, crew)
            crew.end()
            self._judge(place)
        record.seconds = time.monotonic() - begun
        return record

    def _tell(self, sentence: str) -> None:
        self._say(f"seed {self._order.seed}: {sentence}")

    # The storm -----------------------------------------------------------------------------------------------

    def _rage(self, place: Ground, crew: Crew) -> None:
        order, rng = self._order, self._rng
        sellers = list(place.destinations)
        rng.shuffle(sellers)
        sales = sorted(rng.uniform(0, order.seconds * _SELLING) for _ in sellers)
        raging = place.folder / "raging"
        raging.touch()
        begun, period, due = time.monotonic(), 0, list[tuple[float, Happening]]()
        while True:
            # As many things go wrong on a machine that has other work to do, in a longer time.
            passed = (time.monotonic() - begun) / crew.slow
            if passed >= period * order.seconds:
                if period >= _LONGEST or (period and self._is_enough(place, seconds=passed)):
                    break
                self._have_go_wrong(place, insist=period > 0)
                due += self._plan(period * order.seconds)
                period += 1
            while sales and sales[0] <= passed:
                sales.pop(0)
                self._sell(place, sellers.pop())
            due = self._let_happen(crew, due, passed)
            place.pass_time(_TICK_S * SPEED / crew.slow)
            crew.look_after(is_calm=False)
            time.sleep(_TICK_S)
        raging.unlink()
        self.record.raged_s = time.monotonic() - begun
        self._count_hits(place)
        for service in place.services.values():
            service.delete("/_sandbox/faults")

    def _have_go_wrong(self, place: Ground, *, insist: bool) -> None:
        """Have each fault befall calls by chance; or, insisting, whatever befell none so far the next one."""
        self._count_hits(place)
        for name, service in place.services.items():
            for fault in faults_of(name):
                if not self.record.injected[counted_as(name, fault)]:
                    terms = {**fault.terms, "probability": 1, "times": 1} if insist else fault.terms
                    self._faults[name, service.fault(fault.kind, **terms)] = fault

    def _is_enough(self, place: Ground, *, seconds: float) -> bool:
        if place.debits() < _ENOUGH_DEBITED * self._order.payouts:
            return False
        self._count_hits(place)
        visits, strikes = (doom.counted(place.folder / name) for name in ("visits", "strikes"))
        services = tuple(place.services)
        return not too_little(
            self.record.injected,
            visits,
            strikes,
            payouts=self._order.payouts,
            seconds=seconds,
            services=services,
        )

    def _plan(self, start: float) -> Due:
        rng, seconds = self._rng, self._order.seconds
        return [
            (start + rng.uniform(0.02, 1) * seconds, happening)
            for happening, rate in RATES.items()
            for _ in range(math.floor(rate * seconds / 25 + rng.random()))
        ]

    def _let_happen(self, crew: Crew, due: Due, passed: float) -> Due:
        """Let happen what is due; gives what is left, and a little later what could not happen to anybody yet."""
        left = [one for one in due if one[0] > passed]
        for _, happening in sorted(one for one in due if one[0] <= passed):
            if crew.happen(happening):
                self.record.injected[happening] += 1
            else:
                left.append((passed + 0.5, happening))
        return left

    def _sell(self, place: Ground, seller: str) -> None:
        asked = {
            "process": "payout-process",
            "provider": seller,
            "price": self._rng.randrange(1_000, 20_000),
            "currency": "EUR",
            "provider_percent": 10,
            "state": "state/received",
        }
        made = place.services["flex"].post("/_sandbox/transactions", asked)
        if self._rng.random() < _REFUNDED:
            refund = {"refund": {"amount": 100}, "transition": "transition/operator-adjust"}
            place.services["flex"].post(f"/_sandbox/transactions/{made['id']}/lines", refund)
            self.record.injected[REFUND] += 1

    def _count_hits(self, place: Ground) -> None:
        found: Counter[str] = Counter()
        for name, service in place.services.items():
            for told in service.get("/_sandbox/faults")["faults"]:
                fault = self._faults[name, told["id"]]
                found[counted_as(name, fault)] += told["hits"]
                if fault.kind == "accept_late":
                    found[landed(name, fault)] += told["late"]
        for name, n in found.items():
            self.record.injected[name] = n

    # Calm ----------------------------------------------------------------------------------------------------

    def _drain(self, place: Ground, crew: Crew) -> None:
        crew.start_anew()
        crew.look_after(is_calm=True)
        self.record.when_calm_began = place.states()
        begun, n, is_over = time.monotonic(), 0, False
        while time.monotonic() - begun < self._order.drain_s * crew.slow:
            if not is_over:
                place.pass_time(_LEAPS_S[n % len(_LEAPS_S)])
                n += 1
            for _ in range(_LEAP_TICKS):
                crew.look_after(is_calm=True)
                time.sleep(_TICK_S)
            left = place.open_ends(payouts=self._order.payouts)
            # What waits for a person is given all the time that might still have decided it.
            waits = left and (n <= len(_LEAPS_S) or left - place.before_people())
            is_over = not waits and place.judge().ok
            # The last leap has made much due at once, which is taken up before anybody judges whether it is late. And
            # what came of it while the invariants were asked has its own consequences.
            if is_over and not _broken_invariants(place) and place.judge().ok:
                self.record.is_drained = True
                break
        self.record.drain_s = time.monotonic() - begun

    def _judge(self, place: Ground) -> None:
        self.record.visits = doom.counted(place.folder / "visits")
        self.record.strikes = doom.counted(place.folder / "strikes")
        self.record.verdict = place.judge()
        self.record.invariants = _broken_invariants(place)


def _broken_invariants(place: Ground) -> list[str]:
    told = json.loads(place.command("manage.py", "check_invariants", "--only-look", status=(0, 1)))
    return [
        f"{one['name']}: {one['violations']} {one['rows'][:3]}"
        for one in told["checks"]
        if one["violations"] and one["name"] not in UNASKED
    ]


def slowness() -> float:
    """Measure how many times as long anything takes as on a machine that has nothing else to do."""
    wall, cpu = time.perf_counter(), time.process_time()
    while time.process_time() - cpu < 0.4:
        pass
    return min(max((time.perf_counter() - wall) / 0.4, 1.0), _SLOWEST)
