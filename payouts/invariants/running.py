"""Asking the invariants, and what follows from the answers: an incident that stops the provider, or an alert."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.utils.dateparse import parse_datetime
from django.utils.module_loading import import_string

from payouts import chains, heartbeats, incarnation
from payouts.alerts import raise_alert
from payouts.incidents import Evidence, open_incidents
from payouts.invariants.base import EVERYTHING, Asked, Invariant, Violation, ask, changed
from payouts.models import OutboxMessage, Payout
from payouts.reports import Report

# Asked again of what was written this long before the last look: another machine's clock may be behind.
_OVERLAP: Final = timedelta(minutes=10)
_ALERT_EVERY: Final = timedelta(hours=6)
_ALERTS: Final = uuid.UUID("6d0bb1f6-2a0c-4f0e-9a3b-0a5f3a0c9d11")

RECORDS_ADD_UP = Invariant(
    "record_hashes_add_up",
    "The record of a payout was changed: its hashes do not follow from its content.",
    "",
)


def all_invariants() -> list[Invariant]:
    """This will give every invariant that is a query, of this app and of those above it."""
    return [one for path in settings.INVARIANTS for one in import_string(path)]


def check(*, since: datetime | None, now: datetime) -> list[Asked]:
    """This will ask everything of what changed since a moment, or of everything; nothing follows from it."""
    scope = changed(since) if since else EVERYTHING
    return [*ask(all_invariants(), scope, now=now), _records(since=since)]


def report(asked: Sequence[Asked]) -> Report:
    """This will give the answers as the commands print them."""
    return Report([one.to_check() for one in asked])


def check_and_act(*, full: bool, now: datetime) -> list[Asked]:
    """This will ask, open incidents for what is wrong, tell people what is late, and note when all was well."""
    _note_acceptance(now=now)
    since = None if full else _since()
    asked = check(since=since, now=now)
    violated = [found for one in asked for found in one.found]
    with transaction.atomic():
        open_incidents(_evidence([f for f in violated if f.invariant.stops]), now=now)
        _alert([one for one in asked if one.count and not one.invariant.stops], now=now)
        _remember(full=full, asked=asked, now=now)
    return asked


def _records(*, since: datetime | None) -> Asked:
    found = list(chains.broken(since=since))
    payouts = Payout.objects.in_bulk([one.payout_id for one in found])
    rows = [
        Violation(
            RECORDS_ADD_UP, payouts[one.payout_id].number, payouts[one.payout_id].provider, f"event {one.n}"
        )
        for one in found
    ]
    return Asked(RECORDS_ADD_UP, len(rows), rows)


def _evidence(found: Sequence[Violation]) -> list[Evidence]:
    """One incident per invariant and provider, however many rows it has."""
    grouped: dict[tuple[str, str], list[Violation]] = defaultdict(list)
    for one in found:
        grouped[one.invariant.name, one.provider].append(one)
    return [
        Evidence(
            kind=f"invariant:{name}"[:60],
            subject=f"{name} {provider}".strip(),
            sentence=f"{rows[0].invariant.meaning} {', '.join(f'{r.subject}: {r.detail}' for r in rows[:3])}",
            provider=provider,
            facts={"invariant": name, "rows": [{"subject": r.subject, "detail": r.detail} for r in rows]},
        )
        for (name, provider), rows in grouped.items()
    ]


def _alert(late: Sequence[Asked], *, now: datetime) -> None:
    for one in late:
        subject = uuid.uuid5(_ALERTS, one.invariant.name)
        if OutboxMessage.objects.filter(subject=subject, created_at__gt=now - _ALERT_EVERY).exists():
            continue
        first = "; ".join(f"{found.subject}: {found.detail}" for found in one.found[:3])
        raise_alert(
            subject=subject, title=one.invariant.name, text=f"{one.invariant.meaning} {first}", now=now
        )


def _since() -> datetime | None:
    """What was written since the last look that found nothing wrong; everything, where there was none."""
    text = heartbeats.detail_of("invariants").get("clean_at")
    moment = parse_datetime(text) if text else None
    return moment - _OVERLAP if moment else None


def _remember(*, full: bool, asked: Sequence[Asked], now: datetime) -> None:
    is_clean = not any(one.count for one in asked if one.invariant.stops)
    for name in ["invariants", "all invariants"] if full else ["invariants"]:
        before = heartbeats.detail_of(name).get("clean_at")
        heartbeats.beat(
            name,
            now=now,
            clean_at=now.isoformat() if is_clean else before,
            violated=[one.invariant.name for one in asked if one.count],
        )


def _note_acceptance(*, now: datetime) -> None:
    """What waits because this database may not send is not overdue."""
    if incarnation.is_accepted():
        heartbeats.drop("not accepted")
    elif heartbeats.last("not accepted") is None:
        heartbeats.beat("not accepted", now=now)
