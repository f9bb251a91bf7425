"""Stripe on loopback, and our endpoints registered there."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
import stripe
from django.test import Client
from djstripe.models import WebhookEndpoint

from marketplace_payouts.lib.clock import utc_now
from payments.models import StripeDelivery
from payments.stripe import endpoints, secrets, syncing
from payments.stripe.events import Endpoint
from tests.sandbox_services import SandboxService


@pytest.fixture
def marketplace(stripe_sandbox: SandboxService) -> stripe.StripeClient:
    """Whoever uses Stripe beside us: a front end, the Dashboard, a seller's browser."""
    return stripe.StripeClient(
        stripe_sandbox.credentials["secret_key"],
        base_addresses={"api": stripe_sandbox.url},
        http_client=stripe.RequestsClient(),
    )


@pytest.fixture
def registered(transactional_db: None, stripe_sandbox: SandboxService, settings: Any) -> dict[Endpoint, UUID]:
    """Both endpoints, at an address where nobody listens: tests hand deliveries in by themselves."""
    settings.PUBLIC_URL = "http://127.0.0.1:9"
    list(endpoints.register(now=utc_now()))
    rows = WebhookEndpoint.objects.all()
    return {Endpoint(row.metadata["marketplace_payouts_endpoint"]): row.djstripe_uuid for row in rows}


Deliver = Callable[..., int]


@pytest.fixture
def deliver(registered: dict[Endpoint, UUID], client: Client) -> Deliver:
    """Deliver an event as Stripe does, and give our answer's status."""

    def hand_in(
        event: Any, *, at: Endpoint = Endpoint.PLATFORM, secret: str = "", ago: int = 0, **headers: Any
    ) -> int:
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        signature = stripe.WebhookSignature.generate_signature_header(
            body.decode("utf-8", "replace"), secret or secret_of(registered[at]), int(time.time()) - ago
        )
        options = {"content_type": "application/json", "HTTP_STRIPE_SIGNATURE": signature} | headers
        return client.post(f"/stripe/webhook/{registered[at]}/", body, **options).status_code

    return hand_in


def secret_of(endpoint: UUID) -> str:
    """Open the secret of an endpoint."""
    return secrets.open_sealed(WebhookEndpoint.objects.get(djstripe_uuid=endpoint).secret, endpoint=endpoint)


def event(kind: str, about: Any = None, **more: Any) -> dict[str, Any]:
    """Write an event about an object."""
    shown = about.to_dict() if isinstance(about, stripe.StripeObject) else about
    return {
        "id": f"evt_{time.time_ns()}",
        "object": "event",
        "api_version": "2026-08-26.dahlia",
        "created": int(time.time()),
        "data": {"object": shown or {"id": "xx_1", "object": "thing"}},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
    } | more


def work_off(*, limit: int = 100) -> int:
    """Run the stage once."""
    return syncing.sync(limit=limit, now=utc_now())


def states() -> list[str]:
    """What became of all deliveries, in the order in which they came."""
    return list(StripeDelivery.objects.order_by("id").values_list("state", flat=True))
