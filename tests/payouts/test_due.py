"""When something is to be paid, in the marketplace's own time."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Marketplace
from marketplace_payouts.lib.clock import BusinessCalendar, local_day
from payouts import due
from payouts.models import Schedule

HELSINKI = BusinessCalendar(zone="Europe/Helsinki", cut_off=time.max, weekend=frozenset())


def at(text: str) -> datetime:
    """A moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def schedule(kind: str, **fields: object) -> Schedule:
    """A schedule that is not saved."""
    return Schedule(name=kind, kind=kind, **fields)


def test_at_once_is_at_once() -> None:
    ready = at("2026-11-23T12:34:56")
    assert due.due_at(schedule=schedule("at_once"), business=HELSINKI, ready_at=ready) == ready


@pytest.mark.parametrize(
    ("ready", "expected"),
    [
        ("2026-11-23T06:59:59", "2026-11-23T07:00:00"),  # 9 in Helsinki is 7 in UTC in winter
        ("2026-11-23T07:00:00", "2026-11-23T07:00:00"),
        ("2026-11-23T07:00:01", "2026-11-24T07:00:00"),
        ("2026-07-01T06:30:00", "2026-07-02T06:00:00"),  # and 6 in summer
    ],
)
def test_daily_at_an_hour(ready: str, expected: str) -> None:
    found = due.due_at(schedule=schedule("daily", hour=9), business=HELSINKI, ready_at=at(ready))
    assert found == at(expected)


@pytest.mark.parametrize(
    ("ready", "expected"),
    [
        ("2026-03-28T12:00:00", "2026-03-29T01:00:00"),  # 3 o'clock is skipped: the jump itself
        ("2026-03-29T12:00:00", "2026-03-30T00:00:00"),
        ("2026-10-24T12:00:00", "2026-10-25T00:00:00"),  # 3 o'clock comes twice: the first
        ("2026-10-25T00:30:00", "2026-10-26T01:00:00"),
    ],
)
def test_hours_that_are_skipped_or_come_twice(ready: str, expected: str) -> None:
    found = due.due_at(schedule=schedule("daily", hour=3), business=HELSINKI, ready_at=at(ready))
    assert found == at(expected)


def test_weekly_on_a_weekday_and_after_days_off() -> None:
    monday = schedule("weekly", weekday=0, hour=9)
    found = due.due_at(schedule=monday, business=HELSINKI, ready_at=at("2026-11-24T12:00:00"))
    assert found == at("2026-11-30T07:00:00")
    off = BusinessCalendar(
        zone="Europe/Helsinki",
        cut_off=time.max,
        weekend=frozenset({5, 6}),
        days_off=frozenset({date(2026, 11, 30), date(2026, 12, 1)}),
    )
    found = due.due_at(schedule=monday, business=off, ready_at=at("2026-11-24T12:00:00"))
    assert found == at("2026-12-02T07:00:00")


@pytest.mark.parametrize(
    ("day", "ready", "expected"),
    [
        (31, "2026-11-23T12:00:00", "2026-11-30T07:00:00"),  # the last day of shorter months
        (31, "2027-02-01T12:00:00", "2027-02-28T07:00:00"),
        (1, "2026-12-31T12:00:00", "2027-01-01T07:00:00"),
        (1, "2027-01-01T07:00:00", "2027-01-01T07:00:00"),
    ],
)
def test_monthly(day: int, ready: str, expected: str) -> None:
    monthly = schedule("monthly", day_of_month=day, hour=9)
    assert due.due_at(schedule=monthly, business=HELSINKI, ready_at=at(ready)) == at(expected)


def test_monthly_moves_off_a_weekend() -> None:
    working = BusinessCalendar(zone="Europe/Helsinki", cut_off=time.max)
    found = due.due_at(
        schedule=schedule("monthly", day_of_month=1, hour=9),
        business=working,
        ready_at=at("2026-10-15T00:00:00"),
    )
    assert found == at("2026-11-02T07:00:00")  # the first is a Sunday


def test_what_is_ready_after_the_cut_off_counts_towards_the_next_business_day() -> None:
    early = BusinessCalendar(zone="Europe/Helsinki", cut_off=time(12), weekend=frozenset({5, 6}))
    daily = schedule("daily", hour=15)
    before = due.due_at(schedule=daily, business=early, ready_at=at("2026-11-27T09:59:00"))
    after = due.due_at(schedule=daily, business=early, ready_at=at("2026-11-27T10:00:00"))
    assert before == at("2026-11-27T13:00:00")
    assert after == at("2026-11-30T13:00:00")


def test_on_a_date_and_never_before_it_is_ready() -> None:
    christmas = schedule("date", on_date=date(2026, 12, 24), hour=9)
    found = due.due_at(schedule=christmas, business=HELSINKI, ready_at=at("2026-11-23T00:00:00"))
    assert found == at("2026-12-24T07:00:00")
    late = at("2026-12-26T00:00:00")
    assert due.due_at(schedule=christmas, business=HELSINKI, ready_at=late) == late


def test_the_marketplaces_settings_make_the_calendar() -> None:
    marketplace = Marketplace(
        time_zone="Asia/Tokyo", cut_off_hour=17, weekend_off=True, days_off=["2026-12-31"]
    )
    calendar = due.calendar_of(marketplace)
    assert (calendar.zone, calendar.cut_off, calendar.weekend) == ("Asia/Tokyo", time(17), frozenset({5, 6}))
    assert not calendar.is_business_day(date(2026, 12, 31))
    assert due.calendar_of(Marketplace(cut_off_hour=0)).cut_off == time.max


KINDS = st.one_of(
    st.builds(lambda hour: schedule("daily", hour=hour), st.integers(0, 23)),
    st.builds(
        lambda hour, day: schedule("weekly", hour=hour, weekday=day), st.integers(0, 23), st.integers(0, 6)
    ),
    st.builds(
        lambda hour, day: schedule("monthly", hour=hour, day_of_month=day),
        st.integers(0, 23),
        st.integers(1, 31),
    ),
)
ZONES = st.sampled_from(["UTC", "Europe/Helsinki", "America/New_York", "Pacific/Auckland", "Asia/Kathmandu"])


@given(
    one=KINDS,
    zone=ZONES,
    cut_off=st.sampled_from([time.max, time(12), time(17)]),
    weekend=st.sampled_from([frozenset(), frozenset({5, 6})]),
    ready=st.integers(0, 3 * 365 * 86_400).map(lambda s: at("2026-01-01T00:00:00") + timedelta(seconds=s)),
    later=st.timedeltas(timedelta(0), timedelta(days=40)),
)
def test_a_payday_is_never_in_the_past_is_a_business_day_and_keeps_the_order(
    one: Schedule,
    zone: str,
    cut_off: time,
    weekend: frozenset[int],
    ready: datetime,
    later: timedelta,
) -> None:
    calendar = BusinessCalendar(zone=zone, cut_off=cut_off, weekend=weekend)
    found = due.due_at(schedule=one, business=calendar, ready_at=ready)
    assert found >= ready
    assert found - ready <= timedelta(days=70)
    assert calendar.is_business_day(local_day(moment=found, zone=zone))
    assert due.due_at(schedule=one, business=calendar, ready_at=ready + later) >= found
