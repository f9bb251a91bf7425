"""What a payee earned on a day is told once, when the day is over by the marketplace's clock."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail

from accounts.models import Payee
from payouts import incarnation, outbox
from payouts.models import OutboxMessage, Reminder
from payouts.notices import earning
from tests.factories import MarketplaceFactory, PayableFactory, PayeeFactory

DAY = datetime.fromisoformat("2026-11-10T00:00:00+01:00")
"""Midnight in Berlin, an hour before that of UTC."""
NEXT = DAY + timedelta(days=1, minutes=5)


@pytest.fixture(autouse=True)
def _accepted(db: None) -> None:
    incarnation.begin()
    MarketplaceFactory.create(time_zone="Europe/Berlin")


@pytest.fixture
def payee() -> Payee:
    """Somebody who sells."""
    made: Payee = PayeeFactory.create()
    return made


def earned(payee: Payee, units: int, *, at: datetime = DAY, **more: Any) -> None:
    """Let a payee be owed something."""
    PayableFactory.create(payee=payee, units=units, created_at=at, due_at=at + timedelta(days=3), **more)


def told() -> list[Any]:
    """Tell what is staged."""
    before = len(mail.outbox)
    OutboxMessage.objects.filter(next_at__isnull=False).update(next_at=NEXT)
    outbox.tell(limit=100, now=NEXT)
    return mail.outbox[before:]


def test_a_days_sales_are_one_mail(payee):
    earned(payee, 5_000)
    earned(payee, 2_500, at=DAY + timedelta(hours=23, minutes=59))
    earned(payee, -500, purpose="change")
    earned(payee, 700, currency="USD")
    assert earning.tell_of_days(now=NEXT) == 1
    [sent] = told()
    assert "on 10 Nov 2026 you earned 70.00\N{NO-BREAK SPACE}EUR, 7.00\N{NO-BREAK SPACE}USD" in sent.body
    assert "13 Nov 2026" in sent.body
    assert earning.tell_of_days(now=NEXT) == 0
    assert told() == []


def test_staged_twice_before_it_is_told_it_is_told_once(payee):
    earned(payee, 5_000)
    for _ in range(2):
        assert earning.tell_of_days(now=NEXT) == 1
    assert len(told()) == 1


def test_a_day_that_is_not_over_waits(payee):
    earned(payee, 5_000, at=DAY + timedelta(days=1))
    assert earning.tell_of_days(now=NEXT) == 0
    assert earning.tell_of_days(now=NEXT + timedelta(days=1)) == 1


@pytest.mark.parametrize(
    "more",
    [
        {"waits_for": "opening"},
        {"purpose": "returned"},
        {"purpose": "carry"},
        {"at": DAY - timedelta(days=5)},
    ],
)
def test_what_is_not_earned_just_now_is_not_told(payee, more):
    earned(payee, 5_000, **more)
    assert earning.tell_of_days(now=NEXT) == 0


def test_a_day_on_which_less_is_owed_than_before_is_not_told(payee):
    earned(payee, 500)
    earned(payee, -700, purpose="change")
    assert earning.tell_of_days(now=NEXT) == 0


def test_who_is_being_asked_where_to_pay_hears_it_there(payee):
    earned(payee, 5_000)
    Reminder.objects.create(payee=payee, began_at=DAY)
    assert earning.tell_of_days(now=NEXT) == 0


def test_many_payees_take_as_many_statements(django_assert_max_num_queries):
    counts: list[int] = []
    for n in (2, 30):
        later = timedelta(days=10 * len(counts))
        for _ in range(n):
            earned(PayeeFactory.create(), 100, at=DAY + later)
        with django_assert_max_num_queries(30) as caught:
            assert earning.tell_of_days(now=NEXT + later) == n
        counts.append(len(caught.captured_queries))
    assert counts[0] == counts[1]


def test_where_the_marketplace_does_not_want_it_nothing_is_staged(payee, settings):
    settings.NOTICES_OFF = ["owed"]
    earned(payee, 5_000)
    assert earning.tell_of_days(now=NEXT) == 0
