"""Wise's own published file holds for what the sandbox answers."""

from __future__ import annotations

from typing import Any

from tests.sandbox.openapi import WISE, contract, needs_specs
from tests.sandbox.receiver import Receiver
from tests.sandbox.wise_api import WiseCaller
from tests.sandbox_services import SandboxService

pytestmark = needs_specs


def exchange(wise: WiseCaller, method: str, path: str, body: Any = None, **options: Any) -> Any:
    """Make a call whose request and answer must hold."""
    url = path.replace("{p}", str(wise.profile))
    contract(WISE).check_request(method, url, body)
    answer = wise.call(method, path, body, **options)
    read = answer.json() if answer.content else None
    assert answer.ok, read
    contract(WISE).check_answer(method, url, answer.status_code, read)
    return read


def test_transfers_hold(wise: WiseCaller, wise_sandbox: SandboxService):
    account = {
        "currency": "EUR",
        "type": "iban",
        "profile": wise.profile,
        "accountHolderName": "Anna Lehmann",
    }
    account |= {"details": {"legalType": "PRIVATE", "IBAN": "DE89370400440532013000"}}
    made = exchange(wise, "POST", "/v1/accounts", account)
    exchange(wise, "GET", f"/v2/accounts/{made['id']}")
    exchange(wise, "GET", f"/v1/accounts/{made['id']}")
    exchange(wise, "GET", "/v1/accounts?currency=EUR")
    exchange(wise, "GET", "/v2/accounts?profile={p}&currency=EUR&size=20&sort=id,desc".replace("{p}", "1"))
    asked = {"sourceCurrency": "EUR", "targetCurrency": "EUR", "targetAmount": 90, "sourceAmount": None}
    quote = exchange(wise, "POST", "/v3/profiles/{p}/quotes", asked | {"targetAccount": made["id"]})
    exchange(wise, "GET", f"/v3/profiles/{{p}}/quotes/{quote['id']}")
    merge = {"Content-Type": "application/merge-patch+json"}
    change = {"targetAccount": made["id"]}
    exchange(wise, "PATCH", f"/v3/profiles/{{p}}/quotes/{quote['id']}", change, headers=merge)
    forms = f"/v1/quotes/{quote['id']}/account-requirements"
    exchange(wise, "GET", forms)
    exchange(wise, "POST", forms, account)
    exchange(
        wise, "POST", "/v1/transfer-requirements", {"targetAccount": made["id"], "quoteUuid": quote["id"]}
    )
    transfer = exchange(wise, "POST", "/v1/transfers", wise.order(quote))
    path = f"/v1/transfers/{transfer['id']}"
    fund = f"/v3/profiles/{{p}}/transfers/{transfer['id']}/payments"
    wise_sandbox.fault("insufficient_funds", times=1)
    assert exchange(wise, "POST", fund, {"type": "BALANCE"})["status"] == "REJECTED"
    assert exchange(wise, "POST", fund, {"type": "BALANCE"})["status"] == "COMPLETED"
    wise.wait(transfer, "outgoing_payment_sent")
    exchange(wise, "GET", path)
    exchange(wise, "GET", f"{path}/payments")
    exchange(wise, "GET", f"/v1/transfers?profile={wise.profile}&limit=100&offset=0")
    exchange(wise, "PUT", f"/v1/transfers/{wise.transfer()['id']}/cancel")
    exchange(wise, "DELETE", f"/v2/accounts/{made['id']}")


def test_a_quote_that_cannot_be_paid_by_balance_holds(wise: WiseCaller, wise_sandbox: SandboxService):
    asked = {"sourceCurrency": "EUR", "targetCurrency": "VND", "sourceAmount": 90}
    for kind in ("balance_disabled", "blocked_notice"):
        wise_sandbox.fault(kind, times=1)
        exchange(wise, "POST", "/v3/profiles/{p}/quotes", asked)


def test_groups_and_balances_hold(wise: WiseCaller):
    root = "/v3/profiles/{p}/batch-groups"
    group = exchange(wise, "POST", root, {"sourceCurrency": "EUR", "name": "Friday"})
    order = wise.order(wise.quote(wise.recipient()["id"]))
    exchange(wise, "POST", f"{root}/{group['id']}/transfers", order)
    group = exchange(wise, "GET", f"{root}/{group['id']}")
    change = {"status": "COMPLETED", "version": group["version"]}
    exchange(wise, "PATCH", f"{root}/{group['id']}", change)
    pay = f"/v3/profiles/{{p}}/batch-payments/{group['id']}/payments"
    exchange(wise, "POST", pay, {"type": "BALANCE"})
    (balance, *_) = exchange(wise, "GET", "/v4/profiles/{p}/balances?types=STANDARD")
    top_up = {"profileId": wise.profile, "balanceId": balance["id"], "currency": "EUR", "amount": 5}
    exchange(wise, "POST", "/v1/simulation/balance/topup", top_up)


def test_webhooks_hold(wise: WiseCaller, wise_sandbox: SandboxService, receiver: Receiver):
    path = "/v3/profiles/{p}/subscriptions"
    delivery = {"version": "2.0.0", "url": receiver.url}
    asked = {"name": "Ours", "trigger_on": "transfers#state-change", "delivery": delivery}
    made = exchange(wise, "POST", path, asked)
    exchange(wise, "GET", path)
    exchange(wise, "GET", f"{path}/{made['id']}")
    wise.sent()
    told = receiver.wait_for_type("transfers#state-change").body
    contract(WISE).check_schema(STATE_CHANGE, told)
    exchange(wise, "DELETE", f"{path}/{made['id']}")


STATE_CHANGE = "v2.0.0"
