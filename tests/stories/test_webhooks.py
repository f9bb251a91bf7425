"""Webhooks are hints: they make us look sooner, and nothing that they say is ever taken for true."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests

from marketplace_payouts.lib.clock import utc_now
from payouts import outbox, reconciliation, settlement, webhooks
from payouts.models import Batch, WebhookDelivery
from payouts.providers import registry
from tests.stories.webhook_door import arrived, delivered_to
from tests.stories.world import CREATE, World


@pytest.fixture
def address(world: World, live_server: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Where PayPal delivers to us."""
    monkeypatch.setenv("PAYPAL_WEBHOOK_CA_FILE", world.paypal.credentials["webhook_ca_file"])
    monkeypatch.setenv("PAYPAL_WEBHOOK_ID", world.paypal.credentials["webhook_id"])
    monkeypatch.setenv("DEBUG", "1")
    registry.reset()
    with delivered_to(live_server.url, world) as url:
        yield url


def wait(is_true: Callable[[], bool], *, seconds: float = 10.0) -> None:
    """Wait for deliveries, which come by themselves."""
    end = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < end, "It never came true."
        time.sleep(0.05)


def poll_nothing(world: World) -> None:
    """Let no batch's time come by itself; only what a webhook hurries is asked about."""
    Batch.objects.filter(next_at__isnull=False).update(next_at=world.now + timedelta(days=1))


def work(world: World) -> None:
    """Work off what was delivered, and what follows from it."""
    WebhookDelivery.objects.filter(state="new").update(next_at=world.now)
    webhooks.work_off(limit=100, now=world.now)
    reconciliation.ask(limit=100, now=world.now)
    while settlement.settle(limit=100, now=world.now):
        pass
    while outbox.tell(limit=100, now=world.now):
        pass


def test_a_seller_is_paid_without_any_polling(world: World, address: str) -> None:
    transaction, payout = world.sold_and_approved(world.seller())
    world.send()
    poll_nothing(world)
    wait(lambda: arrived("SUCCEEDED") > 0)
    work(world)
    payout.refresh_from_db()
    assert payout.state == "paid"
    assert world.told(transaction)["status"] == "paid"
    world.assert_books_agree()


def test_a_webhook_that_comes_before_the_answer(world: World, address: str) -> None:
    """The sender is still in its call: the delivery waits for it, and then leads to a reading."""
    _, payout = world.sold_and_approved(world.seller())
    world.paypal.fault("webhook_early", times=1)
    with world.meanwhile("send.after_call", lambda: work(world)):
        world.send()
    payout.refresh_from_db()
    assert payout.state == "submitted"
    assert len(world.created()) == 1
    poll_nothing(world)
    wait(lambda: arrived("SUCCEEDED") > 0)
    work(world)
    payout.refresh_from_db()
    assert payout.state == "paid"
    world.assert_books_agree()


def test_a_webhook_names_what_an_unknown_batch_became(world: World, address: str) -> None:
    """No resending: the delivery names the batch, which is compared and adopted."""
    _, payout = world.sold_and_approved(world.seller())
    world.paypal.fault("drop_after", match={"method": "POST", "path": CREATE}, times=1)
    world.send()
    poll_nothing(world)
    wait(lambda: arrived("SUCCEEDED") > 0)
    work(world)
    work(world)
    payout.refresh_from_db()
    assert payout.state == "paid"
    assert len(world.created()) == 1
    world.assert_books_agree()


@pytest.mark.parametrize("fault", ["webhook_double", "webhook_reorder", "webhook_late"])
def test_doubled_late_and_mixed_up_ones_come_to_the_same(world: World, address: str, fault: str) -> None:
    world.paypal.fault(fault, seconds=0.3)
    _, payout = world.sold_and_approved(world.seller("claimed+anna@example.com"))
    world.send()
    world.paypal.advance(60)
    poll_nothing(world)
    wait(lambda: arrived("SUCCEEDED") > 0 and arrived("UNCLAIMED") > 0)
    work(world)
    payout.refresh_from_db()
    assert payout.state == "paid"
    events = list(WebhookDelivery.objects.values_list("event_id", flat=True))
    assert len(events) == len(set(events))
    world.assert_books_agree()


def test_all_of_them_lost_polling_alone_finds_out(world: World, address: str) -> None:
    world.paypal.fault("webhook_lose")
    world.sold_and_approved(world.seller())
    world.send()
    world.until("paid")
    assert arrived() == 0
    world.assert_books_agree()


def test_a_forged_one_is_refused_and_changes_nothing(world: World, address: str) -> None:
    world.paypal.fault("webhook_forge")
    _, payout = world.sold_and_approved(world.seller("pending+anna@example.com"))
    world.send()
    world.until("submitted", of=payout)
    wait(lambda: arrived("PROCESSING") > 0)
    answer = requests.post(
        address,
        json={"event_type": "PAYMENT.PAYOUTS-ITEM.SUCCEEDED", "id": "WH-1", "resource": {}},
        headers={"Paypal-Transmission-Id": "1", "Paypal-Transmission-Sig": "AAAA"},
        timeout=10,
    )
    assert answer.status_code == 400
    assert not WebhookDelivery.objects.filter(event_id="WH-1").exists()
    poll_nothing(world)
    work(world)
    payout.refresh_from_db()
    assert payout.state == "submitted"
    assert world.moved() == {}


def test_whoever_does_not_know_the_address_is_told_nothing(world: World, address: str) -> None:
    base = address.rsplit("/", 2)[0]
    wrong = f"{base}/01890000-0000-7000-8000-000000000000/"
    assert requests.post(wrong, json={}, timeout=10).status_code == 404
    assert requests.get(address, timeout=10).status_code == 405
    assert requests.post(address, data=b"{}", timeout=10).status_code == 415


def test_a_verified_one_about_nothing_of_ours_is_kept_and_ignored(world: World, address: str) -> None:
    world.sold_and_approved(world.seller())
    world.send()
    wait(lambda: arrived("SUCCEEDED") > 0)
    world.until("paid")
    row = WebhookDelivery.objects.filter(kind__contains="SUCCEEDED")[0]
    hint = {**row.hint, **dict.fromkeys(("batch_reference", "batch_key", "item_reference", "item_key"), "X")}
    WebhookDelivery.objects.create(
        provider="paypal", event_id="WH-other", hint=hint, body=b"x", next_at=utc_now(), kind="other"
    )
    work(world)
    assert WebhookDelivery.objects.get(event_id="WH-other").state == "ignored"
    world.assert_books_agree()


def test_evidence_about_a_batch_that_counts_as_refused_is_looked_at(world: World, address: str) -> None:
    """PayPal said no, and took it all the same: a webhook names it, and what left is accounted for."""
    world.paypal.fault("error_after", match={"method": "POST", "path": CREATE}, status=500, times=1)
    _, payout = world.sold_and_approved(world.seller())
    world.send()
    # As if the answer had been read as a certain refusal.
    from django.db import transaction

    from payouts import recording
    from payouts.providers.base import RefusalClass, Refused

    batch = Batch.objects.get()
    with transaction.atomic():
        refused = Refused("VALIDATION_ERROR", RefusalClass.PAYEE, "Refused.")
        recording.answer(batch.pk, batch.steps.get(), refused, final=False, transmitted=False, now=world.now)
    payout.refresh_from_db()
    assert payout.state == "failed"
    wait(lambda: arrived("SUCCEEDED") > 0)
    work(world)
    work(world)
    payout.refresh_from_db()
    assert payout.state == "paid"
    assert world.moved() == {"EUR": 9_000}
    world.assert_books_agree()
