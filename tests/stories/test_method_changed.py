"""The payee changes where to be paid while a payout is on its way: it goes where was approved, or nowhere."""

from __future__ import annotations

import threading

from django.db import connections

from payouts import methods
from payouts.models import Payout, PayoutMethod
from tests.stories.world import World


def destinations(world: World) -> list[str]:
    """Where PayPal really sent money."""
    return [entry["destination"] for entry in world.paypal.ledger() if entry["kind"] == "debit"]


def test_a_new_method_lets_the_approved_payout_go_and_cools_down(world: World) -> None:
    seller = world.seller("old@example.com")
    transaction, payout = world.sold_and_approved(seller)
    world.pay_to(seller, "new@example.com")
    payout.refresh_from_db()
    assert payout.state == "cancelled"
    assert world.send() == 0

    world.decide()
    again = world.payout(state="pending")
    assert again.blocked_by == "method_cooled"
    assert world.approve().done == []
    world.assert_books_agree()

    world.let_pass(days=3, hours=1)
    world.let_decide()
    assert world.approve().refused == []
    world.send()
    world.until("paid", of=again)
    assert destinations(world) == ["new@example.com"]
    assert world.told(transaction)["reference"] == again.number
    world.assert_books_agree()


def test_a_method_replaced_at_the_very_moment_of_sending(world: World) -> None:
    """The replacement waits for the claim: the money goes where was approved, and later money to the new method."""
    seller = world.seller("old@example.com")
    _, payout = world.sold_and_approved(seller)
    world.reread()
    started = threading.Event()
    errors: list[BaseException] = []

    def replace() -> None:
        started.set()
        try:
            world.pay_to(seller, "new@example.com")
        except BaseException as error:  # noqa: BLE001 - shown by the test
            errors.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=replace)

    def begin() -> None:
        thread.start()
        started.wait(5)
        thread.join(0.3)  # it waits for the locks of the claim
        assert thread.is_alive()

    with world.meanwhile("send.before_intent", begin):
        world.transmit()
    thread.join(10)
    assert not errors
    world.until("paid", of=payout)
    assert destinations(world) == ["old@example.com"]
    assert PayoutMethod.objects.get(retired_at__isnull=True).version == 2
    world.sale(seller)
    world.decide()
    assert world.payout(state="pending").method.version == 2
    world.assert_books_agree()


def test_a_method_replaced_between_the_intent_and_the_call(world: World) -> None:
    """The intent is committed and the approval stood: nothing is called back, and nothing is paid twice."""
    seller = world.seller("old@example.com")
    _, payout = world.sold_and_approved(seller)
    world.reread()
    with world.meanwhile("send.after_intent", lambda: world.pay_to(seller, "new@example.com")):
        world.transmit()
    world.until("paid", of=payout)
    assert destinations(world) == ["old@example.com"]
    world.decide()
    assert Payout.objects.count() == 1
    world.assert_books_agree()


def test_a_method_replaced_while_a_deferred_payout_waits(world: World) -> None:
    from tests.stories.world import CREATE

    seller = world.seller("old@example.com")
    _, payout = world.sold_and_approved(seller)
    world.paypal.fault("rate_limit", match={"method": "POST", "path": CREATE}, times=1)
    world.send()
    payout.refresh_from_db()
    assert payout.state == "approved"
    world.pay_to(seller, "new@example.com")
    payout.refresh_from_db()
    assert payout.state == "cancelled"
    assert world.attempt(payout).state == "refused"
    world.let_pass(days=4)
    assert world.send() == 0
    world.decide()
    world.approve()
    world.send()
    world.until_true(lambda: Payout.objects.filter(state="paid").exists())
    assert destinations(world) == ["new@example.com"]
    world.assert_books_agree()


def test_a_failed_payout_goes_to_the_new_method(world: World) -> None:
    seller = world.seller("failed+old@example.com")
    _, payout = world.sold_and_approved(seller)
    world.send()
    world.until("failed", of=payout)
    world.pay_to(seller, "new@example.com")
    payout.refresh_from_db()
    assert payout.state == "cancelled"
    world.let_pass(days=4)
    world.decide()
    world.approve()
    world.send()
    world.until_true(lambda: Payout.objects.filter(state="paid").exists())
    assert destinations(world) == ["new@example.com"]
    world.assert_books_agree()


def test_a_method_that_is_not_verified_is_not_paid_to(world: World) -> None:
    seller = world.seller(method=False)
    world.second(
        "method_add", {"payee": str(seller.pk), "provider": "paypal"}, secret={"email": "anna@example.com"}
    )
    world.sale(seller)
    world.decide()
    assert world.payout().blocked_by == "method_verified"
    method = PayoutMethod.objects.get()
    assert methods.destination(method) == {"email": "anna@example.com"}
    world.second("method_verify", {"method": str(method.pk), "checked": "Called her."})
    world.let_decide()
    world.approve()
    world.send()
    world.until("paid")
    world.assert_books_agree()


def test_a_sale_without_a_method_waits_and_is_paid_once_there_is_one(world: World) -> None:
    seller = world.seller(method=False)
    world.sale(seller)
    world.decide()
    assert Payout.objects.count() == 0
    assert seller.payables.get().blocked_by == "method_present"
    world.pay_to(seller, "anna@example.com")
    world.decide()
    world.approve()
    world.send()
    world.until("paid")
    world.assert_books_agree()
