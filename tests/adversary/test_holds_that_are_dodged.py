"""A hold stands on what a payout pays until it is lifted: no payee gets out of it by being paid elsewhere, and no sale
by becoming another amount."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from accounts.models import Payee
from flexsync.restoring import find_strangers
from payouts import holding, mending
from payouts.models import Hold, Incident, Payout, PayoutMethod
from payouts.restore import after_restore
from tests.adversary.test_restored import debits
from tests.database import Cleaner
from tests.operations.conftest import Saboteur
from tests.stories.test_mended_by_the_payee import ROOT, Seller
from tests.stories.world import World


@pytest.fixture
def seller(world: World) -> Seller:
    return Seller.arriving(world)


def hold(world: World, payout: Payout, rule: str) -> None:
    """Have staff, or a rule that leaves it to people, hold a payout."""
    if rule == "staff":
        holding.hold(by=world.dave, reason="Looks odd.", payouts=[payout.pk], now=world.now)
    else:
        holding.hold_by_rule(rule=rule, reason="It may be paid already.", payouts=[payout.pk], now=world.now)


def days_go_by(world: World) -> None:
    """Let everything come round that comes round by itself, and people approve whatever they are shown."""
    for _ in range(3):
        world.let_pass(days=4)
        mending.mend(limit=100, now=world.now)
        world.decide()
        world.approve()
        world.send()
        world.until_true(lambda: not Payout.objects.filter(state__in=("submitting", "submitted")).exists())


@pytest.mark.parametrize("rule", ["staff", holding.RESTORED])
@pytest.mark.parametrize("old", ["old@example.com", "failed+old@example.com"])
def test_a_payee_does_not_get_out_of_it_by_another_method(
    world: World, seller: Seller, rule: str, old: str
) -> None:
    seller.chooses(old)
    _, payout = world.sold_and_approved(seller.payee)
    if old.startswith("failed"):
        world.send()
        world.until("failed", of=payout)
    hold(world, payout, rule)
    seller.chooses("new@example.com")
    days_go_by(world)
    assert world.moved() == {}
    assert Payout.objects.get() == payout

    lifted = holding.lift(by=world.bob, hold_ids=[Hold.objects.get().pk], reason="It is well.", now=world.now)
    assert lifted.refused == []
    days_go_by(world)
    assert world.moved() == {"EUR": 9_000}
    assert Payout.objects.get(state="paid").method.masked == "n•••@example.com"
    world.assert_books_agree()


def test_a_payee_does_not_get_out_of_it_by_choosing_the_same_method_again(
    world: World, seller: Seller
) -> None:
    seller.chooses("odd@example.com")
    odd = PayoutMethod.objects.get()
    world.sale(seller.payee)
    holding.hold(by=world.dave, reason="Whose is it?", methods=[odd.pk], now=world.now)
    seller.chooses("other@example.com")
    assert seller.api.post(f"{ROOT}{odd.pk}/default", {}).status_code == 200
    days_go_by(world)
    assert world.moved() == {}
    assert Hold.objects.get().method == PayoutMethod.objects.get(retired_at=None)

    holding.lift(by=world.bob, hold_ids=[Hold.objects.get().pk], reason="Theirs.", now=world.now)
    days_go_by(world)
    assert world.moved() == {"EUR": 9_000}
    world.assert_books_agree()


@pytest.mark.parametrize("rule", ["staff", holding.RESTORED])
def test_a_sale_does_not_get_out_of_it_by_another_amount(world: World, rule: str) -> None:
    payee = world.seller()
    transaction, payout = world.sold_and_approved(payee)
    hold(world, payout, rule)
    world.refund(transaction, amount=1_000)
    days_go_by(world)
    payout.refresh_from_db()
    assert payout.state == "cancelled"
    assert world.moved() == {}
    kept = Hold.objects.get(payee=payee, lifted_at=None)
    assert (kept.rule, payout.number in kept.reason) == (rule, True)

    holding.lift(by=world.bob, hold_ids=[kept.pk], reason="It is well.", now=world.now)
    days_go_by(world)
    assert sum(world.moved().values()) == Payout.objects.get(state="paid").sent_units
    world.assert_books_agree()


@pytest.fixture
def backup(world: World, superuser_url: str) -> Iterator[Cleaner]:
    """Anna's payout is approved, and that is what the backup holds."""
    world.paypal.post("/_sandbox/fresh", {"always": True})
    world.sold_and_approved(world.seller("anna@example.com"), price=2_000)
    world.reread()
    cleaner = Cleaner(superuser_url)
    yield cleaner
    cleaner.close()


def test_what_may_have_been_paid_in_the_lost_time_is_not_paid_to_another_method(
    world: World, backup: Cleaner, superuser_url: str
) -> None:
    assert world.transmit() == 1
    world.until_true(lambda: debits(world) == 1)
    backup.clean()
    Saboteur(superuser_url).run("UPDATE payouts_incarnation SET database_oid = database_oid + 1")
    world.let_pass(minutes=2)
    stopped_at = world.now - timedelta(seconds=60)
    world.until_true(
        lambda: (
            after_restore(
                by="an operator", witness=find_strangers, stopped_at=stopped_at, now=world.now
            ).accepted
        )
    )
    for incident in Incident.objects.filter(closed_at=None):
        world.second("incident_close", {"incident": str(incident.pk), "explanation": "Seen."}, by=world.carol)

    world.pay_to(Payee.objects.get(), "new@example.com")
    days_go_by(world)
    assert debits(world) == 1
