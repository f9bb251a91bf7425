"""How every request is read and answered: keys, versions, accounts, parameters, lists, expansions, errors."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.sandbox.stripe_api import paid, seller, stripe
from tests.sandbox_services import SandboxService

pytestmark = pytest.mark.usefixtures("patient_stripe")


def ask(
    service: SandboxService, method: str = "GET", path: str = "/v1/customers", **more: Any
) -> requests.Response:
    headers = {"Authorization": f"Bearer {service.credentials['secret_key']}", **more.pop("headers", {})}
    return requests.request(method, service.url + path, headers=headers, timeout=10, **more)


def problem(answer: requests.Response) -> tuple[int, str, str | None, str | None]:
    error = answer.json()["error"]
    return answer.status_code, error["type"], error.get("code"), error.get("param")


# Keys and versions ----------------------------------------------------------------------------------------------


def test_needs_a_key(patient_stripe: SandboxService):
    answer = ask(patient_stripe, headers={"Authorization": ""})
    assert problem(answer) == (401, "invalid_request_error", None, None)
    assert "You did not provide an API key" in answer.json()["error"]["message"]


def test_refuses_a_wrong_key_without_repeating_it(patient_stripe: SandboxService):
    with pytest.raises(stripe.AuthenticationError, match="Invalid API Key provided") as refused:
        stripe.Customer.list(api_key="sk_test_0123456789abcdefghijABCD")
    assert "0123456789" not in str(refused.value)


def test_takes_a_key_as_a_user(patient_stripe: SandboxService):
    auth = (patient_stripe.credentials["secret_key"], "")
    assert requests.get(f"{patient_stripe.url}/v1/customers", auth=auth, timeout=10).status_code == 200


def test_refuses_the_publishable_key(patient_stripe: SandboxService):
    with pytest.raises(stripe.AuthenticationError) as refused:
        stripe.Customer.list(api_key=patient_stripe.credentials["publishable_key"])
    assert refused.value.json_body["error"]["code"] == "secret_key_required"


def test_says_which_request_and_which_version(patient_stripe: SandboxService):
    answer = ask(patient_stripe)
    assert answer.headers["Request-Id"].startswith("req_")
    assert answer.headers["Stripe-Version"] == stripe.api_version
    asked = ask(patient_stripe, headers={"Stripe-Version": "2024-06-20"})
    assert asked.headers["Stripe-Version"] == "2024-06-20"
    refused = ask(patient_stripe, headers={"Stripe-Version": "latest"})
    assert refused.status_code == 400
    assert "Invalid Stripe API version" in refused.json()["error"]["message"]


def test_a_client_object_works_as_well(patient_stripe: SandboxService):
    client = stripe.StripeClient(
        patient_stripe.credentials["secret_key"],
        base_addresses={"api": patient_stripe.url},
        http_client=stripe.default_http_client,
    )
    made = client.v1.customers.create({"name": "Anna"})
    assert client.v1.customers.retrieve(made.id).name == "Anna"


# Accounts -------------------------------------------------------------------------------------------------------


def test_is_about_the_account_in_the_header(patient_stripe: SandboxService):
    account = seller(patient_stripe)
    theirs = stripe.Customer.create(name="Theirs", stripe_account=account.id)
    stripe.Customer.create(name="Ours")
    assert [one.name for one in stripe.Customer.list(stripe_account=account.id).data] == ["Theirs"]
    assert [one.name for one in stripe.Customer.list().data] == ["Ours"]
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        stripe.Customer.retrieve(theirs.id)
    answer = ask(patient_stripe, headers={"Stripe-Account": account.id})
    assert answer.headers["Stripe-Account"] == account.id


def test_refuses_an_account_that_is_not_there(patient_stripe: SandboxService):
    answer = ask(patient_stripe, headers={"Stripe-Account": "acct_nobody"})
    assert problem(answer) == (403, "invalid_request_error", "account_invalid", None)


# Parameters -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body", "code", "param"),
    [
        ("transfers", "amount=1&currency=eur", "parameter_missing", "destination"),
        ("transfers", "amount=1&currency=eur&destination=", "parameter_invalid_empty", "destination"),
        ("transfers", "amount=one&currency=eur&destination=a", "parameter_invalid_integer", "amount"),
        ("customers", "surname=x", "parameter_unknown", "surname"),
        ("customers", "address[town]=x", "parameter_unknown", "address[town]"),
        ("customers", "address=x", None, "address"),
        ("customers", "name[a]=x", None, "name"),
        ("customers", "preferred_locales=de", None, "preferred_locales"),
        ("customers", "metadata[a][b]=x", None, "metadata"),
        ("customers", f"metadata[{'a' * 41}]=x", None, "metadata"),
        ("customers", f"metadata[a]={'x' * 501}", None, "metadata"),
        ("customers", "a]b[=x", None, "a]b["),
        ("customers", "a=1&a[b]=2", None, "a[b]"),
        ("customers", "balance=5", None, "balance"),
        ("accounts", "capabilities[transfers][requested]=maybe", None, "capabilities[transfers][requested]"),
        ("accounts", "type=private", None, "type"),
    ],
)
def test_refuses_what_it_cannot_read(
    patient_stripe: SandboxService, path: str, body: str, code: str | None, param: str
):
    answer = ask(patient_stripe, "POST", f"/v1/{path}", data=body)
    assert problem(answer) == (400, "invalid_request_error", code, param)


def test_names_all_that_is_unknown(patient_stripe: SandboxService):
    answer = ask(patient_stripe, "POST", data="one=1&two=2")
    assert answer.json()["error"]["message"] == "Received unknown parameters: one, two"


def test_reads_nested_parameters_in_every_spelling(patient_stripe: SandboxService):
    body = "preferred_locales[]=de&preferred_locales[]=vi&address[city]=H%C3%A0+N%E1%BB%99i&metadata[7]=seven"
    made = ask(patient_stripe, "POST", data=body).json()
    assert made["preferred_locales"] == ["de", "vi"]
    assert made["address"]["city"] == "Hà Nội"
    assert made["metadata"] == {"7": "seven"}
    indexed = ask(patient_stripe, "POST", data="preferred_locales[1]=vi&preferred_locales[0]=de").json()
    assert indexed["preferred_locales"] == ["de", "vi"]


# Answers --------------------------------------------------------------------------------------------------------


def test_knows_what_is_not_there(patient_stripe: SandboxService):
    missing = ask(patient_stripe, path="/v1/customers/cus_nobody")
    assert problem(missing) == (404, "invalid_request_error", "resource_missing", "id")
    assert missing.json()["error"]["message"] == "No such customer: 'cus_nobody'"
    nowhere = ask(patient_stripe, path="/v1/nowhere")
    assert nowhere.status_code == 404
    assert "Unrecognized request URL (GET: /v1/nowhere)" in nowhere.json()["error"]["message"]


def test_limits_the_rate(patient_stripe: SandboxService):
    patient_stripe.fault("rate_limit", times=1)
    with pytest.raises(stripe.RateLimitError) as refused:
        stripe.Customer.list()
    assert refused.value.json_body["error"]["code"] == "rate_limit"
    stripe.Customer.list()


def test_locks_an_object(patient_stripe: SandboxService):
    made = stripe.Customer.create()
    patient_stripe.fault("lock_timeout", match={"reference": made.id, "method": "POST"})
    with pytest.raises(stripe.RateLimitError) as refused:
        stripe.Customer.modify(made.id, name="Anna")
    assert refused.value.json_body["error"]["code"] == "lock_timeout"
    assert refused.value.headers["Stripe-Should-Retry"] == "true"
    assert stripe.Customer.retrieve(made.id).name is None


@pytest.mark.parametrize("status", [500, 502, 503])
def test_fails(patient_stripe: SandboxService, status: int):
    patient_stripe.fault("error_before", status=status, times=1)
    with pytest.raises(stripe.APIError) as failed:
        stripe.Customer.list()
    assert (failed.value.http_status, failed.value.json_body["error"]["type"]) == (status, "api_error")


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "html_body", "truncated_body"])
def test_answers_nothing_that_can_be_read(patient_stripe: SandboxService, kind: str):
    patient_stripe.fault(kind, times=1)
    with pytest.raises((stripe.APIConnectionError, stripe.APIError)):
        stripe.Customer.create(name="Anna")
    assert len(stripe.Customer.list().data) == (0 if kind == "drop_before" else 1)


# Lists ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def seven() -> list[str]:
    """The ids of seven customers, newest first."""
    return [stripe.Customer.create(name=str(n)).id for n in range(7)][::-1]


def test_lists_in_pages(seven: list[str]):
    first = stripe.Customer.list(limit=3)
    assert ([one.id for one in first.data], first.has_more) == (seven[:3], True)
    second = stripe.Customer.list(limit=3, starting_after=seven[2])
    assert ([one.id for one in second.data], second.has_more) == (seven[3:6], True)
    last = stripe.Customer.list(limit=3, starting_after=seven[5])
    assert ([one.id for one in last.data], last.has_more) == (seven[6:], False)
    back = stripe.Customer.list(limit=3, ending_before=seven[6])
    assert ([one.id for one in back.data], back.has_more) == (seven[3:6], True)
    assert [one.id for one in stripe.Customer.list(limit=2).auto_paging_iter()] == seven


@pytest.mark.parametrize(
    "more", [{"limit": 0}, {"limit": 101}, {"starting_after": "cus_nobody"}, {"created": {"gtt": 1}}]
)
def test_refuses_pages_that_cannot_be(more: dict[str, Any]):
    with pytest.raises(stripe.InvalidRequestError):
        stripe.Customer.list(**more)


def test_refuses_two_cursors(seven: list[str]):
    with pytest.raises(stripe.InvalidRequestError, match="only specify one"):
        stripe.Customer.list(starting_after=seven[0], ending_before=seven[1])


# Expanding ------------------------------------------------------------------------------------------------------


def test_expands_ids_deeply(patient_stripe: SandboxService):
    customer = stripe.Customer.create(name="Anna")
    payment: Any = paid(customer=customer.id, expand=["latest_charge.balance_transaction", "customer"])
    assert payment.customer.name == "Anna"
    assert payment.latest_charge.balance_transaction.source == payment.latest_charge.id
    listed: Any = stripe.PaymentIntent.list(expand=["data.customer"]).data
    assert listed[0].customer.name == "Anna"


def test_shows_some_lists_only_when_asked():
    made = stripe.Customer.create()
    assert "sources" not in made
    assert stripe.Customer.retrieve(made.id, expand=["sources"]).sources.data == []


@pytest.mark.parametrize("path", ["nothing", "email", "metadata.a", "default_source.customer.a.b.c"])
def test_refuses_to_expand_what_cannot_be(path: str):
    made = stripe.Customer.create(email="a@example.com")
    with pytest.raises(stripe.InvalidRequestError, match="expand"):
        stripe.Customer.retrieve(made.id, expand=[path])


def test_says_how_a_list_is_expanded():
    with pytest.raises(stripe.InvalidRequestError, match=r"expanding 'data\.customer' instead"):
        stripe.PaymentIntent.list(expand=["customer"])
