"""The sandbox's Payoneer behaves as its clients have seen it behave."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
import requests

from sandbox.payoneer.signing import authorization, encoded, text_to_sign
from tests.sandbox.payoneer_api import Caller, payment
from tests.sandbox.receiver import Receiver
from tests.sandbox_services import SandboxService


@pytest.fixture
def payoneer(payoneer_sandbox: SandboxService) -> Iterator[Caller]:
    """A caller of a Payoneer that knows Anna and nobody else."""
    payoneer_sandbox.post("/_sandbox/payees", {"payee_id": "anna", "status": "Active"})
    caller = Caller(payoneer_sandbox)
    yield caller
    caller.session.close()


def debits(caller: Caller, kind: str = "debit") -> list[tuple[str, str]]:
    return [(e["reference"], e["units"]) for e in caller.service.ledger() if e["kind"] == kind]


# Tokens ------------------------------------------------------------------------------------------------------


def test_a_token_is_given_by_form_and_by_basic(payoneer: Caller):
    assert payoneer.log_in().json()["scope"] == "read write"
    known = payoneer.service.credentials
    basic = (known["client_id"], known["client_secret"])
    asked = {"grant_type": "client_credentials", "scope": "read write"}
    url = f"{payoneer.service.url}/api/v2/oauth2/token"
    assert requests.post(url, data=asked, auth=basic, timeout=10).status_code == 200


def test_wrong_credentials_get_no_token(payoneer: Caller):
    refused = payoneer.log_in(client_secret="wrong")
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")


def test_a_token_of_another_account_is_told_by_its_sub_code(payoneer: Caller):
    payoneer.service.fault("wrong_account", times=1)
    refused = payoneer.call("GET", "/balance")
    assert (refused.status_code, refused.json()["error_details"]["sub_code"]) == (403, 4012)


# Payouts -----------------------------------------------------------------------------------------------------


def test_a_submission_says_created_and_nothing_else(payoneer: Caller):
    one = payment()
    answer = payoneer.pay(one)
    assert (answer.status_code, answer.json()) == (201, {"result": "Payments Created"})
    shown = payoneer.until(one["client_reference_id"], "Transferred")
    assert (shown["amount"], shown["currency"], shown["payee_id"]) == (10.0, "USD", "anna")
    assert shown["load_date"]
    assert debits(payoneer) == [(one["client_reference_id"], "1000")]
    assert payoneer.call("GET", "/balance").json() == {"result": {"balance": 999_990.0, "currency": "USD"}}


def test_a_new_payment_is_not_found_for_a_while(payoneer: Caller):
    one = payment()
    payoneer.service.fault("reference_lag", seconds=100, times=1)
    payoneer.pay(one)
    early = payoneer.status(one["client_reference_id"])
    assert (early.status_code, early.json()["error_details"]["sub_code"]) == (404, 2306)
    payoneer.service.fault("not_found_400", times=1)
    other = payoneer.status(one["client_reference_id"])
    assert (other.status_code, other.json()["error_details"]["code"]) == (400, 2306)
    payoneer.service.advance(100)
    assert payoneer.status(one["client_reference_id"]).status_code == 200


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"amount": "0.00"}, "Amount is invalid"),
        ({"amount": "1.001"}, "Amount is invalid"),
        ({"currency": "EUR"}, "Currency mismatch"),
        ({"payee_id": "nobody"}, "Payee does not exist"),
        ({"description": ""}, "description is required"),
        ({"client_reference_id": ""}, "client_reference_id is required"),
    ],
)
def test_one_bad_payment_refuses_the_request(payoneer: Caller, change: dict[str, object], words: str):
    good, bad = payment(), payment() | change
    refused = payoneer.pay(good, bad)
    assert refused.status_code == 400
    [error] = refused.json()["error_details"]["errors"]
    assert error["target"].startswith("Payments[1]")
    assert words in error["message"]
    payoneer.service.advance(5)
    assert payoneer.status(good["client_reference_id"]).status_code == 404
    assert not debits(payoneer)


def test_small_letters_and_more_than_five_hundred_are_refused(payoneer: Caller):
    assert payoneer.call("POST", "/masspayouts", {"payments": [payment()]}).status_code == 400
    assert payoneer.pay(*(payment(amount="0.01") for _ in range(501))).status_code == 400
    assert payoneer.pay(*(payment(amount="0.01") for _ in range(500))).status_code == 201


def test_a_reference_is_taken_once(payoneer: Caller):
    one = payment(amount=10)
    assert payoneer.pay(one).status_code == 201
    again = payoneer.pay(one)
    assert again.status_code == 400
    assert "already exists" in again.json()["error_description"]
    payoneer.until(one["client_reference_id"], "Transferred")
    assert len(debits(payoneer)) == 1


def test_more_than_there_is_is_refused(payoneer: Caller):
    payoneer.service.post("/_sandbox/funds", {"currency": "USD", "units": 999})
    refused = payoneer.pay(payment())
    assert (refused.status_code, refused.json()["error_description"]) == (400, "Insufficient funds")


@pytest.mark.parametrize(("kind", "moved"), [("failure_in_2xx", 0), ("failure_after", 1)])
def test_a_failure_may_come_as_success(payoneer: Caller, kind: str, moved: int):
    payoneer.service.fault(kind, times=1)
    answer = payoneer.pay(payment())
    assert (answer.status_code, answer.json()["status"]) == (200, "Failure")
    payoneer.service.advance(1)
    assert len(debits(payoneer)) == moved


def test_a_payment_may_never_come_to_be(payoneer: Caller):
    lost, other = payment(), payment()
    payoneer.service.fault("drop_payment", match={"reference": lost["client_reference_id"]})
    assert payoneer.pay(lost, other).status_code == 201
    payoneer.until(other["client_reference_id"], "Transferred")
    payoneer.service.advance(1_000)
    assert payoneer.status(lost["client_reference_id"]).status_code == 404


def test_what_arrived_comes_back_later(payoneer: Caller):
    one = payment()
    payoneer.service.fault("return", seconds=1000, times=1)
    payoneer.pay(one)
    payoneer.until(one["client_reference_id"], "Transferred")
    payoneer.service.advance(1000)
    shown = payoneer.until(one["client_reference_id"], "Cancelled")
    assert shown["cancel_reason_code"] == 30013
    assert shown["load_date"]
    assert len(debits(payoneer, "return")) == 1
    assert payoneer.call("GET", "/balance").json()["result"]["balance"] == 1_000_000.0


def test_an_inactive_payee_is_found_out_afterwards(payoneer: Caller):
    one = payment()
    payoneer.service.fault("inactive", times=1)
    payoneer.pay(one)
    assert payoneer.until(one["client_reference_id"], "Cancelled")["cancel_reason_code"] == 10009
    assert not debits(payoneer)


def test_a_cancelling_is_a_request(payoneer: Caller):
    one = payment()
    payoneer.service.fault("pending_payee", times=1)
    payoneer.pay(one)
    reference = one["client_reference_id"]
    payoneer.until(reference, "Pending Payee")
    answer = payoneer.call("PUT", f"/payouts/{reference}/cancel").json()
    assert "has not yet been performed" in answer["result"]["description"]
    assert payoneer.status(reference).json()["result"]["status"] == "Pending Payee"
    assert payoneer.until(reference, "Cancelled")["cancel_reason_code"] is None
    assert payoneer.call("PUT", f"/payouts/{reference}/cancel").status_code == 400


def test_a_fate_decides_what_becomes_of_a_payees_payments(payoneer: Caller):
    payoneer.service.post("/_sandbox/fate", {"reference": "anna", "status": "cancelled"})
    one = payment()
    payoneer.pay(one)
    assert payoneer.until(one["client_reference_id"], "Cancelled")["load_date"] is None


# Payees ------------------------------------------------------------------------------------------------------


def fill_in(url: str, **changes: str) -> requests.Response:
    page = requests.get(url, timeout=10)
    names = re.findall(r'<(?:input|select) id="(\w+)"', page.text)
    values = dict(re.findall(r'<input id="\w+" name="(\w+)" value="([^"]*)"', page.text))
    given = dict.fromkeys(names, "") | values | {"method": "BANK", "decision": "Active"} | changes
    action = re.search(r'action="([^"]+)"', page.text)
    assert action is not None
    where = url.partition("/partners")[0] + action[1].replace("&amp;", "&")
    return requests.post(where, data=given, timeout=10, allow_redirects=False)


def register(payoneer: Caller, payee: str, **asked: object) -> str:
    answer = payoneer.call("POST", "/payees/registration-link", {"payee_id": payee, **asked})
    return str(answer.json()["result"]["registration_link"])


@pytest.mark.parametrize(
    ("decision", "kind", "word"),
    [("Active", 1, "Active"), ("Pending", 0, "Pending"), ("Inactive", 99, "Inactive")],
)
def test_a_payee_registers_on_a_page(payoneer: Caller, decision: str, kind: int, word: str):
    assert payoneer.call("GET", "/payees/ben/status").status_code == 404
    url = register(payoneer, "ben", redirect_url="https://shop.example/back?a=1")
    done = fill_in(url, decision=decision)
    assert (done.status_code, done.headers["Location"]) == (303, "https://shop.example/back?a=1")
    result = payoneer.call("GET", "/payees/ben/status").json()["result"]
    assert (result["status"]["type"], result["status"]["description"]) == (kind, word)
    assert requests.get(url, timeout=10).status_code == 410
    assert payoneer.call("GET", "/payees/ben/details").json()["result"]["contact"]["first_name"] == "Ada"


def test_the_page_says_what_is_missing_and_waits_before_it_sends_back(payoneer: Caller):
    url = register(payoneer, "ben", redirect_url="https://shop.example/", redirect_time=5)
    missing = fill_in(url, email="")
    assert missing.status_code == 422
    assert "Still missing: E-mail address" in missing.text
    done = fill_in(url)
    assert done.status_code == 200
    assert 'http-equiv="refresh" content="5;url=https://shop.example/"' in done.text


def test_whoever_is_looked_at_is_approved_later_and_paid_then(payoneer: Caller):
    fill_in(register(payoneer, "ben"), decision="Pending")
    one = payment("ben")
    payoneer.pay(one)
    payoneer.until(one["client_reference_id"], "Pending Payee")
    payoneer.service.advance(10)
    payoneer.until(one["client_reference_id"], "Transferred")


def test_a_released_payee_is_unknown(payoneer: Caller):
    assert payoneer.call("DELETE", "/payees/anna").status_code == 200
    assert payoneer.call("GET", "/payees/anna/status").status_code == 404


# Webhooks ----------------------------------------------------------------------------------------------------


def test_the_signature_is_the_one_that_was_seen_at_payoneer():
    """Computed from Payoneer's own published verifier, and checked against a delivery of its sandbox."""
    known = {"nonce": "nonce-1", "timestamp": "1700000000", "application": "Webhook-IPCNSender-sandbox"}
    url, body = "https://example.com/webhooks", b'{"Payee Id":"p"}'
    assert text_to_sign(method="POST", url=url, body=body, **known) == (
        "Webhook-IPCNSender-sandboxPOSThttps%3a%2f%2fexample.com%2fwebhooks1700000000nonce-1YE113Nc4elEqiYZC+JRmgg=="
    )
    assert authorization("test-secret", url=url, body=body, **known) == (
        "hmacauth Webhook-IPCNSender-sandbox:M2wyAni2ltbNP+LUWs3hu6jEVx9hQCP8kI17vzZJS0Q=:nonce-1:1700000000"
    )


def test_an_address_is_signed_in_small_letters_with_its_parameters_sorted():
    assert encoded("https://Example.com/~A?b=2&a=*") == "https%3a%2f%2fexample.com%2f%7ea%3fa%3d%2a%26b%3d2"


def test_each_type_of_event_has_an_address_of_its_own(payoneer: Caller, receiver: Receiver):
    addresses = payoneer.service.post("/_sandbox/webhook", {"url": receiver.url})
    assert addresses["payment-cancelled"] == f"{receiver.url}?event=payment-cancelled"
    one = payment()
    payoneer.service.post("/_sandbox/fate", {"reference": "anna", "status": "Cancelled"})
    payoneer.pay(one)
    accepted, cancelled = receiver.wait_for(2)
    assert json.loads(accepted.raw) == {"Payee Id": "anna", "IntPaymentId": one["client_reference_id"]}
    told = json.loads(cancelled.raw)
    assert told["Reason Description"] == "Bank+details+-+Invalid+Branch+Code"
    assert "%3a" in told["Canceled Payment Date"]
    url = addresses["payment-accepted"]
    _, _, nonce, timestamp = accepted.headers["authorization"].split(":")
    secret = payoneer.service.credentials["webhook_secret"]
    signed = authorization(secret, url=url, body=accepted.raw, nonce=nonce, timestamp=timestamp)
    assert accepted.headers["authorization"] == signed


def test_an_event_may_come_unsigned(payoneer: Caller, receiver: Receiver):
    payoneer.service.post("/_sandbox/webhook", {"url": receiver.url})
    payoneer.service.fault("webhook_unsigned")
    payoneer.pay(payment())
    assert "authorization" not in receiver.wait_for(1)[0].headers


# The core ----------------------------------------------------------------------------------------------------


def test_settings_and_a_reset_change_what_is_slow(payoneer: Caller):
    changed = payoneer.service.post("/_sandbox/settings", {"lag_s": 0, "currency": "EUR"})
    assert (changed["lag_s"], changed["currency"]) == (0, "EUR")
    payoneer.service.reset()
    assert payoneer.service.post("/_sandbox/settings", {})["currency"] == "USD"
    assert payoneer.call("GET", "/payees/anna/status").status_code == 404
