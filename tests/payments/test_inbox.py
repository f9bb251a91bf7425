"""Stripe's webhooks are taken in verified and at once; whoever is not Stripe leaves nothing behind."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import get_resolver, reverse
from djstripe import models, views

from payments.models import StripeDelivery
from payments.stripe.events import EVENTS, Endpoint
from payouts import doors
from tests import network
from tests.payments.conftest import event, secret_of, states


def nothing_was_kept() -> bool:
    """Whether whoever came left no row anywhere."""
    tables = (StripeDelivery, models.WebhookEventTrigger, models.Event)
    return not any(table.objects.exists() for table in tables)


def test_an_event_is_stored_once_and_nothing_is_read_from_stripe(deliver, stripe_sandbox):
    before = stripe_sandbox.requests()["total"]
    one = event("account.updated", {"id": "acct_1", "object": "account"}, account="acct_1")
    for _ in range(3):
        assert deliver(one, at=Endpoint.CONNECT) == 200
    row = StripeDelivery.objects.get()
    assert (row.event_id, row.kind, row.account, row.object_id) == (
        one["id"],
        one["type"],
        "acct_1",
        "acct_1",
    )
    assert (row.state, row.next_at, row.tries) == ("new", row.received_at, 0)
    assert json.loads(row.body) == one
    assert stripe_sandbox.requests()["total"] == before
    assert not models.Event.objects.exists()


def test_stripe_may_be_away(deliver, settings):
    settings.STRIPE = settings.STRIPE | {"api_host": "http://127.0.0.1:9"}
    assert deliver(event("customer.created")) == 200
    assert states() == ["new"]


def test_the_web_process_needs_no_key(deliver, settings):
    settings.STRIPE = settings.STRIPE | {"secret_key": ""}
    assert deliver(event("customer.created")) == 200


@pytest.mark.parametrize(
    ("why", "options"),
    [
        ("another's secret", {"secret": "whsec_" + "0" * 32}),
        ("no signature", {"HTTP_STRIPE_SIGNATURE": ""}),
        ("no time", {"HTTP_STRIPE_SIGNATURE": "v1=00"}),
        ("rubbish", {"HTTP_STRIPE_SIGNATURE": "t=now,v1=é,,=,v0=1"}),
        ("of long ago", {"ago": 301}),
    ],
)
def test_whoever_is_not_stripe_leaves_nothing_behind(deliver, why, options):
    assert deliver(event("customer.created"), **options) == 400, why
    assert nothing_was_kept()


def test_an_event_of_a_moment_ago_is_taken(deliver):
    assert deliver(event("customer.created"), ago=290) == 200


def test_the_secret_of_one_endpoint_opens_no_other(deliver, registered):
    other = secret_of(registered[Endpoint.CONNECT])
    assert deliver(event("customer.created"), secret=other) == 400


def test_a_secret_in_a_header_opens_nothing_even_with_debug(deliver, settings):
    """dj-stripe's own view would take the header's secret for the endpoint's."""
    settings.DEBUG = True
    forged = "whsec_of_a_forger"
    assert deliver(event("customer.created"), secret=forged, HTTP_X_DJSTRIPE_WEBHOOK_SECRET=forged) == 400
    assert nothing_was_kept()


def test_no_address_leads_to_dj_stripe_s_own_view():
    found = [
        getattr(one.callback, "view_class", one.callback)
        for one in get_resolver().url_patterns
        if hasattr(one, "callback")
    ]
    assert views.ProcessWebhookView not in found
    assert doors.stripe_webhook in found
    assert reverse("stripe_webhook", args=[uuid4()]).startswith("/stripe/webhook/")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"\xff\xfe",
        b'{"id": 1, "type": "a.b", "object": "event"}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_event_is_refused_though_it_is_signed(deliver, body):
    assert deliver(body) == 400
    assert nothing_was_kept()


def test_a_body_that_is_too_large_is_not_read(deliver, registered):
    large = b"x" * (doors.LARGEST_STRIPE_BODY + 1)
    assert deliver(large) == 413
    # Nor where its length is a lie.
    assert deliver(large, CONTENT_LENGTH="10") == 400
    just_fits = event(
        "customer.created", {"id": "cus_1", "object": "customer", "description": "x" * 1_000_000}
    )
    assert deliver(just_fits) == 200


def test_nobody_listens_anywhere_else(client, registered):
    assert (
        client.post(f"/stripe/webhook/{uuid4()}/", b"{}", content_type="application/json").status_code == 404
    )
    assert client.get(f"/stripe/webhook/{registered[Endpoint.PLATFORM]}/").status_code == 405
    assert client.post("/stripe/webhook/1/", b"{}", content_type="application/json").status_code == 404


def test_stripe_needs_no_cookie(deliver, registered):
    import stripe

    body = json.dumps(event("customer.created"))
    signature = stripe.WebhookSignature.generate_signature_header(
        body, secret_of(registered[Endpoint.PLATFORM])
    )
    strict = Client(enforce_csrf_checks=True)
    address = f"/stripe/webhook/{registered[Endpoint.PLATFORM]}/"
    answer = strict.post(address, body, content_type="application/json", HTTP_STRIPE_SIGNATURE=signature)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (event("invoice.paid", {"id": "in_1", "object": "invoice"}), "depends on it"),
        (event("what.stripe.invents.next.year"), "depends on it"),
        (event("customer.created", livemode=True), "other mode"),
        (event("customer.created", livemode=None), "other mode"),
        (
            {
                "id": "evt_thin",
                "object": "v2.core.event",
                "type": "v2.core.account[requirements].updated",
                "livemode": False,
                "created": "2026-11-30T09:00:00.000Z",
                "related_object": {
                    "id": "acct_1",
                    "type": "v2.core.account",
                    "url": "/v2/core/accounts/acct_1",
                },
            },
            "thin event",
        ),
    ],
)
def test_what_nothing_depends_on_is_kept_and_left_alone(deliver, one, why):
    assert deliver(one) == 200
    row = StripeDelivery.objects.get()
    assert (row.state, row.next_at, row.person_after) == ("ignored", None, None)
    assert why in row.error
    assert row.body


def test_a_strange_clock_and_strange_objects_are_survived(deliver):
    stranger: list[dict[str, Any]] = [
        {"created": 10**30},
        {"created": "now"},
        {"data": None},
        {"data": {"object": "x"}},
    ]
    for n, strange in enumerate(stranger):
        assert deliver(event("customer.created") | {"id": f"evt_{n}"} | strange) == 200
    assert StripeDelivery.objects.filter(happened_at=None).count() == 2
    assert StripeDelivery.objects.filter(object_id="").count() == 2


def test_every_event_that_is_heard_is_one_that_dj_stripe_knows():
    from djstripe.signals import WEBHOOK_SIGNALS

    assert EVENTS.keys() <= WEBHOOK_SIGNALS.keys()
    assert all(WEBHOOK_SIGNALS[kind].receivers for kind in EVENTS)
    assert not network.refused
