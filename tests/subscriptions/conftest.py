"""Somebody who may subscribe, a subscriber on loopback, and the verbs of these tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta

import pytest

from accounts.models import User
from marketplace_payouts.lib.clock import utc_now
from payouts.models import Payout, WebhookMessage, WebhookSubscription
from payouts.subscriptions import delivering, signing, subscribing
from payouts.subscriptions.events import EVENTS
from tests.factories import PayoutFactory, StaffFactory
from tests.subscriptions.receiver import Subscriber, subscriber

ALL = list(EVENTS)


@pytest.fixture
def engineer(transactional_db: None) -> User:
    """Who manages subscriptions."""
    user: User = StaffFactory.create(email="engineer@office.example", roles=["engineer"])
    return user


@pytest.fixture
def start_subscriber() -> Iterator[Callable[[], Subscriber]]:
    """Start a subscriber of one's own."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(subscriber())


@pytest.fixture
def receiver(start_subscriber: Callable[[], Subscriber]) -> Subscriber:
    """The marketplace's server."""
    return start_subscriber()


@pytest.fixture
def subscription(engineer: User, receiver: Subscriber) -> WebhookSubscription:
    """A subscription of the marketplace's server to everything."""
    return subscribe(engineer, receiver)


def subscribe(
    by: User, receiver: Subscriber, types: Sequence[str] = ALL, description: str = "Shop"
) -> WebhookSubscription:
    """Subscribe a receiver."""
    return subscribing.add(by=by, url=receiver.url, description=description, types=types, now=utc_now())


def secret_of(subscription: WebhookSubscription) -> str:
    """The secret that a subscriber was given."""
    return signing.secrets_of(subscription, now=utc_now())[0]


def deliver(*, later: timedelta = timedelta(0), limit: int = 100) -> int:
    """Send what is due, now or after some time."""
    WebhookSubscription.objects.update(leased_until=None)
    return delivering.deliver(limit=limit, now=utc_now() + later)


def news(count: int = 1) -> list[Payout]:
    """Have payouts wait for approval and be approved: one piece of news each, of the type `payout.approved`."""
    from payouts.actors import Actor
    from payouts.lifecycle import Move, move

    payouts = [PayoutFactory.create(state="awaiting_approval") for _ in range(count)]
    WebhookMessage.objects.all().delete()  # of what the factory made
    moves = [Move(payout=one, to="approved", reason="Looks right.") for one in payouts]  # type: ignore[arg-type]
    move(moves, actor=Actor.rule("test"), now=utc_now())
    return payouts


def message() -> WebhookMessage:
    """The one message that there is."""
    return WebhookMessage.objects.get()


def at(**time: float) -> datetime:
    """A moment from now."""
    return utc_now() + timedelta(**time)
