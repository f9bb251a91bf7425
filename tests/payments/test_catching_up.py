"""Even if no webhook ever came, everything that happened at Stripe would be known."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from djstripe import models

from marketplace_payouts.lib.clock import utc_now
from payments.models import StripeDelivery
from payments.stripe import catching_up
from payments.stripe.errors import StripeUnavailable
from payments.stripe.events import Endpoint
from payouts import tasks
from tests.payments.conftest import event, states, work_off

pytestmark = pytest.mark.usefixtures("registered")


def catch_up(*, hours: int = 6, everybody: bool = True) -> int:
    """Ask for what is missing."""
    now = utc_now()
    return catching_up.catch_up(since=now - timedelta(hours=hours), now=now, everybody=everybody)


def connected(marketplace: Any) -> Any:
    """Make a connected account."""
    terms: Any = {"country": "US", "type": "express", "capabilities": {"transfers": {"requested": True}}}
    return marketplace.v1.accounts.create(terms)


def test_what_no_webhook_brought_is_taken_in(marketplace):
    customer = marketplace.v1.customers.create({"email": "buyer@example.com"})
    marketplace.v1.customers.update(customer.id, {"name": "Minh"})
    assert catch_up() == 2
    assert sorted(StripeDelivery.objects.values_list("kind", "object_id")) == [
        ("customer.created", customer.id),
        ("customer.updated", customer.id),
    ]
    assert work_off() == 2
    assert models.Customer.objects.get().name == "Minh"
    assert catch_up() == 0


def test_what_a_webhook_brought_is_not_taken_in_twice(marketplace, deliver):
    marketplace.v1.customers.create({"email": "buyer@example.com"})
    (there,) = marketplace.v1.events.list({"type": "customer.created"}).data
    assert deliver(there.to_dict()) == 200
    assert catch_up() == 0
    assert states() == ["new"]


def test_connected_accounts_that_we_know_are_asked_too(marketplace, deliver):
    seller, stranger = connected(marketplace), connected(marketplace)
    deliver(event("account.updated", seller, account=seller.id), at=Endpoint.CONNECT)
    work_off()
    for one in (seller, stranger):
        marketplace.v1.accounts.update(one.id, {"metadata": {"a": "b"}})
    assert catch_up(everybody=False) == 0
    assert catch_up() > 0
    brought = StripeDelivery.objects.filter(state="new")
    assert set(brought.values_list("account", flat=True)) == {seller.id}
    work_off()
    assert models.Account.objects.get(id=seller.id).metadata == {"a": "b"}
    assert not StripeDelivery.objects.exclude(state="applied").exists()


def test_an_account_that_left_is_passed_over(marketplace, deliver, stripe_sandbox):
    seller = connected(marketplace)
    deliver(event("account.updated", seller, account=seller.id), at=Endpoint.CONNECT)
    work_off()
    stripe_sandbox.post("/_sandbox/fate", {"reference": seller.id, "status": "deauthorized"})
    marketplace.v1.customers.create({"email": "buyer@example.com"})
    assert catch_up() == 1


def test_only_what_is_heard_is_taken_in(marketplace):
    marketplace.v1.payment_intents.create({"amount": 100, "currency": "usd"})  # payment_intent.created
    assert [one.type for one in marketplace.v1.events.list().data] == ["payment_intent.created"]
    assert catch_up() == 0
    assert states() == []


def test_what_is_older_is_left(marketplace, stripe_sandbox):
    marketplace.v1.customers.create({"email": "buyer@example.com"})
    now = utc_now() + timedelta(days=1)
    assert catching_up.catch_up(since=now, now=now, everybody=True) == 0


def test_stripe_being_away_is_said(stripe_sandbox):
    stripe_sandbox.fault("error_before", status=503)
    with pytest.raises(StripeUnavailable):
        catch_up()


def test_it_comes_round_by_itself(marketplace):
    marketplace.v1.customers.create({"email": "buyer@example.com"})
    tasks.ask_stripe()
    assert states() == ["new"]
    tasks.ask_stripe_of_everybody()
    assert states() == ["new"]


def test_without_a_key_nobody_is_asked(settings):
    settings.STRIPE = settings.STRIPE | {"secret_key": ""}
    assert catch_up() == 0
    with pytest.raises(CommandError, match="set STRIPE_SECRET_KEY"):
        call_command("catch_up_stripe")


def test_the_command_says_how_many_were_missing(marketplace, capsys, settings):
    marketplace.v1.customers.create({"email": "buyer@example.com"})
    call_command("catch_up_stripe", "--days", "30")
    assert capsys.readouterr().out.startswith("1 event was missing")
    with pytest.raises(CommandError, match="from 1 to 30") as refused:
        call_command("catch_up_stripe", "--days", "31")
    assert refused.value.returncode == 2
    settings.STRIPE = settings.STRIPE | {"api_host": "http://127.0.0.1:9"}
    with pytest.raises(CommandError, match="could not be asked") as refused:
        call_command("catch_up_stripe")
    assert refused.value.returncode == 1
