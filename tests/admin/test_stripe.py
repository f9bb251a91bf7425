"""Stripe's pages: read-only for every role, without a secret, and one act for whoever may replay."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.urls import reverse
from djstripe import models

from payments.models import Buyer, Seller, StripeDelivery
from tests.admin.test_pages import MODELS, addresses

STRIPE = [model for model in MODELS if getattr(admin.site._registry[model], "section", "") == "Stripe"]


def test_only_these_of_dj_stripe_s_tables_have_pages():
    assert {model._meta.object_name for model in STRIPE} == {
        "Account",
        "Buyer",
        "Charge",
        "Customer",
        "Dispute",
        "FirstListing",
        "PaymentIntent",
        "Payout",
        "Refund",
        "Seller",
        "StripeDelivery",
        "Transfer",
        "WebhookEndpoint",
    }


@pytest.mark.parametrize("table", ["apikey", "webhookeventtrigger", "event", "idempotencykey"])
def test_keys_and_raw_requests_have_none(as_role, everything, table):
    client = as_role("engineer")
    assert client.get(f"/admin/djstripe/{table}/").status_code == 404
    assert client.get(f"/admin/djstripe/{table}/add/").status_code == 404


def test_no_secret_and_nothing_private_is_shown(as_role, everything):
    client = as_role("engineer")
    for model in STRIPE:
        for url in addresses(model):
            assert b"never-shown" not in client.get(url).content, url


def test_a_seller_s_page_says_what_is_wanted_and_leads_to_stripe(as_role, everything):
    page = as_role("viewer").get(addresses(Seller)[1]).content.decode()
    assert "Your date of birth. Overdue." in page
    assert "A bank account to be paid to." in page
    assert "https://dashboard.stripe.com/test/connect/accounts/acct_1" in page
    assert (
        "https://dashboard.stripe.com/test/customers/cus_1"
        in as_role("viewer").get(addresses(Buyer)[1]).content.decode()
    )


def test_the_part_of_an_address_that_nobody_can_guess_is_not_shown(as_role, everything):
    row = models.WebhookEndpoint.objects.get()
    row.url = f"https://payouts.example.com/stripe/webhook/{row.djstripe_uuid}/"
    row.save()
    client = as_role("viewer")
    for url in addresses(models.WebhookEndpoint):
        page = client.get(url).content.decode()
        assert str(row.djstripe_uuid) not in page
        assert f"/stripe/webhook/{str(row.djstripe_uuid)[:8]}…/" in page


def test_what_was_given_up_stands_on_the_first_page_until_it_is_taken_up(as_role, everything, settings):
    label = b"Events of Stripe&#x27;s that wait or were given up"
    row = StripeDelivery.objects.get()
    engineer = as_role("engineer")
    assert label in engineer.get("/admin/").content
    assert (
        str(row.pk).encode()
        in engineer.get(reverse("admin:payments_stripedelivery_changelist") + "?person_after=yes").content
    )
    act = reverse("admin:payments_stripedelivery_act", args=["work_off_again"])
    asked = engineer.post(act, {"ids": str(row.pk)})
    assert b"Read what the event is about from Stripe again" in asked.content
    engineer.post(act, {"ids": str(row.pk), "confirmed": "1"})
    row.refresh_from_db()
    assert (row.state, row.tries, row.worked_at) == ("new", 0, None)
    assert row.next_at is not None
    assert label not in engineer.get("/admin/").content
    assert as_role("operator").post(act, {"ids": str(row.pk)}).status_code == 403


def test_what_is_done_is_not_done_again(as_role, everything):
    StripeDelivery.objects.update(state="applied", person_after=None)
    act = reverse("admin:payments_stripedelivery_act", args=["work_off_again"])
    pk = StripeDelivery.objects.get().pk
    as_role("engineer").post(act, {"ids": str(pk), "confirmed": "1"})
    assert StripeDelivery.objects.get().state == "applied"


def test_a_key_without_webhooks_is_a_thing_to_set_up(as_role, everything, settings):
    label = b"Stripe has no webhooks here"
    client = as_role("viewer")
    models.WebhookEndpoint.objects.all().delete()
    assert label not in client.get("/admin/").content
    settings.STRIPE = settings.STRIPE | {"secret_key": "sk_test_" + "x" * 24}
    assert label in client.get("/admin/").content
