"""Which cases a sweep visits: something happens to a process at a crash point, in one of the scenarios."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from marketplace_payouts.lib.crash_points import POINTS
from tests.chaos.story import SCENARIOS, Scenario

KILL, STALL, RAISE, CUT, STOP = "kill", "stall", "raise", "cut", "stop"
KINDS: Final = {
    KILL: "The process is killed (SIGKILL).",
    STALL: "The process stops until its leases are over and others have taken over, and then goes on.",
    RAISE: "An exception is raised.",
    CUT: "The process loses all its connections to the database.",
    STOP: "A person stops everything while the process stands there; nothing may leave until another lifts it.",
}
_STOPPABLE: Final = ("send.after_intent", "resend.after_intent")
"""Where a payout is committed, and the last look before its call is still to come."""
_AROUND: Final = ("send.before_call", "send.after_call")
# Two payouts are created before either is funded.
_FUNDING: Final = 3
ELSEWHERE: Final = dict.fromkeys(
    (point for point in POINTS if point.startswith("stripe_")),
    "Stripe has no part in these stories; what speaks to it dies at each in tests/payments.",
) | dict.fromkeys(
    (point for point in POINTS if point.startswith("mend.")),
    "Nobody changes their method in these stories; tests/stories/test_mended_by_the_payee.py dies at each.",
)
NEVER: Final[Mapping[str, Mapping[str, str]]] = {
    "paypal": ELSEWHERE,
    "two_step": {
        **ELSEWHERE,
        **dict.fromkeys(("exists.before_call", "exists.after_call"), "It recognises nothing."),
        **dict.fromkeys(
            ("cancel.before_call", "cancel.after_call", "cancel.before_note", "cancel.after_note"),
            "It cancels nothing.",
        ),
    },
}
"""By provider, which points no story comes to, and why."""


@dataclass(frozen=True, slots=True)
class Case:
    """The n-th time that a point is reached in a scenario, this happens.

    With several points it happens to one process after the other, each at whichever of the points it comes to first.
    Without any, nothing happens.
    """

    scenario: Scenario
    points: tuple[str, ...] = ()
    n: int = 1
    kind: str = ""
    then: str = ""
    """Where those who take over from a stalled process are killed."""

    def __str__(self) -> str:
        if not self.points:
            return f"{self.scenario.name}: undisturbed"
        then = f", then {KILL} at {self.then}" if self.then else ""
        return f"{self.scenario.name}: {self.kind} at {', '.join(self.points)} #{self.n}{then}"


def undisturbed(only: str = "") -> list[Case]:
    """Give each scenario without anything happening; whoever names one and a colon is spared the others."""
    return [Case(one) for one in SCENARIOS if ":" not in only or only.startswith(f"{one.name}:")]


def plan(hits: Mapping[str, Mapping[str, int]], kinds: Sequence[str], *, most: int) -> list[Case]:
    """Choose the cases: each point in the first scenario of its provider that reaches it, up to `most` times over."""
    cases = [
        Case(scenario, (point,), n, kind)
        for scenario, points in _first_reached(hits)
        for point in points
        for n in range(1, min(hits[scenario.name][point], _times(point, most)) + 1)
        for kind in kinds
        if _fits(kind, point)
    ]
    return cases + [case for case in _HALF_TAKEN_OVER if case.kind in kinds and case.scenario.name in hits]


def plan_chains(hits: Mapping[str, Mapping[str, int]], kinds: Sequence[str], *, length: int) -> list[Case]:
    """Choose fewer cases in which one process dies after the other, at points that lie apart."""
    cases = []
    for scenario, points in _first_reached(hits):
        for kind in kinds:
            fitting = [point for point in points if _fits(kind, point)]
            count = -(-len(fitting) // length)
            cases += [Case(scenario, tuple(fitting[first::count]), 1, kind) for first in range(count)]
        if scenario.provider == "two_step" and scenario.is_plain:
            cases += [
                Case(scenario, (p,), _FUNDING, kind) for p in _AROUND for kind in kinds if _fits(kind, p)
            ]
    return cases


def unreached(hits: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Name each point to which no scenario of a provider came, though there is no reason not to."""
    reached: dict[str, set[str]] = defaultdict(set)
    for scenario in SCENARIOS:
        reached[scenario.provider] |= hits[scenario.name].keys()
    return [
        f"{point} through {provider}"
        for provider, points in reached.items()
        for point in sorted(POINTS.keys() - NEVER[provider].keys() - points)
    ]


def _fits(kind: str, point: str) -> bool:
    return kind != STOP or point in _STOPPABLE


def _times(point: str, most: int) -> int:
    """How many times over a point is visited: around each step of a sending more often than elsewhere."""
    return max(most, 4) if point.startswith("send.") else most


def _first_reached(hits: Mapping[str, Mapping[str, int]]) -> Iterator[tuple[Scenario, list[str]]]:
    """Which points each scenario is for, in the order in which it comes to them."""
    done: set[tuple[str, str]] = set()
    for scenario in SCENARIOS:
        reached = hits.get(scenario.name, {})
        points = [point for point in reached if (scenario.provider, point) not in done]
        done |= {(scenario.provider, point) for point in points}
        yield scenario, points


def case(scenario: str, *points: str, n: int = 1, kind: str = "", then: str = "") -> Case:
    """Write a case down by its scenario's name."""
    return Case(next(one for one in SCENARIOS if one.name == scenario), points, n, kind, then)


_HALF_TAKEN_OVER: Final = (
    case("two_step", "send.after_intent", kind=STALL, then="resend.before_intent"),
    case("two_step", "send.after_intent", kind=STALL, then="resend.after_intent"),
)
"""A sender wakes when others have only begun to take over from it."""
