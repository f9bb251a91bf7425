"""Moments and business days. Moments are aware and UTC; a business day belongs to one time zone with a cut-off."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_DAY: Final = timedelta(days=1)
# Two years without a working day is a mistake in the days off, not a calendar.
_LONGEST_SEARCH: Final = 731


class ClockError(ValueError):
    """A moment without a time zone, an unknown zone, or a calendar without working days."""


class Connection(Protocol):
    """As much of a database connection as asking it for the time takes."""

    def cursor(self) -> AbstractContextManager[Any]: ...


def utc_now() -> datetime:
    """Give the present moment by this machine's clock, aware, in UTC."""
    return datetime.now(UTC)


def database_now(connection: Connection) -> datetime:
    """Give the present moment by the database's clock, which all machines share; inside a transaction it goes on."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return in_utc(moment)


def in_utc(moment: datetime) -> datetime:
    """Give the same moment in UTC.

    :raises ClockError: when the moment has no time zone.
    """
    if moment.tzinfo is None:
        raise ClockError("A moment without a time zone means nothing.")
    return moment.astimezone(UTC)


def moment_at(*, day: date, at: time, zone: str) -> datetime:
    """Give the moment, in UTC, at which clocks in the zone show this day and time.

    A time that the clocks skip in spring becomes the moment of the jump; one that they show twice in autumn, the
    first of the two.

    :raises ClockError: when the zone is unknown.
    """
    local = datetime.combine(day, at.replace(tzinfo=None), tzinfo=_zone(zone))
    moment = local.astimezone(UTC)
    if moment.astimezone(local.tzinfo).replace(tzinfo=None) == local.replace(tzinfo=None):
        return moment
    # In the gap: with fold=0 the old offset was applied, so the moment lies after the jump by as much as the wall
    # time lies inside the gap; the jump itself is found from the offsets on both sides.
    gap = abs(_offset(local.replace(fold=1)) - _offset(local))
    moment = moment.replace(microsecond=0)
    return _jump(earlier=moment - gap, later=moment + timedelta(seconds=1), zone=zone)


def local_day(*, moment: datetime, zone: str) -> date:
    """Give the calendar day that the moment falls on in the zone.

    :raises ClockError: when the moment has no time zone or the zone is unknown.
    """
    return in_utc(moment).astimezone(_zone(zone)).date()


@dataclass(frozen=True, slots=True)
class BusinessCalendar:
    """When a marketplace works: its zone, the hour at which its business day ends, and the days on which it rests.

    `weekend` holds weekday numbers, Monday being 0.

    :raises ClockError: when the zone is unknown.
    """

    zone: str = "UTC"
    cut_off: time = time(17, 0)
    weekend: frozenset[int] = frozenset({5, 6})
    days_off: frozenset[date] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        _zone(self.zone)

    def is_business_day(self, day: date) -> bool:
        """Say whether work is done on this day."""
        return day.weekday() not in self.weekend and day not in self.days_off

    def next_business_day(self, day: date) -> date:
        """Give this day if work is done on it, else the next one on which it is.

        :raises ClockError: when none is found within two years.
        """
        for distance in range(_LONGEST_SEARCH):
            candidate = day + distance * _DAY
            if self.is_business_day(candidate):
                return candidate
        raise ClockError(f"There is no business day within two years of {day}.")

    def business_day(self, moment: datetime) -> date:
        """Give the business day that a moment counts towards: from the cut-off on, the next one.

        :raises ClockError: when the moment has no time zone or there is no such day within two years.
        """
        today = local_day(moment=moment, zone=self.zone)
        if in_utc(moment) >= self.cut_off_of(today):
            today += _DAY
        return self.next_business_day(today)

    def cut_off_of(self, day: date) -> datetime:
        """Give the moment at which the day's business ends."""
        return moment_at(day=day, at=self.cut_off, zone=self.zone)

    def next_moment(self, *, after: datetime, at: time, days: Iterable[int] = range(7)) -> datetime:
        """Give the first moment later than `after` at which clocks show `at` on a business day.

        `days` narrows it to some weekdays; one that falls on a day off moves to the next business day.

        :raises ClockError: when there is no such day within two years.
        """
        wanted = frozenset(days)
        # From a week before, because the shift off a rest day may carry an earlier weekday past `after`.
        start = local_day(moment=after, zone=self.zone) - 7 * _DAY
        for distance in range(_LONGEST_SEARCH):
            day = start + distance * _DAY
            if day.weekday() in wanted:
                moment = moment_at(day=self.next_business_day(day), at=at, zone=self.zone)
                if moment > in_utc(after):
                    return moment
        raise ClockError("There is no such business moment within two years.")


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ClockError(f"{name!r} is not a time zone of the IANA database.") from None


def _offset(moment: datetime) -> timedelta:
    return moment.utcoffset() or timedelta(0)


def _jump(*, earlier: datetime, later: datetime, zone: str) -> datetime:
    """Find by halves, to the second, where the zone's offset changes between two moments of whole seconds."""
    tz = _zone(zone)
    old = _offset(earlier.astimezone(tz))
    while later - earlier > timedelta(seconds=1):
        middle = (earlier + (later - earlier) / 2).replace(microsecond=0)
        if _offset(middle.astimezone(tz)) == old:
            earlier = middle
        else:
            later = middle
    return later
