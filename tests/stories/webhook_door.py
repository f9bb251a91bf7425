"""The product's own webhook address, served on loopback for as long as a story needs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections

from payouts import webhook_addresses
from payouts.models import WebhookDelivery
from tests.stories.world import World


@contextmanager
def delivered_to(live_server_url: str, world: World) -> Iterator[str]:
    """Have PayPal deliver its webhooks to us, and give the address."""
    address = f"{live_server_url}/webhooks/paypal/{webhook_addresses.token('paypal')}/"
    world.paypal.post("/_sandbox/webhook", {"url": address})
    yield address
    connections.close_all()


def arrived(kind: str = "") -> int:
    """How many deliveries of a kind are stored."""
    return WebhookDelivery.objects.filter(kind__contains=kind).count()
