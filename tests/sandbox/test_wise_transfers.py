"""Quotes, recipients, transfers and funding at the sandbox's Wise."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.sandbox.paypal_api import moved
from tests.sandbox.wise_api import IBAN, WiseCaller, code, option
from tests.sandbox_services import SandboxService


def span(*, days: int, until: int = 90) -> str:
    ends = [datetime.now(UTC) + timedelta(days=one) for one in (days, until)]
    start, end = (one.strftime("%Y-%m-%dT%H:%M:%S.000Z") for one in ends)
    return f"?currency=EUR&intervalStart={start}&intervalEnd={end}&type=COMPACT"


def test_a_transfer_goes_its_way(wise: WiseCaller, wise_sandbox: SandboxService):
    transfer = wise.sent()
    shown = wise.wait(transfer, "outgoing_payment_sent")
    assert (shown["targetValue"], shown["sourceValue"]) == (90, 90.39)
    key = transfer["customerTransactionId"]
    assert moved(wise_sandbox.ledger(), "debit") == [(key, "9000")]
    assert moved(wise_sandbox.ledger(), "fee") == [(key, "39")]


def test_what_is_said_of_time_has_two_formats(wise: WiseCaller):
    transfer = wise.transfer()
    assert len(transfer["created"].split(" ")) == 2
    assert wise.quote(transfer["targetAccount"])["createdTime"].endswith("Z")


def test_amounts_are_numbers_with_the_currencys_decimals(wise: WiseCaller):
    raw = wise.call("GET", f"/v1/transfers/{wise.transfer(amount=90)['id']}").text
    assert '"targetValue":90.00,' in raw
    yen = wise.recipient(
        currency="JPY", type="japanese", details={"legalType": "PRIVATE", "accountNumber": "12345678"}
    )
    body = {"sourceCurrency": "JPY", "targetCurrency": "JPY", "targetAmount": 900, "targetAccount": yen["id"]}
    assert '"targetAmount":900,' in wise.call("POST", "/v3/profiles/{p}/quotes", body).text
    refused = wise.call("POST", "/v3/profiles/{p}/quotes", body | {"targetAmount": 900.5})
    assert (refused.status_code, code(refused)) == (422, "NOT_VALID")


def test_the_top_of_a_quote_is_not_what_paying_by_balance_costs(wise: WiseCaller):
    quote = wise.quote(wise.recipient()["id"])
    assert quote["sourceAmount"] > option(quote)["sourceAmount"] == 90.39


@pytest.mark.parametrize("amounts", [{}, {"sourceAmount": 1, "targetAmount": 1}])
def test_a_quote_takes_exactly_one_amount(wise: WiseCaller, amounts: dict[str, Any]):
    body = {"sourceCurrency": "EUR", "targetCurrency": "EUR", **amounts}
    assert code(wise.call("POST", "/v3/profiles/{p}/quotes", body)) == "quote.amount"


def test_a_recipient_may_change_how_a_quote_is_paid_out(wise: WiseCaller):
    body = {"sourceCurrency": "USD", "targetCurrency": "USD", "targetAmount": 90}
    quote = wise.done("POST", "/v3/profiles/{p}/quotes", body)
    address = {"country": "GB", "city": "London", "firstLine": "High Street 1", "postCode": "E1"}
    details = {"legalType": "PRIVATE", "swiftCode": "BUKBGB22", "accountNumber": "12345678"}
    far = wise.recipient(currency="USD", type="swift_code", details={**details, "address": address})
    changed = wise.done(
        "PATCH",
        f"/v3/profiles/{{p}}/quotes/{quote['id']}",
        {"targetAccount": far["id"]},
        headers={"Content-Type": "application/merge-patch+json"},
    )
    assert (quote["payOut"], changed["payOut"]) == ("BANK_TRANSFER", "SWIFT")
    assert option(changed)["fee"]["total"] > option(quote)["fee"]["total"]


def test_a_key_makes_one_transfer(wise: WiseCaller):
    quote, key = wise.quote(wise.recipient()["id"]), str(uuid.uuid4())
    first = wise.done("POST", "/v1/transfers", wise.order(quote, key=key))
    again = wise.done("POST", "/v1/transfers", wise.order(quote, key=key))
    assert first == again
    other = wise.call("POST", "/v1/transfers", wise.order(quote))
    assert (other.status_code, code(other)) == (422, "quote.already-used")


def test_a_quote_is_over_after_half_an_hour(wise: WiseCaller, wise_sandbox: SandboxService):
    quote = wise.quote(wise.recipient()["id"])
    wise_sandbox.advance(1801)
    assert code(wise.call("POST", "/v1/transfers", wise.order(quote))) == "quote.expired"
    assert wise.done("GET", f"/v3/profiles/{{p}}/quotes/{quote['id']}")["status"] == "EXPIRED"


def test_what_nobody_funds_is_cancelled_after_two_weeks(wise: WiseCaller, wise_sandbox: SandboxService):
    transfer = wise.transfer()
    wise_sandbox.advance(15 * 86_400)
    assert wise.done("GET", f"/v1/transfers/{transfer['id']}")["status"] == "cancelled"
    assert code(wise.fund(transfer)) == "transfer.invalid-state"
    assert not wise_sandbox.ledger()


def test_the_second_funding_moves_nothing(wise: WiseCaller, wise_sandbox: SandboxService):
    transfer = wise.sent()
    second = wise.fund(transfer)
    assert (second.status_code, code(second)) == (422, "transfer.invalid-state")
    assert len(moved(wise_sandbox.ledger(), "debit")) == 1
    (payment,) = wise.done("GET", f"/v1/transfers/{transfer['id']}/payments")
    assert payment["amount"] == 90.39


@pytest.mark.parametrize("how", ["fault", "funds"])
def test_too_little_money_is_told_by_two_hundred(wise: WiseCaller, wise_sandbox: SandboxService, how: str):
    transfer = wise.transfer()
    if how == "fault":
        wise_sandbox.fault("insufficient_funds", times=1)
    else:
        wise_sandbox.post("/_sandbox/funds", {"currency": "EUR", "units": 9038})
    answer = wise.fund(transfer)
    assert (answer.status_code, answer.json()["status"]) == (200, "REJECTED")
    assert answer.json()["errorCode"] == "transfer.insufficient_funds"
    assert not wise_sandbox.ledger()
    wise_sandbox.post("/_sandbox/funds", {"currency": "EUR", "units": 9039})
    assert wise.fund(transfer).json()["status"] == "COMPLETED"


def test_strong_authentication_is_cleared_by_the_challenge(wise: WiseCaller, wise_sandbox: SandboxService):
    transfer = wise.transfer()
    wise_sandbox.fault("sca", times=1)
    refused = wise.fund(transfer)
    assert refused.status_code == 403
    assert refused.headers["x-2fa-approval-result"] == "REJECTED"
    challenge = refused.headers["x-2fa-approval"]
    assert wise.fund(transfer, headers={"x-2fa-approval": challenge}).json()["status"] == "COMPLETED"


def test_a_token_that_may_not_fund_leaves_it_to_people(wise: WiseCaller, wise_sandbox: SandboxService):
    wise_sandbox.fault("token_cannot_fund")
    transfer = wise.transfer()
    assert wise.fund(transfer).status_code == 403
    wise_sandbox.post("/_sandbox/pay", {"reference": transfer["customerTransactionId"]})
    wise.wait(transfer, "outgoing_payment_sent")


def test_a_transfer_is_cancelled_before_it_is_converted(wise: WiseCaller, wise_sandbox: SandboxService):
    wise_sandbox.post("/_sandbox/simulate", {"manual": True})
    early, late = wise.sent(), wise.sent()
    for transfer in (early, late):
        wise.done("GET", f"/v1/simulation/transfers/{transfer['id']}/processing")
    wise.done("GET", f"/v1/simulation/transfers/{late['id']}/funds_converted")
    assert wise.done("PUT", f"/v1/transfers/{early['id']}/cancel")["status"] == "cancelled"
    refused = wise.call("PUT", f"/v1/transfers/{late['id']}/cancel")
    assert (refused.status_code, code(refused)) == (409, "transfer.cancellation.not.allowed")
    wise.wait(early, "funds_refunded")
    assert moved(wise_sandbox.ledger(), "return") == [(early["customerTransactionId"], "9000")]


def test_simulation_goes_step_by_step(wise: WiseCaller, wise_sandbox: SandboxService):
    wise_sandbox.post("/_sandbox/simulate", {"manual": True})
    transfer = wise.sent()
    skipped = wise.call("GET", f"/v1/simulation/transfers/{transfer['id']}/outgoing_payment_sent")
    assert code(skipped) == "transfer.invalid-state"


@pytest.mark.parametrize(("holder", "back"), [("Bouncy Bert", "9000"), ("Partly Bert", "4500")])
def test_what_bounces_is_refunded(wise: WiseCaller, wise_sandbox: SandboxService, holder: str, back: str):
    transfer = wise.sent(holder)
    wise.wait(transfer, "funds_refunded")
    assert moved(wise_sandbox.ledger(), "return") == [(transfer["customerTransactionId"], back)]


def test_a_bounced_one_may_be_sent_again(wise: WiseCaller, wise_sandbox: SandboxService):
    transfer = wise.sent("Resent Rita")
    wise.wait(transfer, "bounced_back")
    wise.wait(transfer, "outgoing_payment_sent")
    assert not moved(wise_sandbox.ledger(), "return")


def test_brazil_without_a_purpose_is_blocked_after_it_was_funded(wise: WiseCaller):
    local = wise.recipient(
        currency="BRL", type="local", details={"legalType": "PRIVATE", "accountNumber": "12345678"}
    )
    quote = wise.quote(local["id"], target="BRL")
    transfer = wise.done("POST", "/v1/transfers", wise.order(quote))
    assert wise.fund(transfer).json()["status"] == "COMPLETED"
    wise.wait(transfer, "funds_refunded")


def test_the_list_is_paged_and_must_fit(wise: WiseCaller):
    made = [wise.transfer()["id"] for _ in range(5)]
    path = "/v1/transfers?profile={p}&limit=2&offset="
    pages = [wise.done("GET", path + str(offset)) for offset in (0, 2, 4)]
    assert [one["id"] for page in pages for one in page] == sorted(made, reverse=True)
    assert wise.call("GET", path + "3").status_code == 400
    assert wise.done("GET", "/v1/transfers?limit=100&offset=0") == [], "without a profile: the person's own"


def test_recipients_share_a_hash_and_are_asked_for_what_fits(wise: WiseCaller):
    first, second = wise.recipient(), wise.recipient()
    assert first["id"] != second["id"]
    assert first["hash"] == second["hash"] != wise.recipient("Bert Brecht")["hash"]
    bad = wise.call(
        "POST",
        "/v1/accounts",
        {"currency": "EUR", "type": "iban", "accountHolderName": "Anna", "details": {"IBAN": IBAN}},
    )
    assert bad.status_code == 400
    assert bad.json()["errors"][0]["path"] == "accountHolderName"
    page = wise.done("GET", "/v2/accounts?profile={p}&currency=EUR&size=2&sort=id,desc")
    assert len(page["content"]) == 2
    assert page["seekPositionForNext"] == page["content"][-1]["id"]
    assert not wise.done("DELETE", f"/v2/accounts/{second['id']}")["active"]
    refused = wise.call("POST", "/v1/transfers", wise.order(wise.quote(second["id"])))
    assert refused.json()["errors"][0]["path"] == "targetAccount"


def test_the_form_changes_with_what_was_given(wise: WiseCaller):
    quote = wise.done(
        "POST",
        "/v3/profiles/{p}/quotes",
        {"sourceCurrency": "USD", "targetCurrency": "USD", "targetAmount": 90},
    )
    path, minor = f"/v1/quotes/{quote['id']}/account-requirements", {"Accept-Minor-Version": "1"}

    def keys(forms: Any) -> set[str]:
        aba = next(one for one in forms if one["type"] == "aba")
        return {field["group"][0]["key"] for field in aba["fields"]}

    first = keys(wise.done("GET", path, headers=minor))
    given = {"type": "aba", "details": {"address": {"country": "US"}}}
    assert keys(wise.done("POST", path, given, headers=minor)) - first == {"address.state"}
    assert "accountHolderName" in first - keys(wise.done("GET", path))


def test_a_body_of_no_declared_type_is_a_fault_inside(wise: WiseCaller):
    answer = wise.session.post(
        f"{wise.url}/v1/transfers", data=b"{}", headers={"Content-Type": "text/plain"}, timeout=10
    )
    assert (answer.status_code, answer.json()["exception"]) == (500, "internal.server.error")


def test_dated_paths_lead_to_the_same_doors(wise: WiseCaller):
    transfer = wise.transfer()
    assert wise.done("GET", f"/2026Q3/transfers/{transfer['id']}") == transfer
    assert wise.call("GET", f"/2025Q1/transfers/{transfer['id']}").status_code == 404


def test_oauth_refreshes_its_token(wise: WiseCaller, wise_sandbox: SandboxService):
    secrets = wise_sandbox.post("/_sandbox/oauth")
    path, who = f"{wise.url}/oauth/token", (secrets["client_id"], secrets["client_secret"])
    form = {"grant_type": "refresh_token", "refresh_token": secrets["refresh_token"]}
    token = wise.session.post(path, data=form, auth=who, timeout=10).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert wise.call("GET", "/v2/profiles", headers=headers).ok
    wise_sandbox.advance(43_200)
    assert wise.call("GET", "/v2/profiles", headers=headers).json()["error"] == "invalid_token"
    wrong = wise.session.post(path, data=form | {"refresh_token": "x"}, auth=who, timeout=10)
    assert wrong.json()["error"] == "invalid_grant"


def test_a_group_is_funded_as_a_whole(wise: WiseCaller, wise_sandbox: SandboxService):
    root = "/v3/profiles/{p}/batch-groups"
    group = wise.done("POST", root, {"sourceCurrency": "EUR", "name": "Friday"})
    path = f"{root}/{group['id']}"
    made = [
        wise.done("POST", f"{path}/transfers", wise.order(wise.quote(wise.recipient()["id"]))) for _ in "ab"
    ]
    stale = wise.call("PATCH", path, {"status": "COMPLETED", "version": group["version"]})
    assert code(stale) == "batch-group.version"
    version = wise.done("GET", path)["version"]
    wise.done("PATCH", path, {"status": "COMPLETED", "version": version})
    pay = f"/v3/profiles/{{p}}/batch-payments/{group['id']}/payments"
    wise_sandbox.post("/_sandbox/funds", {"currency": "EUR", "units": 18_000})
    assert code(wise.call("POST", pay, {"type": "BALANCE"})) == "transfer.insufficient_funds"
    assert not wise_sandbox.ledger()
    wise_sandbox.post("/_sandbox/funds", {"currency": "EUR", "units": 20_000})
    assert wise.done("POST", pay, {"type": "BALANCE"})["alreadyPaid"]
    for one in made:
        wise.wait(one, "outgoing_payment_sent")


def test_a_statement_tells_what_moved(wise: WiseCaller, wise_sandbox: SandboxService):
    balance = wise.done("GET", "/v4/profiles/{p}/balances?types=STANDARD")[0]
    body = {"profileId": wise.profile, "balanceId": balance["id"], "currency": "EUR", "amount": 5}
    wise.done("POST", "/v1/simulation/balance/topup", body)
    transfer = wise.sent("Bouncy Bert")
    wise.wait(transfer, "funds_refunded")
    path = f"/v1/profiles/{{p}}/balance-statements/{balance['id']}/statement.json"
    assert wise.call("GET", path + span(days=-400)).status_code == 400, "at most 469 days"
    assert wise.done("GET", path + span(days=-90, until=-80))["transactions"] == []
    rows = wise.done("GET", path + span(days=-90))["transactions"]
    assert [(one["type"], one["amount"]["value"], one["totalFees"]["value"]) for one in rows] == [
        ("CREDIT", 90, 0),
        ("DEBIT", -90.39, 0.39),
        ("CREDIT", 5, 0),
    ]
    assert rows[0]["referenceNumber"] == rows[1]["referenceNumber"] == f"TRANSFER-{transfer['id']}"


def test_it_goes_on_where_it_was_killed(tmp_path: Any, start_sandbox: Any):
    state = str(tmp_path / "wise.state")
    first = start_sandbox("wise", "--state", state, "--seed", "7")
    caller = WiseCaller(first.url, dict(first.credentials))
    first.post("/_sandbox/simulate", {"manual": True})
    transfer = caller.sent()
    second = start_sandbox("wise", "--state", state, "--seed", "8")
    caller = WiseCaller(second.url, dict(second.credentials))
    caller.wait(transfer, "outgoing_payment_sent")
    assert code(caller.fund(transfer)) == "transfer.invalid-state"
    assert moved(second.ledger(), "debit") == [(transfer["customerTransactionId"], "9000")]
