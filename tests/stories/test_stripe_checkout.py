"""From a buyer's card to the seller's payout, and what follows when the money goes back: told by Stripe, or by a system
of the marketplace's own. Everything is heard over the wire."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import stripe
from django.core.cache import cache
from django_q.models import OrmQ

from accounts.models import Payee
from flexsync import poller
from marketplace_payouts.lib.clock import utc_now
from payments.models import Intent, PaymentIn
from payments.stripe import catching_up, syncing
from payouts import stages
from payouts.models import Payable, Payout
from tests.api_client import MarketplaceServer, SharetribeUser
from tests.payments.conftest import marketplace as marketplace
from tests.sandbox_services import SandboxService
from tests.stories.test_refunds import decide
from tests.stories.world import PROCESS, World

INTENTS = "/api/v1/payments/intents"
EVENTS = "/api/v1/payments/events"
CONFIRM = "transition/operator-confirm-payment"


class Shop:
    """The world, and a buyer in it."""

    def __init__(self, world: World, client: stripe.StripeClient, sandbox: SandboxService) -> None:
        self.world, self.client, self.sandbox = world, client, sandbox
        self.buyer = SharetribeUser(world.flex)
        self.server = MarketplaceServer.with_key()[0]

    def orders(self, seller: Payee) -> str:
        """Have the buyer order something of 100.00."""
        return self.world.sale(seller, customer=str(self.buyer.id), state="state/pending-payment")

    def prepares(self, order: str) -> str:
        """Have the buyer's browser ask for the payment."""
        answer = self.buyer.session().post(INTENTS, {"transaction_id": order})
        assert answer.status_code in (200, 201), answer.content
        return str(answer.json()["id"])

    def pays(self, intent: str, card: str = "pm_card_visa") -> None:
        """Have the buyer give a card."""
        try:
            self.client.v1.payment_intents.confirm(intent, {"payment_method": card})
        except stripe.CardError:
            assert card != "pm_card_visa"

    def tells(self, order: str, outcome: str, units: int, reference: str) -> None:
        """Have the marketplace's server tell of its own payment system."""
        said = {
            "origin": "local-gateway",
            "transaction_id": order,
            "outcome": outcome,
            "amount": {"units": str(units), "currency": "EUR"},
            "reference": reference,
            "happened_at": utc_now().isoformat(),
        }
        answer = self.server.post(EVENTS, said)
        assert answer.status_code == 200, answer.content

    def learns(self) -> None:
        """Hear from Stripe and Sharetribe, understand it and tell it."""
        catching_up.catch_up(since=utc_now() - timedelta(hours=1), now=utc_now(), everybody=False)
        while syncing.sync(limit=100, now=utc_now()):
            pass
        poller.poll(limit_seconds=0, now=self.world.now)
        self.world.understand()
        self.world.tell()

    def sells(self, order: str) -> Payout:
        """Have it delivered and received, and the seller paid."""
        for step in ("mark-delivered", "mark-received"):
            self.world.transition(order, step)
        self.world.decide()
        self.world.approve()
        self.world.send()
        payout = self.world.payout(state__in=("submitted", "paid"))
        self.world.until("paid", of=payout)
        return payout

    def payment(self, order: str) -> dict[str, Any]:
        """What the transaction says of its payment."""
        value: dict[str, Any] = self.world.truth(order)["metadata"].get("payment", {})
        return value


@pytest.fixture
def shop(world: World, marketplace: stripe.StripeClient, stripe_sandbox: SandboxService) -> Shop:
    cache.clear()
    world.switch_on(PROCESS, payment_transitions=[])
    return Shop(world, marketplace, stripe_sandbox)


def test_a_card_moves_the_transaction_and_pays_the_seller(shop: Shop) -> None:
    world = shop.world
    order = shop.orders(world.seller())
    intent = shop.prepares(order)
    assert Intent.objects.get().next_at is not None, "Sharetribe has not told us of the transaction yet"
    shop.learns()
    shown = shop.payment(order)
    assert (shown["status"], shown["intent"]) == ("pending", intent)
    assert world.truth(order)["state"] == "state/pending-payment"

    shop.pays(intent, "pm_card_visa_chargeDeclined")
    shop.learns()
    assert shop.payment(order)["status"] == "failed"
    assert shop.prepares(order) == intent, "another card"
    shop.pays(intent)
    shop.learns()
    truth = world.truth(order)
    assert (truth["state"], truth["last_transition"]) == ("state/purchased", CONFIRM)
    shown = shop.payment(order)
    assert (shown["status"], shown["intent"]) == ("succeeded", intent)
    assert shown.keys() == {"status", "at", "intent"}, "both parties can read it"

    shop.sells(order)
    assert world.moved() == {"EUR": 9_000}
    assert set(PaymentIn.objects.values_list("origin", flat=True)) == {"stripe"}
    world.assert_books_agree()


def test_nobody_is_paid_for_what_nobody_paid(shop: Shop) -> None:
    world = shop.world
    order = shop.orders(world.seller())
    shop.prepares(order)
    shop.learns()
    # Somebody in Console moves it on, though no money came.
    for step in ("operator-confirm-payment", "mark-delivered", "mark-received"):
        world.transition(order, step)
    world.decide()
    assert not Payout.objects.exists()
    assert Payable.objects.get().blocked_by == "payment_received"


Goes = Callable[[Shop, str, int], None]


def refunded_at_stripe(shop: Shop, order: str, units: int) -> None:
    intent = Intent.objects.get(transaction_id=order).stripe_id
    shop.client.v1.refunds.create({"payment_intent": intent, "amount": units})


def charged_back_at_stripe(shop: Shop, order: str, units: int) -> None:
    intent = Intent.objects.get(transaction_id=order).stripe_id
    asked = {"reference": intent, "units": units, "reason": "fraudulent"}
    shop.sandbox.post("/_sandbox/dispute", asked)
    shop.sandbox.post("/_sandbox/fate", {"reference": intent, "status": "dispute_lost"})


def refunded_elsewhere(shop: Shop, order: str, units: int) -> None:
    shop.tells(order, "refunded", units, f"re-{uuid4()}")


def charged_back_elsewhere(shop: Shop, order: str, units: int) -> None:
    shop.tells(order, "disputed", units, f"case-{order}")
    shop.tells(order, "charged_back", units, f"case-{order}")


@pytest.mark.parametrize(
    ("by_stripe", "refund", "charge_back"),
    [
        (True, refunded_at_stripe, charged_back_at_stripe),
        (False, refunded_elsewhere, charged_back_elsewhere),
    ],
    ids=["Stripe", "their own"],
)
def test_refunded_and_charged_back_after_the_payout(
    shop: Shop, by_stripe: bool, refund: Goes, charge_back: Goes
) -> None:
    world, seller = shop.world, shop.world.seller()
    order = shop.orders(seller)
    if by_stripe:
        shop.pays(shop.prepares(order))
    else:
        shop.tells(order, "succeeded", 10_000, "pay-1")
    shop.learns()
    payout = shop.sells(order)
    assert payout.debt_units == 9_000

    refund(shop, order, 3_000)
    shop.learns()
    assert shop.payment(order)["status"] == "partly_refunded"
    assert [int(row.units) for row in Payable.objects.filter(purpose="loss")] == [-2_700]
    decide(world, "write_off")

    charge_back(shop, order, 7_000)
    shop.learns()
    assert shop.payment(order)["status"] == "charged_back"
    waiting = Payable.objects.filter(purpose="loss", waits_for="clawback", settled="")
    assert [int(row.units) for row in waiting] == [-6_300]
    assert world.balance(f"receivable:{seller.pk}") == 6_300
    assert Payout.objects.count() == 1
    world.assert_books_agree()

    # The next sale pays for it, once two people have said so.
    decide(world, "net")
    world.switch_on(PROCESS, requires_payment=False)
    world.sale(seller, price=20_000)
    world.decide()
    last = world.payout(state="awaiting_approval")
    assert last.debt_units == 18_000 - 6_300
    world.approve(last)
    world.send()
    world.until("paid", of=last)
    assert world.balance(f"receivable:{seller.pk}") == 0
    world.assert_books_agree()


def test_told_by_both_it_counts_as_one_payment_each(shop: Shop) -> None:
    """Two payments of different systems are two payments: the buyer paid twice, and the seller is paid once."""
    world = shop.world
    order = shop.orders(world.seller())
    shop.pays(shop.prepares(order))
    shop.tells(order, "succeeded", 10_000, "pay-1")
    shop.learns()
    shop.sells(order)
    assert world.moved() == {"EUR": 9_000}
    world.assert_books_agree()


def test_one_call_for_work_leads_all_the_way(shop: Shop) -> None:
    """A webhook calls for the stage that hears of Stripe; what that leaves to an earlier one is called for in turn."""
    world = shop.world
    order = shop.orders(world.seller())
    poller.poll(limit_seconds=0, now=world.now)
    intent = shop.prepares(order)
    assert stages.is_waiting("count"), "the transaction is to be told what it is paid by"
    stages.work(seconds=20, start="count")
    assert shop.payment(order)["intent"] == intent
    assert not stages.is_waiting("count")

    shop.pays(intent)
    catching_up.catch_up(since=utc_now() - timedelta(hours=1), now=utc_now(), everybody=False)
    OrmQ.objects.all().delete()
    stages.work(seconds=20, start="stripe")
    called = [queued.task["args"] for queued in OrmQ.objects.all()]
    assert ("count",) in called
    stages.work(seconds=20, start="count")
    assert world.truth(order)["state"] == "state/purchased"
    OrmQ.objects.all().delete()
    stages.work(seconds=20, start="stripe")
    assert not OrmQ.objects.exists(), "there is nothing left to call for"


def test_a_webhook_before_the_answer(shop: Shop) -> None:
    """Stripe tells of a payment whose making we have not recorded: it counts all the same, and there is one."""
    world = shop.world
    order = shop.orders(world.seller())
    shop.sandbox.fault("drop_after", times=1, match={"method": "POST", "path": "/v1/payment_intents$"})
    answer = shop.buyer.session().post(INTENTS, {"transaction_id": order})
    assert answer.status_code == 503
    [made] = shop.client.v1.payment_intents.list().data
    shop.pays(made.id)
    shop.learns()
    assert shop.payment(order)["status"] == "succeeded"
    assert world.truth(order)["state"] == "state/purchased"
    assert len(shop.client.v1.payment_intents.list().data) == 1
