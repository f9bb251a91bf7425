"""What goes wrong in a storm, how often, and how often it must have gone wrong for the storm to count."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from typing import Any, Final

from marketplace_payouts.lib.crash_points import POINTS
from tests.chaos import doom


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
    LEAP = "leap"
    """The clocks of the database and the providers jump ahead."""


RATES: Final[Mapping[Happening, float]] = {
    Happening.KILL_WORKER: 10,
    Happening.KILL_SENTINEL: 0.5,
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
    Happening.LEAP: 5,
}
"""How often in 25 seconds."""

Fault = tuple[str, Mapping[str, Any]]


def _sometimes(kind: str, probability: float, **terms: Any) -> Fault:
    return kind, {"probability": probability, **terms}


def _transport(p: float) -> tuple[Fault, ...]:
    """What any network and any proxy may do to a call."""
    return (
        _sometimes("delay", p, seconds=0.4),
        _sometimes("delay", p, seconds=0.4, when="after"),
        _sometimes("drop_before", p),
        _sometimes("drop_after", p),
        _sometimes("error_before", p, status=503),
        _sometimes("error_after", p, status=500),
        _sometimes("hang", p / 2, seconds=2),
        _sometimes("hang", p / 2, seconds=2, when="after"),
        _sometimes("rate_limit", p, seconds=1),
        _sometimes("html_body", p, status=502),
        _sometimes("truncated_body", p),
    )


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
        _sometimes("webhook_reorder", 0.1, seconds=1),
        _sometimes("webhook_forge", 0.15),
        _sometimes("webhook_late", 0.1, seconds=2),
    ),
    "paypal": (
        # The calls that move money, and the question after a reference that is not known any more.
        _sometimes("drop_after", 0.12, match={"method": "POST", "path": "/v1/payments/payouts$"}),
        _sometimes(
            "error_after", 0.06, match={"method": "POST", "path": "/v1/payments/payouts$"}, status=502
        ),
        _sometimes(
            "error_before", 0.03, match={"method": "GET", "path": "/v1/payments/payouts/"}, status=404
        ),
        _sometimes("wrong_echo", 0.04, match={"method": "GET", "path": "/v1/payments/payouts/"}),
        _sometimes("insufficient_funds", 0.35, match={"method": "POST", "path": "/v1/payments/payouts$"}),
        _sometimes("webhook_early", 0.8),  # few calls make one: those that create a batch
        _sometimes("expire_token", 0.1),
        _sometimes("duplicate_without_link", 0.3),
    ),
    "two_step": (
        _sometimes("drop_after", 0.06, match={"method": "POST", "path": "/transfers/[^/]+/fund$"}),
        _sometimes("error_before", 0.02, match={"method": "GET", "path": "/transfers/[^/]+$"}, status=404),
        _sometimes("slow_funding", 0.1),
        _sometimes("wrong_echo", 0.04, match={"method": "GET", "path": "/transfers/"}),
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
    "accept.": "Only once, before the storm begins, by whichever process comes first.",
}
"""Points by the beginning of their name that a storm does not come to, and why."""

_LEAST_FAULTS: Final = 3
_LEAST_FAULTS_OF: Final[Mapping[str, int]] = {
    # Few requests, or few webhooks, are of the kind that it can happen to; the first only to a batch posted twice.
    "provider duplicate_without_link": 0,
    "provider expire_token": 1,
    "provider slow_funding": 1,
    "provider insufficient_funds": 1,
    "provider wrong_echo": 1,
    "provider webhook_early": 2,
    "sharetribe token_expired": 2,
}
_LEAST_STRIKES: Final = 4
_LEAST_VISITED: Final = 0.9


def too_little(
    injected: Mapping[str, int],
    visits: Mapping[str, int],
    strikes: Mapping[str, int],
    *,
    payouts: int,
    seconds: float,
    services: Mapping[str, bool],
) -> list[str]:
    """Say what happened too rarely for the run to prove anything; thresholds are for 150 payouts and 25 seconds."""
    found = []
    size = min(payouts / 150, 1.0)
    for name, least in _wanted_faults(services).items():
        wanted = math.floor(least * size)
        if injected.get(name, 0) < wanted:
            found.append(f"{name}: {injected.get(name, 0)} times, at least {wanted} are wanted")
    for happening, rate in RATES.items():
        wanted = math.floor(rate * min(seconds / 25, 1.0) * 0.5 + 0.4)
        if injected.get(happening, 0) < wanted:
            found.append(f"{happening}: {injected.get(happening, 0)} times, at least {wanted} are wanted")
    by_act = {act: sum(n for name, n in strikes.items() if name.endswith(f":{act}")) for act in doom.ACTS}
    for act, n in by_act.items():
        if n < (wanted := math.floor(_LEAST_STRIKES * size)):
            found.append(f"{act} at a crash point: {n} times, at least {wanted} are wanted")
    expected = expected_points()
    share = 1 - len(missed := expected - visits.keys()) / len(expected)
    if size >= 1 and share < _LEAST_VISITED:
        found.append(f"only {share:.0%} of the crash points were visited, not {', '.join(sorted(missed))}")
    return found


def expected_points() -> set[str]:
    """Give the crash points that a storm is to come to."""
    return {name for name in POINTS if not name.startswith(tuple(UNVISITED))}


def _wanted_faults(services: Mapping[str, bool]) -> dict[str, int]:
    """Give how often each kind must have been hit, with the services that take part."""
    wanted = {}
    for group, faults in FAULTS.items():
        if group in services and not services[group]:
            continue
        where = "sharetribe" if group == "flex" else "provider"
        for kind, _ in faults:
            name = f"{where} {kind}"
            wanted[name] = _LEAST_FAULTS_OF.get(name, _LEAST_FAULTS)
    return wanted
