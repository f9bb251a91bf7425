"""A buyer asks for the payment of their own transaction, and can name nothing but that."""

from __future__ import annotations

import threading
from typing import Any
from uuid import UUID, uuid4

import pytest
import stripe
from django.core.cache import cache
from django.db import connections

from accounts.models import Marketplace
from payments.models import Intent
from payouts.models import Process
from tests.api_client import Api, MarketplaceServer, SharetribeUser
from tests.payments.conftest import marketplace as marketplace
from tests.sandbox_services import SandboxService
from tests.stories.world import PROCESS, World

INTENTS = "/api/v1/payments/intents"
PENDING = "state/pending-payment"


@pytest.fixture
def buyer(world: World, stripe_sandbox: SandboxService) -> SharetribeUser:
    cache.clear()
    return SharetribeUser(world.flex, email="buyer@market.example")


@pytest.fixture
def order(world: World, buyer: SharetribeUser) -> str:
    """A transaction of the buyer's that waits for its payment."""
    return ordered(world, buyer)


def ordered(world: World, buyer: SharetribeUser, **more: Any) -> str:
    sale = {"customer": str(buyer.id), "state": PENDING, **more}
    return world.sale(world.seller(f"seller-{uuid4()}@example.com", method=False), **sale)


def ask(api: Api, transaction: object, **more: Any) -> Any:
    return api.post(INTENTS, {"transaction_id": str(transaction), **more})


def problem(answer: Any) -> tuple[int, str, str | None]:
    [one] = answer.json()["errors"]
    return answer.status_code, one["code"], one["field"]


def test_the_amount_is_what_sharetribe_says(buyer, order, marketplace):
    answer = ask(buyer.session(), order)
    assert answer.status_code == 201, answer.content
    shown = answer.json()
    assert shown["amount"] == {"units": "10000", "currency": "EUR", "exponent": 2}
    assert (shown["transaction_id"], shown["status"]) == (order, "requires_payment_method")
    [made] = marketplace.v1.payment_intents.list().data
    assert (made.id, made.client_secret, made.amount, made.currency) == (
        shown["id"],
        shown["client_secret"],
        10_000,
        "eur",
    )
    assert made.metadata["flex_transaction_id"] == order
    assert Intent.objects.get().buyer_id == buyer.id
    again = ask(buyer.session(), order)
    assert (again.status_code, again.json()) == (200, shown)
    assert answer["Cache-Control"] == "no-store"


def test_two_at_once_get_the_same(buyer, order, marketplace):
    answers: list[Any] = []
    apis = [buyer.session(), buyer.session()]

    def press(api: Api) -> None:
        try:
            answers.append(ask(api, order))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=press, args=(api,)) for api in apis]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.status_code for one in answers) == [200, 201]
    assert answers[0].json() == answers[1].json()
    assert len(marketplace.v1.payment_intents.list().data) == 1


def test_a_total_that_changed_changes_it(world, buyer, order, marketplace):
    first = ask(buyer.session(), order).json()
    world.flex.post(f"/_sandbox/transactions/{order}/lines", {"refund": {"amount": 2_500}})
    total = world.truth(order)["payin_total"]["amount"]
    assert total != 10_000
    second = ask(buyer.session(), order).json()
    assert second == first | {"amount": {"units": str(total), "currency": "EUR", "exponent": 2}}
    assert [one.amount for one in marketplace.v1.payment_intents.list().data] == [total]


# ----------------------------------------------------------------------------------------- what is not theirs


def nothing_was_made(client: stripe.StripeClient) -> bool:
    return not client.v1.payment_intents.list().data and not Intent.objects.exists()


def test_another_buyers_transaction_is_not_there(world, buyer, order, marketplace):
    thief = SharetribeUser(world.flex)
    assert problem(ask(thief.session(), order)) == (404, "not_found", None)
    assert problem(ask(thief.session(), uuid4())) == (404, "not_found", None), "nobody is told which"
    assert nothing_was_made(marketplace)
    # Nor when there is a payment to be had.
    ask(buyer.session(), order)
    assert problem(ask(thief.session(), order)) == (404, "not_found", None)


def test_the_seller_of_a_transaction_is_not_its_buyer(world, buyer, order, marketplace):
    seller = UUID(world.truth(order)["provider"])
    server = MarketplaceServer.with_key()[0]
    assert problem(ask(server.session_for(seller), order)) == (404, "not_found", None)
    assert nothing_was_made(marketplace)


@pytest.mark.parametrize(
    "named",
    [
        {"amount": {"units": "1", "currency": "EUR"}},
        {"amount": 1},
        {"currency": "VND"},
        {"customer": "cus_1"},
        {"buyer": str(uuid4())},
        {"sharetribe_user_id": str(uuid4())},
        {"marketplace_id": str(uuid4())},
    ],
    ids=lambda named: next(iter(named)),
)
def test_nothing_but_the_transaction_can_be_named(buyer, order, marketplace, named):
    [field] = named
    assert problem(ask(buyer.session(), order, **named)) == (400, "unknown_field", field)
    assert nothing_was_made(marketplace)


@pytest.mark.parametrize("body", [None, {}, {"transaction_id": "17"}, {"transaction_id": None}, [], "x"])
def test_what_is_no_transaction_is_refused(buyer, marketplace, body):
    assert buyer.session().post(INTENTS, body).status_code == 400
    assert nothing_was_made(marketplace)


def test_a_transaction_of_another_marketplace_is_not_there(world, buyer, marketplace, start_sandbox):
    elsewhere = start_sandbox("flex")
    theirs = SharetribeUser(elsewhere)
    seller = elsewhere.post("/_sandbox/users", {})
    asked = {
        "process": PROCESS,
        "provider": seller["id"],
        "customer": str(theirs.id),
        "price": 1_000,
        "currency": "EUR",
        "state": PENDING,
    }
    foreign = elsewhere.post("/_sandbox/transactions", asked)["id"]
    assert problem(ask(buyer.session(), foreign)) == (404, "not_found", None)
    # Their own token is none of ours.
    assert ask(theirs.api(), foreign).status_code == 401
    assert nothing_was_made(marketplace)


def test_an_operator_logged_in_as_the_buyer_pays_nothing(buyer, order, marketplace):
    assert problem(ask(buyer.session(as_operator=True), order))[:2] == (403, "read_only_impersonated")
    assert nothing_was_made(marketplace)


def test_neither_the_server_nor_nobody_is_a_buyer(buyer, order, marketplace):
    server = MarketplaceServer.with_key()[0]
    assert problem(server.post(INTENTS, {"transaction_id": order}))[:2] == (403, "people_only")
    assert ask(Api(), order).status_code == 401
    assert nothing_was_made(marketplace)


# ------------------------------------------------------------------------------------ what awaits no payment


@pytest.mark.parametrize("state", ["state/inquiry", "state/purchased", "state/received", "state/canceled"])
def test_what_does_not_wait_for_a_payment_gets_none(world, buyer, marketplace, state):
    order = ordered(world, buyer, state=state)
    status, code, _ = problem(ask(buyer.session(), order))
    assert status == 409
    assert code in ("not_awaiting_payment", "nothing_to_pay")
    assert nothing_was_made(marketplace)


def test_an_order_that_expired_gets_none(world, buyer, order, marketplace):
    world.transition(order, "expire-payment")
    assert problem(ask(buyer.session(), order))[0] == 409
    assert nothing_was_made(marketplace)


def test_what_sharetribe_could_not_confirm_just_now_gets_none(world, buyer, order, marketplace):
    """No rule of ours says so: the transition that confirms the payment belongs to another state."""
    elsewhere = {"succeeded": "transition/operator-mark-delivered"}
    moved = {"process": Process.objects.get(name=PROCESS).pk, "payment_moves": elsewhere}
    world.second("process_set", moved)
    before = world.truth(order)
    assert problem(ask(buyer.session(), order))[:2] == (409, "not_awaiting_payment")
    assert world.truth(order) == before, "it was asked for, and not made"
    assert nothing_was_made(marketplace)


def test_without_a_confirming_transition_our_rules_alone_say(world, buyer, order):
    world.second("process_set", {"process": Process.objects.get(name=PROCESS).pk, "payment_moves": {}})
    assert ask(buyer.session(), order).status_code == 201
    world.transition(order, "operator-confirm-payment")
    assert problem(ask(buyer.session(), order))[:2] == (409, "not_awaiting_payment")


@pytest.mark.parametrize("process", ["default-purchase", "default-booking"])
def test_what_is_paid_through_sharetribes_own_stripe_gets_none(world, buyer, marketplace, process):
    order = ordered(world, buyer, process=process, state=PENDING)
    assert problem(ask(buyer.session(), order))[:2] == (409, "not_paid_here")
    assert nothing_was_made(marketplace)


def test_what_is_recorded_as_paid_elsewhere_is_not_paid_twice(world, buyer, order, marketplace):
    world.buyer(order, "failed", 10_000)
    assert ask(buyer.session(), order).status_code == 201
    world.buyer(order, "succeeded", 10_000, origin="paypal-checkout")
    assert problem(ask(buyer.session(), order))[:2] == (409, "already_paid")


def test_a_currency_whose_decimals_nobody_confirmed_is_not_charged(world, buyer, order, marketplace):
    Marketplace.objects.update(exponents_confirmed_at=None)
    assert problem(ask(buyer.session(), order))[:2] == (503, "amount_unclear")
    assert nothing_was_made(marketplace)


# ---------------------------------------------------------------------------------------------------- trouble


def test_while_sharetribe_is_silent_nothing_is_prepared(world, buyer, order, marketplace):
    api = buyer.session()
    world.flex.fault("error_before", status=503, match={"path": "/v1/integration_api/transactions/show"})
    assert problem(ask(api, order))[:2] == (503, "sharetribe_unavailable")
    assert nothing_was_made(marketplace)


def test_while_stripe_is_silent_the_buyer_is_told_to_come_back(buyer, order, stripe_sandbox, marketplace):
    fault = stripe_sandbox.fault("drop_after", match={"path": "/v1/payment_intents"})
    answer = ask(buyer.session(), order)
    assert problem(answer)[:2] == (503, "stripe_unavailable")
    assert "Retry-After" in answer
    stripe_sandbox.delete(f"/_sandbox/faults/{fault}")
    assert ask(buyer.session(), order).status_code == 201
    assert len(marketplace.v1.payment_intents.list().data) == 1


def test_what_stripe_refuses_is_said(world, buyer, marketplace):
    order = ordered(world, buyer, price=1)
    assert problem(ask(buyer.session(), order))[:2] == (400, "stripe_refused")


def test_without_stripe_there_is_none(buyer, order, settings):
    settings.STRIPE = settings.STRIPE | {"secret_key": ""}
    assert problem(ask(buyer.session(), order))[:2] == (503, "stripe_off")


def test_no_call_is_made_within_a_transaction_and_few_are_made(world, buyer, order, stripe_sandbox):
    api = buyer.session()
    before = len(world.flex.requests()["requests"])
    ask(api, order)
    paths = [one["target"].partition("?")[0] for one in world.flex.requests()["requests"][before:]]
    assert sorted(path.rpartition("integration_api/")[2] for path in paths) == [
        "transactions/show",
        "transactions/transition_speculative",
    ]
    assert [one["method"] for one in stripe_sandbox.requests()["requests"]] == ["POST"]
