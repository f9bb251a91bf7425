"""The doors: webhooks are taken in verified and at once, and whoever watches is told without being let in."""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from payouts import webhook_addresses
from payouts.models import WebhookDelivery
from payouts.providers import registry

SECRET = "known to the service and us"


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch, transactional_db: None) -> Iterator[str]:
    """A provider whose webhooks are signed with a shared secret; gives the address of its webhooks."""
    for name, value in {
        "EXTRA_PROVIDERS": "tests.providers.two_step.provider.TwoStep",
        "TWO_STEP_BASE_URL": "http://127.0.0.1:9",
        "TWO_STEP_TOKEN": "token",
        "TWO_STEP_WEBHOOK_SECRET": SECRET,
    }.items():
        monkeypatch.setenv(name, value)
    registry.reset()
    yield f"/webhooks/two_step/{webhook_addresses.token('two_step')}/"
    registry.reset()


def event(number: int = 1) -> bytes:
    """Write an event as the service does."""
    transfer = {"id": f"T{number}", "reference": "nobody's", "status": "paid"}
    return json.dumps({"event": f"E{number}", "transfer": transfer}).encode()


def deliver(client: Client, address: str, body: bytes, **headers: Any) -> int:
    """Deliver a body with its signature."""
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    options = {"content_type": "application/json", "HTTP_X_SIGNATURE": signature} | headers
    return client.post(address, body, **options).status_code


def test_a_verified_delivery_is_stored_once(client, service):
    assert deliver(client, service, event()) == 200
    assert deliver(client, service, event()) == 200
    row = WebhookDelivery.objects.get()
    assert (row.provider, row.event_id, row.state) == ("two_step", "E1", "new")
    assert event() not in bytes(row.body)


@pytest.mark.parametrize(
    ("why", "status", "change"),
    [
        ("the signature is another's", 400, {"HTTP_X_SIGNATURE": "0" * 64}),
        ("it has no signature", 400, {"HTTP_X_SIGNATURE": ""}),
        ("it is no JSON", 415, {"content_type": "text/plain"}),
        ("it is a form", 415, {"content_type": "application/x-www-form-urlencoded"}),
    ],
)
def test_what_cannot_be_verified_leaves_nothing(client, service, why, status, change):
    assert deliver(client, service, event(), **change) == status, why
    assert not WebhookDelivery.objects.exists()


def test_too_large_a_body_is_not_even_verified(client, service):
    assert deliver(client, service, b" " * (256 * 1024 + 1)) == 413
    assert not WebhookDelivery.objects.exists()


def test_another_address_is_no_door(client, service):
    assert deliver(client, f"/webhooks/two_step/{uuid.uuid4()}/", event()) == 404
    assert deliver(client, f"/webhooks/nobody/{webhook_addresses.token('nobody')}/", event()) == 404
    assert client.get(service).status_code == 405


def test_a_forger_may_not_even_need_a_cookie(service):
    assert deliver(Client(enforce_csrf_checks=True), service, event()) == 200


def test_the_address_of_a_former_secret_key_still_works(client, service, settings):
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another secret key of the same length, more or less, it does not matter"
    assert webhook_addresses.token("two_step") != uuid.UUID(service.split("/")[3])
    assert deliver(client, service, event()) == 200


def test_the_address_says_nothing_of_another_provider_s(settings):
    assert webhook_addresses.token("paypal") != webhook_addresses.token("wise")
    assert webhook_addresses.address("paypal").startswith(f"{settings.PUBLIC_URL}/webhooks/paypal/")


@pytest.mark.django_db
def test_alive_and_ready(client):
    assert client.get("/healthz").json() == {"ok": True}
    assert client.get("/readyz").json() == {"ok": True}


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_a_watcher_may_ask_by_a_bare_address(client, db, settings, path):
    settings.ALLOWED_HOSTS = ["payouts.example.com"]
    assert client.get(path, HTTP_HOST="10.0.0.7:8000").status_code == 200
    assert client.get("/admin/", HTTP_HOST="10.0.0.7:8000").status_code == 400


def test_not_ready_without_a_migration(client, saboteur, transactional_db):
    assert saboteur.run(
        "UPDATE django_migrations SET name = 'gone' WHERE id = (SELECT max(id) FROM django_migrations"
        " WHERE app = 'payouts')"
    )
    assert client.get("/readyz").status_code == 503


@pytest.mark.django_db
def test_figures_are_for_this_machine_alone(client):
    shown = client.get("/metrics")
    assert shown.status_code == 200
    assert b"marketplace_payouts_backlog" in shown.content
    assert client.get("/metrics", REMOTE_ADDR="192.0.2.1").status_code == 404
    assert client.get("/metrics", HTTP_X_FORWARDED_FOR="127.0.0.1").status_code == 404


@pytest.mark.django_db
def test_figures_are_for_whoever_has_the_token(client, settings):
    settings.METRICS_TOKEN = "a token"
    assert client.get("/metrics").status_code == 404
    shown = client.get("/metrics", HTTP_AUTHORIZATION="Bearer a token", REMOTE_ADDR="192.0.2.1")
    assert shown.status_code == 200


def test_figures_of_a_busy_installation(paid_world, client):
    from payouts.invariants import running

    paid_world.sale(paid_world.seller("second@example.com"), price=5_000)
    paid_world.decide()
    running.check_and_act(full=False, now=paid_world.now)
    text = client.get("/metrics").content.decode()
    assert 'marketplace_payouts_open_payouts{state="awaiting_approval"} 1.0' in text
    assert "marketplace_payouts_open_incidents 0.0" in text
    assert "marketplace_payouts_invariants_clean_age_seconds" in text
