"""When something is to be paid: the end of its hold period, then its schedule's next moment in business time."""

from __future__ import annotations

import calendar
from datetime import date, datetime, time, timedelta

from accounts.models import Marketplace
from marketplace_payouts.lib.clock import BusinessCalendar, local_day, moment_at
from payouts.models import Schedule

_INSTANT = timedelta(microseconds=1)


def calendar_of(marketplace: Marketplace) -> BusinessCalendar:
    """This will give the marketplace's business calendar; a cut-off hour of 0 means the end of the day."""
    return BusinessCalendar(
        zone=marketplace.time_zone,
        cut_off=time(marketplace.cut_off_hour) if marketplace.cut_off_hour else time.max,
        weekend=frozenset({5, 6}) if marketplace.weekend_off else frozenset(),
        days_off=frozenset(date.fromisoformat(day) for day in marketplace.days_off),
    )


def due_at(*, schedule: Schedule, business: BusinessCalendar, ready_at: datetime) -> datetime:
    """This will give the schedule's first moment for what is ready at `ready_at`.

    What becomes ready after the day's cut-off counts towards the next business day.
    """
    kind, at = Schedule.Kind(schedule.kind), time(schedule.hour)
    if kind is Schedule.Kind.AT_ONCE:
        return ready_at
    if kind is Schedule.Kind.DATE:
        assert schedule.on_date is not None
        on_date = moment_at(day=schedule.on_date, at=at, zone=business.zone)
        return max(on_date, ready_at)
    counted = moment_at(day=business.business_day(ready_at), at=time(0), zone=business.zone)
    after = max(ready_at, counted) - _INSTANT
    if kind is Schedule.Kind.MONTHLY:
        return _monthly(schedule, business=business, after=after)
    days = range(7) if kind is Schedule.Kind.DAILY else (schedule.weekday or 0,)
    return business.next_moment(after=after, at=at, days=days)


def _monthly(schedule: Schedule, *, business: BusinessCalendar, after: datetime) -> datetime:
    first = local_day(moment=after, zone=business.zone).replace(day=1)
    while True:
        last = calendar.monthrange(first.year, first.month)[1]
        wanted = first.replace(day=min(schedule.day_of_month or 1, last))
        day = business.next_business_day(wanted)
        moment = moment_at(day=day, at=time(schedule.hour), zone=business.zone)
        if moment > after:
            return moment
        first = (first + timedelta(days=32)).replace(day=1)
