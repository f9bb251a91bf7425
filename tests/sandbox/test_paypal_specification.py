"""PayPal's own published files hold for what the sandbox answers."""

from __future__ import annotations

from typing import Any

from tests.sandbox.openapi import contract, needs_specs
from tests.sandbox.paypal_api import Caller, item, order
from tests.sandbox.receiver import Receiver
from tests.sandbox.test_paypal_reporting import window
from tests.sandbox_services import SandboxService

pytestmark = needs_specs

PAYOUTS = "paypal_payments_payouts_batch_v1"
WEBHOOKS = "paypal_notifications_webhooks_v1"
REPORTING = "paypal_reporting_transactions_v1"


def exchange(
    paypal: Caller, name: str, method: str, path: str, body: Any = None, *, valid: bool = True
) -> Any:
    """Make a call whose request (where it is meant to be valid) and answer must hold."""
    if valid:
        contract(name).check_request(method, path, body)
    answer = paypal.call(method, path, body)
    read = answer.json() if answer.content else None
    contract(name).check_answer(method, path, answer.status_code, read)
    return read


def test_payouts_hold(paypal: Caller, paypal_sandbox: SandboxService):
    prefixes = (
        "ok",
        "unclaimed",
        "failed",
        "blocked",
        "onhold",
        "returned",
        "refunded",
        "reversed",
        "pending",
    )
    items = [item(f"{prefix}+a@example.com", note="For you", purpose="GOODS") for prefix in prefixes]
    created = exchange(paypal, PAYOUTS, "POST", "/v1/payments/payouts", order(*items, email_subject="Paid"))
    path = f"/v1/payments/payouts/{created['batch_header']['payout_batch_id']}"
    exchange(paypal, PAYOUTS, "GET", f"{path}?page=1&page_size=2&total_required=true")
    paypal.wait(
        created["batch_header"]["payout_batch_id"], lambda b: b["batch_header"]["batch_status"] == "SUCCESS"
    )
    paypal_sandbox.advance(10)
    batch = exchange(paypal, PAYOUTS, "GET", f"{path}?page_size=1000")
    for shown in batch["items"]:
        exchange(paypal, PAYOUTS, "GET", f"/v1/payments/payouts-item/{shown['payout_item_id']}")
    unclaimed = next(i for i in batch["items"] if i["transaction_status"] == "UNCLAIMED")
    cancel = f"/v1/payments/payouts-item/{unclaimed['payout_item_id']}/cancel"
    assert exchange(paypal, PAYOUTS, "POST", cancel)["transaction_status"] == "RETURNED"
    assert exchange(paypal, PAYOUTS, "POST", cancel)["name"] == "ITEM_ALREADY_CANCELLED"


def test_a_conversion_holds(paypal: Caller, paypal_sandbox: SandboxService):
    paypal_sandbox.fault("convert", times=1)
    batch = paypal.settled(item("a@example.com", currency="EUR"))
    exchange(paypal, PAYOUTS, "GET", f"/v1/payments/payouts/{batch['batch_header']['payout_batch_id']}")


def test_refusals_of_payouts_hold(paypal: Caller, paypal_sandbox: SandboxService):
    path = "/v1/payments/payouts"
    bad = exchange(paypal, PAYOUTS, "POST", path, order(item("nobody"), key="burnt"))
    assert bad["name"] == "VALIDATION_ERROR"
    assert exchange(paypal, PAYOUTS, "POST", path, order(item("a@example.com"), key="burnt"))["details"]
    paypal.pay(item("a@example.com"), key="k")
    assert exchange(paypal, PAYOUTS, "POST", path, order(item("a@example.com"), key="k"))["links"]
    exchange(paypal, PAYOUTS, "POST", path, {"sender_batch_header": {}}, valid=False)
    exchange(paypal, PAYOUTS, "POST", path, order(item("a@example.com", note="ERRPYO002")))
    exchange(paypal, PAYOUTS, "GET", f"{path}/NOSUCH")
    for kind in ("error_before", "rate_limit", "insufficient_funds"):
        paypal_sandbox.fault(kind, times=1)
        exchange(paypal, PAYOUTS, "POST", path, order(item("a@example.com")))
    paypal_sandbox.fault("deny_batch", times=1)
    denied = paypal.settled(item("a@example.com"))
    exchange(paypal, PAYOUTS, "GET", f"{path}/{denied['batch_header']['payout_batch_id']}")


def test_webhooks_hold(paypal: Caller, receiver: Receiver):
    root = "/v1/notifications"
    made = exchange(
        paypal, WEBHOOKS, "POST", f"{root}/webhooks", {"url": receiver.url, "event_types": [{"name": "*"}]}
    )
    path = f"{root}/webhooks/{made['id']}"
    for read in (path, f"{root}/webhooks", f"{path}/event-types", f"{root}/webhooks-event-types"):
        exchange(paypal, WEBHOOKS, "GET", read)
    patch = [{"op": "replace", "path": "/url", "value": f"{receiver.url}/2"}]
    exchange(paypal, WEBHOOKS, "PATCH", path, patch)
    paypal.settled(item("a@example.com"), item("unclaimed+b@example.com"))
    for delivery in receiver.wait_for(4):
        contract(WEBHOOKS).check_schema("event", delivery.body)
        item_event = "PAYOUTS-ITEM" in delivery.type
        resource = delivery.body["resource"]
        if item_event:
            contract(PAYOUTS).check_schema("payout_item-2", resource)
        else:
            contract(PAYOUTS).check_schema("payout_batch_header", resource["batch_header"])
    listed = exchange(paypal, WEBHOOKS, "GET", f"{root}/webhooks-events?page_size=5")
    event = f"{root}/webhooks-events/{listed['events'][0]['id']}"
    exchange(paypal, WEBHOOKS, "GET", event)
    exchange(paypal, WEBHOOKS, "POST", f"{event}/resend", {"webhook_ids": [made["id"]]})
    headers = receiver.deliveries[0].headers
    names = ("auth_algo", "cert_url", "transmission_id", "transmission_sig", "transmission_time")
    asked: dict[str, Any] = {name: headers[f"paypal-{name.replace('_', '-')}"] for name in names}
    asked |= {"webhook_id": made["id"], "webhook_event": receiver.deliveries[0].body}
    exchange(paypal, WEBHOOKS, "POST", f"{root}/verify-webhook-signature", asked)
    assert exchange(paypal, WEBHOOKS, "DELETE", path) is None
    assert exchange(paypal, WEBHOOKS, "GET", path)["name"] == "RESOURCE_NOT_FOUND"


def test_reporting_holds(paypal: Caller, paypal_sandbox: SandboxService):
    path = "/v1/reporting/transactions"
    exchange(paypal, REPORTING, "GET", f"{path}?{window()}")
    paypal.settled(item("a@example.com"), item("returned+b@example.com"))
    paypal_sandbox.advance(10)
    paypal_sandbox.post("/_sandbox/fresh")
    full = exchange(paypal, REPORTING, "GET", f"{path}?{window(fields='all', page_size=3)}")
    assert len(full["transaction_details"]) == 3
    exchange(paypal, REPORTING, "GET", "/v1/reporting/balances?currency_code=ALL")
    refused = exchange(paypal, REPORTING, "GET", "/v1/reporting/balances?currency_code=QQQ")
    assert refused["name"] == "INVALID_REQUEST"
