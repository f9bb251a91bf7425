"""Buyers and sellers at Stripe: its webhooks come by themselves, before or after its answers, and the rest follows."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import requests
import stripe
from django.core.cache import cache

from accounts.models import Payee
from flexsync import identity
from marketplace_payouts.lib import crypto
from marketplace_payouts.lib.clock import utc_now
from marketplace_payouts.lib.ids import uuid7
from payments import reading, sellers
from payments.models import Seller, StripeDelivery
from payments.stripe import endpoints, syncing
from payouts import gates, outbox, seller_news
from payouts.models import OutboxMessage, WebhookMessage
from payouts.subscriptions import subscribing
from tests import factories
from tests.api_client import Api, SharetribeUser
from tests.payments.conftest import at_once
from tests.sandbox_services import SandboxService

BACK = {"return_url": "https://market.example/back", "refresh_url": "https://market.example/again"}


class Town:
    """Sharetribe, Stripe, our web server that Stripe's webhooks reach, and somebody who buys and sells."""

    def __init__(self, flex: SandboxService, at_stripe: SandboxService) -> None:
        self.flex, self.stripe = flex, at_stripe
        self.anna = SharetribeUser(flex, email="anna@market.example")
        self.books = stripe.StripeClient(
            at_stripe.credentials["secret_key"],
            base_addresses={"api": at_stripe.url},
            http_client=stripe.RequestsClient(),
        )

    def session(self) -> Api:
        """Have Anna log in."""
        return self.anna.session()

    def account(self) -> dict[str, Any]:
        """Anna's account, as we show it to her."""
        Seller.objects.update(read_at=utc_now() - timedelta(minutes=1))
        shown: dict[str, Any] = self.session().get("/api/v1/seller").json()
        return shown

    def open_account(self) -> str:
        """Have Anna ask for an account; gives its id."""
        made = self.session().post("/api/v1/seller", {"country": "DE"})
        assert made.status_code in (200, 201), made.content
        return str(made.json()["account"])

    def work(self) -> None:
        """Run the stages as often as something moves."""
        OutboxMessage.objects.filter(next_at__isnull=False).update(next_at=utc_now())
        now = utc_now() + timedelta(seconds=1)
        while sum(
            (
                syncing.sync(limit=100, now=now),
                reading.read_again(limit=100, now=now),
                seller_news.pass_on(limit=100, now=now),
                outbox.tell(limit=100, now=now),
            )
        ):
            pass

    def until(self, is_true: Callable[[], bool], *, seconds: float = 15.0) -> None:
        """Work until something holds: webhooks take their time."""
        end = time.monotonic() + seconds
        while not is_true():
            assert time.monotonic() < end, "It never came true."
            time.sleep(0.05)
            self.work()

    def told(self) -> Any:
        """What Anna's Sharetribe user says of her."""
        shown = self.flex.post(f"/_sandbox/users/{self.anna.id}", {})
        return shown["attributes"]["profile"]["metadata"]

    def news(self) -> list[str]:
        """What subscribers are told of."""
        return list(WebhookMessage.objects.order_by("happened_at").values_list("type", flat=True))


@pytest.fixture
def town(
    flex_sandbox: SandboxService, stripe_sandbox: SandboxService, live_server: Any, settings: Any
) -> Town:
    """Open for business; Stripe sends its webhooks to us."""
    cache.clear()
    settings.PUBLIC_URL = live_server.url
    settings.STRIPE_SELLERS = settings.STRIPE_SELLERS | {"return_origins": ["https://market.example"]}
    identity.confirm()
    list(endpoints.register(now=utc_now()))
    by = factories.StaffFactory.create(roles=["engineer"])
    subscribing.add(
        by=by, url="https://shop.example/h", description="Shop", types=["seller.verified"], now=utc_now()
    )
    return Town(flex_sandbox, stripe_sandbox)


def test_a_webhook_that_comes_before_the_answer(town: Town) -> None:
    fault = town.stripe.fault("webhook_early", match={"method": "POST", "path": "/v1/accounts"})
    account = town.open_account()
    early = StripeDelivery.objects.filter(account=account, kind="account.updated").earliest("received_at")
    seller = Seller.objects.get()
    assert seller.read_at is not None
    assert early.received_at < seller.created_at + timedelta(seconds=30)
    assert town.stripe.get("/_sandbox/faults")["faults"][0]["hits"] == 1, fault
    town.until(lambda: not StripeDelivery.objects.filter(state="new").exists())
    assert town.account()["state"] == "incomplete"
    # Whoever it was about was not known when it came; so it was read once more anyway.
    assert Seller.objects.get().next_at is None


def test_verified_by_stripe_before_we_know_of_the_account(town: Town) -> None:
    """The answer is lost, Stripe's webhooks come, and only then does the seller ask again."""
    town.stripe.fault("drop_after", times=1, match={"method": "POST", "path": "/v1/accounts"})
    lost = town.session().post("/api/v1/seller", {"country": "DE"})
    assert lost.status_code == 503
    [account] = town.books.v1.accounts.list().data
    town.stripe.post("/_sandbox/fate", {"reference": account.id, "status": "verified"})
    town.until(lambda: StripeDelivery.objects.filter(account=account.id).count() >= 2)
    town.work()
    assert Seller.objects.get().stripe_id == ""
    assert town.open_account() == account.id
    town.until(lambda: town.told().get("sellerVerified") is True)
    assert town.news() == ["seller.verified"]


def fill_in(link: str) -> str:
    """Fill in Stripe's form in a browser, and give where it leads."""
    form = requests.get(link, timeout=10)
    chosen = {"action": "continue", "business_type": "individual"}
    requests.post(form.url, data=chosen, allow_redirects=False, timeout=10)
    page = requests.get(form.url, timeout=10).text
    fields = dict(re.findall(r'<input id="[^"]+" name="([^"]+)" value="([^"]*)"', page))
    fields |= {"tos_acceptance": "yes", "action": "submit"}
    answer = requests.post(form.url, data=fields, allow_redirects=False, timeout=10)
    return str(answer.headers["Location"])


def test_an_account_that_is_verified_then_not_then_again(town: Town) -> None:
    account = town.open_account()
    town.work()
    assert town.told().get("sellerVerified") is None
    link = town.session().post("/api/v1/seller/onboarding", BACK).json()["url"]
    assert fill_in(link) == BACK["return_url"]
    town.until(lambda: town.told().get("sellerVerified") is True)
    assert town.account()["verified"]
    assert town.news() == ["seller.verified"]
    payee = Payee.objects.get(flex_user_id=town.anna.id)
    assert payee.user is not None
    assert sellers.standing(payee.user).may_be_offered
    mark = crypto.fingerprint(f"stripe:{account}")
    factories.MethodFactory.create(payee=payee, provider="stripe", fingerprint=mark)
    owed = factories.PayableFactory.create(payee=payee, source=None, origin="staff", trigger=None)

    def passes() -> bool:
        answers = gates.explain_payables([owed.pk], now=utc_now())[owed.pk]
        return next(one.passed for one in answers if one.gate == "stripe_verified")

    assert passes()
    # Stripe asks for a document at once, and takes its capabilities away.
    town.stripe.post("/_sandbox/fate", {"reference": account, "status": "restricted"})
    town.until(lambda: town.told().get("sellerVerified") is False)
    shown = town.account()
    assert (shown["state"], shown["verified"]) == ("wanted", False)
    assert [one["overdue"] for one in shown["required"]] == [True]
    assert not passes()
    # An event from before comes once more: it says where to look, and nothing else.
    events = town.books.v1.events.list({"type": "account.updated"}, {"stripe_account": account}).data
    assert events
    town.stripe.post("/_sandbox/fate", {"reference": account, "status": "verified"})
    town.until(lambda: town.told().get("sellerVerified") is True)
    assert passes()
    assert town.news() == ["seller.verified"] * 2


def test_an_account_whose_owner_leaves(town: Town) -> None:
    account = town.open_account()
    town.stripe.post("/_sandbox/fate", {"reference": account, "status": "verified"})
    town.until(lambda: town.told().get("sellerVerified") is True)
    town.stripe.post("/_sandbox/fate", {"reference": account, "status": "deauthorized"})
    town.until(lambda: town.told().get("sellerVerified") is False)
    assert town.account()["state"] == "gone"
    assert town.open_account() != account


def test_other_words_of_the_user_are_left_alone(town: Town) -> None:
    words = {"vip": True, "note": str(uuid7())}
    town.flex.post(f"/_sandbox/users/{town.anna.id}", {"profile": {"metadata": words}})
    account = town.open_account()
    town.stripe.post("/_sandbox/fate", {"reference": account, "status": "verified"})
    town.until(lambda: town.told().get("sellerVerified") is True)
    assert words.items() <= town.told().items()


def test_the_same_buyer_twice_at_once(town: Town) -> None:
    town.stripe.fault("delay", seconds=0.3, match={"method": "POST", "path": "/v1/customers"})
    api = town.session()
    answers: list[Any] = at_once(
        *(
            lambda phone=phone: api.call("PUT", "/api/v1/buyer", {"phone": phone})
            for phone in ("+491", "+492")
        )
    )
    assert [answer.status_code for answer in answers] == [200, 200]
    [customer] = town.books.v1.customers.list().data
    assert {answer.json()["customer"] for answer in answers} == {customer.id}
    town.until(lambda: not StripeDelivery.objects.filter(state="new").exists())
    assert api.get("/api/v1/buyer").json()["phone"] == customer.phone
