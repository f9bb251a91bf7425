"""What a subscriber receives, and what its answers mean."""

from __future__ import annotations

from datetime import timedelta

import pytest

from marketplace_payouts.lib.clock import utc_now
from marketplace_payouts.lib.http import Timeouts
from payouts.models import OutboxMessage, WebhookCall, WebhookMessage, WebhookSubscription
from payouts.subscriptions import calling, delivering, recording
from payouts.subscriptions.recording import DELAYS
from tests.subscriptions.conftest import deliver, message, news, secret_of, subscribe
from tests.subscriptions.receiver import Answer


def test_is_delivered_once_signed_and_whole(subscription, receiver):
    [payout] = news()
    assert deliver() == 1
    [got] = receiver.got
    body = got.verified(secret_of(subscription))
    assert body["type"] == "payout.approved"
    assert body["data"]["payout"]["number"] == payout.number
    assert got.headers["content-type"] == "application/json"
    assert deliver(later=timedelta(days=1)) == 0
    row = message()
    assert (row.delivered_at is not None, row.next_at, row.tries) == (True, None, 1)
    call = WebhookCall.objects.get()
    assert (call.status, call.error) == (200, "")


@pytest.mark.parametrize("status", [201, 202, 204, 299])
def test_any_2xx_is_delivered(subscription, receiver, status):
    receiver.answer = Answer(status)
    news()
    deliver()
    assert message().delivered_at is not None


@pytest.mark.parametrize("status", [301, 400, 401, 404, 500, 503])
def test_anything_else_is_tried_again_with_the_same_id_and_bytes(subscription, receiver, status):
    receiver.answer = Answer(status, body=b"Out of \x00order", headers={"Location": "/elsewhere"})
    news()
    deliver()
    row = message()
    assert row.delivered_at is None
    assert str(status) in row.error
    assert WebhookCall.objects.get().excerpt == "Out of  order"
    assert deliver() == 0
    receiver.answer = Answer()
    deliver(later=timedelta(seconds=6))
    first, second = receiver.got
    assert (first.id, first.raw) == (second.id, second.raw)
    assert second.verified(secret_of(subscription))
    assert message().delivered_at is not None
    assert WebhookCall.objects.count() == 2


def test_a_redirect_is_not_followed(subscription, receiver, start_subscriber):
    other = start_subscriber()
    receiver.answer = Answer(302, headers={"Location": other.url})
    news()
    deliver()
    assert len(receiver.got) == 1
    assert other.got == []
    assert "redirect" in message().error


def test_waits_longer_after_each_failure_and_then_stands_before_people(subscription, receiver):
    receiver.answer = Answer(500)
    news()
    passed = timedelta(0)
    for tries, delay in enumerate(DELAYS, start=1):
        assert deliver(later=passed) == 1
        row = message()
        assert row.tries == tries
        assert row.next_at is not None
        wait = row.next_at - (utc_now() + passed)
        assert delay * 0.89 <= wait + timedelta(seconds=2)
        assert wait <= delay * 1.11
        WebhookSubscription.objects.update(failing_since=None)  # five days are another test's
        passed += delay * 1.2
    deliver(later=passed)
    row = message()
    assert (row.tries, row.next_at, row.given_up_at is not None) == (10, None, True)
    assert sum(DELAYS, timedelta(0)) > timedelta(days=3)


def test_a_time_out_is_a_failure_that_may_have_arrived(subscription, receiver, monkeypatch):
    monkeypatch.setattr(calling, "TIMEOUTS", Timeouts(connect=1, read=0.2, total=0.3))
    receiver.answer = Answer(after_s=5)
    news()
    deliver()
    row = message()
    assert (row.delivered_at, row.tries) == (None, 1)
    assert WebhookCall.objects.get().status is None


@pytest.mark.parametrize("answer", [Answer(body=b"x" * 300_000), Answer(body=b"x" * 100, drip_s=0.1)])
def test_the_status_counts_however_long_or_slow_the_rest_is(subscription, receiver, monkeypatch, answer):
    monkeypatch.setattr(calling, "TIMEOUTS", Timeouts(connect=1, read=1, total=1))
    receiver.answer = answer
    news()
    deliver()
    assert message().delivered_at is not None
    assert WebhookCall.objects.get().seconds < 2


def test_410_switches_it_off_at_once_and_says_so(subscription, receiver):
    receiver.answer = Answer(410)
    news(3)
    deliver()
    subscription.refresh_from_db()
    assert subscription.off_at is not None
    assert "410" in subscription.off_why
    assert subscription.changes.latest("at").by is None
    alert = OutboxMessage.objects.get(kind="alert")
    assert alert.facts["title"] == "A webhook subscription was switched off"
    assert WebhookMessage.objects.filter(next_at__isnull=False).count() == 3
    receiver.answer = Answer()
    assert deliver(later=timedelta(days=1)) == 0


@pytest.mark.parametrize("status", [429, 503])
def test_is_left_alone_for_as_long_as_it_asks(subscription, receiver, status):
    receiver.answer = Answer(status, headers={"Retry-After": "1800"})
    news(20)
    sent = deliver()
    assert sent <= 4  # those that were under way side by side
    receiver.answer = Answer()
    assert deliver(later=timedelta(minutes=29)) == 0
    assert deliver(later=timedelta(minutes=31)) == 20
    assert WebhookMessage.objects.filter(delivered_at__isnull=False).count() == 20


def test_one_that_fails_and_fails_is_only_tried_now_and_then_until_it_answers(subscription, receiver):
    receiver.answer = Answer(500)
    news(30)
    assert 3 <= deliver() <= 6
    subscription.refresh_from_db()
    assert subscription.is_failing
    assert deliver() == 0
    assert deliver(later=timedelta(minutes=2)) == 1
    receiver.answer = Answer()
    # The first that it takes opens the door for all others, also those whose turn would come much later.
    assert deliver(later=timedelta(minutes=4)) == 30
    subscription.refresh_from_db()
    assert (subscription.failures, subscription.failing_since) == (0, None)


def test_a_message_that_it_never_takes_does_not_keep_the_others(subscription, receiver):
    news(12)
    poison = WebhookMessage.objects.order_by("id")[0].public_id
    receiver.decide = lambda got: Answer(500 if got.id == poison else 200)
    deliver()
    assert WebhookMessage.objects.filter(delivered_at__isnull=False).count() == 11
    subscription.refresh_from_db()
    assert not subscription.is_failing


def test_after_five_days_of_nothing_but_failures_it_is_switched_off(subscription, receiver):
    receiver.answer = Answer(500)
    news()
    deliver()
    WebhookMessage.objects.update(tries=1)
    deliver(later=timedelta(days=4, hours=23))
    assert not WebhookSubscription.objects.filter(off_at__isnull=False).exists()
    WebhookMessage.objects.update(tries=1, next_at=utc_now(), given_up_at=None)
    deliver(later=recording.OFF_AFTER + timedelta(minutes=5))
    subscription.refresh_from_db()
    assert subscription.off_at is not None
    assert "5 days" in subscription.off_why
    assert OutboxMessage.objects.filter(kind="alert").count() == 1


def test_one_success_in_between_begins_the_days_anew(subscription, receiver):
    receiver.answer = Answer(500)
    news()
    deliver()
    receiver.answer = Answer()
    deliver(later=timedelta(days=4))
    subscription.refresh_from_db()
    assert subscription.failing_since is None


def test_hears_only_what_it_has_subscribed_to(engineer, receiver, start_subscriber):
    other = start_subscriber()
    subscribe(engineer, receiver, ["payout.approved"])
    subscribe(engineer, other, ["payout.paid"], "Other")
    news()
    deliver()
    assert receiver.types == ["payout.approved"]
    assert other.got == []


def test_an_address_that_may_not_be_called_any_more_is_a_failure(subscription, receiver, settings):
    settings.LOOPBACK_HTTP = False
    news()
    assert deliver() == 1
    assert receiver.got == []
    assert "https" in message().error


def test_no_more_than_four_are_under_way_at_once(subscription, receiver):
    receiver.answer = Answer(after_s=0.05)
    news(16)
    assert deliver() == 16
    assert receiver.most_at_once == 4


def test_time_that_is_up_gives_the_rest_back_untried(subscription, receiver, monkeypatch):
    monkeypatch.setattr(delivering, "_WORK_S", 0.3)
    receiver.answer = Answer(after_s=0.2)
    news(40)
    sent = deliver()
    assert sent < 40
    rest = WebhookMessage.objects.filter(delivered_at__isnull=True)
    assert set(rest.values_list("tries", flat=True)) == {0}
    assert not rest.filter(next_at__gt=utc_now() + timedelta(seconds=1)).exists()
    monkeypatch.undo()
    receiver.answer = Answer()
    assert deliver() == 40 - sent
    assert len(set(receiver.ids)) == len(receiver.ids) == 40


def test_a_slow_one_keeps_nobody_waiting(engineer, receiver, start_subscriber, monkeypatch):
    monkeypatch.setattr(calling, "TIMEOUTS", Timeouts(connect=1, read=1, total=1))
    slow = start_subscriber()
    slow.answer = Answer(after_s=5)
    subscribe(engineer, slow, description="Slow")
    subscribe(engineer, receiver)
    news(40)
    deliver(limit=10)
    assert len(receiver.got) == 40
    assert receiver.got[-1].at < slow.got[0].at + 1
