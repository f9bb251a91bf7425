"""Everything that we ask of PayPal holds against PayPal's published files, where SPECS_DIR points at them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from marketplace_payouts.lib.money import Money
from payouts.providers.base import Item, Progress, Step
from payouts.providers.paypal.codes import BATCH_STATUSES, ITEM_STATUSES
from payouts.providers.paypal.provider import PayPal
from tests.providers.contract import key_of, pay, settled, until
from tests.providers.test_paypal import batch_of, create
from tests.sandbox.openapi import contract, needs_specs
from tests.sandbox_services import SandboxService

pytestmark = needs_specs

FILES = {
    "/v1/payments/": "paypal_payments_payouts_batch_v1",
    "/v1/reporting/": "paypal_reporting_transactions_v1",
    "/v1/notifications/": "paypal_notifications_webhooks_v1",
}


def check(request: dict[str, Any]) -> str:
    """Hold one request against its file, and give the start of its path."""
    start = next(start for start in FILES if request["target"].startswith(start))
    body = json.loads(request["body"]) if request["body"] else None
    contract(FILES[start]).check_request(request["method"], request["target"], body)
    if request["method"] == "POST":
        assert request["headers"]["content-type"] == "application/json"
    return start


def test_every_request_is_as_published(paypal: PayPal, paypal_sandbox: SandboxService):
    progress = batch_of("anna", "unclaimed+bert")
    reference = pay(paypal, progress)
    view = until(lambda: paypal.fetch(reference), settled)
    paypal.fetch_item(view.observations[1].reference)
    paypal.cancel(view.observations[1].reference)
    paypal.balances()
    now = datetime.now(UTC)
    paypal.statement(since=now - timedelta(days=80), until=now)
    paypal.find(key_of(create(paypal, progress), progress))
    paypal.check()
    asked = [one for one in paypal_sandbox.requests()["requests"] if one["target"] != "/v1/oauth2/token"]
    assert {check(request) for request in asked} == set(FILES)


@pytest.mark.parametrize("currency", ["EUR", "JPY", "HUF"])
def test_the_largest_request_is_as_published(paypal: PayPal, currency: str):
    items = [
        Item(f"{n:063d}", Money(100 * n, currency), {"email": f"{'a' * 60}{n}@example.com"}, "é" * 2000)
        for n in range(1, 300)
    ]
    step = paypal.next_step(Progress("k" * 253, currency, items))
    assert isinstance(step, Step)
    contract(FILES["/v1/payments/"]).check_request("POST", step.path, json.loads(step.body))


def test_every_published_status_is_known():
    schemas = contract(FILES["/v1/payments/"])._file["components"]["schemas"]
    assert set(schemas["transaction_enum"]["enum"]) <= set(ITEM_STATUSES)
    assert set(schemas["batch_enum"]["enum"]) <= set(BATCH_STATUSES)
