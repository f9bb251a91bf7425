"""Payees who are owed money and cannot be paid are asked where to pay it, for as long as that is so and no longer."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Payee
from marketplace_payouts.lib.clock import utc_now
from payouts import incarnation
from payouts.models import (
    Attempt,
    Incarnation,
    OutboxMessage,
    Payable,
    Payout,
    PayoutMethod,
    Reminder,
    State,
)
from payouts.notices import debts, reminding
from payouts.readiness import ready
from tests.factories import MethodFactory, PayableFactory, PayeeFactory, PayoutFactory

START = datetime.fromisoformat("2026-11-02T09:00:00+00:00")


@pytest.fixture(autouse=True)
def _accepted(db: None) -> None:
    incarnation.begin()


def waiting(**more: Any) -> Payee:
    """A payee who is owed a sale, and gave no method; gathering has looked at it."""
    payee: Payee = PayeeFactory.create(**{"profile_read_at": utc_now(), **more})
    PayableFactory.create(payee=payee, blocked_by="method_present")
    return payee


def remind(at: datetime) -> list[tuple[str, str]]:
    """Let the task come round; gives what was staged: which notice, and of which step."""
    before = set(OutboxMessage.objects.values_list("pk", flat=True))
    while reminding.remind(limit=100, now=at):
        pass
    staged = OutboxMessage.objects.filter(kind="notice").exclude(pk__in=before).order_by("created_at", "pk")
    return [(message.facts["notice"], message.facts["turn"]) for message in staged]


def test_invited_at_once_reminded_after_three_seven_and_twenty_one_days_and_then_before_staff():
    payee = waiting()
    told = {day: found for day in range(40) if (found := remind(START + timedelta(days=day)))}
    assert told == {
        0: [("invited", "0")],
        3: [("reminded", "1")],
        7: [("reminded", "2")],
        21: [("reminded", "3")],
    }
    row = Reminder.objects.get(payee=payee)
    assert row.listed_at == START + timedelta(days=21)
    assert (row.next_at, row.ended_at) == (None, None)


def test_whoever_is_not_known_yet_is_invited_once_their_address_is_read():
    payee = waiting(profile_read_at=None, email="")
    assert remind(START) == []
    Payee.objects.update(profile_read_at=utc_now(), email="anna@mail.example")
    assert remind(START + timedelta(minutes=15)) == [("invited", "0")]
    assert remind(START + timedelta(days=3, minutes=15)) == [("reminded", "1")]
    assert Reminder.objects.get(payee=payee).listed_at is None


def test_it_may_come_round_as_often_as_it_likes():
    waiting()
    assert remind(START) == [("invited", "0")]
    for minutes in (0, 15, 30):
        assert remind(START + timedelta(minutes=minutes)) == []


def test_after_a_month_of_standing_still_it_does_not_write_everything_at_once():
    waiting()
    remind(START)
    later = START + timedelta(days=30)
    assert remind(later) == [("reminded", "1")]
    assert remind(later + timedelta(days=3)) == []
    assert remind(later + timedelta(days=4)) == [("reminded", "2")]


def test_a_usable_method_ends_it():
    payee = waiting()
    remind(START)
    method = MethodFactory.create(payee=payee, verified_at=None)
    assert remind(START + timedelta(days=3)) == [("reminded", "1")], "what is not verified is of no use yet"
    PayoutMethod.objects.filter(pk=method.pk).update(verified_at=utc_now())
    assert remind(START + timedelta(days=8)) == []
    assert Reminder.objects.get().ended_at == START + timedelta(days=8)
    assert ready([payee.pk]) == {payee.pk}


def test_a_method_in_its_cool_down_is_usable():
    payee = waiting()
    MethodFactory.create(payee=payee, usable_from=utc_now() + timedelta(days=3))
    assert remind(START) == []


def test_it_ends_when_nothing_is_due_and_begins_anew_for_a_later_debt():
    payee = waiting()
    remind(START)
    Payable.objects.update(settled="written_off")
    assert remind(START + timedelta(days=5)) == []
    assert Reminder.objects.get().ended_at is not None
    PayableFactory.create(payee=payee, blocked_by="method_present")
    assert remind(START + timedelta(days=9)) == [("invited", "0")]
    assert Reminder.objects.count() == 2


@pytest.mark.parametrize(
    "change",
    [
        {"blocked_by": "due"},
        {"blocked_by": "payment_received"},
        {"waits_for": "clawback"},
        {"waits_for": "opening"},
        {"settled": "gathered"},
        {"units": -5},
    ],
)
def test_only_money_that_is_due_asks_for_a_method(change):
    payee = PayeeFactory.create(profile_read_at=utc_now())
    PayableFactory.create(**{"payee": payee, "blocked_by": "method_present", **change})
    assert remind(START) == []


def test_more_to_deduct_than_is_due_asks_nobody():
    payee = waiting()
    PayableFactory.create(payee=payee, blocked_by="method_present", units=-12_345)
    assert remind(START) == []
    PayableFactory.create(payee=payee, blocked_by="method_present", units=1, currency="USD")
    assert remind(START) == [("invited", "0")]


@pytest.mark.parametrize("change", [{"closed": True}, {"frozen_at": START, "frozen_reason": "Looked into."}])
def test_who_would_not_be_paid_anyway_is_not_asked(change):
    waiting(**change)
    assert remind(START) == []


def test_who_is_owed_a_payout_to_a_method_that_is_not_confirmed_is_asked_to_confirm_it():
    method = MethodFactory.create(verified_at=None, payee__profile_read_at=utc_now())
    PayoutFactory.create(payee=method.payee, method=method)
    assert remind(START) == [("invited", "0")]
    [debt] = debts.of([method.payee_id]).values()
    assert debt.ask == debts.VERIFY


@pytest.mark.parametrize(
    ("refusal", "told"), [("payee", [("reminded", "1")]), ("final", [("reminded", "1")]), ("ours", [])]
)
def test_whose_payout_was_refused_has_heard_of_it_and_is_reminded_only(refusal, told):
    payout = PayoutFactory.create(state=State.FAILED, payee__profile_read_at=utc_now())
    Attempt.objects.filter(payout=payout).update(refusal_class=refusal)
    assert remind(START) == []
    assert remind(START + timedelta(days=3)) == told
    assert (ready([payout.payee_id]) == set()) == bool(told)


def test_a_later_attempt_clears_a_method_of_its_refusal():
    payout = PayoutFactory.create(state=State.FAILED)
    Attempt.objects.filter(payout=payout).update(refusal_class="payee")
    assert ready([payout.payee_id]) == set()
    Payout.objects.filter(pk=payout.pk).update(state=State.SUBMITTED)
    assert ready([payout.payee_id]) == {payout.payee_id}


def test_who_has_no_address_stands_before_staff_at_once():
    payee = waiting(email="")
    waiting(email="", profile_read_at=None)
    remind(START)
    assert list(Reminder.objects.filter(listed_at__isnull=False).values_list("payee", flat=True)) == [
        payee.pk
    ]


def test_a_copy_of_the_database_asks_nobody():
    waiting()
    Incarnation.objects.update(table_oid=1)
    assert remind(START) == []
    assert not Reminder.objects.exists()


def statements(at: datetime) -> int:
    """How many it takes to come round once."""
    with CaptureQueriesContext(connection) as caught:
        assert reminding.remind(limit=1000, now=at) > 0
    return len(caught)


def test_however_many_it_takes_as_many_statements():
    counts: list[tuple[int, int, int]] = []
    for n in (2, 60):
        for _ in range(n):
            waiting()
        at = START + timedelta(days=30 * len(counts))
        begun = statements(at)
        moved = statements(at + timedelta(days=3))
        Payable.objects.update(settled="written_off")
        ended = statements(at + timedelta(days=4))
        counts.append((begun, moved, ended))
    assert counts[0] == counts[1]


def test_a_part_at_a_time_gets_everywhere():
    for _ in range(7):
        waiting()
    while reminding.remind(limit=3, now=START):
        pass
    assert OutboxMessage.objects.filter(facts__notice="invited").count() == 7
    assert Reminder.objects.filter(ended_at__isnull=True).count() == 7


@pytest.mark.django_db(transaction=True)
def test_a_payee_is_being_asked_by_one_reminder_at_a_time():
    from django.db import IntegrityError

    payee = waiting()
    remind(START)
    with pytest.raises(IntegrityError, match="payouts_reminder_one_at_a_time"):
        Reminder.objects.create(payee=payee, began_at=START)
