"""One parameter however long the list, and moments as Django gives them."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from payouts.models import OutboxMessage, Payout, PayoutLine
from tests import factories

pytestmark = pytest.mark.django_db


def test_finds_what_in_would_find():
    here, there = factories.PayoutFactory.create(), factories.PayoutFactory.create()
    assert list(Payout.objects.filter(pk__among=[here.pk, uuid.uuid4(), None])) == [here]
    assert set(PayoutLine.objects.filter(payout__among={here.pk, there.pk})) == {*PayoutLine.objects.all()}
    assert list(PayoutLine.objects.filter(payout__among=[there])) == list(there.lines.all())
    assert not Payout.objects.filter(pk__among=[]).exists()


def test_goes_through_joins_and_can_be_negated():
    here, there = factories.PayoutFactory.create(), factories.PayoutFactory.create()
    assert list(PayoutLine.objects.filter(payout__payee__among=[here.payee_id])) == list(here.lines.all())
    assert list(Payout.objects.exclude(payee__among=[here.payee])) == [there]


def test_refuses_what_is_no_id():
    with pytest.raises(Exception, match="uuid"):
        list(Payout.objects.filter(pk__among=["everything"]))


def test_an_instance_that_is_made_at_once_is_as_any_other():
    now = datetime(2026, 11, 30, tzinfo=UTC)
    columns = {"kind": "notice", "subject": uuid.uuid4(), "created_at": now, "next_at": now}
    quick, slow = OutboxMessage.new(**columns), OutboxMessage(**columns)
    assert quick.pk != slow.pk
    assert quick.facts is not OutboxMessage.new(**columns).facts
    slow.pk = quick.pk
    assert {**vars(quick), "_state": None} == {**vars(slow), "_state": None}
    quick.save(force_insert=True)
    assert OutboxMessage.objects.get() == slow


def test_refuses_a_column_that_there_is_not():
    with pytest.raises(AssertionError, match="colour"):
        OutboxMessage.new(colour="red")


def test_what_was_read_is_complete_and_what_was_not_is_read_when_asked_for(django_assert_num_queries):
    line = factories.PayoutFactory.create().lines.get()
    with django_assert_num_queries(1):
        [read] = PayoutLine.objects.select_related("payout")
        assert (read, read.units, read.payout.number) == (line, line.units, line.payout.number)
        assert (read._state.adding, read._state.db) == (False, "default")
    with django_assert_num_queries(2):
        [part] = PayoutLine.objects.only("payout")
        assert part.get_deferred_fields() == {"payable_id", "units", "released_at"}
        assert part.units == line.units


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 11, 30, tzinfo=UTC),
        datetime(2026, 11, 30, 1, 2, 3, 4, tzinfo=UTC),
        datetime(1999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC) + timedelta(seconds=1),
    ],
)
def test_moments_come_back_as_they_went_in(moment):
    row = OutboxMessage.objects.create(kind="notice", subject=uuid.uuid4(), created_at=moment)
    row.refresh_from_db()
    assert row.created_at == moment
    assert row.created_at.tzinfo is UTC


def test_moments_are_read_in_utc_whatever_the_session_says():
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL TIME ZONE 'Asia/Kathmandu'")
        cursor.execute("SELECT '2026-11-30 05:45:00+05:45'::timestamptz")
        [moment] = cursor.fetchone()
    assert moment == datetime(2026, 11, 30, tzinfo=UTC)
    assert moment.utcoffset() == timedelta(0)
