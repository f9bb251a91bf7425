"""PayPal refuses a payout, at once or later: nothing moved, the payee is told, and people decide what follows."""

from __future__ import annotations

import pytest
from django.core import mail

from payouts import intervention
from payouts.models import Attempt, Hold, Payout
from tests.stories.world import CREATE, World


@pytest.mark.parametrize(
    ("receiver", "code"),
    [
        ("failed", "RECEIVER_ACCOUNT_LOCKED"),
        ("limit", "RECEIVING_LIMIT_EXCEEDED"),
        ("blocked", "RISK_DECLINE"),
        ("denied", "RISK_DECLINE"),
    ],
)
def test_an_item_that_failed_later_moved_nothing(world: World, receiver: str, code: str) -> None:
    seller = world.seller(f"{receiver}+anna@example.com")
    transaction, payout = world.sold_and_approved(seller)
    world.send()
    world.until("failed", of=payout)
    attempt = world.attempt(payout)
    assert (attempt.state, attempt.refusal_code, attempt.debited) == ("refused", code, False)
    assert payout.person_after is not None
    assert world.moved() == {}
    assert world.told(transaction)["status"] == "failed"
    seller.refresh_from_db()
    assert [message.to for message in mail.outbox if payout.number in message.subject] == [[seller.email]]
    world.assert_books_agree()


def test_a_refused_one_is_sent_again_under_a_new_key(world: World) -> None:
    _, payout = world.sold_and_approved(world.seller())
    world.paypal.fault("fail_item", times=1)
    world.send()
    world.until("failed", of=payout)
    first = world.attempt(payout).key
    assert world.send() == 0  # nobody sends it again by themselves
    done = intervention.retry(by=world.carol, payout_ids=[payout.pk], reason="Again.", now=world.now)
    assert done.done == [payout.number]
    world.send()
    world.until("paid", of=payout)
    assert world.attempt(payout).key != first
    assert Attempt.objects.filter(payout=payout).count() == 2
    assert world.moved() == {"EUR": 9_000}
    world.assert_books_agree()


def test_a_refused_one_is_let_go_and_gathered_anew(world: World) -> None:
    _, payout = world.sold_and_approved(world.seller())
    world.paypal.fault("fail_item", times=1)
    world.send()
    world.until("failed", of=payout)
    done = intervention.cancel(by=world.carol, payout_ids=[payout.pk], reason="Later.", now=world.now)
    assert done.done == [payout.number]
    world.assert_books_agree()
    world.decide()
    world.approve()
    world.send()
    world.until_true(lambda: Payout.objects.filter(state="paid").exists())
    assert world.moved() == {"EUR": 9_000}
    world.assert_books_agree()


def test_after_its_approval_expired_a_retry_goes_through_approval_by_the_same_person(world: World) -> None:
    _, payout = world.sold_and_approved(world.seller())
    world.paypal.fault("fail_item", times=1)
    world.send()
    world.until("failed", of=payout)
    world.let_pass(days=8)
    intervention.retry(by=world.carol, payout_ids=[payout.pk], reason="Again.", now=world.now)
    payout.refresh_from_db()
    assert payout.state == "awaiting_approval"
    assert world.approve().refused == []
    world.send()
    world.until("paid", of=payout)
    world.assert_books_agree()


def test_too_little_money_at_once_is_our_alarm_and_nobodys_failure(world: World) -> None:
    world.paypal.post("/_sandbox/funds", {"currency": "EUR", "units": 100})
    transaction, payout = world.sold_and_approved(world.seller())
    world.send()
    payout.refresh_from_db()
    assert payout.state == "approved"
    assert Hold.objects.get(lifted_at__isnull=True).rail_id == "provider:paypal"
    assert world.told(transaction)["status"] == "announced"
    world.tell()
    assert not [message for message in mail.outbox if payout.number in message.subject]
    assert world.send() == 0
    world.assert_books_agree()

    world.paypal.post("/_sandbox/funds", {"currency": "EUR", "units": 1_000_000})
    world.lift_our_holds()
    world.let_pass(minutes=5)
    world.send()
    world.until("paid", of=payout)
    assert world.moved() == {"EUR": 9_000}
    world.assert_books_agree()


def test_too_little_money_found_later_denies_the_batch_and_nobody_failed(world: World) -> None:
    world.paypal.fault("insufficient_funds", value="denied", times=1)
    for n in range(3):
        world.sale(world.seller(f"s{n}@example.com"), price=1_000)
    world.decide()
    world.approve()
    world.send()
    world.until_true(lambda: Hold.objects.filter(lifted_at__isnull=True).exists())
    assert set(Payout.objects.values_list("state", flat=True)) == {"approved"}
    assert world.moved() == {}
    world.assert_books_agree()
    world.lift_our_holds()
    world.let_pass(minutes=5)
    world.send()
    world.until("paid")
    assert world.moved() == {"EUR": 2_700}
    world.assert_books_agree()


def test_a_batch_denied_while_its_outcome_was_unknown(world: World) -> None:
    world.paypal.fault("insufficient_funds", value="denied", times=1)
    world.paypal.fault("drop_after", match={"method": "POST", "path": CREATE}, times=1)
    _, payout = world.sold_and_approved(world.seller())
    world.send()
    payout.refresh_from_db()
    assert payout.state == "unknown"
    world.until("approved", of=payout)
    world.assert_books_agree()
    world.lift_our_holds()
    world.let_pass(minutes=5)
    world.send()
    world.until("paid", of=payout)
    assert world.moved() == {"EUR": 9_000}
    world.assert_books_agree()


def test_a_too_small_balance_that_we_know_of_lets_through_what_fits(world: World) -> None:
    from payouts import reconciliation

    world.paypal.post("/_sandbox/fresh", {"always": True})
    world.paypal.post("/_sandbox/funds", {"currency": "EUR", "units": 2_000})
    for n, price in enumerate((1_000, 5_000, 500)):
        world.sale(world.seller(f"s{n}@example.com"), price=price)
    world.decide()
    world.approve()
    reconciliation.read_funds(now=world.now)
    world.send()
    world.until_true(lambda: Payout.objects.filter(state="paid").count() == 2)
    late = world.payout(state="approved")
    assert (late.debt_units, late.blocked_by) == (4_500, "funds")
    world.assert_books_agree()
    world.paypal.post("/_sandbox/funds", {"currency": "EUR", "units": 100_000})
    reconciliation.read_funds(now=world.now)
    world.send()
    world.until("paid")
    world.assert_books_agree()
