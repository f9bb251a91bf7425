"""What Stripe's word about a seller changes reaches subscribers, Sharetribe, and payouts that waited for it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Payee, User
from marketplace_payouts.lib import crypto
from marketplace_payouts.lib.clock import utc_now
from marketplace_payouts.lib.ids import uuid7
from payments.models import Seller
from payouts import approval, gates, seller_news
from payouts.models import OutboxMessage, Payout, State, WebhookMessage
from payouts.subscriptions import subscribing
from tests import factories


@pytest.fixture
def payee(db: None) -> Payee:
    """A payee by Stripe, who logs in."""
    user = User.objects.create(email="seller@market.example")
    payee = factories.PayeeFactory.create(user=user)
    mark = crypto.fingerprint(f"stripe:{account_of(payee)}")
    factories.MethodFactory.create(payee=payee, provider="stripe", fingerprint=mark)
    return payee


@pytest.fixture
def _subscriber(db: None, settings: Any) -> None:
    """The marketplace's server wants to hear of verified sellers."""
    by = factories.StaffFactory.create(roles=["engineer"])
    subscribing.add(
        by=by, url="https://shop.example/h", description="Shop", types=["seller.verified"], now=utc_now()
    )


def account_of(payee: Payee) -> str:
    """The payee's account at Stripe."""
    return f"acct_{payee.pk.hex}"


def stands(payee: Payee, state: str, *, at: Any = None) -> Seller:
    """Have Stripe's last word about the payee be this, and be news."""
    at = at or utc_now()
    verified = state == "verified"
    seller, _ = Seller.objects.update_or_create(
        user=payee.user,
        defaults={
            "kind": "express",
            "country": "DE",
            "stripe_id": account_of(payee),
            "state": state,
            "verified_at": at if verified else None,
            "verification": uuid7() if verified else None,
            "news_at": at,
        },
    )
    return seller


def pass_on() -> int:
    return seller_news.pass_on(limit=10, now=utc_now())


def verified_news() -> list[Any]:
    return list(WebhookMessage.objects.filter(type="seller.verified").values_list("subject", flat=True))


@pytest.mark.usefixtures("_subscriber")
def test_a_verified_seller_is_told_once(payee):
    stands(payee, "verified")
    assert pass_on() == 1
    assert pass_on() == 0
    assert verified_news() == [payee.pk]
    Seller.objects.update(news_at=utc_now())  # passed on once more, by whoever died before it was noted
    assert pass_on() == 1
    assert verified_news() == [payee.pk]


@pytest.mark.usefixtures("_subscriber")
def test_each_verification_is_news_and_losing_it_is_not(payee):
    for state in ("verified", "wanted", "verified"):
        stands(payee, state)
        pass_on()
    assert verified_news() == [payee.pk] * 2


def test_sharetribe_is_told_either_way(payee):
    for count, state in enumerate(("verified", "wanted"), start=1):
        stands(payee, state)
        pass_on()
        assert OutboxMessage.objects.filter(kind="tell_user", subject=payee.pk).count() == count


@pytest.mark.usefixtures("_subscriber")
def test_nobody_is_told_of_whoever_is_no_payee(payee):
    stands(payee, "verified")
    Payee.objects.update(user=None)
    assert pass_on() == 1
    assert verified_news() == []
    assert not OutboxMessage.objects.filter(kind="tell_user").exists()
    assert not Seller.objects.filter(news_at__isnull=False).exists()


def answer(payout: Payout) -> gates.GateAnswer:
    """What the gate says of a payout."""
    answers = gates.explain([payout.pk], now=utc_now())[payout.pk]
    return next(one for one in answers if one.gate == seller_news.GATE)


def test_a_payout_to_another_account_than_the_payees_present_one_waits(payee):
    payout = factories.PayoutFactory.create(payee=payee, provider="stripe")
    stands(payee, "verified")
    assert answer(payout).passed
    Seller.objects.update(stripe_id="acct_AnotherOne")
    assert not answer(payout).passed
    assert "present one" in answer(payout).sentence


def test_a_payout_by_stripe_waits_for_the_verification_and_is_woken_by_it(payee):
    payout = factories.PayoutFactory.create(payee=payee, provider="stripe")
    Payout.objects.update(next_at=utc_now() - timedelta(minutes=1))
    assert not answer(payout).passed
    approval.decide(limit=10, now=utc_now())
    payout.refresh_from_db()
    assert (payout.state, payout.blocked_by) == (State.PENDING, "stripe_verified")
    assert "not verified" in payout.reason or "not verified" in answer(payout).sentence
    assert "Stripe has to verify you" in answer(payout).for_payee
    asleep = utc_now() + timedelta(hours=1)
    Payout.objects.update(next_at=asleep)
    stands(payee, "pending")
    pass_on()
    payout.refresh_from_db()
    assert payout.next_at == asleep
    stands(payee, "verified")
    pass_on()
    payout.refresh_from_db()
    assert payout.next_at is not None
    assert payout.next_at < asleep
    assert answer(payout).passed
    approval.decide(limit=10, now=utc_now())
    payout.refresh_from_db()
    assert payout.state == State.AWAITING_APPROVAL
    stands(payee, "restricted")
    assert not answer(payout).passed


def test_methods_of_others_do_not_depend_on_it(payee):
    other = factories.PayeeFactory.create()
    assert answer(factories.PayoutFactory.create(payee=other)).passed


def test_passing_on_many_takes_no_more_statements(db):
    counts = []
    for number in (1, 3):
        for _ in range(number):
            payee = factories.PayeeFactory.create(user=User.objects.create(email=f"{uuid7()}@x.example"))
            stands(payee, "verified")
        with CaptureQueriesContext(connection) as seen:
            assert pass_on() == number
        counts.append(len(seen))
    assert counts[0] == counts[1]
