"""Everything that we ask of Wise holds against Wise's published file, where SPECS_DIR points at it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from payouts.providers.wise.provider import Wise
from tests.providers.contract import key_of, pay, settled, until
from tests.providers.wise_payments import AMERICAN, payment, step_named
from tests.sandbox.openapi import WISE, contract, needs_specs
from tests.sandbox.receiver import receiving
from tests.sandbox_services import SandboxService

pytestmark = needs_specs

# These are in Wise's pages, and not in the file that we hold.
UNPUBLISHED = ("/v2/profiles", "/balance-statements/")


def check(request: dict[str, Any]) -> str:
    """Hold one request against the file, and give its method and path with the numbers taken out."""
    body = json.loads(request["body"]) if request["body"] else None
    contract(WISE).check_request(request["method"], request["target"], body)
    if request["method"] != "GET":
        assert request["headers"]["content-type"] == "application/json"
    return f"{request['method']} {request['target'].partition('?')[0]}"


def test_every_request_is_as_published(wise: Wise, wise_sandbox: SandboxService):
    progress = payment(wise, "Bouncy Bert")
    reference = pay(wise, progress)
    until(lambda: wise.fetch(reference), settled)
    wise.offering.requirements(AMERICAN, {"address.country": "US"})
    payment(wise, "Bouncy Bert")  # the same once more: found on the list, and put out of use
    step, answers = step_named(wise, payment(wise), "fund")
    wise.find(key_of(step, progress))
    wise.fetch(answers[-1].reference)
    wise.cancel(answers[-1].reference)
    now = datetime.now(UTC)
    wise.statement(since=now - timedelta(days=1), until=now)
    with receiving() as receiver:
        wise.register_webhook(receiver.url)
    wise.check()
    asked = [
        one
        for one in wise_sandbox.requests()["requests"]
        if not any(part in one["target"] for part in UNPUBLISHED)
    ]
    done = {check(request) for request in asked}
    methods = {one.split(" ")[0] for one in done}
    assert methods == {"GET", "POST", "PUT", "DELETE"}
    assert len({one.translate(str.maketrans("", "", "0123456789")) for one in done}) >= 12
