"""What goes wrong in a storm, how often, and how often it must have gone wrong for the storm to count."""

from __future__ import annotations

import enum
import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from marketplace_payouts.lib.crash_points import POINTS
from tests.chaos import doom, times


class Happening(enum.StrEnum):
    """What happens to processes, the database server, the queue and the time."""

    KILL_WORKER = "kill_worker"
    """A worker, pusher or monitor of a cluster."""
    KILL_SENTINEL = "kill_sentinel"
    KILL_CLUSTER = "kill_cluster"
    """The master alone: its workers go on without it."""
    KILL_LEFT_BEHIND = "kill_left_behind"
    KILL_WEB_WORKER = "kill_web_worker"
    KILL_WEB = "kill_web"
    KILL_PEOPLE = "kill_people"
    STALL_WORKER = "stall_worker"
    STALL_WEB_WORKER = "stall_web_worker"
    STOP_POSTGRES = "stop_postgres"
    """As `pg_ctl stop -m immediate` does."""
    EMPTY_QUEUE = "empty_queue"
    DOUBLE_QUEUE = "double_queue"
    DOUBLE_SCHEDULES = "double_schedules"
    """Whatever comes round every few minutes stands there twice, and is due."""
    LEAP = "leap"
    """The clocks of the database and the providers jump ahead."""


RATES: Final[Mapping[Happening, float]] = {
    Happening.KILL_WORKER: 10,
    Happening.KILL_SENTINEL: 1,
    Happening.KILL_CLUSTER: 1,
    Happening.KILL_LEFT_BEHIND: 1,
    Happening.KILL_WEB_WORKER: 3,
    Happening.KILL_WEB: 1,
    Happening.KILL_PEOPLE: 1,
    Happening.STALL_WORKER: 4,
    Happening.STALL_WEB_WORKER: 2,
    Happening.STOP_POSTGRES: 1.2,
    Happening.EMPTY_QUEUE: 3,
    Happening.DOUBLE_QUEUE: 3,
    Happening.DOUBLE_SCHEDULES: 1,
    Happening.LEAP: 5,
}
"""How often in 25 seconds."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that a service does wrong, and which of its calls it may befall."""

    kind: str
    terms: Mapping[str, Any]
    whom: str = ""
    """Whom it befalls, where not just anybody."""

    @property
    def name(self) -> str:
        """What it is counted under."""
        by = f" by {self.terms['seconds']:.0f} s" if self.kind == "accept_late" else ""
        after = " after" if self.terms.get("when") == "after" else ""
        return f"{self.kind}{by}{after}" + (f", {self.whom}" if self.whom else "")


_PAYING, _ASKING = "paying", "asking"


def _sometimes(kind: str, probability: float, *, whom: str = "", **terms: Any) -> Fault:
    return Fault(kind, {"probability": probability, **terms}, whom)


def _transport(p: float) -> tuple[Fault, ...]:
    """What any network and any proxy may do to a call."""
    return (
        _sometimes("delay", p, seconds=0.4),
        _sometimes("delay", p, seconds=0.4, when="after"),
        _sometimes("drop_before", p),
        _sometimes("drop_after", p),
        _sometimes("error_before", p, status=503),
        _sometimes("error_after", p, status=500),
        _sometimes("hang", p * 0.7, seconds=times.HANG_S),
        _sometimes("hang", p * 0.7, seconds=times.HANG_S, when="after"),
        _sometimes("rate_limit", p, seconds=1),
        _sometimes("html_body", p, status=502),
        _sometimes("truncated_body", p),
    )


def _paying(path: str) -> tuple[Fault, ...]:
    """What befalls the first calls that move money, and some later ones."""
    match = {"method": "POST", "path": path}

    def at_first(kind: str, **terms: Any) -> Fault:
        return _sometimes(kind, 0.3, whom=_PAYING, match=match, times=2, **terms)

    return (
        at_first("accept_late", seconds=times.LATE_S),
        at_first("accept_late", seconds=times.LATER_S),
        at_first("delay", seconds=1),
        at_first("drop_after"),
        at_first("error_after", status=502),
        at_first("hang", seconds=times.HANG_S),
        at_first("hang", seconds=times.HANG_S, when="after"),
        _sometimes("insufficient_funds", 0.08, whom=_PAYING, match=match),
    )


_PAYPAL_BATCH: Final = {"method": "GET", "path": "/v1/payments/payouts/"}

FAULTS: Final[Mapping[str, tuple[Fault, ...]]] = {
    "flex": (
        *_transport(0.02),
        _sometimes("transaction_locked", 0.03),
        _sometimes("token_expired", 0.01),
        _sometimes("event_duplicate", 0.05),
        _sometimes("event_late_visible", 0.05, seconds=2),
        _sometimes("event_unknown_type", 0.05),
        _sometimes("event_gap", 0.02),
    ),
    "provider": (
        *_transport(0.04),
        _sometimes("webhook_lose", 0.15),
        _sometimes("webhook_double", 0.15),
        _sometimes("webhook_replay", 0.15),
        _sometimes("webhook_reorder", 0.1, seconds=1),
        _sometimes("webhook_forge", 0.15),
        _sometimes("webhook_late", 0.1, seconds=2),
    ),
    "paypal": (
        *_paying("/v1/payments/payouts$"),
        # It does not know any more what it is asked about.
        _sometimes("error_before", 0.03, whom=_ASKING, match=_PAYPAL_BATCH, status=404),
        _sometimes("wrong_echo", 0.04, whom=_ASKING, match=_PAYPAL_BATCH),
        _sometimes("webhook_early", 0.8),  # few calls make one: those that create a batch
        _sometimes("expire_token", 0.1),
        _sometimes("duplicate_without_link", 0.3),
    ),
    "two_step": (
        *_paying("/transfers/[^/]+/fund$"),
        _sometimes(
            "error_before",
            0.02,
            whom=_ASKING,
            match={"method": "GET", "path": "/transfers/[^/]+$"},
            status=404,
        ),
        _sometimes("slow_funding", 0.1),
        _sometimes("wrong_echo", 0.04, whom=_ASKING, match={"method": "GET", "path": "/transfers/"}),
    ),
}


def faults_of(service: str) -> tuple[Fault, ...]:
    """Give all that a service does wrong."""
    return FAULTS["flex"] if service == "flex" else FAULTS[service] + FAULTS["provider"]


ODD: Final = frozenset({"wrong_echo"})
"""Kinds of incidents that a storm brings about by what it has providers say; any other is a surprise."""

UNVISITED: Final[Mapping[str, str]] = {
    "restore.": "Only after a restore, which the tests of restores are about.",
    "witness.": "Only after a restore.",
    "understand_one.": "Only where a transaction cannot be understood.",
    "rules.": "Only when people change triggers.",
    "unpark.": "Only when people take up what was parked.",
    "stripe_": "Stripe has no part in a storm; what speaks to it dies at each in tests/payments.",
    "mend.": "Only when sellers change their method; tests/stories/test_mended_by_the_payee.py dies at each.",
    "accept.": "Only once, before the storm begins, by whichever process comes first.",
}
"""Points by the beginning of their name that a storm does not come to, and why."""

CLOCK_SKEWED, REFUND, OUTLASTED = "clock_skewed", "refund", "stall past a lease"
"""What else is counted: somebody started by a clock that goes wrong, money taken back, and who went on too late."""
RARE: Final[Mapping[str, str]] = {
    "paypal duplicate_without_link": "Befalls only a batch that is sent again while PayPal has it already.",
    "paypal expire_token": "Befalls only the few requests for a token.",
    "paypal insufficient_funds, paying": "Befalls few of the few batches, since each stops all the rest.",
    "two_step insufficient_funds, paying": "Befalls few payments, since each stops all the rest.",
    "two_step slow_funding": "Befalls only what is funded.",
    "paypal error_before, asking": "Few batches are asked for.",
    "paypal wrong_echo, asking": "Few batches are asked for.",
    "two_step error_before, asking": "Few transfers are asked for by their own number.",
    "two_step wrong_echo, asking": "Few transfers are asked for.",
    **{
        f"{service} landed {seconds:.0f} s late, unasked": "Only where the clock does not leap meanwhile."
        for service in ("paypal", "two_step")
        for seconds in (times.LATE_S, times.LATER_S)
    },
}
"""What one storm may go by without, and why; all storms of one command together may not."""
ENOUGH_STORMS: Final = 3
"""So many storms of full size are enough for what is rare."""
_FULL_PAYOUTS, _FULL_SECONDS = 150, 25
_LEAST_STRIKES: Final = 4
_LEAST_VISITED: Final = 0.9


def too_little(
    injected: Mapping[str, int],
    visits: Mapping[str, int],
    strikes: Mapping[str, int],
    *,
    payouts: int,
    seconds: float,
    services: Collection[str],
) -> list[str]:
    """Say what happened too rarely for the run to prove anything; thresholds are for 150 payouts and 25 seconds."""
    size = min(payouts / _FULL_PAYOUTS, 1.0)
    found = _below(
        injected, {name: round(n * size) for name, n in _wanted(services).items() if name not in RARE}
    )
    length = min(seconds / _FULL_SECONDS, 1.0)
    found += _below(injected, {one: round(max(rate / 2, 1) * length) for one, rate in RATES.items()})
    by_act = {act: sum(n for name, n in strikes.items() if name.endswith(f":{act}")) for act in doom.ACTS}
    found += _below(
        {f"{act} at a crash point": n for act, n in by_act.items()},
        {f"{act} at a crash point": math.floor(_LEAST_STRIKES * size) for act in doom.ACTS},
    )
    expected = expected_points()
    share = 1 - len(missed := expected - visits.keys()) / len(expected)
    if size >= 1 and share < _LEAST_VISITED:
        found.append(f"only {share:.0%} of the crash points were visited, not {', '.join(sorted(missed))}")
    return found


def never(
    injected: Sequence[Mapping[str, int]], *, payouts: int, seconds: float, services: Collection[str]
) -> list[str]:
    """Say what not one of a command's storms had; nothing where they are too few or too small to have had it all."""
    if len(injected) < ENOUGH_STORMS or payouts < _FULL_PAYOUTS or seconds < _FULL_SECONDS:
        return []
    total = sum((Counter(one) for one in injected), Counter[str]())
    return _below(total, dict.fromkeys(_wanted(services), 1))


def expected_points() -> set[str]:
    """Give the crash points that a storm is to come to."""
    return {name for name in POINTS if not name.startswith(tuple(UNVISITED))}


def _wanted(services: Collection[str]) -> dict[str, int]:
    """Give how often each thing must have happened, with the services that take part."""
    wanted = dict.fromkeys((CLOCK_SKEWED, REFUND, OUTLASTED), 1)
    for service in services:
        for fault in faults_of(service):
            wanted[counted_as(service, fault)] = 1
            if fault.kind == "accept_late":
                wanted[landed(service, fault)] = 1
    return wanted


def counted_as(service: str, fault: Fault) -> str:
    """Name one fault of one service."""
    return f"{service} {fault.name}"


def landed(service: str, fault: Fault) -> str:
    """Name what was done so late that whoever had asked for it had gone."""
    return f"{service} landed {fault.terms['seconds']:.0f} s late, unasked"


def _below(counts: Mapping[str, int], wanted: Mapping[str, int]) -> list[str]:
    return [
        f"{name}: {counts.get(name, 0)} times, at least {least} are wanted"
        for name, least in wanted.items()
        if counts.get(name, 0) < least
    ]
