"""Creating, reading and cancelling payouts, on the wire."""

from __future__ import annotations

import pytest
import requests

from tests.sandbox.paypal_api import Caller, item, moved, order, statuses
from tests.sandbox_services import SandboxService

PAYOUTS = "/v1/payments/payouts"


def details(answer: requests.Response) -> dict[str, str]:
    assert answer.status_code == 400, answer.text
    assert answer.json()["name"] == "VALIDATION_ERROR"
    return {detail["field"]: detail["issue"] for detail in answer.json()["details"]}


# The way in -----------------------------------------------------------------------------------------------------


def test_gives_a_token_for_nine_hours_and_the_same_one_again(paypal: Caller):
    first, second = paypal.log_in().json(), paypal.log_in().json()
    assert first["token_type"] == "Bearer"
    assert 32_000 < first["expires_in"] <= 32_400
    assert "https://uri.paypal.com/payments/payouts" in first["scope"].split()
    assert first["access_token"] == second["access_token"]


@pytest.mark.parametrize(
    ("auth", "data", "status", "error"),
    [
        (("nobody", "nothing"), {"grant_type": "client_credentials"}, 401, "invalid_client"),
        (None, {"grant_type": "client_credentials"}, 401, "invalid_client"),
        ("right", {"grant_type": "password"}, 400, "unsupported_grant_type"),
        ("right", {}, 400, "invalid_request"),
    ],
)
def test_refuses_a_token_in_oauths_words(paypal: Caller, auth, data, status: int, error: str):
    if auth == "right":
        auth = (paypal.credentials["client_id"], paypal.credentials["client_secret"])
    answer = requests.post(f"{paypal.url}/v1/oauth2/token", auth=auth, data=data, timeout=10)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


def test_has_two_ways_to_say_who_are_you(paypal: Caller):
    bare = requests.get(f"{paypal.url}{PAYOUTS}/X", timeout=10)
    assert (bare.status_code, bare.json()["name"]) == (401, "AUTHENTICATION_FAILURE")
    wrong = requests.get(f"{paypal.url}{PAYOUTS}/X", headers={"Authorization": "Bearer x"}, timeout=10)
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_token")


def test_tokens_expire(paypal: Caller, paypal_sandbox: SandboxService):
    paypal_sandbox.advance(32_401)
    assert paypal.pay(item("a@example.com")).status_code == 401
    paypal.log_in()
    assert paypal.pay(item("a@example.com")).status_code == 201
    paypal_sandbox.fault("expire_token", times=1)
    assert paypal.pay(item("a@example.com")).json()["error"] == "invalid_token"


def test_needs_the_scope(paypal: Caller, paypal_sandbox: SandboxService):
    paypal_sandbox.fault("missing_scope", value="payments/payouts", times=1)
    paypal.log_in()
    answer = paypal.pay(item("a@example.com"))
    assert (answer.status_code, answer.json()["name"]) == (403, "NOT_AUTHORIZED")
    assert answer.json()["details"][0]["issue"] == "REQUIRED_SCOPE_MISSING"


# Create ---------------------------------------------------------------------------------------------------------


def test_accepts_a_batch_as_pending_and_says_nothing_of_its_items(paypal: Caller):
    answer = paypal.pay(item("a@example.com"), key="k1")
    body = answer.json()
    assert answer.status_code == 201
    assert body["batch_header"]["batch_status"] == "PENDING"
    assert body["batch_header"]["sender_batch_header"]["sender_batch_id"] == "k1"
    assert "items" not in body
    assert body["links"][0]["href"].endswith(f"{PAYOUTS}/{body['batch_header']['payout_batch_id']}")
    assert answer.headers["Paypal-Debug-Id"]


def test_refuses_all_for_one_and_names_every_bad_item(paypal: Caller, paypal_sandbox: SandboxService):
    good = item("a@example.com")
    answer = paypal.pay(
        good, item("nobody"), good, item("invalid+b@example.com"), item("c@example.com", "1.001")
    )
    assert set(details(answer)) == {"items[1].receiver", "items[3].receiver", "items[4].amount.value"}
    assert paypal_sandbox.ledger() == []


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        ({"amount": {"currency": "USD", "value": 10}}, "amount.value"),
        ({"amount": {"currency": "USD", "value": "0.00"}}, "amount.value"),
        ({"amount": {"currency": "USD", "value": "-1"}}, "amount.value"),
        ({"amount": {"currency": "USD", "value": "1e3"}}, "amount.value"),
        ({"amount": {"currency": "XAU", "value": "1"}}, "amount.currency"),
        ({"amount": {"currency_code": "USD", "value": "1"}}, "amount.currency"),
        ({"amount": None}, "amount"),
        ({"receiver": None}, "receiver"),
        ({"receiver": "a" * 120 + "@example.com"}, "receiver"),
        ({"recipient_type": "PHONE", "receiver": "+4915112345678"}, "recipient_type"),
        ({"recipient_type": "PIGEON"}, "recipient_type"),
        ({"recipient_type": "PAYPAL_ID", "receiver": "a@example.com"}, "receiver"),
        ({"sender_item_id": "x" * 64}, "sender_item_id"),
        ({"note": "é" * 1001}, "note"),
        ({"recipient_wallet": "SOCK"}, "recipient_wallet"),
        ({"purpose": "FUN"}, "purpose"),
    ],
)
def test_refuses_an_item_that_breaks_a_rule(paypal: Caller, bad, field: str):
    answer = paypal.pay(item("a@example.com"), {**item("b@example.com"), **bad})
    assert f"items[1].{field}" in details(answer)


@pytest.mark.parametrize("currency", ["HUF", "JPY", "TWD"])
def test_takes_no_decimals_of_some_currencies(paypal: Caller, paypal_sandbox: SandboxService, currency: str):
    assert "items[0].amount.value" in details(paypal.pay(item("a@example.com", "100.00", currency=currency)))
    paypal.settled(item("a@example.com", "100", currency=currency, key="i"))
    assert moved(paypal_sandbox.ledger(), "debit") == [("i", "100")]


def test_pays_one_currency_per_batch(paypal: Caller):
    answer = paypal.pay(item("a@example.com"), item("b@example.com", currency="EUR"))
    assert set(details(answer)) == {"items[1].amount.currency"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], ""),
        ({"items": []}, "sender_batch_header"),
        ({"sender_batch_header": {}, "items": []}, "items"),
        (
            {"sender_batch_header": {"sender_batch_id": "x" * 257}, "items": [{}]},
            "sender_batch_header.sender_batch_id",
        ),
        ({"sender_batch_header": {}, "items": [item("a@example.com")]}, "items[0].recipient_type"),
        (order(*[item("a@example.com")] * 15_001), "items"),
    ],
)
def test_refuses_a_request_that_breaks_a_rule(paypal: Caller, body, field: str):
    assert field in details(paypal.call("POST", PAYOUTS, body))


def test_refuses_what_is_not_json(paypal: Caller):
    answer = paypal.session.post(f"{paypal.url}{PAYOUTS}", data=b"{", timeout=10)
    assert (answer.status_code, answer.json()["name"]) == (400, "MALFORMED_REQUEST")


def test_takes_fifteen_thousand_items_and_gives_them_page_by_page(
    paypal: Caller, paypal_sandbox: SandboxService
):
    answer = paypal.pay(*(item(f"p{n}@example.com", "1.00", key=f"i{n}") for n in range(15_000)))
    batch_id = answer.json()["batch_header"]["payout_batch_id"]
    paypal.wait(batch_id, lambda b: b["batch_header"]["batch_status"] == "SUCCESS", within=30)
    seen = []
    for page in range(1, 16):
        body = paypal.call(
            "GET", f"{PAYOUTS}/{batch_id}?page={page}&page_size=1000&total_required=true"
        ).json()
        assert (body["total_items"], body["total_pages"]) == (15_000, 15)
        seen += [shown["payout_item"]["sender_item_id"] for shown in body["items"]]
    assert seen == [f"i{n}" for n in range(15_000)]
    assert paypal_sandbox.get("/_sandbox/ledger?limit=1")["totals"]["USD"]["debit"] == "1500000"


# The key --------------------------------------------------------------------------------------------------------


def test_refuses_a_used_key_and_links_to_the_original(paypal: Caller, paypal_sandbox: SandboxService):
    first = paypal.settled(item("a@example.com"), key="k")
    answer = paypal.pay(item("a@example.com"), key="k")
    body = answer.json()
    assert (answer.status_code, body["name"]) == (400, "USER_BUSINESS_ERROR")
    assert body["details"][0]["issue"] == "Duplicate batch request"
    assert body["links"][0]["href"].endswith(first["batch_header"]["payout_batch_id"])
    assert len(moved(paypal_sandbox.ledger(), "debit")) == 1


def test_burns_a_key_even_when_nothing_was_paid(paypal: Caller):
    assert paypal.pay(item("nobody"), key="k").json()["name"] == "VALIDATION_ERROR"
    assert paypal.pay(item("nobody"), key="k").json()["name"] == "VALIDATION_ERROR"
    burnt = paypal.pay(item("a@example.com"), key="k").json()
    assert (burnt["name"], burnt["links"]) == ("USER_BUSINESS_ERROR", [])


def test_does_not_burn_a_key_that_never_got_through(paypal: Caller, paypal_sandbox: SandboxService):
    for kind in ("error_before", "rate_limit", "expire_token"):
        paypal_sandbox.fault(kind, times=1)
        assert paypal.pay(item("a@example.com"), key="k").status_code in (401, 429, 500)
        paypal.log_in()
    assert paypal.pay(item("a@example.com"), key="k").status_code == 201


def test_burns_a_key_with_a_five_hundred_when_steered_to(paypal: Caller, paypal_sandbox: SandboxService):
    paypal_sandbox.fault("burn_id", times=1)
    assert paypal.pay(item("a@example.com"), key="k").status_code == 500
    assert paypal.pay(item("a@example.com"), key="k").json()["name"] == "USER_BUSINESS_ERROR"
    assert paypal_sandbox.ledger() == []


def test_hides_the_original_when_steered_to(paypal: Caller, paypal_sandbox: SandboxService):
    paypal.pay(item("a@example.com"), key="k")
    paypal_sandbox.fault("duplicate_without_link", times=1)
    assert paypal.pay(item("a@example.com"), key="k").json()["links"] == []
    assert paypal.pay(item("a@example.com"), key="k").json()["links"]


def test_forgets_a_key_after_thirty_days(paypal: Caller, paypal_sandbox: SandboxService):
    paypal.pay(item("a@example.com"), key="k")
    paypal_sandbox.advance(30 * 86_400 + 60)
    paypal.log_in()
    assert paypal.pay(item("a@example.com"), key="k").status_code == 201


def test_pays_twice_without_a_key_whatever_the_request_id_says(
    paypal: Caller, paypal_sandbox: SandboxService
):
    body = order(item("a@example.com", key="same"))
    del body["sender_batch_header"]["sender_batch_id"]
    for _ in range(2):
        answer = paypal.call("POST", PAYOUTS, body, headers={"PayPal-Request-Id": "once"})
        batch_id = answer.json()["batch_header"]["payout_batch_id"]
        paypal.wait(batch_id, lambda b: b["batch_header"]["batch_status"] == "SUCCESS")
    assert moved(paypal_sandbox.ledger(), "debit") == [("same", "1000"), ("same", "1000")]


def test_dedupes_item_ids_within_a_batch_only(paypal: Caller):
    batch = paypal.settled(item("a@example.com", key="i"), item("b@example.com", key="i"))
    assert statuses(batch) == ["SUCCESS", "FAILED"]
    assert batch["items"][1]["errors"]["name"] == "DUPLICATE_ITEM"
    assert statuses(paypal.settled(item("a@example.com", key="i"))) == ["SUCCESS"]


# Refusals by steering -------------------------------------------------------------------------------------------


def test_refuses_the_receivers_it_is_told_to(paypal: Caller, paypal_sandbox: SandboxService):
    paypal_sandbox.fault("refuse", match={"reference": "bad@example.com"})
    paypal_sandbox.fault("refuse", match={"reference": "bad-item"})
    items = [item("a@example.com"), item("bad@example.com"), item("b@example.com", key="bad-item")]
    assert set(details(paypal.pay(*items))) == {"items[1].receiver", "items[2].receiver"}
    paypal_sandbox.fault("name_first_only", times=1)
    assert set(details(paypal.pay(*items))) == {"items[1].receiver"}
    paypal_sandbox.fault("name_none", times=1)
    assert set(details(paypal.pay(*items))) == {"items"}
    assert paypal.pay(items[0]).status_code == 201


def test_refuses_a_whole_request_when_told_to(paypal: Caller, paypal_sandbox: SandboxService):
    paypal_sandbox.fault("refuse", times=1, status=403, value="SENDER_ACCOUNT_UNVERIFIED")
    answer = paypal.pay(item("a@example.com"))
    assert (answer.status_code, answer.json()["name"]) == (403, "SENDER_ACCOUNT_UNVERIFIED")


def test_serves_paypals_negative_testing(paypal: Caller):
    answer = paypal.pay(item("a@example.com", note="ERRPYO002"))
    assert (answer.status_code, answer.json()["name"]) == (403, "SENDER_EMAIL_UNCONFIRMED")
    assert paypal.call("GET", f"{PAYOUTS}/ERRPYO015").json()["name"] == "CLOSED_MARKET"


# Money ----------------------------------------------------------------------------------------------------------


def test_refuses_more_than_the_account_holds_with_fees(paypal: Caller, paypal_sandbox: SandboxService):
    paypal_sandbox.post("/_sandbox/funds", {"currency": "EUR", "units": "1019"})
    answer = paypal.pay(item("a@example.com", "10.00", currency="EUR"))
    assert (answer.status_code, answer.json()["name"]) == (422, "UNPROCESSABLE_ENTITY")
    assert answer.json()["details"][0]["issue"] == "INSUFFICIENT_FUNDS"
    paypal_sandbox.post("/_sandbox/funds", {"currency": "EUR", "units": 1020})
    assert paypal.pay(item("a@example.com", "10.00", currency="EUR")).status_code == 201
    assert paypal.pay(item("a@example.com", "0.01", currency="EUR")).status_code == 422


def test_finds_too_little_money_late_when_steered_to(paypal: Caller, paypal_sandbox: SandboxService):
    paypal_sandbox.fault("insufficient_funds", value="denied", times=1)
    batch = paypal.settled(item("a@example.com"))
    assert batch["batch_header"]["batch_status"] == "DENIED"
    assert batch["items"][0]["errors"]["name"] == "INSUFFICIENT_FUNDS"
    assert "transaction_id" not in batch["items"][0]
    assert paypal_sandbox.ledger() == []


def test_denies_a_batch_and_releases_its_money(paypal: Caller, paypal_sandbox: SandboxService):
    paypal_sandbox.post("/_sandbox/funds", {"currency": "USD", "units": 1020})
    paypal_sandbox.fault("deny_batch", times=1, value="SENDER_ACCOUNT_LOCKED")
    assert paypal.settled(item("a@example.com"))["batch_header"]["batch_status"] == "DENIED"
    assert statuses(paypal.settled(item("a@example.com"))) == ["SUCCESS"]


def test_shows_no_fee_at_first_and_the_charged_one_later(paypal: Caller, paypal_sandbox: SandboxService):
    stuck = paypal_sandbox.fault("stuck_pending")
    batch_id = paypal.pay(item("a@example.com", "100.00"), item("b@example.com", "9000.00")).json()[
        "batch_header"
    ]["payout_batch_id"]
    assert paypal.batch(batch_id)["batch_header"]["fees"]["value"] == "0.00"
    paypal_sandbox.delete(f"/_sandbox/faults/{stuck}")
    batch = paypal.wait(batch_id, lambda b: b["batch_header"]["batch_status"] == "SUCCESS")
    assert [shown["payout_item_fee"]["value"] for shown in batch["items"]] == ["2.00", "14.00"]
    assert batch["batch_header"]["fees"] == {"currency": "USD", "value": "16.00"}
    assert [units for _, units in moved(paypal_sandbox.ledger(), "fee")] == ["200", "1400"]


def test_changes_a_fee_afterwards(paypal: Caller, paypal_sandbox: SandboxService):
    paypal_sandbox.fault("fee_change", times=1, value=75, seconds=0)
    batch = paypal.settled(item("a@example.com"))
    item_id = batch["items"][0]["payout_item_id"]
    paypal_sandbox.advance(1)
    shown = paypal.call("GET", f"/v1/payments/payouts-item/{item_id}").json()
    assert shown["payout_item_fee"]["value"] == "0.75"
    assert [units for _, units in moved(paypal_sandbox.ledger(), "fee")] == ["20", "55"]


def test_pays_out_of_another_balance_with_a_conversion(paypal: Caller, paypal_sandbox: SandboxService):
    paypal_sandbox.post("/_sandbox/funds", {"currency": "EUR", "units": 0})
    paypal_sandbox.fault("convert", times=1, value="USD")
    batch = paypal.settled(item("a@example.com", "10.00", currency="EUR"))
    conversion = batch["items"][0]["currency_conversion"]
    assert conversion["to_amount"] == {"currency": "EUR", "value": "10.00"}
    assert conversion["from_amount"]["currency"] == "USD"
    assert float(conversion["from_amount"]["value"]) > 10


# Read -----------------------------------------------------------------------------------------------------------


def test_shows_header_only_and_pages_with_their_links(paypal: Caller):
    batch_id = paypal.settled(*(item(f"p{n}@example.com") for n in range(5)))["batch_header"][
        "payout_batch_id"
    ]
    path = f"{PAYOUTS}/{batch_id}"
    assert "items" not in paypal.call("GET", f"{path}?fields=batch_header").json()
    second = paypal.call("GET", f"{path}?page=2&page_size=2").json()
    assert len(second["items"]) == 2
    assert "total_items" not in second
    assert {link["rel"] for link in second["links"]} == {"self", "next", "prev", "last"}
    following = next(link["href"] for link in second["links"] if link["rel"] == "next")
    assert len(paypal.call("GET", following).json()["items"]) == 1
    assert paypal.call("GET", f"{path}?page=9&page_size=2").json()["items"] == []
    assert "page_size" in details(paypal.call("GET", f"{path}?page_size=1001"))
    assert "page" in details(paypal.call("GET", f"{path}?page=x"))


@pytest.mark.parametrize("path", [f"{PAYOUTS}/NOSUCH", "/v1/payments/payouts-item/NOSUCH"])
def test_does_not_know_ids_it_never_gave(paypal: Caller, path: str):
    answer = paypal.call("GET", path)
    assert (answer.status_code, answer.json()["name"]) == (404, "RESOURCE_NOT_FOUND")


# Cancel ---------------------------------------------------------------------------------------------------------


def test_cancels_an_unclaimed_item_once(paypal: Caller, paypal_sandbox: SandboxService):
    batch = paypal.settled(item("unclaimed+a@example.com", key="i"), item("b@example.com"))
    waiting, paid = (
        f"/v1/payments/payouts-item/{shown['payout_item_id']}/cancel" for shown in batch["items"]
    )
    done = paypal.call("POST", waiting)
    assert (done.status_code, done.json()["transaction_status"]) == (200, "RETURNED")
    assert paypal.call("POST", waiting).json()["name"] == "ITEM_ALREADY_CANCELLED"
    assert paypal.call("POST", paid).json()["name"] == "ITEM_INCORRECT_STATUS"
    assert moved(paypal_sandbox.ledger(), "return") == [("i", "1000")]


def test_refuses_a_cancel_that_comes_too_late(paypal: Caller, paypal_sandbox: SandboxService):
    batch = paypal.settled(item("unclaimed+a@example.com"))
    paypal_sandbox.fault("late_cancel_refused", times=1)
    answer = paypal.call("POST", f"/v1/payments/payouts-item/{batch['items'][0]['payout_item_id']}/cancel")
    assert (answer.status_code, answer.json()["name"]) == (400, "ITEM_CANCELLATION_FAILED")
    assert moved(paypal_sandbox.ledger(), "return") == []
