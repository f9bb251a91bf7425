"""When sellers are paid: hold periods, schedules, minimums, pay now; and what staff add or take away themselves."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.models import Marketplace, Payee
from payouts import gates, holding, intervention
from payouts.errors import Refused
from payouts.models import Payable, Payout, Schedule
from tests.stories.world import PROCESS, World


def pay_and_agree(world: World, units: int) -> None:
    """Approve, send and check."""
    assert world.approve().refused == []
    world.send()
    world.until("paid")
    assert world.moved() == {"EUR": units}
    world.assert_books_agree()


def test_a_hold_period_passes_first(world: World) -> None:
    world.switch_on(PROCESS, hold_days=7)
    world.sale(world.seller())
    world.decide()
    assert Payout.objects.count() == 0
    row = Payable.objects.get()
    answers = {a.gate: a for a in gates.explain_payables([row.pk], now=world.now)[row.pk]}
    assert answers["due"].until == row.hold_until
    world.let_pass(days=6, hours=23)
    world.decide()
    assert Payout.objects.count() == 0
    world.let_pass(hours=2)
    world.decide()
    pay_and_agree(world, 9_000)


def test_pay_now_skips_the_schedule_and_the_minimum_but_no_hold_period(world: World) -> None:
    weekly = Schedule.objects.get(kind="weekly")
    world.switch_on(PROCESS, schedule=weekly.pk, minimums={"EUR": "50000"}, hold_days=1)
    seller = world.seller()
    world.sale(seller)
    world.decide()
    assert Payout.objects.count() == 0
    intervention.pay_now(by=world.alice, payee_id=seller.pk, reason="Rent is due.", now=world.now)
    world.decide()
    assert Payout.objects.count() == 0
    world.let_pass(days=1, minutes=1)
    intervention.pay_now(by=world.alice, payee_id=seller.pk, reason="Rent is due.", now=world.now)
    world.decide()
    assert world.payout().state == "awaiting_approval"
    pay_and_agree(world, 9_000)


def test_less_than_the_minimum_waits_for_more(world: World) -> None:
    world.switch_on(PROCESS, minimums={"EUR": "5000"})
    seller = world.seller()
    world.sale(seller, price=3_000)
    world.decide()
    row = Payable.objects.get()
    assert row.blocked_by == "minimum"
    answers = {a.gate: a for a in gates.explain_payables([row.pk], now=world.now)[row.pk]}
    assert not answers["minimum"].passed
    assert "50.00\N{NO-BREAK SPACE}EUR" in answers["minimum"].for_payee
    world.sale(seller, price=3_000)
    world.decide()
    assert world.payout().debt_units == 5_400
    pay_and_agree(world, 5_400)


def test_a_weekly_payday_gathers_what_became_due_until_then(world: World) -> None:
    weekly = Schedule.objects.get(kind="weekly")
    world.switch_on(PROCESS, schedule=weekly.pk)
    seller = world.seller()
    world.sale(seller)
    world.sale(seller)
    world.decide()
    assert Payout.objects.count() == 0
    world.skew += Payable.objects.order_by("due_at")[0].due_at - world.now + timedelta(minutes=1)
    assert world.now.weekday() == 0
    world.decide()
    assert world.payout().debt_units == 18_000
    pay_and_agree(world, 18_000)


def test_two_currencies_make_two_payouts(world: World) -> None:
    seller = world.seller()
    world.sale(seller)
    world.sale(seller, currency="USD")
    world.decide()
    assert Payout.objects.count() == 2
    world.approve()
    world.send()
    world.until("paid")
    assert world.moved() == {"EUR": 9_000, "USD": 9_000}
    world.assert_books_agree()


@pytest.mark.parametrize(
    ("purpose", "units", "total"),
    [("bonus", "500", 9_500), ("correction", "-500", 8_500), ("deduction", "500", 8_500)],
)
def test_staff_add_or_take_away_with_a_reason(world: World, purpose: str, units: str, total: int) -> None:
    seller = world.seller()
    fields = {"payee": str(seller.pk), "purpose": purpose, "units": units, "currency": "EUR"}
    world.second("payable_add", fields)
    world.sale(seller)
    world.decide()
    assert world.payout().debt_units == total
    pay_and_agree(world, total)
    assert world.balance(f"receivable:{seller.pk}") == 0


def test_a_bonus_alone_is_paid_without_any_transaction(world: World) -> None:
    seller = world.seller()
    fields = {"payee": str(seller.pk), "purpose": "bonus", "units": "500", "currency": "EUR"}
    world.second("payable_add", fields)
    world.decide()
    pay_and_agree(world, 500)


def test_a_deduction_to_the_cent_needs_no_payout(world: World) -> None:
    seller = world.seller()
    fields = {"payee": str(seller.pk), "purpose": "deduction", "units": "9000", "currency": "EUR"}
    world.second("payable_add", fields)
    world.sale(seller)
    world.decide()
    assert Payout.objects.count() == 0
    assert world.open_payables(seller) == []
    assert world.balance(f"receivable:{seller.pk}") == world.balance(f"owed:{seller.pk}") == 0
    world.assert_books_agree()


def test_days_off_move_a_payday(world: World) -> None:
    daily = Schedule.objects.get(kind="daily")
    tomorrow = (world.now + timedelta(days=1)).date()
    Marketplace.objects.update(
        days_off=[(tomorrow + timedelta(days=n)).isoformat() for n in range(2)], weekend_off=False
    )
    world.switch_on(PROCESS, schedule=daily.pk)
    world.sale(world.seller())
    world.hear()
    due = Payable.objects.get().due_at
    assert due.date().isoformat() not in Marketplace.objects.get().days_off
    assert due.hour == 9


def test_a_payment_made_by_hand_is_recorded_by_two_people(world: World) -> None:
    seller = world.seller()
    transaction, payout = world.sold_and_approved(seller)
    fields = {"payout": str(payout.pk), "document": "Bank slip 4711"}
    # Nobody pays by hand what a worker may be about to send.
    with pytest.raises(Refused, match="Hold"):
        world.ask_for("pay_by_hand", fields, by=world.carol)
    holding.hold(by=world.alice, payouts=[payout.pk], reason="Paid by hand.", now=world.now)
    world.second("pay_by_hand", fields, by=world.carol)
    payout.refresh_from_db()
    assert payout.state == "paid"
    world.tell()
    assert world.told(transaction)["status"] == "paid"
    assert world.send() == 0
    assert world.moved() == {}
    assert world.balance("provider_cash:manual") == -9_000
    world.assert_books_agree()


def test_what_an_open_attempt_may_have_paid_is_not_paid_by_hand(world: World) -> None:
    from tests.stories.world import CREATE

    _, payout = world.sold_and_approved(world.seller())
    world.paypal.fault("rate_limit", match={"method": "POST", "path": CREATE}, times=1)
    world.send()
    fields = {"payout": str(payout.pk), "document": "Bank slip 4711"}
    with pytest.raises(Refused):
        world.ask_for("pay_by_hand", fields, by=world.carol)


def test_unclaimed_money_is_taken_back_on_request(world: World) -> None:
    transaction, payout = world.sold_and_approved(world.seller("unclaimed+anna@example.com"))
    world.send()
    world.until_true(lambda: world.attempt(payout).status == "awaiting_payee")
    done = intervention.cancel(by=world.carol, payout_ids=[payout.pk], reason="Wrong person.", now=world.now)
    assert (done.done, done.asked) == ([], [payout.number])
    world.until("returned", of=payout)
    assert world.told(transaction)["status"] == "returned"
    assert world.open_payables(Payee.objects.get()) == [9_000]
    world.assert_books_agree()


@pytest.mark.parametrize("fault", ["drop_after", "rate_limit", "late_cancel_refused"])
def test_taking_back_may_fail_or_go_unanswered(world: World, fault: str) -> None:
    _, payout = world.sold_and_approved(world.seller("unclaimed+anna@example.com"))
    world.send()
    world.until_true(lambda: world.attempt(payout).status == "awaiting_payee")
    match = {"method": "POST", "path": "/v1/payments/payouts-item/"}
    world.paypal.fault(fault, match=match, times=1)
    intervention.cancel(by=world.carol, payout_ids=[payout.pk], reason="Wrong person.", now=world.now)
    world.tell()
    if fault != "late_cancel_refused":
        world.until("returned", of=payout)
    else:
        world.hear_back(rounds=2)
        payout.refresh_from_db()
        assert payout.state == "submitted"
        assert "Not cancelled" in world.attempt(payout).message
        assert payout.events.order_by("n").values_list("kind", flat=True).last() == "cancel_refused"
    world.assert_books_agree()
