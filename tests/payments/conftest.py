"""Stripe on loopback, and our endpoints registered there."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest
import stripe
from django.db import connection, connections
from django.test import Client
from djstripe.models import WebhookEndpoint

from accounts import visits
from accounts.models import Payee, User
from marketplace_payouts.lib import crash_points
from marketplace_payouts.lib.clock import utc_now
from payments.models import StripeDelivery
from payments.stripe import endpoints, secrets, syncing
from payments.stripe.events import Endpoint
from tests import factories
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


@pytest.fixture
def minh(transactional_db: None, stripe_sandbox: SandboxService) -> User:
    """A user of the marketplace, who buys and sells."""
    return somebody("minh@market.example", name="Minh Tran")


@pytest.fixture
def dying() -> Iterator[Callable[[str], Any]]:
    """Have the process die at a crash point, in a block."""

    class Died(BaseException):
        pass

    @contextmanager
    def at(point: str) -> Iterator[None]:
        def hook(name: str) -> None:
            if name == point:
                raise Died

        crash_points.install(hook)
        try:
            with pytest.raises(Died):
                yield
        finally:
            crash_points.install(None)
            connection.close()  # whoever dies lets go of every lock

    yield at
    crash_points.install(None)


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


def somebody(email: str, *, name: str = "") -> User:
    """Have a user of the marketplace visit us for the first time, of whom Sharetribe has told us this."""
    marketplace = factories.MarketplaceFactory.create()
    user = visits.visitor(marketplace=marketplace, flex_user_id=uuid4())
    Payee.objects.filter(user=user).update(email=email, name=name)
    return User.objects.get(pk=user.pk)


def at_once(*acts: Callable[[], object]) -> list[Any]:
    """Do several things at the same moment, each as a request of its own; gives what each gave or raised, in order."""
    gate = threading.Barrier(len(acts))
    results: list[Any] = [None] * len(acts)

    def run(place: int) -> None:
        gate.wait(20)
        try:
            results[place] = acts[place]()
        except Exception as error:  # noqa: BLE001 - it is what the act gave
            results[place] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


def asked(sandbox: SandboxService, path: str, *, method: str = "") -> list[dict[str, Any]]:
    """Which of Stripe's requests went to a path."""
    found = [one for one in sandbox.requests()["requests"] if one["target"].partition("?")[0] == path]
    return [one for one in found if method in ("", one["method"])]


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
