"""Whether the product is alive and keeps up; cheap enough to be asked every few seconds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils.dateparse import parse_datetime

from marketplace_payouts.lib.clock import database_now
from payouts import heartbeats, incarnation, stages
from payouts.models import Hold, Incident, OutboxMessage, Payout, State
from payouts.reports import Check, Report, violation
from payouts.subscriptions import figures

CLUSTER_STALE: Final = timedelta(minutes=3)
SWEEP_STALE: Final = timedelta(minutes=5)
POLLER_STALE: Final = timedelta(minutes=5)
INVARIANTS_STALE: Final = timedelta(minutes=30)
_TELLING_STALE: Final = timedelta(minutes=30)


def check(*, only: str = "") -> Report:
    """This will ask everything, or only one question; without a database there is only one answer.

    :raises KeyError: when there is no such question.
    """
    questions = {only: QUESTIONS[only]} if only else QUESTIONS
    try:
        now = database_now(connection)
        return Report([Check("database"), *(ask(now) for ask in questions.values())])
    except DatabaseError as error:
        return Report([violation("database", problem=f"It does not answer: {error}".strip())])


def _heartbeat(now: datetime) -> Check:
    """The cluster's processes may all be alive and yet do nothing: only what its tasks write shows that they run."""
    return _age("heartbeat", heartbeats.cluster_seen(), CLUSTER_STALE, now, "No task has run for too long.")


def _age(name: str, at: datetime | None, limit: timedelta, now: datetime, problem: str) -> Check:
    row = {"last": at.isoformat() if at else None, "seconds": int((now - at).total_seconds()) if at else None}
    is_stale = at is None or now - at > limit
    return Check(name, int(is_stale), [row | ({"problem": problem} if is_stale else {})])


def _version(now: datetime) -> Check:
    if connection.pg_version >= 150_000:  # type: ignore[attr-defined]
        return Check("postgresql", 0, [{"version": connection.pg_version}])  # type: ignore[attr-defined]
    return violation("postgresql", problem="PostgreSQL 15 or newer is needed.")


def _migrations(now: datetime) -> Check:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    rows = [{"missing": f"{migration.app_label}.{migration.name}"} for migration, _backwards in plan]
    return Check("migrations", len(rows), rows)


def _sweep(now: datetime) -> Check:
    found = heartbeats.last("sweep")
    check = _age(
        "sweep", found.at if found else None, SWEEP_STALE, now, "The tables are not being worked off."
    )
    errors = found.detail.get("errors") if found else None
    if not errors:
        return check
    return Check("sweep", check.violations + len(errors), [*check.rows, {"stages that failed": errors}])


def _poller(now: datetime) -> Check:
    if not settings.FLEX_CLIENT_ID:
        return Check("poller", 0, [{"note": "No credentials of Sharetribe are set."}])
    found = heartbeats.last("poller")
    check = _age(
        "poller", found.at if found else None, POLLER_STALE, now, "Sharetribe's events are not heard."
    )
    error = found.detail.get("error") if found else None
    return Check("poller", check.violations + 1, [*check.rows, {"error": error}]) if error else check


def _telling(now: datetime) -> Check:
    waiting = OutboxMessage.objects.filter(
        next_at__isnull=False, created_at__lt=now - _TELLING_STALE, tries__lt=3
    )
    dead = OutboxMessage.objects.filter(dead_at__isnull=False).count()
    late = waiting.filter(next_at__lt=now - _TELLING_STALE).count()
    return Check("outbox", late, [{"late": late, "given up": dead}])


def _subscribers(now: datetime) -> Check:
    """One that does not answer is no fault of ours; that nobody calls one that does, is."""
    standings = figures.standings(now=now)
    late = [f"{one.subscription}: {one.due} since {one.oldest}" for one in standings if one.is_late(now=now)]
    counts = figures.counts()
    row = {
        "late": late,
        "failing": counts.failing,
        "switched off": counts.off,
        "given up": counts.given_up,
    }
    return Check("subscribers", len(late), [row])


def _invariants(now: datetime) -> Check:
    detail = heartbeats.detail_of("invariants")
    clean = parse_datetime(detail["clean_at"]) if detail.get("clean_at") else None
    return _age("invariants", clean, INVARIANTS_STALE, now, "The promises were not found kept lately.")


def _figures(now: datetime) -> Check:
    """Information: none of it is a fault of the machinery."""
    stopped = Hold.objects.filter(rail__isnull=False, lifted_at__isnull=True).values_list("rail_id", "reason")
    row: dict[str, Any] = {
        "unknown": Payout.objects.filter(state=State.UNKNOWN).count(),
        "incidents": Incident.objects.filter(closed_at__isnull=True).count(),
        "stopped": dict(stopped),
        "may_send": incarnation.accepted() in (None, incarnation.present()),
        "backlog": stages.backlog(),
    }
    return Check("figures", 0, [row])


QUESTIONS: Final[Mapping[str, Callable[[datetime], Check]]] = {
    "heartbeat": _heartbeat,
    "postgresql": _version,
    "migrations": _migrations,
    "sweep": _sweep,
    "poller": _poller,
    "outbox": _telling,
    "subscribers": _subscribers,
    "invariants": _invariants,
    "figures": _figures,
}
