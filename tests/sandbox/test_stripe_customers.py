"""Customers: made, changed, found, deleted."""

from __future__ import annotations

import time

import pytest

from tests.sandbox.stripe_api import happened, stripe
from tests.sandbox_services import SandboxService

pytestmark = pytest.mark.usefixtures("patient_stripe")


def test_is_made_and_changed():
    made = stripe.Customer.create(
        email="anna@example.com",
        name="Anna",
        address={"city": "Berlin"},
        metadata={"user": "u-1", "old": "x"},
    )
    assert (made.address.city, made.address.country) == ("Berlin", None)
    changed = stripe.Customer.modify(made.id, phone="+49", email="", metadata={"old": "", "new": "y"})
    assert (changed.name, changed.phone, changed.email) == ("Anna", "+49", None)
    assert changed.metadata.to_dict() == {"user": "u-1", "new": "y"}
    assert stripe.Customer.modify(made.id, metadata="").metadata.to_dict() == {}
    event = stripe.Event.list(type="customer.updated").data[-1]
    assert event.data.previous_attributes["email"] == "anna@example.com"
    assert "name" not in event.data.previous_attributes


def test_with_a_card_that_is_none_is_not_made():
    with pytest.raises(stripe.InvalidRequestError):
        stripe.Customer.create(name="Anna", payment_method="pm_nothing")
    assert stripe.Customer.list().data == []
    made = stripe.Customer.create(name="Anna", payment_method="pm_card_visa")
    assert len(stripe.PaymentMethod.list(customer=made.id).data) == 1


def test_shows_the_default_card_to_those_who_ask_for_it():
    made = stripe.Customer.create(name="Anna")
    card = stripe.PaymentMethod.attach("pm_card_visa", customer=made.id)
    path = "invoice_settings.default_payment_method"
    shown = stripe.Customer.modify(
        made.id, invoice_settings={"default_payment_method": card.id}, expand=[path]
    )
    assert shown.invoice_settings.default_payment_method.card.last4 == "4242"
    # To the next one who looks it is the id again.
    assert stripe.Customer.retrieve(made.id).invoice_settings.default_payment_method == card.id


def test_a_change_that_changes_nothing_is_no_event():
    made = stripe.Customer.create(name="Anna")
    stripe.Customer.modify(made.id, name="Anna")
    assert happened() == ["customer.created"]


def test_is_deleted_and_stays_so():
    made = stripe.Customer.create(email="anna@example.com")
    assert stripe.Customer.delete(made.id).deleted
    assert stripe.Customer.retrieve(made.id).deleted
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        stripe.Customer.modify(made.id, name="Anna")
    assert stripe.Customer.list(email="anna@example.com").data == []
    assert happened()[-1] == "customer.deleted"


def test_is_listed_by_address_and_time(patient_stripe: SandboxService):
    first = stripe.Customer.create(email="anna@example.com")
    patient_stripe.advance(100)
    second = stripe.Customer.create(email="anna@example.com")
    stripe.Customer.create(email="other@example.com")
    assert [one.id for one in stripe.Customer.list(email="anna@example.com").data] == [second.id, first.id]
    assert [one.id for one in stripe.Customer.list(created={"lt": second.created}).data] == [first.id]
    assert stripe.Customer.list(created={"gt": int(time.time()) + 1000}).data == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("email:'anna@example.com'", "a"),
        ('email~"EXAMPLE.com"', "ab"),
        ("metadata['user']:'u-2'", "b"),
        ("metadata['user']:'u-2' OR name:\"Anna O'Neil\"", "ab"),
        ("email~'example' -name:'Ben'", "a"),
        ("-metadata['user']:null", "ab"),
        ("created>0 AND phone:null", "abc"),
        ("created<5", ""),
        ("name:'nobody'", ""),
    ],
)
def test_is_found(query: str, found: str):
    made = {
        "a": stripe.Customer.create(email="anna@example.com", name="Anna O'Neil", metadata={"user": "u-1"}),
        "b": stripe.Customer.create(email="ben@example.com", name="Ben", metadata={"user": "u-2"}),
        "c": stripe.Customer.create(name="Carl"),
    }
    expected = {made[letter].id for letter in found}
    assert {one.id for one in stripe.Customer.search(query=query).data} == expected


def test_a_search_has_pages():
    for _ in range(5):
        stripe.Customer.create(name="Anna")
    found = stripe.Customer.search(query="name:'Anna'", limit=2)
    assert len(list(found.auto_paging_iter())) == 5


@pytest.mark.parametrize(
    "query",
    ["", "name", "name:Anna", "name:'a' AND", "a:'1' AND b:'2' OR c:'3'", "metadata:'x'", "name['a']:'b'"],
)
def test_a_search_that_cannot_be_read_is_refused(query: str):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stripe.Customer.search(query=query)
    assert refused.value.param == "query"


def test_what_is_new_may_not_be_found_yet(patient_stripe: SandboxService):
    stripe.Customer.create(name="Anna")
    patient_stripe.fault("search_late", seconds=30)
    assert stripe.Customer.search(query="name:'Anna'").data == []
    patient_stripe.advance(31)
    assert len(stripe.Customer.search(query="name:'Anna'").data) == 1
