"""Business days keep to their zone, also on the days when clocks change."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace_payouts.lib.clock import BusinessCalendar, ClockError, in_utc, local_day, moment_at, utc_now

BERLIN = "Europe/Berlin"
office = BusinessCalendar(
    zone=BERLIN, cut_off=time(15), days_off=frozenset({date(2026, 12, 25), date(2027, 1, 1)})
)


def test_now_is_aware() -> None:
    assert utc_now().utcoffset() == timedelta(0)


def test_refuses_a_moment_without_a_zone() -> None:
    with pytest.raises(ClockError):
        in_utc(datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point


@pytest.mark.parametrize("zone", ["", "Nowhere/Town", "../../etc/passwd", "UTC+25"])
def test_refuses_an_unknown_zone(zone: str) -> None:
    with pytest.raises(ClockError):
        BusinessCalendar(zone=zone)


@pytest.mark.parametrize(
    ("day", "at", "zone", "expected"),
    [
        (date(2026, 7, 1), time(9), BERLIN, datetime(2026, 7, 1, 7, tzinfo=UTC)),
        (date(2026, 1, 1), time(9), BERLIN, datetime(2026, 1, 1, 8, tzinfo=UTC)),
        # Skipped in spring: the jump itself, at 02:00 local, 01:00 UTC.
        (date(2026, 3, 29), time(2, 30), BERLIN, datetime(2026, 3, 29, 1, tzinfo=UTC)),
        (date(2026, 3, 29), time(2), BERLIN, datetime(2026, 3, 29, 1, tzinfo=UTC)),
        (date(2026, 3, 29), time(2, 59, 59, 999999), BERLIN, datetime(2026, 3, 29, 1, tzinfo=UTC)),
        (date(2026, 3, 29), time(3), BERLIN, datetime(2026, 3, 29, 1, tzinfo=UTC)),
        # Shown twice in autumn: the first.
        (date(2026, 10, 25), time(2, 30), BERLIN, datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        # A whole day that Samoa skipped.
        (date(2011, 12, 30), time(12), "Pacific/Apia", datetime(2011, 12, 30, 10, tzinfo=UTC)),
        # Half an hour only.
        (date(2026, 10, 4), time(2, 15), "Australia/Lord_Howe", datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
        (date(2026, 5, 5), time(0), "Asia/Kathmandu", datetime(2026, 5, 4, 18, 15, tzinfo=UTC)),
    ],
)
def test_finds_the_moment_of_a_wall_time(day: date, at: time, zone: str, expected: datetime) -> None:
    assert moment_at(day=day, at=at, zone=zone) == expected


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (datetime(2026, 11, 23, 13, 59, tzinfo=UTC), date(2026, 11, 23)),
        (datetime(2026, 11, 23, 14, 0, tzinfo=UTC), date(2026, 11, 24)),  # exactly the cut-off
        (datetime(2026, 11, 22, 23, 30, tzinfo=UTC), date(2026, 11, 23)),  # already Monday in Berlin
        (datetime(2026, 11, 27, 14, 30, tzinfo=UTC), date(2026, 11, 30)),  # Friday evening
        (datetime(2026, 12, 24, 16, 0, tzinfo=UTC), date(2026, 12, 28)),  # Christmas, then a weekend
    ],
)
def test_counts_a_moment_towards_a_business_day(moment: datetime, expected: date) -> None:
    assert office.business_day(moment) == expected


@pytest.mark.parametrize(
    ("after", "days", "expected"),
    [
        (datetime(2026, 11, 23, 7, 59, tzinfo=UTC), range(7), datetime(2026, 11, 23, 8, tzinfo=UTC)),
        (datetime(2026, 11, 23, 8, 0, tzinfo=UTC), range(7), datetime(2026, 11, 24, 8, tzinfo=UTC)),
        (datetime(2026, 11, 23, 8, 0, tzinfo=UTC), [0], datetime(2026, 11, 30, 8, tzinfo=UTC)),
        # Every Friday; Christmas and New Year are Fridays, so they move to the Monday after.
        (datetime(2026, 12, 19, tzinfo=UTC), [4], datetime(2026, 12, 28, 8, tzinfo=UTC)),
        (datetime(2026, 12, 26, tzinfo=UTC), [4], datetime(2026, 12, 28, 8, tzinfo=UTC)),
        (datetime(2026, 12, 28, 8, tzinfo=UTC), [4], datetime(2027, 1, 4, 8, tzinfo=UTC)),
    ],
)
def test_finds_the_next_moment_of_a_schedule(after: datetime, days: list[int], expected: datetime) -> None:
    assert office.next_moment(after=after, at=time(9), days=days) == expected


def test_says_so_when_it_never_works() -> None:
    never = BusinessCalendar(weekend=frozenset(range(7)))
    with pytest.raises(ClockError):
        never.next_business_day(date(2026, 1, 1))
    with pytest.raises(ClockError):
        office.next_moment(after=utc_now(), at=time(9), days=[])


moments = st.datetimes(datetime(2000, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
zones = st.sampled_from(
    [BERLIN, "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Sao_Paulo", "UTC"]
)


@given(moments, zones, st.times())
def test_the_next_moment_is_later_and_on_a_business_day(moment: datetime, zone: str, at: time) -> None:
    calendar = BusinessCalendar(zone=zone, cut_off=time(17))
    found = calendar.next_moment(after=moment, at=at)
    assert found > moment
    assert calendar.is_business_day(local_day(moment=found, zone=zone))
    assert found - moment < timedelta(days=5)


@given(moments, zones)
def test_a_business_day_never_ends_before_the_moment(moment: datetime, zone: str) -> None:
    calendar = BusinessCalendar(zone=zone, cut_off=time(17))
    assert calendar.cut_off_of(calendar.business_day(moment)) > moment
