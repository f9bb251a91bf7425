"""Whoever dies anywhere leaves each message to be delivered, with its id and its bytes; a copy tells nobody."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.conf import settings as django_settings
from django.db import connection

from marketplace_payouts.lib import crash_points
from marketplace_payouts.lib.clock import utc_now
from payouts import incarnation, stages
from payouts.models import Incarnation, WebhookMessage, WebhookSubscription
from payouts.subscriptions import delivering, subscribing
from payouts.subscriptions.delivering import CLAIM
from tests.subscriptions.conftest import deliver, message, news, secret_of

POINTS = [point for point in crash_points.POINTS if point.startswith("deliver.")]
SENT_BEFORE = [
    "deliver.after_call",
    "deliver.before_commit",
    "deliver.after_commit",
    "deliver.after_giving_back",
]


class Died(BaseException):
    """The process died here; nothing catches it, as nothing catches a kill."""


@contextmanager
def dying_at(point: str) -> Iterator[None]:
    """Die at a crash point."""

    def hook(name: str) -> None:
        if name == point:
            raise Died

    crash_points.install(hook)
    try:
        with pytest.raises(Died):
            yield
    finally:
        crash_points.install(None)
        connection.close()


@pytest.mark.parametrize("point", POINTS)
def test_whoever_dies_leaves_it_to_be_delivered_at_least_once(subscription, receiver, point):
    news()
    with dying_at(point):
        delivering.deliver(limit=100, now=utc_now())
    before = list(receiver.got)
    assert bool(before) is (point in SENT_BEFORE)
    # The next one comes when the claim of the first is over.
    deliver(later=CLAIM + timedelta(seconds=1))
    assert message().delivered_at is not None
    once = point in ("deliver.after_commit", "deliver.after_giving_back")
    assert len(receiver.got) == (1 if once or not before else 2)
    assert len({(got.id, got.raw) for got in receiver.got}) == 1
    for got in receiver.got:
        got.verified(secret_of(subscription))


def test_one_that_kills_its_sender_again_and_again_is_given_up(subscription, receiver):
    """Each try is counted before the call."""
    news()
    for n in range(1, 11):
        with dying_at("deliver.before_call"):
            deliver(later=n * (CLAIM + timedelta(seconds=5)))
        assert message().tries == n
    deliver(later=timedelta(hours=2))
    row = message()
    assert (row.given_up_at is not None, receiver.got) == (True, [])
    assert "died of it" in row.error


def test_two_workers_at_once_send_everything_once(subscription, receiver):
    news(30)

    def meanwhile(name: str) -> None:
        if name == "deliver.after_claim":
            crash_points.install(None)
            assert delivering.deliver(limit=100, now=utc_now()) == 0  # another worker has the subscriber

    crash_points.install(meanwhile)
    assert delivering.deliver(limit=100, now=utc_now()) == 30
    assert len(receiver.ids) == len(set(receiver.ids)) == 30


def test_the_word_of_one_who_comes_late_does_not_overwrite_a_newer(subscription, receiver):
    """Its claim was over and another took the message up; what the other found stays."""
    from tests.subscriptions.receiver import Answer

    news()
    answers = iter([Answer(), Answer(500)])
    receiver.decide = lambda _got: next(answers)
    passed: list[str] = []

    def stand_still(name: str) -> None:
        passed.append(name)
        if name == "deliver.before_call" and passed.count(name) == 1:
            deliver(later=CLAIM + timedelta(seconds=1))

    crash_points.install(stand_still)
    try:
        delivering.deliver(limit=100, now=utc_now())
    finally:
        crash_points.install(None)
    assert len(receiver.got) == 2
    assert message().delivered_at is not None
    assert message().tries == 2


@pytest.mark.parametrize("change", ["system_identifier", "timeline", "table_oid"])
def test_a_database_that_is_another_tells_nobody_until_it_is_accepted(subscription, receiver, change):
    known = Incarnation.objects.get()
    values = {
        "system_identifier": known.system_identifier,
        "timeline": known.timeline,
        "table_oid": known.table_oid,
    }
    Incarnation.objects.create(
        **values | {change: "4711" if change == "system_identifier" else values[change] + 1},  # type: ignore[operator]
        database_oid=known.database_oid,
        environment=known.environment,
        accepted_by="test",
    )
    news()
    assert deliver(later=timedelta(days=1)) == 0
    assert receiver.got == []
    incarnation.accept(by="test")
    assert deliver() == 1


def test_a_copy_that_was_accepted_in_another_environment_tells_nobody(
    subscription, receiver, engineer, settings
):
    settings.ENVIRONMENT = "live"
    incarnation.accept(by="test")
    news()
    assert deliver() == 0
    assert not stages.is_waiting("deliver")
    assert receiver.got == []
    # Until somebody says that it shall.
    assert subscribing.switch_on(by=engineer, subscription_ids=[subscription.pk], now=utc_now()).done == [
        "Shop"
    ]
    assert deliver() == 1


def test_a_database_that_sent_nothing_yet_is_known_once_somebody_subscribes(engineer, receiver):
    assert not Incarnation.objects.exists()
    subscribing.add(by=engineer, url=receiver.url, description="Shop", types=["payout.paid"], now=utc_now())
    assert Incarnation.objects.get().environment == django_settings.ENVIRONMENT


@pytest.mark.parametrize("how", ["it is gone", "nobody knows the word"])
def test_what_cannot_be_written_steps_aside(subscription, receiver, how):
    news(2)
    lost = WebhookMessage.objects.order_by("id")[0]
    changes = {"source": lost.subject} if how == "it is gone" else {"type": "payout.lost"}
    WebhookMessage.objects.filter(pk=lost.pk).update(**changes)
    deliver()
    lost.refresh_from_db()
    assert (lost.given_up_at is not None, lost.next_at) == (True, None)
    assert "not there" in lost.error
    assert len(receiver.got) == 1
    assert WebhookSubscription.objects.get().failures == 0
