"""Keys of idempotent requests, as Stripe's first interface has them."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
import requests

from tests.sandbox.stripe_api import seller, stripe
from tests.sandbox_services import SandboxService

pytestmark = pytest.mark.usefixtures("patient_stripe")


@pytest.fixture
def anna(patient_stripe: SandboxService) -> Any:
    """A seller who may receive money."""
    return seller(patient_stripe)


def send(account: Any, key: str, **more: Any) -> Any:
    wanted = {"amount": 1000, "currency": "eur", "destination": account.id, "idempotency_key": key, **more}
    return stripe.Transfer.create(**wanted)


def headers_of(transfer: Any) -> Any:
    return transfer.last_response.headers


def test_a_second_request_gets_the_first_answer(anna: Any, patient_stripe: SandboxService):
    first, second = send(anna, "k"), send(anna, "k")
    assert second.to_dict() == first.to_dict()
    assert "Idempotent-Replayed" not in headers_of(first)
    assert headers_of(second)["Idempotent-Replayed"] == "true"
    assert headers_of(second)["Original-Request"] == headers_of(first)["Request-Id"]
    assert headers_of(second)["Request-Id"] != headers_of(first)["Request-Id"]
    assert len(patient_stripe.ledger()) == 1


def test_parameters_count_and_not_their_order(anna: Any, patient_stripe: SandboxService):
    first = send(anna, "k", metadata={"a": "1", "b": "2"})
    assert send(anna, "k", metadata={"b": "2", "a": "1"}).id == first.id
    with pytest.raises(stripe.IdempotencyError, match="same parameters") as refused:
        send(anna, "k", amount=1001)
    assert refused.value.http_status == 400
    assert len(patient_stripe.ledger()) == 1


def test_another_endpoint_is_another_request(anna: Any):
    transfer = send(anna, "k")
    with pytest.raises(stripe.IdempotencyError, match="same endpoint"):
        stripe.Transfer.create_reversal(transfer.id, idempotency_key="k")


def test_another_account_has_other_keys(anna: Any):
    ours = stripe.Customer.create(name="Anna", idempotency_key="k")
    theirs = stripe.Customer.create(name="Anna", idempotency_key="k", stripe_account=anna.id)
    assert ours.id != theirs.id


def test_what_was_refused_while_it_was_read_is_not_kept(anna: Any):
    with pytest.raises(stripe.InvalidRequestError):
        send(anna, "k", amount="many")
    with pytest.raises(stripe.InvalidRequestError):
        send(anna, "k", colour="red")
    assert send(anna, "k").amount == 1000


def test_what_was_refused_afterwards_is_kept(anna: Any, patient_stripe: SandboxService):
    patient_stripe.post("/_sandbox/funds", {"currency": "EUR", "units": 0})
    with pytest.raises(stripe.InvalidRequestError, match="insufficient"):
        send(anna, "k")
    patient_stripe.post("/_sandbox/funds", {"currency": "EUR", "units": 100_000})
    with pytest.raises(stripe.InvalidRequestError, match="insufficient") as again:
        send(anna, "k")
    assert again.value.headers["Idempotent-Replayed"] == "true"
    send(anna, "another")


@pytest.mark.parametrize(("terms", "moved"), [({}, 1), ({"when": "before"}, 0)])
def test_an_error_sticks(anna: Any, patient_stripe: SandboxService, terms: dict[str, Any], moved: int):
    patient_stripe.fault("sticky_error", match={"path": "/v1/transfers"}, times=1, **terms)
    for _ in range(3):
        with pytest.raises(stripe.APIError) as failed:
            send(anna, "k")
        assert failed.value.http_status == 500
        assert failed.value.headers["Stripe-Should-Retry"] == "false"
    assert len(patient_stripe.ledger()) == moved
    assert len(stripe.Transfer.list().data) == moved
    patient_stripe.advance(86_401)
    send(anna, "k")
    assert len(patient_stripe.ledger()) == moved + 1


def test_an_error_on_the_way_does_not_stick(anna: Any, patient_stripe: SandboxService):
    patient_stripe.fault("error_after", match={"path": "/v1/transfers"}, times=1)
    with pytest.raises(stripe.APIError):
        send(anna, "k")
    assert headers_of(send(anna, "k"))["Idempotent-Replayed"] == "true"
    assert len(patient_stripe.ledger()) == 1


def test_the_library_tries_again_by_itself(anna: Any, patient_stripe: SandboxService):
    patient_stripe.fault("drop_after", match={"path": "/v1/transfers"}, times=1)
    assert headers_of(send(anna, "k", max_network_retries=2))["Idempotent-Replayed"] == "true"
    assert len(patient_stripe.ledger()) == 1


def test_after_a_day_a_key_pays_twice(anna: Any, patient_stripe: SandboxService):
    first = send(anna, "k")
    patient_stripe.advance(86_300)
    assert send(anna, "k").id == first.id
    patient_stripe.advance(101)
    assert send(anna, "k").id != first.id
    assert len(patient_stripe.ledger()) == 2


def test_two_at_once_are_one(anna: Any, patient_stripe: SandboxService):
    patient_stripe.fault("in_progress", match={"path": "/v1/transfers"}, times=1, seconds=2)
    answers: list[requests.Response] = []
    url, key = f"{patient_stripe.url}/v1/transfers", patient_stripe.credentials["secret_key"]
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": "k"}
    body = {"amount": "1000", "currency": "eur", "destination": anna.id}

    def ask() -> None:
        answers.append(requests.post(url, headers=headers, data=body, timeout=10))

    slow = threading.Thread(target=ask)
    slow.start()
    deadline = time.monotonic() + 5
    while not patient_stripe.ledger():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    conflict = requests.post(url, headers=headers, data=body, timeout=10)
    assert conflict.status_code == 409
    assert conflict.json()["error"]["code"] == "idempotency_key_in_use"
    assert conflict.headers["Stripe-Should-Retry"] == "true"
    slow.join()
    ask()
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert len(patient_stripe.ledger()) == 1


def test_a_conflict_is_not_kept(anna: Any, patient_stripe: SandboxService):
    patient_stripe.fault("conflict", match={"reference": "k"}, times=1)
    with pytest.raises(stripe.APIError) as refused:
        send(anna, "k")
    assert refused.value.http_status == 409
    assert "Idempotent-Replayed" not in headers_of(send(anna, "k"))


def test_a_key_has_a_length(anna: Any):
    send(anna, "k" * 255)
    with pytest.raises(stripe.InvalidRequestError, match="255"):
        send(anna, "k" * 256)
