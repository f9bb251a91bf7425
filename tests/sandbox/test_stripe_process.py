"""What the sandbox's Stripe remembers after a violent end, and what it goes on with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from sandbox.core.local import Running
from sandbox.core.local import running as start
from tests.sandbox.receiver import Receiver
from tests.sandbox.stripe_api import PATIENT, available, library_at, paid, seller, stripe
from tests.sandbox.test_stripe_accounts import GIVEN
from tests.sandbox_services import SandboxService


@contextmanager
def running(state: Path | None = None, **more: Any) -> Iterator[tuple[Running, SandboxService]]:
    """Run one of one's own, and point Stripe's library at it."""
    with start("stripe", state=state, **more) as process:
        service = SandboxService(name="stripe", url=process.url, credentials=process.credentials)
        try:
            with library_at(service):
                yield process, service
        finally:
            service.close()


def kill(process: Running) -> None:
    process.process.kill()
    process.process.wait()


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Where it remembers."""
    return tmp_path / "stripe.jsonl"


def test_takes_keys_from_the_environment():
    keys = {
        "SANDBOX_STRIPE_SECRET_KEY": "sk_live_" + "a" * 24,
        "SANDBOX_STRIPE_COUNTRY": "DE",
        "SANDBOX_STRIPE_API_VERSION": "2025-01-27.acacia",
        "SANDBOX_STRIPE_SETTINGS": '{"payout_s": 7}',
    }
    with running(environment=keys) as (_, service):
        assert service.credentials["secret_key"] == keys["SANDBOX_STRIPE_SECRET_KEY"]
        assert stripe.Account.retrieve().country == "DE"
        made = stripe.Customer.create()
        assert made.livemode
        assert stripe.Event.list().data[0].api_version == "2025-01-27.acacia"
        assert service.get("/_sandbox/settings")["payout_s"] == 7
        service.post("/_sandbox/settings", {"payout_s": 8})
        service.reset()
        assert service.get("/_sandbox/settings")["payout_s"] == 7


def test_makes_the_same_ids_from_the_same_seed():
    made = []
    for _ in range(2):
        with running(seed=7) as (_, service):
            made.append((service.credentials["secret_key"], stripe.Customer.create().id))
    assert made[0] == made[1]


@pytest.mark.parametrize(
    "asked", [{"payout_s": -1}, {"payout_s": True}, {"payout_s": "1"}, {"colour": 1}, [1]]
)
def test_settings_make_sense(stripe_sandbox: SandboxService, asked: Any):
    with pytest.raises(RuntimeError, match=r"\b400\b"):
        stripe_sandbox.post("/_sandbox/settings", asked)


def test_remembers_the_truth_after_a_sigkill(state: Path):
    with running(state) as (process, service):
        service.post("/_sandbox/settings", PATIENT)
        account = seller(service, email="anna@example.com")
        transfer = stripe.Transfer.create(
            amount=500, currency="eur", destination=account.id, idempotency_key="k", transfer_group="PO-1"
        )
        stripe.Transfer.create_reversal(transfer.id, amount=100)
        payment = paid()
        urls = {"refresh_url": "http://127.0.0.1:9/a", "return_url": "http://127.0.0.1:9/b"}
        link = stripe.AccountLink.create(account=account.id, type="account_onboarding", **urls)
        service.post("/_sandbox/fate", {"reference": "PO-9", "status": "reversed"})
        service.advance(100)
        before = [
            stripe.Account.retrieve(account.id).to_dict(),
            stripe.Transfer.retrieve(transfer.id).to_dict(),
            stripe.PaymentIntent.retrieve(payment.id).to_dict(),
            [event.id for event in stripe.Event.list(limit=100).data],
            [entry.to_dict() for entry in stripe.BalanceTransaction.list().data],
        ]
        funds, ledger, credentials = (
            (available(), available(account.id)),
            service.ledger(),
            service.credentials,
        )
        kill(process)
    with running(state) as (_, service):
        assert service.credentials == credentials
        assert service.ledger() == ledger
        assert (available(), available(account.id)) == funds
        after = [
            stripe.Account.retrieve(account.id).to_dict(),
            stripe.Transfer.retrieve(transfer.id).to_dict(),
            stripe.PaymentIntent.retrieve(payment.id).to_dict(),
            [event.id for event in stripe.Event.list(limit=100).data],
            [entry.to_dict() for entry in stripe.BalanceTransaction.list().data],
        ]
        assert after == before
        again = stripe.Transfer.create(
            amount=500, currency="eur", destination=account.id, idempotency_key="k", transfer_group="PO-1"
        )
        assert again.id == transfer.id
        assert service.get("/_sandbox/clock")["offset_s"] == 100
        assert service.get("/_sandbox/settings")["payout_s"] == 600
        opened = requests.get(service.url + urlsplit(link.url).path, allow_redirects=False, timeout=10)
        assert opened.headers["Location"].startswith(f"/setup/e/{account.id}/")
        # What time would have brought, it still brings.
        service.advance(2 * 86_400)
        assert stripe.Payout.list(stripe_account=account.id).data[0].amount == 400
        assert available() == funds[0] + 5000 - 175
        decided = stripe.Transfer.create(
            amount=1, currency="eur", destination=account.id, transfer_group="PO-9"
        )
        service.advance(1)
        assert stripe.Transfer.retrieve(decided.id).reversed


def test_goes_on_with_payouts_and_judgements(state: Path):
    with running(state) as (process, service):
        service.post("/_sandbox/settings", {**PATIENT, "judging_s": 1000})
        account = seller(service, email="returned+anna@example.com")
        stripe.Transfer.create(amount=500, currency="eur", destination=account.id)
        service.advance(601)
        service.post("/_sandbox/require", {"reference": account.id, "fields": ["x"], "seconds": 5000})
        other = stripe.Account.create(
            type="custom", country="DE", capabilities={"transfers": {"requested": True}}, **GIVEN
        )
        (payout,) = stripe.Payout.list(stripe_account=account.id).data
        assert payout.status == "pending"
        kill(process)
    with running(state) as (process, service):
        assert stripe.Account.retrieve(other.id).capabilities.transfers == "pending"
        service.advance(1300)
        assert stripe.Account.retrieve(other.id).capabilities.transfers == "active"
        assert stripe.Payout.retrieve(payout.id, stripe_account=account.id).status == "paid"
        kill(process)
    with running(state) as (_, service):
        service.advance(600)
        assert stripe.Payout.retrieve(payout.id, stripe_account=account.id).status == "failed"
        assert "x" not in stripe.Account.retrieve(account.id).requirements.past_due
        service.advance(5000)
        assert "x" in stripe.Account.retrieve(account.id).requirements.past_due


def test_tells_after_a_sigkill_what_nobody_heard_before_it(state: Path, receiver: Receiver):
    receiver.status = 500
    with running(state) as (process, _):
        stripe.WebhookEndpoint.create(url=receiver.url, enabled_events=["customer.created"])
        stripe.Customer.create()
        (first,) = receiver.wait_for(1)
        kill(process)
    receiver.status = 200
    receiver.deliveries.clear()
    with running(state):
        (again,) = receiver.wait_for(1)
        assert again.body["id"] == first.body["id"]


def test_tells_the_address_of_the_command_line_after_a_sigkill(state: Path, receiver: Receiver):
    receiver.status = 500
    with running(state, webhook_url=receiver.url) as (process, _):
        stripe.Customer.create()
        (first,) = receiver.wait_for(1)
        kill(process)
    receiver.status = 200
    receiver.deliveries.clear()
    with running(state, webhook_url=receiver.url):
        assert [told.body["id"] for told in receiver.wait_for(1)] == [first.body["id"]]


def test_sends_to_the_address_of_the_command_line(receiver: Receiver):
    with running(webhook_url=receiver.url) as (_, service):
        stripe.Customer.create()
        account = seller(service)
        told = receiver.wait_for(2)
        assert {delivery.body.get("account") for delivery in told} == {None, account.id}
        service.reset()
        receiver.deliveries.clear()
        stripe.Customer.create()
        receiver.wait_for(1)
        assert stripe.Account.list().data == []
