"""One PaymentIntent for a transaction, however often it is asked for, by whom at once, and whatever is lost."""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import stripe
from django.db import connections

from accounts.errors import InTheWay
from accounts.models import Marketplace
from marketplace_payouts.lib import crash_points, logs
from marketplace_payouts.lib.clock import utc_now
from marketplace_payouts.lib.money import Money
from payments import intents
from payments.intents import Offered, Wanted, offer
from payments.models import Intent
from payments.stripe.errors import StripeOff, StripeProblem, StripeRefused
from payments.stripe.making import OUR_ID
from tests import factories
from tests.sandbox_services import SandboxService

SALE = UUID("6f0b7d0e-55c1-4d8c-8d3a-0f6f5b9f3c11")
CREATE = {"method": "POST", "path": "/v1/payment_intents$"}
LOST = ["drop_after", "error_after", "html_body", "truncated_body"]


@pytest.fixture
def wanted(transactional_db: None, stripe_sandbox: SandboxService) -> Wanted:
    ours: Marketplace = factories.MarketplaceFactory.create()
    return Wanted(ours.pk, SALE, uuid4(), Money(12_000, "EUR"))


def ask(wanted: Wanted, **changes: Any) -> Offered:
    return offer(dataclasses.replace(wanted, **changes), now=utc_now())


def at_stripe(marketplace: stripe.StripeClient) -> list[stripe.PaymentIntent]:
    """All PaymentIntents that there are, the oldest first."""
    return list(marketplace.v1.payment_intents.list({"limit": 100}).data)[::-1]


def test_one_is_made_and_shown_again_with_its_secret(wanted, marketplace):
    first = ask(wanted)
    assert (first.is_new, first.status, first.amount) == (
        True,
        "requires_payment_method",
        Money(12_000, "EUR"),
    )
    again = ask(wanted)
    assert again == dataclasses.replace(first, is_new=False)
    [made] = at_stripe(marketplace)
    assert (made.id, made.client_secret) == (first.id, first.client_secret)
    assert (made.amount, made.currency, made.transfer_group) == (12_000, "eur", str(SALE))
    row = Intent.objects.get()
    assert made.metadata.to_dict() == {"flex_transaction_id": str(SALE), OUR_ID: str(row.pk)}
    assert (row.stripe_id, row.ended_at, row.changes) == (made.id, None, 0)
    assert row.next_at is not None, "the transaction is to be told"


@pytest.mark.parametrize(
    ("amount", "asked"),
    [(Money(1_200, "JPY"), 1_200), (Money(1_500, "ISK"), 150_000), (Money(12_000_00, "MGA"), 12_000)],
)
def test_stripe_counts_in_units_of_its_own(wanted, marketplace, amount, asked):
    assert ask(wanted, amount=amount).amount == amount
    assert at_stripe(marketplace)[0].amount == asked


def test_an_amount_that_stripe_cannot_count_is_refused(wanted, marketplace):
    with pytest.raises(InTheWay, match="finer than what Stripe can take"):
        ask(wanted, amount=Money(12_000_01, "MGA"))
    assert at_stripe(marketplace) == []


def test_asked_for_by_many_at_once_there_is_one(wanted, marketplace, stripe_sandbox):
    stripe_sandbox.fault("delay", seconds=0.3, match=CREATE)
    found: list[Offered] = []

    def buyer() -> None:
        try:
            found.append(ask(wanted))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=buyer) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len({(one.id, one.client_secret) for one in found}) == 1
    assert sorted(one.is_new for one in found) == [False, False, False, True]
    assert len(at_stripe(marketplace)) == 1
    assert Intent.objects.count() == 1


@pytest.mark.parametrize("lost", LOST)
def test_a_lost_answer_makes_no_second_one(wanted, marketplace, stripe_sandbox, lost):
    stripe_sandbox.fault(lost, times=1, match=CREATE)
    with pytest.raises(StripeProblem):
        ask(wanted)
    assert Intent.objects.get().stripe_id == ""
    found = ask(wanted)
    [made] = at_stripe(marketplace)
    assert (found.id, found.client_secret) == (made.id, made.client_secret)
    assert Intent.objects.get().stripe_id == made.id


@pytest.mark.parametrize("lost", ["drop_before", "rate_limit", "error_before"])
def test_what_never_reached_stripe_is_asked_again(wanted, marketplace, stripe_sandbox, lost):
    stripe_sandbox.fault(lost, times=1, match=CREATE)
    with pytest.raises(StripeProblem):
        ask(wanted)
    assert at_stripe(marketplace) == []
    assert ask(wanted).id == at_stripe(marketplace)[0].id


def test_a_lost_answer_is_asked_for_as_it_was_and_then_changed(wanted, marketplace, stripe_sandbox):
    stripe_sandbox.fault("drop_after", times=1, match=CREATE)
    with pytest.raises(StripeProblem):
        ask(wanted)
    found = ask(wanted, amount=Money(9_000, "EUR"))
    [made] = at_stripe(marketplace)
    assert (found.id, found.amount, made.amount) == (made.id, Money(9_000, "EUR"), 9_000)


def a_while_later() -> None:
    """Let so much time pass that the key is not used any more."""
    row = Intent.objects.get(ended_at=None, stripe_id="")
    row.asked_at, row.asked_last_at = utc_now() - timedelta(minutes=20), utc_now() - timedelta(minutes=3)
    row.save()


def test_when_the_key_is_too_old_stripes_list_says_what_was_made(wanted, marketplace, stripe_sandbox):
    stripe_sandbox.fault("drop_after", times=1, match=CREATE)
    with pytest.raises(StripeProblem):
        ask(wanted)
    a_while_later()
    found = ask(wanted)
    assert [one.id for one in at_stripe(marketplace)] == [found.id]
    sent = stripe_sandbox.requests()["requests"]
    assert len([one for one in sent if (one["method"], one["target"]) == ("POST", CREATE["path"][:-1])]) == 1


def test_when_the_key_is_too_old_and_nothing_was_made_another_is_taken(wanted, marketplace, stripe_sandbox):
    stripe_sandbox.fault("drop_before", times=1, match=CREATE)
    with pytest.raises(StripeProblem):
        ask(wanted)
    key = Intent.objects.get().key
    a_while_later()
    found = ask(wanted)
    assert [one.id for one in at_stripe(marketplace)] == [found.id]
    assert Intent.objects.get().key != key


def test_an_error_that_stripe_keeps_under_the_key_does_not_keep_the_buyer_for_a_day(
    wanted, marketplace, stripe_sandbox
):
    stripe_sandbox.fault("sticky_error", times=1, match=CREATE)
    for _ in range(2):
        with pytest.raises(StripeProblem):
            ask(wanted)
    a_while_later()
    found = ask(wanted)
    assert found.id in {one.id for one in at_stripe(marketplace)}
    assert ask(wanted).id == found.id


def test_what_stripe_refuses_keeps_nobody_from_another_amount(wanted, marketplace):
    with pytest.raises(StripeRefused) as refused:
        ask(wanted, amount=Money(1, "EUR"))
    assert refused.value.code == "amount_too_small"
    row = Intent.objects.get()
    assert (row.asked, row.stripe_id) == ({}, "")
    assert "amount_too_small" not in row.error
    assert "at least" in row.error
    assert ask(wanted).is_new
    assert [one.amount for one in at_stripe(marketplace)] == [12_000]


def test_a_total_that_changed_changes_it(wanted, marketplace):
    first = ask(wanted)
    for units in (15_000, 12_000, 15_000):
        found = ask(wanted, amount=Money(units, "EUR"))
        assert (found.id, found.client_secret) == (first.id, first.client_secret)
        [made] = at_stripe(marketplace)
        assert made.amount == units
    row = Intent.objects.get()
    assert (int(row.units), row.changes) == (15_000, 3)
    assert ask(wanted, amount=Money(15_000, "USD")).amount.currency == "USD"
    assert at_stripe(marketplace)[0].currency == "usd"


@pytest.mark.parametrize("lost", [*LOST, "drop_before"])
def test_a_change_whose_answer_is_lost_is_made(wanted, marketplace, stripe_sandbox, lost):
    first = ask(wanted)
    stripe_sandbox.fault(lost, times=1, match={"method": "POST", "path": f"/v1/payment_intents/{first.id}$"})
    with pytest.raises(StripeProblem):
        ask(wanted, amount=Money(15_000, "EUR"))
    assert ask(wanted, amount=Money(15_000, "EUR")).id == first.id
    assert [one.amount for one in at_stripe(marketplace)] == [15_000]


@pytest.mark.parametrize("status", ["processing", "succeeded"])
def test_what_is_being_paid_is_not_changed_any_more(wanted, marketplace, stripe_sandbox, status):
    first = ask(wanted)
    stripe_sandbox.post("/_sandbox/fate", {"reference": first.id, "status": status})
    assert ask(wanted).status == status
    with pytest.raises(InTheWay) as refused:
        ask(wanted, amount=Money(15_000, "EUR"))
    assert refused.value.code == "amount_changed"
    assert [one.amount for one in at_stripe(marketplace)] == [12_000]


def test_paid_between_our_look_and_our_change(wanted, marketplace):
    first = ask(wanted)

    def pay(point: str) -> None:
        if point == "stripe_intent.before_change":
            confirm(marketplace, first.id)

    crash_points.install(pay)
    try:
        with pytest.raises(InTheWay) as refused:
            ask(wanted, amount=Money(15_000, "EUR"))
    finally:
        crash_points.install(None)
    assert refused.value.code == "amount_changed"
    assert [one.amount_received for one in at_stripe(marketplace)] == [12_000]


def test_what_was_given_up_has_another_put_in_its_place(wanted, marketplace):
    first = ask(wanted)
    marketplace.v1.payment_intents.cancel(first.id)
    second = ask(wanted)
    assert second.is_new
    assert second.id != first.id
    assert [one.status for one in at_stripe(marketplace)] == ["canceled", "requires_payment_method"]
    assert intents.of([SALE])[SALE].stripe_id == second.id
    assert ask(wanted).id == second.id


def test_the_buyers_customer_is_attached_also_later(wanted, marketplace):
    customer = marketplace.v1.customers.create({"email": "buyer@example.com"})
    assert ask(wanted, customer=customer.id).id
    [made] = at_stripe(marketplace)
    assert made.customer == customer.id
    other = dataclasses.replace(wanted, transaction_id=uuid4())
    ask(other)
    ask(other, customer=customer.id)
    assert [one.customer for one in at_stripe(marketplace)] == [customer.id, customer.id]


def test_another_payment_in_its_place_is_not_given_out(wanted, marketplace):
    first = ask(wanted)
    stranger: Any = {"metadata": {"flex_transaction_id": str(uuid4())}}
    marketplace.v1.payment_intents.update(first.id, stranger)
    with pytest.raises(StripeProblem, match="another payment"):
        ask(wanted)


def test_an_amount_that_stripe_shows_otherwise_is_not_given_out(wanted, stripe_sandbox):
    stripe_sandbox.fault("wrong_echo", match={"path": "/v1/payment_intents"})
    with pytest.raises(StripeProblem):
        ask(wanted)


def test_without_a_key_nothing_is_done(wanted, settings):
    settings.STRIPE = settings.STRIPE | {"secret_key": ""}
    with pytest.raises(StripeOff):
        ask(wanted)


def test_the_secret_is_neither_stored_nor_logged(wanted, caplog):
    with caplog.at_level(logging.DEBUG):
        found = ask(wanted)
        ask(wanted, amount=Money(15_000, "EUR"))
    assert "_secret_" in found.client_secret
    assert found.client_secret not in repr(found)
    assert found.client_secret not in str(Intent.objects.values_list())
    assert found.client_secret not in str([row.__dict__ for row in Intent.objects.all()])
    assert found.client_secret not in logs.hide(caplog.text)


@pytest.fixture
def dying() -> Iterator[Any]:
    """Have the process die at a crash point."""

    class Died(BaseException):
        pass

    def at(point: str) -> Any:
        def hook(name: str) -> None:
            if name == point:
                raise Died

        crash_points.install(hook)
        return pytest.raises(Died)

    yield at
    crash_points.install(None)


MAKING = [
    "stripe_intent.after_row",
    "stripe_make.before_commit",
    "stripe_make.after_commit",
    "stripe_make.before_call",
    "stripe_make.after_call",
    "stripe_intent.after_record",
]


@pytest.mark.parametrize("point", MAKING)
def test_whoever_dies_making_it_leaves_one(wanted, marketplace, dying, point):
    with dying(point):
        ask(wanted)
    crash_points.install(None)
    found = ask(wanted)
    assert [one.id for one in at_stripe(marketplace)] == [found.id]
    assert Intent.objects.get().next_at is not None


@pytest.mark.parametrize("point", ["stripe_intent.before_change", "stripe_intent.after_change"])
def test_whoever_dies_changing_it_leaves_one(wanted, marketplace, dying, point):
    first = ask(wanted)
    with dying(point):
        ask(wanted, amount=Money(15_000, "EUR"))
    crash_points.install(None)
    assert ask(wanted, amount=Money(15_000, "EUR")).id == first.id
    assert [one.amount for one in at_stripe(marketplace)] == [15_000]


def test_whoever_dies_giving_one_up_is_followed_by_another(wanted, marketplace, dying):
    first = ask(wanted)
    marketplace.v1.payment_intents.cancel(first.id)
    with dying("stripe_intent.after_end"):
        ask(wanted)
    crash_points.install(None)
    assert ask(wanted).status == "requires_payment_method"
    assert len(at_stripe(marketplace)) == 2


def test_every_point_of_ours_is_died_at():
    points = {point for point in crash_points.POINTS if point.startswith("stripe_intent.")}
    changing = {"stripe_intent.before_change", "stripe_intent.after_change", "stripe_intent.after_end"}
    assert points == {point for point in MAKING if point.startswith("stripe_intent.")} | changing


def confirm(client: stripe.StripeClient, intent: str) -> None:
    """Have the buyer pay."""
    client.v1.payment_intents.confirm(intent, {"payment_method": "pm_card_visa"})
