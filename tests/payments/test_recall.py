"""dj-stripe calls nobody by itself, and knows no key."""

from __future__ import annotations

import pytest
import stripe
from django.core.management import call_command
from django.db import connection, transaction
from djstripe import models
from djstripe.settings import djstripe_settings

from payments.stripe import client, recall
from payments.stripe.errors import StripeGone, StripeProblem, StripeUnavailable
from payments.stripe.recall import NotAllowed
from tests.payments.conftest import event, work_off


def test_dj_stripe_may_not_call_by_itself(stripe_sandbox):
    with pytest.raises(NotAllowed, match="may not call Stripe by itself"):
        stripe.Customer.retrieve("cus_1", api_key=djstripe_settings.STRIPE_SECRET_KEY)
    with pytest.raises(NotAllowed):
        models.Customer(id="cus_1").api_retrieve()
    assert stripe_sandbox.requests()["total"] == 0


def test_dj_stripe_may_not_write_even_while_it_is_answered(stripe_sandbox):
    with recall.answering({}), pytest.raises(NotAllowed, match="POST"):
        models.Customer._api_create(email="x@example.com")


@pytest.mark.django_db
def test_dj_stripe_s_own_commands_are_stopped(stripe_sandbox, capsys):
    call_command("djstripe_sync_models", "Customer")
    assert "may not call Stripe by itself" in capsys.readouterr().err
    assert stripe_sandbox.requests()["total"] == 0


def test_our_key_is_in_none_of_the_tables(deliver, marketplace, stripe_sandbox):
    customer = marketplace.v1.customers.create({"email": "buyer@example.com"})
    deliver(event("customer.created", customer))
    assert work_off() == 1
    assert not models.APIKey.objects.exclude(secret__endswith="dj0stripe0is0told0no0key").exists()
    key = stripe_sandbox.credentials["secret_key"]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND relname LIKE 'djstripe%'"
        )
        for (table,) in cursor.fetchall():
            cursor.execute(f"SELECT count(*) FROM {table} t WHERE t::text LIKE %s", [f"%{key}%"])
            assert cursor.fetchone() == (0,), table


@pytest.mark.django_db(transaction=True)
def test_what_it_needs_is_read_between_two_runs_and_never_in_a_transaction(marketplace):
    customer = marketplace.v1.customers.create({"email": "buyer@example.com"})
    runs = []

    def keep() -> models.Customer:
        with transaction.atomic():
            runs.append(1)
            return models.Customer.sync_from_stripe_data(models.Customer(id=customer.id).api_retrieve())

    kept = recall.run(keep, read=client.read)
    assert kept.email == "buyer@example.com"
    assert len(runs) > 1  # the guard of sockets would have refused a reading inside


def test_what_cannot_be_read_ends_it(stripe_sandbox):
    stripe_sandbox.fault("error_before", status=500)
    with pytest.raises(StripeUnavailable):
        recall.run(lambda: stripe.Customer.retrieve("cus_1", api_key="sk_test_x"), read=client.read)


def test_whoever_asks_for_ever_more_is_stopped(stripe_sandbox):
    numbers = iter(range(1_000))

    def ask() -> None:
        for number in numbers:
            stripe.Customer.list(limit=number, api_key="sk_test_x")

    with pytest.raises(StripeProblem, match="ever more"):
        recall.run(ask, read=lambda _question: client.read(client.Question("/v1/account")))


def test_an_answer_that_is_a_problem_is_raised():
    gone = StripeGone("It is gone.")
    with recall.answering({client.Question("/v1/customers/cus_1"): gone}), pytest.raises(StripeGone):
        stripe.Customer.retrieve("cus_1", api_key="sk_test_x")
