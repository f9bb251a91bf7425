"""Why a payout waits, in words for its payee, as it really comes about."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from payouts import gates, holding
from payouts.models import Payable, Payout
from payouts.payee_view import NoSuchPayout, waiting, why
from payouts.payee_view.shapes import Obstacle, Waiting
from tests import factories
from tests.stories.world import World


def reasons(world: World, payout: Payout) -> list[Obstacle]:
    """Why a payout waits."""
    return why(payee_id=payout.payee_id, payout_id=payout.pk, now=world.now)


def codes(world: World, payout: Payout) -> list[str]:
    """Why a payout waits, shortly."""
    return [one.code for one in reasons(world, payout)]


def owed(world: World, seller) -> Waiting:
    """What waits for a seller."""
    [one] = waiting(payee_id=seller.pk, now=world.now)
    return one


def test_from_the_first_payout_to_the_second(world: World) -> None:
    seller = world.seller()
    _, first = world.sold_and_approved(seller)
    payout = Payout.objects.get()
    # Before it was approved it would have been the first to a new account; now the rest is machinery.
    assert codes(world, payout) == ["checks"]
    world.send()
    world.until("paid", of=first)
    assert codes(world, payout) == []
    world.sale(seller)
    world.decide()
    second = world.payout(state="awaiting_approval")
    assert codes(world, second) == ["checks"]


def test_the_first_payout_to_a_new_account_is_told_of(world: World) -> None:
    seller = world.seller()
    world.sale(seller)
    world.decide()
    [one] = reasons(world, world.payout())
    assert one.code == "first_payout"
    assert one.sentence == "We check the first payout to a new account before it goes out."
    # A hold on top of it shows in nothing.
    holding.hold(by=world.alice, payouts=[world.payout().pk], reason="Fraud", now=world.now)
    assert reasons(world, world.payout()) == [one]


def test_a_changed_method_says_until_when(world: World) -> None:
    seller = world.seller()
    world.pay_to(seller, "other@example.com")
    world.sale(seller)
    world.decide()
    [one, *_] = reasons(world, world.payout())
    assert one.code == "method_new"
    usable_from = world.payout().method.usable_from
    assert one.until == usable_from
    day = f"{usable_from:%A}, {usable_from.day} {usable_from:%B} {usable_from.year}"
    assert one.sentence == f"You changed where you want to be paid; for your safety we wait until {day}."


def test_money_to_be_claimed_says_so(world: World) -> None:
    _, payout = world.sold_and_approved(world.seller("unclaimed+anna@example.com"))
    world.send()
    world.until_true(lambda: world.attempt(payout).status == "awaiting_payee")
    assert codes(world, payout) == ["to_claim"]


def test_a_refusal_for_the_payees_reason_asks_for_another_method(world: World) -> None:
    _, payout = world.sold_and_approved(world.seller("failed+anna@example.com"))
    world.send()
    world.until("failed", of=payout)
    assert world.attempt(payout).refusal_class == "payee"
    assert codes(world, payout) == ["not_accepted_method"]


def test_what_is_owed_says_why_it_waits(world: World) -> None:
    seller = world.seller(method=False)
    world.sale(seller)
    world.hear()
    world.gather()
    found = owed(world, seller)
    assert [one.code for one in found.why] == ["method_missing"]
    assert found.total.units == 9_000
    [line] = found.lines
    assert [one.sentence for one in line.why] == ["Tell us where you want to be paid."]


def test_below_the_minimum_names_it(world: World) -> None:
    world.switch_on("payout-process", minimums={"EUR": "5000"})
    seller = world.seller()
    world.sale(seller, price=3_000)
    world.decide()
    [one] = owed(world, seller).why
    assert (one.code, one.sentence) == ("minimum", "We pay from 50.00\N{NO-BREAK SPACE}EUR on.")


def test_a_payout_of_somebody_else_is_none(world: World) -> None:
    _, payout = world.sold_and_approved(world.seller())
    with pytest.raises(NoSuchPayout):
        why(payee_id=world.seller("bea@example.com").pk, payout_id=payout.pk, now=world.now)


@pytest.mark.django_db
def test_more_deductions_than_sales_is_told() -> None:
    row = factories.PayableFactory.create(
        units=-500, purpose=Payable.Purpose.DEDUCTION, source=None, trigger=None, blocked_by="negative"
    )
    factories.MethodFactory.create(payee=row.payee)
    [one] = waiting(payee_id=row.payee_id, now=timezone.now())
    assert [reason.code for reason in one.why] == ["deductions"]


@pytest.mark.django_db
def test_what_lies_before_the_first_few_hundred_is_counted_and_the_statements_are_not_more(monkeypatch):
    monkeypatch.setattr("payouts.payee_view.reasons.MOST", 3)
    payee = factories.PayeeFactory.create()
    start = timezone.now() - timedelta(days=9)

    def asked(n: int) -> tuple[int, Waiting]:
        for i in range(n):
            factories.PayableFactory.create(payee=payee, units=100, became_due_at=start + timedelta(hours=i))
        with CaptureQueriesContext(connection) as statements:
            [one] = waiting(payee_id=payee.pk, now=timezone.now())
        return len(statements), one

    few, _ = asked(1)
    many, one = asked(6)
    assert few == many
    assert (one.total.units, len(one.lines), one.more) == (700, 3, 4)


@pytest.mark.django_db
@pytest.mark.parametrize("state", ["pending", "awaiting_approval", "approved"])
def test_every_gate_that_fails_has_a_reason(state):
    payout = factories.PayoutFactory.create(state=state)
    answers = gates.explain([payout.pk], now=timezone.now())[payout.pk]
    assert any(not one.passed for one in answers)
    for one in answers:
        assert (one.reason is None) == one.passed
        assert bool(one.for_payee) != one.passed
