"""A payout fails for the payee's reason; the payee gives another method over the API, and is paid there, once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import Client

from accounts.models import Payee
from payouts import mending
from payouts.models import Payout, PayoutMethod
from tests.api_client import Api, SharetribeUser
from tests.stories.test_method_changed import destinations
from tests.stories.world import World

ROOT = "/api/v1/payout-methods/"


@dataclass
class Seller:
    """Somebody who signed up in Sharetribe, logged in, and is a payee since."""

    world: World
    api: Api
    payee: Payee

    @classmethod
    def arriving(cls, world: World) -> Seller:
        cache.clear()
        user = SharetribeUser(world.flex, email="seller@market.example")
        api = user.session()
        return cls(world, api, Payee.objects.get(flex_user_id=user.id))

    def chooses(self, email: str) -> dict[str, Any]:
        """Give a PayPal account, and follow the link that is mailed there."""
        given = {"provider": "paypal", "country": "DE", "values": {"email": email}}
        answer = self.api.post(ROOT, given)
        assert answer.status_code == 201, answer.content
        mail.outbox.clear()
        self.world.tell()
        (link,) = [
            found[1]
            for message in mail.outbox
            if message.to == [email]
            and (found := re.search(r"http\S+(/payee/methods/\S+)", str(message.body)))
        ]
        assert Client().post(link).status_code == 200
        return dict(answer.json())

    @property
    def default(self) -> dict[str, Any]:
        """The method to which they are paid, as they see it."""
        (method,) = [one for one in self.api.get(ROOT).json()["methods"] if one["default"]]
        return dict(method)


@pytest.fixture
def seller(world: World) -> Seller:
    return Seller.arriving(world)


def pay_out(world: World) -> None:
    """Do everything that happens by itself and by the approver, until nothing is left."""
    mending.mend(limit=100, now=world.now)
    world.decide()
    world.approve()
    world.send()


def is_paid_once(world: World, email: str, *, of: str) -> None:
    world.until_true(lambda: Payout.objects.filter(state="paid").count() == 1)
    for _ in range(3):
        world.let_pass(days=1)
        pay_out(world)
        world.hear_back()
    assert destinations(world) == [email]
    assert Payout.objects.filter(state="paid").count() == 1
    assert world.told(of)["reference"] == Payout.objects.get(state="paid").number
    world.assert_books_agree()


def test_from_failure_to_paid_by_the_new_method(world: World, seller: Seller) -> None:
    seller.chooses("failed+old@example.com")
    transaction, payout = world.sold_and_approved(seller.payee)
    world.send()
    world.until("failed", of=payout)
    assert seller.default["standing"] == "needs_you"

    new = seller.chooses("new@example.com")
    payout.refresh_from_db()
    assert payout.state == "cancelled"
    assert str(PayoutMethod.objects.get(retired_at__isnull=True).pk) == new["id"]

    world.decide()
    again = world.payout(state="pending")
    assert (again.blocked_by, again.method.masked) == ("method_cooled", "n•••@example.com")
    assert world.approve().done == []
    assert seller.default["standing"] == "cooling_down"

    world.let_pass(days=3, hours=1)
    world.let_decide()
    pay_out(world)
    is_paid_once(world, "new@example.com", of=transaction)


def test_a_method_that_is_replaced_while_the_payout_is_failing(world: World, seller: Seller) -> None:
    """It was being sent when the payee changed their mind, so nobody could let it go at that moment."""
    seller.chooses("failed+old@example.com")
    transaction, payout = world.sold_and_approved(seller.payee)
    world.reread()
    with world.meanwhile("send.after_intent", lambda: seller.chooses("new@example.com")):
        world.transmit()
    world.until("failed", of=payout)

    assert mending.mend(limit=100, now=world.now) == 1
    payout.refresh_from_db()
    assert payout.state == "cancelled"
    world.let_pass(days=3, hours=1)
    pay_out(world)
    is_paid_once(world, "new@example.com", of=transaction)


@pytest.mark.parametrize("point", ["mend.before_commit", "mend.after_commit"])
def test_whoever_lets_it_go_dies_at_it(world: World, seller: Seller, point: str) -> None:
    seller.chooses("failed+old@example.com")
    transaction, payout = world.sold_and_approved(seller.payee)
    world.reread()
    with world.meanwhile("send.after_intent", lambda: seller.chooses("new@example.com")):
        world.transmit()
    world.until("failed", of=payout)
    with world.crash_at(point):
        mending.mend(limit=100, now=world.now)
    payout.refresh_from_db()
    assert payout.state == ("failed" if point == "mend.before_commit" else "cancelled")
    world.let_pass(days=3, hours=1)
    pay_out(world)
    is_paid_once(world, "new@example.com", of=transaction)


def test_a_payout_that_was_put_off_while_its_method_was_replaced(world: World, seller: Seller) -> None:
    from tests.stories.world import CREATE

    seller.chooses("old@example.com")
    transaction, payout = world.sold_and_approved(seller.payee)
    world.reread()
    world.paypal.fault("rate_limit", match={"method": "POST", "path": CREATE}, times=1)
    with world.meanwhile("send.after_intent", lambda: seller.chooses("new@example.com")):
        world.transmit()
    payout.refresh_from_db()
    assert payout.state == "approved"

    world.let_pass(minutes=5)
    world.send()  # finds out that it may not go
    assert mending.mend(limit=100, now=world.now) == 1
    payout.refresh_from_db()
    assert payout.state == "cancelled"
    world.let_pass(days=3, hours=1)
    pay_out(world)
    is_paid_once(world, "new@example.com", of=transaction)


def test_without_a_method_what_failed_waits_and_is_paid_once_there_is_one(
    world: World, seller: Seller
) -> None:
    old = seller.chooses("failed+old@example.com")
    transaction, payout = world.sold_and_approved(seller.payee)
    world.send()
    world.until("failed", of=payout)
    said = seller.api.delete(f"{ROOT}{old['id']}").json()["detail"]
    assert "90.00\N{NO-BREAK SPACE}EUR" in said
    world.decide()
    assert seller.payee.payables.get().blocked_by == "method_present"

    seller.chooses("new@example.com")
    world.let_pass(days=3, hours=1)
    pay_out(world)
    is_paid_once(world, "new@example.com", of=transaction)
