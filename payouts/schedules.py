"""Which tasks come round and how often; set by name, so that setting them twice changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final

from django.db import transaction
from django_q.models import Schedule

_OURS: Final = ("payouts.tasks.", "flexsync.tasks.")


@dataclass(frozen=True, slots=True)
class Planned:
    """One task that comes round: every so many minutes, or daily at a UTC time."""

    name: str
    func: str
    minutes: int = 0
    at: time | None = None
    timeout: int = 0
    """Seconds, where the queue's own limit is too short; it is guarded against running twice at once."""


PLAN: Final = (
    Planned("sweep", "payouts.tasks.sweep", minutes=1),
    Planned("beat", "payouts.tasks.beat", minutes=1),
    Planned("poll", "flexsync.tasks.poll", minutes=1),
    Planned("profiles", "flexsync.tasks.read_profiles", minutes=1),
    Planned("check changed", "payouts.tasks.check_changed", minutes=5),
    Planned("balances", "payouts.tasks.read_funds", minutes=15),
    Planned("reminders", "payouts.tasks.remind", minutes=15),
    Planned("stripe", "payouts.tasks.ask_stripe", minutes=60),
    Planned("reconcile", "payouts.tasks.reconcile", minutes=360, timeout=1800),
    Planned("resync", "flexsync.tasks.daily_resync", at=time(1, 30)),
    Planned("partitions", "payouts.tasks.ensure_partitions", at=time(0, 20)),
    Planned("chain heads", "payouts.tasks.publish_chain_heads", at=time(0, 5), timeout=1800),
    Planned("check everything", "payouts.tasks.check_everything", at=time(2, 40), timeout=3000),
    Planned("stripe accounts", "payouts.tasks.ask_stripe_of_everybody", at=time(3, 20), timeout=1800),
    Planned("earned", "payouts.tasks.tell_what_was_earned", minutes=60),
    Planned("users told", "flexsync.tasks.tell_users", at=time(3, 50), timeout=1800),
    Planned("purge", "payouts.tasks.purge", at=time(4, 10), timeout=1800),
)


def set_up(*, now: datetime) -> list[str]:
    """This will set every schedule as planned, drop ours that are not planned any more, and give the names.

    One that stands already keeps its next moment.
    """
    with transaction.atomic():
        for prefix in _OURS:
            Schedule.objects.filter(func__startswith=prefix).exclude(
                name__in=[one.name for one in PLAN]
            ).delete()
        for one in PLAN:
            _set(one, now=now)
    return [one.name for one in PLAN]


def _set(one: Planned, *, now: datetime) -> None:
    doubled = Schedule.objects.filter(name=one.name).order_by("pk").values_list("pk", flat=True)[1:]
    Schedule.objects.filter(pk__in=list(doubled)).delete()
    values: dict[str, Any] = {
        "func": one.func,
        "schedule_type": Schedule.MINUTES if one.minutes else Schedule.DAILY,
        "minutes": one.minutes or None,
        "repeats": -1,
        "kwargs": repr({"q_options": {"timeout": one.timeout}}) if one.timeout else None,
    }
    Schedule.objects.update_or_create(
        name=one.name, defaults=values, create_defaults=values | {"next_run": _first(one, now=now)}
    )


def _first(one: Planned, *, now: datetime) -> datetime:
    if one.at is None:
        return now
    today = datetime.combine(now.date(), one.at, tzinfo=now.tzinfo)
    return today if today > now else today + timedelta(days=1)
