"""The next payout: when, how much, and what must happen first."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Payee
from payouts import holding, scheduling
from payouts.models import Payable, PayoutMethod
from payouts.payee_view import next_payouts
from payouts.payee_view.shapes import Next
from tests import factories

DAY = timedelta(days=1)


@pytest.fixture
def payee(db) -> Payee:
    payee = factories.PayeeFactory.create()
    factories.MethodFactory.create(payee=payee)
    return payee


@pytest.fixture
def now() -> datetime:
    return timezone.now()


def owe(payee: Payee, units: int, due_at: datetime, **changes: Any) -> Payable:
    """Something that is due at a moment."""
    return factories.PayableFactory.create(payee=payee, units=units, due_at=due_at, **changes)


def upcoming(payee: Payee, now: datetime) -> dict[str, Next]:
    """What is next, by currency."""
    return {one.amount.currency: one for one in next_payouts(payee_id=payee.pk, now=now)}


def told(one: Next) -> tuple[int, datetime | None, list[str]]:
    """What it says, shortly."""
    return one.amount.units, one.at, [reason.code for reason in one.why]


def test_nothing_owed_nothing_next(payee, now):
    assert upcoming(payee, now) == {}


def test_each_currency_has_its_own_payday(payee, now):
    owe(payee, 1_000, now + 2 * DAY)
    owe(payee, 500, now + 2 * DAY)
    owe(payee, 7_000, now + 5 * DAY)
    owe(payee, 300, now + 3 * DAY, currency="USD")
    found = upcoming(payee, now)
    assert told(found["EUR"]) == (1_500, now + 2 * DAY, [])
    assert told(found["USD"]) == (300, now + 3 * DAY, [])


def test_the_hold_period_comes_before_the_payday(payee, now):
    owe(payee, 1_000, now - DAY, hold_until=now + 4 * DAY)
    assert told(upcoming(payee, now)["EUR"]) == (1_000, now + 4 * DAY, [])


def test_what_is_due_is_being_worked_on(payee, now):
    owe(payee, 1_000, now - DAY)
    assert told(upcoming(payee, now)["EUR"]) == (1_000, None, ["checks"])


def test_less_than_the_minimum_waits_for_the_day_on_which_it_is_enough(payee, now):
    owe(payee, 400, now + DAY, minimum_units=1_000)
    assert told(upcoming(payee, now)["EUR"]) == (400, None, ["minimum"])
    owe(payee, 600, now + 3 * DAY, minimum_units=1_000)
    assert told(upcoming(payee, now)["EUR"]) == (1_000, now + 3 * DAY, [])


def test_more_taken_back_than_owed_is_paid_by_the_next_sales(payee, now):
    owe(payee, -400, now - DAY, purpose=Payable.Purpose.DEDUCTION, source=None, trigger=None)
    assert told(upcoming(payee, now)["EUR"]) == (-400, None, ["deductions"])


def test_a_refund_takes_its_sale_along(payee, now):
    sale = owe(payee, 1_000, now + DAY)
    owe(payee, -300, now - DAY, original=sale, purpose=Payable.Purpose.CHANGE)
    assert told(upcoming(payee, now)["EUR"]) == (700, now + DAY, [])


def test_what_waits_for_a_decision_is_left_out(payee, now):
    owe(payee, 1_000, now + DAY)
    owe(payee, 9_000, now + DAY, waits_for=Payable.Waits.RETURNED)
    owe(payee, 500, now + DAY, waits_for=Payable.Waits.OPENING)
    assert told(upcoming(payee, now)["EUR"]) == (1_000, now + DAY, [])


def test_without_a_method_there_is_an_amount_and_no_day(db, now):
    payee = factories.PayeeFactory.create()
    owe(payee, 1_000, now + DAY)
    assert told(upcoming(payee, now)["EUR"]) == (1_000, None, ["method_missing"])


def test_a_method_in_its_cool_down_puts_it_off(payee, now):
    PayoutMethod.objects.update(retired_at=now)
    factories.MethodFactory.create(payee=payee, version=2, usable_from=now + 6 * DAY)
    owe(payee, 1_000, now + DAY)
    assert told(upcoming(payee, now)["EUR"]) == (1_000, now + 6 * DAY, ["method_new"])


def test_a_hold_shows_neither_in_the_day_nor_in_the_reasons(payee, now):
    owe(payee, 1_000, now + DAY)
    before = upcoming(payee, now)
    staff = factories.StaffFactory.create(roles=["operator"])
    holding.hold(by=staff, payees=[payee.pk], reason="Fraud?", now=now)
    holding.freeze(by=staff, payee_id=payee.pk, reason="Fraud!", now=now)
    assert upcoming(payee, now) == before


def test_staff_may_have_it_paid_at_once(payee, now):
    owe(payee, 100, now + 9 * DAY, minimum_units=1_000)
    Payee.objects.update(pay_now_at=now)
    assert told(upcoming(payee, now)["EUR"]) == (100, None, ["checks"])


@pytest.mark.parametrize("seed", range(6))
def test_it_is_what_the_gathering_makes_of_it(payee, now, seed):
    """On the day that is told, a payout of that amount is made, and before it none."""
    for n, units in enumerate((1_000, -200, 350, 2_000, 40, 600)):
        owe(
            payee,
            units,
            now + DAY * ((n * (seed + 2)) % 5 + 1),
            minimum_units=(seed % 3) * 700,
            purpose=Payable.Purpose.SALE if units > 0 else Payable.Purpose.DEDUCTION,
        )
    one = upcoming(payee, now)["EUR"]
    assert one.at is not None

    def gather(at: datetime) -> int:
        Payee.objects.update(next_gather_at=at)
        return scheduling.gather(limit=10, now=at)

    moments = sorted({row.due_at for row in Payable.objects.all() if row.due_at < one.at})
    assert [gather(moment) for moment in moments] == [0] * len(moments)
    assert gather(one.at) == 1
    assert payee.payouts.get().debt_units == one.amount.units
