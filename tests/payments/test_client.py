"""Whatever Stripe and the network answer becomes one of our own errors, and nothing is sent twice by itself."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from payments.stripe.client import Question, asking, read
from payments.stripe.config import config
from payments.stripe.errors import (
    StripeBusy,
    StripeForbidden,
    StripeGone,
    StripeKeyRefused,
    StripeKeyUsed,
    StripeOff,
    StripeProblem,
    StripeRefused,
    StripeUnavailable,
)

CUSTOMERS = "/v1/customers"


def create(key: str = "key-1", **terms: Any) -> stripe.Customer:
    """Make a customer."""
    given: Any = {"email": "buyer@example.com"} | terms
    with asking("make the customer") as client:
        return client.v1.customers.create(given, {"idempotency_key": key})


def sent(sandbox: Any, path: str = CUSTOMERS) -> list[dict[str, Any]]:
    """What arrived at a path."""
    return [one for one in sandbox.requests()["requests"] if one["target"].partition("?")[0] == path]


def test_a_call_carries_version_key_and_nothing_of_the_machine(stripe_sandbox, settings):
    assert create().email == "buyer@example.com"
    (one,) = sent(stripe_sandbox)
    assert one["headers"]["stripe-version"] == settings.STRIPE_API_VERSION
    assert one["headers"]["idempotency-key"] == "key-1"
    assert "platform" not in one["headers"]["x-stripe-client-user-agent"].replace("telemetry", "")


def test_the_same_key_gives_the_same_answer_and_another_request_is_refused(stripe_sandbox):
    assert create().id == create().id
    with pytest.raises(StripeKeyUsed) as refused:
        create(email="another@example.com")
    assert str(refused.value).startswith("Stripe did not make the customer: ")
    assert "(request req_" in str(refused.value)


@pytest.mark.parametrize(
    ("fault", "terms", "error", "may_have_acted"),
    [
        ("drop_before", {}, StripeUnavailable, True),  # how far the request came nobody knows
        ("drop_after", {}, StripeUnavailable, True),
        ("error_before", {"status": 500}, StripeUnavailable, True),
        ("error_after", {"status": 503}, StripeUnavailable, True),
        ("html_body", {}, StripeUnavailable, True),
        ("truncated_body", {}, StripeUnavailable, True),
        ("rate_limit", {}, StripeBusy, False),
        ("lock_timeout", {}, StripeBusy, False),
        ("conflict", {}, StripeBusy, False),
    ],
)
def test_what_is_not_certain_is_said_so_and_sent_once(stripe_sandbox, fault, terms, error, may_have_acted):
    stripe_sandbox.fault(fault, times=1, match={"method": "POST"}, **terms)
    with pytest.raises(StripeUnavailable) as uncertain:
        create()
    assert type(uncertain.value) is error
    assert uncertain.value.may_have_acted is may_have_acted
    assert len(sent(stripe_sandbox)) == 1
    # Once more with the same key: there is one customer, whatever became of the first try.
    create()
    with asking("count") as client:
        assert len(list(client.v1.customers.list().auto_paging_iter())) == 1


def test_nobody_there_cannot_have_acted(stripe_sandbox, settings):
    settings.STRIPE = settings.STRIPE | {"api_host": "http://127.0.0.1:9"}
    with pytest.raises(StripeUnavailable, match="could not be asked") as away:
        create()
    assert not away.value.may_have_acted
    with pytest.raises(StripeUnavailable):
        read(Question("/v1/account"))


def test_a_refusal_carries_stripe_s_words(stripe_sandbox):
    with pytest.raises(StripeRefused) as refused, asking("make the transfer") as client:
        client.v1.transfers.create({"amount": 100, "currency": "usd", "destination": "acct_nobody"})
    assert refused.value.code or refused.value.param
    assert refused.value.request_id
    with pytest.raises(StripeGone), asking("read the customer") as client:
        client.v1.customers.retrieve("cus_nobody")
    with pytest.raises(StripeForbidden) as forbidden, asking("read the account") as client:
        client.v1.accounts.retrieve("acct_nobody")
    assert forbidden.value.code == "account_invalid"


def test_a_declined_card_is_a_refusal(stripe_sandbox):
    terms: Any = {
        "amount": 100,
        "currency": "usd",
        "payment_method": "pm_card_chargeDeclined",
        "payment_method_types": ["card"],
        "confirm": True,
    }
    with pytest.raises(StripeRefused) as refused, asking("take the payment") as client:
        client.v1.payment_intents.create(terms)
    assert refused.value.code == "card_declined"


def test_a_key_that_stripe_does_not_take_is_named(stripe_sandbox, settings):
    settings.STRIPE = settings.STRIPE | {"secret_key": "sk_test_" + "0" * 24}
    with pytest.raises(StripeKeyRefused, match="STRIPE_SECRET_KEY"):
        create()
    with pytest.raises(StripeKeyRefused, match="STRIPE_SECRET_KEY"):
        read(Question("/v1/account"))


def test_without_a_key_there_is_no_client(settings):
    settings.STRIPE = settings.STRIPE | {"secret_key": ""}
    with pytest.raises(StripeOff, match="set STRIPE_SECRET_KEY"), asking("anything"):
        pytest.fail("there is none")


def test_stripe_is_looked_for_nowhere_else(stripe_sandbox):
    with pytest.raises(StripeProblem, match=r"127\.0\.0\.1 only"), asking("upload") as client:
        client.v1.files.create({"purpose": "dispute_evidence", "file": b"x"})


def test_the_key_is_shown_nowhere(stripe_sandbox):
    assert config().secret_key not in repr(config())


def test_what_is_read_is_stripe_s_word_as_it_is(stripe_sandbox):
    assert read(Question("/v1/account")).status == 200
    assert read(Question("/v1/customers/cus_nobody")).status == 404
    assert read(Question("/v1/accounts/acct_nobody")).status == 403
    listed = read(Question(CUSTOMERS, (("limit", "1"),))).json()
    assert isinstance(listed, dict)
    assert listed["object"] == "list"


@pytest.mark.parametrize(
    ("fault", "terms"),
    [
        ("error_before", {"status": 500}),
        ("rate_limit", {}),
        ("html_body", {}),
        ("truncated_body", {}),
    ],
)
def test_what_is_not_stripe_s_word_is_not_taken_for_it(stripe_sandbox, fault, terms):
    stripe_sandbox.fault(fault, times=1, match={"path": "/v1/account"}, **terms)
    with pytest.raises(StripeUnavailable):
        read(Question("/v1/account"))
