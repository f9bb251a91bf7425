"""A person has one customer at Stripe, whatever happens twice, at once, by half, or without an answer."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction

from marketplace_payouts.lib import crash_points
from marketplace_payouts.lib.clock import utc_now
from marketplace_payouts.lib.shared_state import InTransaction
from payments import buyers, reading
from payments.models import Buyer
from payments.stripe.errors import StripeOff, StripeRefused, StripeUnavailable
from tests.payments.conftest import asked, at_once, event, somebody

CUSTOMERS = "/v1/customers"
ADDRESS = {"line1": "Hafenstr. 7", "city": "Hamburg", "postal_code": "20459", "country": "DE"}


def customers(marketplace):
    """All customers at Stripe, the newest first."""
    return [one.to_dict() for one in marketplace.v1.customers.list({"limit": 100}).data]


# ----------------------------------------------------------------------------------------------- as it should be


def test_nobody_is_a_customer_before_it_is_needed(minh, stripe_sandbox, marketplace):
    assert buyers.find(user=minh) is None
    assert stripe_sandbox.requests()["requests"] == []


def test_the_first_time_makes_a_customer_with_what_we_know(minh, marketplace):
    buyer = buyers.put(user=minh, given={})
    [customer] = customers(marketplace)
    assert (customer["id"], customer["email"], customer["name"]) == (
        buyer.stripe_id,
        "minh@market.example",
        "Minh Tran",
    )
    assert customer["metadata"] == {
        "marketplace_payouts_id": str(buyer.pk),
        "sharetribe_user_id": str(minh.payee.flex_user_id),
    }
    assert buyers.find(user=minh) == buyer


def test_what_is_given_is_set_and_what_is_left_out_stays(minh, marketplace):
    first = buyers.put(
        user=minh, given={"email": "m@x.example", "phone": "+49401", "address": ADDRESS, "name": "M"}
    )
    second = buyers.put(
        user=minh,
        given={"phone": None, "shipping": {"name": "Dung", "phone": None, "address": ADDRESS}},
    )
    [customer] = customers(marketplace)
    assert first.stripe_id == second.stripe_id == customer["id"]
    assert (customer["email"], customer["name"], customer["phone"]) == ("m@x.example", "M", None)
    assert customer["shipping"]["address"]["city"] == "Hamburg"
    assert second.shown["address"] == {**ADDRESS, "line2": None, "state": None}
    assert second.shown["shipping"]["name"] == "Dung"
    assert buyers.put(user=minh, given={"address": None}).shown["address"] is None


def test_a_payment_method_is_kept_and_becomes_the_default(minh, marketplace):
    buyer = buyers.put(user=minh, given={"payment_method": "pm_card_visa"})
    method = buyer.shown["payment_method"]
    assert (method["brand"], method["last4"]) == ("visa", "4242")
    assert marketplace.v1.payment_methods.retrieve(method["id"]).customer == buyer.stripe_id
    again = buyers.put(user=minh, given={"payment_method": method["id"]})
    assert again.shown["payment_method"] == method
    other = buyers.put(user=minh, given={"payment_method": "pm_card_mastercard"})
    assert other.shown["payment_method"]["brand"] == "mastercard"
    assert buyers.put(user=minh, given={"payment_method": None}).shown["payment_method"] is None


@pytest.mark.parametrize("card", ["pm_no_such_card", "pm_card_chargeDeclined"])
def test_a_card_that_stripe_does_not_take_changes_nothing(minh, marketplace, card):
    buyers.put(user=minh, given={"payment_method": "pm_card_visa", "name": "Minh"})
    with pytest.raises(StripeRefused) as refused:
        buyers.put(user=minh, given={"payment_method": card, "name": "Other"})
    assert refused.value.param == "payment_method"
    [customer] = customers(marketplace)
    assert customer["name"] == "Minh"
    buyer = buyers.find(user=minh)
    assert buyer is not None
    assert buyer.shown["payment_method"]["brand"] == "visa"


def test_a_card_that_the_browser_kept_already_becomes_the_default(minh, marketplace):
    customer = buyers.put(user=minh, given={}).stripe_id
    card = marketplace.v1.payment_methods.attach("pm_card_visa", {"customer": customer}).id
    assert buyers.put(user=minh, given={"payment_method": card}).shown["payment_method"]["id"] == card


def test_the_card_of_another_buyer_is_refused(minh, marketplace):
    card = buyers.put(user=minh, given={"payment_method": "pm_card_visa"}).shown["payment_method"]["id"]
    ada = somebody("ada@market.example")
    with pytest.raises(StripeRefused) as refused:
        buyers.put(user=ada, given={"payment_method": card})
    assert refused.value.param == "payment_method"
    buyer = buyers.find(user=minh)
    assert buyer is not None
    assert marketplace.v1.payment_methods.retrieve(card).customer == buyer.stripe_id


def test_two_people_are_two_customers(minh, marketplace):
    other = somebody("ada@market.example")
    assert buyers.put(user=minh, given={}).stripe_id != buyers.put(user=other, given={}).stripe_id
    assert len(customers(marketplace)) == 2


def test_one_who_was_deleted_at_stripe_is_made_anew(minh, marketplace):
    first = buyers.put(user=minh, given={"payment_method": "pm_card_visa"})
    marketplace.v1.customers.delete(first.stripe_id)
    for given in ({"phone": "+49402"}, {}, {"payment_method": "pm_card_visa"}):
        before = buyers.find(user=minh)
        buyer = buyers.put(user=minh, given=given)
        assert before is not None
        assert buyer.stripe_id != before.stripe_id
        assert buyer.shown["email"] == "minh@market.example"
        assert [one["id"] for one in customers(marketplace)] == [buyer.stripe_id]
        marketplace.v1.customers.delete(buyer.stripe_id)


def test_without_a_key_nothing_is_begun(minh, settings):
    settings.STRIPE = settings.STRIPE | {"secret_key": ""}
    with pytest.raises(StripeOff):
        buyers.put(user=minh, given={})
    assert not Buyer.objects.exists()


def test_stripe_is_never_asked_within_a_transaction(minh, stripe_sandbox):
    with pytest.raises(InTransaction), transaction.atomic():
        buyers.put(user=minh, given={})
    assert stripe_sandbox.requests()["requests"] == []


# ------------------------------------------------------------------------------------------------ at once, or lost


def test_two_calls_at_once_make_one_customer(minh, marketplace, stripe_sandbox):
    stripe_sandbox.fault("delay", seconds=0.3, match={"method": "POST", "path": CUSTOMERS})
    given = [{"phone": f"+4940{n}"} for n in range(5)]
    results = at_once(*(lambda one=one: buyers.put(user=minh, given=one) for one in given))
    assert [type(one) for one in results] == [Buyer] * 5
    [customer] = customers(marketplace)
    assert {one.stripe_id for one in results} == {customer["id"]}
    assert len(asked(stripe_sandbox, CUSTOMERS, method="POST")) == 1
    assert customer["phone"] in {one["phone"] for one in given}
    assert Buyer.objects.get().shown["phone"] == customer["phone"]


LOST = [
    "drop_before",
    "drop_after",
    "error_before",
    "error_after",
    "html_body",
    "truncated_body",
    "in_progress",
]


@pytest.mark.parametrize("kind", LOST)
def test_a_lost_answer_makes_no_second_one(minh, marketplace, stripe_sandbox, kind):
    terms = {"status": 500} if kind.startswith("error") else {}
    stripe_sandbox.fault(kind, times=1, match={"method": "POST", "path": CUSTOMERS}, **terms)
    if kind == "in_progress":
        buyers.put(user=minh, given={})  # it only takes its time
    else:
        with pytest.raises(StripeUnavailable):
            buyers.put(user=minh, given={})
    # Whatever is known of the person by now: the first request is asked for again, word for word.
    minh.payee.email = "other@market.example"
    minh.payee.save()
    buyer = buyers.put(user=minh, given={"name": "Another"})
    [customer] = customers(marketplace)
    assert (buyer.stripe_id, customer["name"]) == (customer["id"], "Another")


def test_a_card_whose_answer_was_lost_is_kept(minh, stripe_sandbox, marketplace):
    customer = buyers.put(user=minh, given={}).stripe_id
    card = marketplace.v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}}).id
    stripe_sandbox.fault("drop_after", times=1, match={"path": f"/v1/payment_methods/{card}/attach"})
    with pytest.raises(StripeUnavailable):
        buyers.put(user=minh, given={"payment_method": card})
    assert marketplace.v1.payment_methods.retrieve(card).customer == customer
    assert buyers.put(user=minh, given={"payment_method": card}).shown["payment_method"]["id"] == card


@pytest.mark.parametrize("kind", ["drop_after", "error_after", "html_body"])
def test_a_lost_answer_to_a_change_is_asked_for_again(minh, marketplace, stripe_sandbox, kind):
    buyer = buyers.put(user=minh, given={})
    stripe_sandbox.fault(kind, times=1, match={"method": "POST", "path": f"{CUSTOMERS}/{buyer.stripe_id}"})
    with pytest.raises(StripeUnavailable):
        buyers.put(user=minh, given={"phone": "+49403"})
    assert buyers.put(user=minh, given={"phone": "+49403"}).shown["phone"] == "+49403"
    assert len(customers(marketplace)) == 1


def age(**delta: float) -> None:
    """Let the key of the only buyer have been used so long ago."""
    then = utc_now() - timedelta(**delta)
    Buyer.objects.update(asked_at=then, asked_last_at=then)


def test_one_made_longer_ago_than_the_key_is_good_for_is_found(minh, marketplace, stripe_sandbox):
    stripe_sandbox.fault("drop_after", times=1, match={"method": "POST", "path": CUSTOMERS})
    with pytest.raises(StripeUnavailable):
        buyers.put(user=minh, given={})
    [made] = customers(marketplace)
    # It stands on the second page of those made at about that time.
    for number in range(101):
        marketplace.v1.customers.create({"email": f"{number}@market.example"})
    age(minutes=9)
    Buyer.objects.update(asked_at=utc_now() - timedelta(minutes=16))
    before = len(asked(stripe_sandbox, CUSTOMERS, method="POST"))
    assert buyers.put(user=minh, given={}).stripe_id == made["id"]
    assert len(asked(stripe_sandbox, CUSTOMERS, method="POST")) == before


def test_one_that_was_never_made_is_made_under_another_key(minh, marketplace, stripe_sandbox):
    stripe_sandbox.fault("drop_before", times=1, match={"method": "POST", "path": CUSTOMERS})
    with pytest.raises(StripeUnavailable):
        buyers.put(user=minh, given={})
    key = Buyer.objects.get().key
    age(days=2)
    assert buyers.put(user=minh, given={}).key != key
    assert len(customers(marketplace)) == 1


def test_an_error_that_stripe_keeps_does_not_last_for_a_day(minh, marketplace, stripe_sandbox):
    stripe_sandbox.fault("sticky_error", times=1, match={"method": "POST", "path": CUSTOMERS}, when="before")
    for _ in range(2):
        with pytest.raises(StripeUnavailable):
            buyers.put(user=minh, given={})
    then = utc_now() - timedelta(minutes=16)
    Buyer.objects.update(asked_at=then)
    # The last call may still be under way at Stripe: nobody knows yet.
    with pytest.raises(StripeUnavailable, match="two minutes"):
        buyers.put(user=minh, given={})
    age(minutes=16)
    assert buyers.put(user=minh, given={}).stripe_id
    assert len(customers(marketplace)) == 1


POINTS = sorted(
    point for point in crash_points.POINTS if point.partition(".")[0] in ("stripe_make", "stripe_buyer")
)
POINTS += ["stripe_people.before_commit", "stripe_people.after_commit"]


@pytest.mark.parametrize("point", POINTS)
def test_whoever_dies_anywhere_leaves_nothing_double(minh, marketplace, dying, point):
    given = {"payment_method": "pm_card_visa", "phone": "+49404"}
    with dying(point):
        buyers.put(user=minh, given=given)
    buyer = buyers.put(user=minh, given={"phone": "+49404"})
    [customer] = customers(marketplace)
    assert customer["id"] == buyer.stripe_id
    assert (customer["email"], customer["phone"]) == ("minh@market.example", "+49404")


# ---------------------------------------------------------------------------------------------------- webhooks


def test_what_changes_at_stripe_is_read_again(minh, marketplace, deliver):
    buyer = buyers.put(user=minh, given={})
    marketplace.v1.customers.update(buyer.stripe_id, {"phone": "+49405"})
    about = {"id": buyer.stripe_id, "object": "customer", "phone": "a lie"}
    assert deliver(event("customer.updated", about)) == 200
    assert reading.read_again(limit=10, now=utc_now()) == 1
    buyer.refresh_from_db()
    assert (buyer.shown["phone"], buyer.next_at) == ("+49405", None)
    assert reading.read_again(limit=10, now=utc_now()) == 0
    marketplace.v1.customers.delete(buyer.stripe_id)
    deliver(event("customer.deleted", about))
    reading.read_again(limit=10, now=utc_now())
    assert buyers.find(user=minh) is None


def test_of_two_readings_the_one_that_began_later_counts(minh, marketplace):
    buyer = buyers.put(user=minh, given={"phone": "+49406"})
    old = reading.ask(buyer)
    buyers.put(user=minh, given={"phone": "+49407"})
    reading.record(Buyer, [old])
    buyer.refresh_from_db()
    assert buyer.shown["phone"] == "+49407"
