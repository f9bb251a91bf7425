"""Who may subscribe, to what, and how often; and what is sent again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django_q.models import OrmQ

from accounts.roles import NotAllowed
from marketplace_payouts.lib import crypto
from marketplace_payouts.lib.clock import utc_now
from payouts import health, metrics, stages
from payouts.errors import Refused
from payouts.models import WebhookCall, WebhookMessage, WebhookSubscription
from payouts.subscriptions import figures, purging, recording, replaying, signing, subscribing
from payouts.subscriptions.replaying import Wanted
from tests.factories import StaffFactory
from tests.subscriptions.conftest import at, deliver, message, news, secret_of, subscribe
from tests.subscriptions.receiver import Answer

DAY = timedelta(days=1)


@pytest.mark.parametrize("role", ["viewer", "operator", "approver"])
def test_others_may_not(subscription, role):
    by, ids, now = StaffFactory.create(roles=[role]), [subscription.pk], utc_now()
    one: dict[str, Any] = {"by": by, "subscription_id": subscription.pk, "now": now}
    many: dict[str, Any] = {"by": by, "subscription_ids": ids, "now": now}
    fields: dict[str, Any] = {"url": "https://x.example/", "description": "X", "types": ["payout.paid"]}
    deeds: list[Callable[[], object]] = [
        lambda: subscribing.add(by=by, now=now, **fields),
        lambda: subscribing.change(**one, **fields),
        lambda: subscribing.rotate(**one, overlap=DAY),
        lambda: subscribing.reveal(**one),
        lambda: subscribing.switch_off(**many, reason="x"),
        lambda: subscribing.switch_on(**many),
        lambda: subscribing.end(**many, reason="x"),
        lambda: subscribing.test(**many),
        lambda: replaying.send_again(by=by, wanted=Wanted(since=now), now=now),
    ]
    for deed in deeds:
        with pytest.raises(NotAllowed):
            deed()
    assert subscription.changes.get().what == "made"


def test_there_are_never_too_many(engineer):
    def add(n: int) -> WebhookSubscription:
        return subscribing.add(
            by=engineer, url=f"https://{n}.example/", description=f"{n}", types=["payout.paid"], now=utc_now()
        )

    made = [add(n) for n in range(subscribing.MOST)]
    with pytest.raises(Refused, match="end one"):
        add(99)
    subscribing.end(by=engineer, subscription_ids=[made[0].pk], reason="Old.", now=utc_now())
    add(99)


def test_a_secret_is_sealed_for_its_own_row(engineer, receiver, start_subscriber):
    one, other = subscribe(engineer, receiver), subscribe(engineer, start_subscriber(), description="Other")
    secret = secret_of(one).encode()
    assert secret not in bytes(one.secret)
    other.secret = one.secret
    with pytest.raises(crypto.Tampered):
        signing.secrets_of(other, now=utc_now())


def test_a_secret_that_cannot_be_opened_is_a_failure_and_no_crash(subscription, receiver, settings):
    settings.DETAILS_KEYS = "other:b3RoZXItb25seS1rZXktb3RoZXItb25seS1rZXktMTI="
    news()
    assert deliver() == 1
    assert receiver.got == []
    assert "DETAILS_KEYS" in message().error


def test_both_secrets_sign_while_one_replaces_the_other(subscription, receiver, engineer):
    former = secret_of(subscription)
    subscribing.rotate(by=engineer, subscription_id=subscription.pk, overlap=DAY, now=utc_now())
    subscription.refresh_from_db()
    news()
    deliver()
    for secret in (former, secret_of(subscription)):
        receiver.got[0].verified(secret)
    purging.purge(now=at(hours=25))
    subscription.refresh_from_db()
    assert (subscription.former_secret, subscription.former_until) == (None, None)


@pytest.mark.parametrize("overlap", [timedelta(days=8), timedelta(days=-1)])
def test_both_sign_for_a_week_at_most(subscription, engineer, overlap):
    with pytest.raises(Refused):
        subscribing.rotate(by=engineer, subscription_id=subscription.pk, overlap=overlap, now=utc_now())


def test_new_keys_seal_the_secrets_anew(subscription, engineer, receiver, settings):
    subscribing.rotate(by=engineer, subscription_id=subscription.pk, overlap=DAY, now=utc_now())
    settings.DETAILS_KEYS = f"newer:{'b3RoZXItb25seS1rZXktb3RoZXItb25seS1rZXktMTI='},{settings.DETAILS_KEYS}"
    call_command("rotate_details_keys")
    subscription.refresh_from_db()
    for sealed in (subscription.secret, subscription.former_secret):
        assert sealed is not None
        assert crypto.sealed_under(bytes(sealed)) == "newer"
    news()
    deliver()
    receiver.got[0].verified(secret_of(subscription))


def test_a_test_reaches_even_one_that_is_left_alone(subscription, receiver, engineer):
    receiver.answer = Answer(500)
    news(8)
    deliver()
    assert deliver() == 0
    receiver.answer = Answer()
    subscribing.test(by=engineer, subscription_ids=[subscription.pk], now=utc_now())
    WebhookMessage.objects.filter(type="webhook.test").update(next_at=at(days=-1))
    deliver()
    assert "webhook.test" in receiver.types
    assert receiver.got[-1].verified(secret_of(subscription))


def test_what_happens_while_it_is_off_waits_for_it(subscription, receiver, engineer):
    off = subscribing.switch_off(
        by=engineer, subscription_ids=[subscription.pk], reason="We move.", now=utc_now()
    )
    assert off.done == ["Shop"]
    news(3)
    assert deliver(later=DAY) == 0
    assert not stages.is_waiting("deliver")
    subscribing.switch_on(by=engineer, subscription_ids=[subscription.pk], now=utc_now())
    assert deliver() == 3
    again = subscribing.switch_on(by=engineer, subscription_ids=[subscription.pk], now=utc_now())
    assert again.refused == [("Shop", "It is on already.")]


def test_who_ends_it_in_the_middle_of_a_call_has_the_last_word(subscription, receiver, engineer):
    def end(_got: object) -> Answer:
        subscribing.end(by=engineer, subscription_ids=[subscription.pk], reason="Now.", now=utc_now())
        connections.close_all()  # those of the receiver's own thread
        return Answer(500)

    receiver.decide = end
    news()
    deliver()
    row = message()
    assert (row.next_at, row.given_up_at is not None) == (None, True)
    assert WebhookSubscription.objects.get().ended_at is not None


def test_sent_again_is_the_same_message(subscription, receiver, engineer):
    news()
    deliver()
    done = replaying.send_again(by=engineer, wanted=Wanted(messages=[message().pk]), now=utc_now())
    assert done.done == ["1 to Shop"]
    deliver()
    first, second = receiver.got
    assert (first.id, first.raw) == (second.id, second.raw)


def test_what_is_sent_again_is_narrowed_by_whatever_is_given(subscription, receiver, engineer):
    news(3)
    deliver()
    last = WebhookMessage.objects.order_by("id")[0]
    WebhookMessage.objects.filter(pk=last.pk).update(
        happened_at=at(days=-3), delivered_at=None, given_up_at=at()
    )

    def rows(**given: object) -> int:
        return Wanted(**given).rows().count()  # type: ignore[arg-type]

    assert rows(since=at(days=-1)) == 2
    assert rows(until=at(days=-1)) == 1
    assert rows(types=["payout.paid"]) == 0
    assert rows(types=["payout.approved"], subscriptions=[subscription.pk]) == 3
    assert rows(only_undelivered=True) == 1
    assert rows(messages=[last.pk]) == 1
    assert rows() == 3


def test_the_command_sends_again_and_says_how_many(subscription, receiver, capsys):
    news(3)
    deliver()
    since = at(days=-1).isoformat()
    call_command("replay_webhooks", "--since", since, "--subscription", str(subscription.pk))
    assert "3 to Shop" in capsys.readouterr().out
    assert deliver() == 3
    call_command("replay_webhooks", "--since", since, "--undelivered")
    assert "nothing of that time" in capsys.readouterr().out
    assert subscription.changes.get(what="again").by is None


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--since", "yesterday"], "ISO time"),
        (["--since", "2026-01-31T00:00:00"], "zone"),
        (["--since", "2026-01-31T00:00:00+00:00", "--until", "2026-13-01"], "--until"),
        (["--since", "2026-01-31T00:00:00+00:00", "--subscription", "shop"], "is Shop"),
    ],
)
def test_the_command_says_what_it_cannot_read(subscription, arguments, word):
    with pytest.raises(CommandError, match=word):
        call_command("replay_webhooks", *arguments)


def test_old_messages_go_with_their_calls_and_those_on_their_way_stay(subscription, receiver, engineer):
    news(4)
    deliver()
    waiting, given_up, recent, _ = WebhookMessage.objects.order_by("id")
    old = at(days=-31)
    WebhookMessage.objects.exclude(pk=recent.pk).update(happened_at=old)
    WebhookMessage.objects.filter(pk=waiting.pk).update(delivered_at=None, next_at=at())
    WebhookMessage.objects.filter(pk=given_up.pk).update(delivered_at=None, given_up_at=at())
    assert purging.purge(now=utc_now()) == 2
    assert set(WebhookMessage.objects.all()) == {waiting, recent}
    assert WebhookCall.objects.count() == 2
    subscribing.switch_off(by=engineer, subscription_ids=[subscription.pk], reason="x", now=utc_now())
    assert purging.purge(now=utc_now()) == 1
    assert set(WebhookMessage.objects.all()) == {recent}


def test_health_and_metrics_say_how_subscribers_stand(subscription, receiver):
    def late() -> tuple[int, Mapping[str, Any]]:
        [check] = [one for one in health.check(only="subscribers").checks if one.name == "subscribers"]
        return check.violations, check.rows[0]

    receiver.answer = Answer(500)
    news(5)
    deliver()
    shown = metrics.render().decode()
    assert f'webhook_messages_due{{subscription="{subscription.pk}"}}' in shown
    assert "webhook_subscriptions_failing 1.0" in shown
    assert late() == (0, {"late": [], "failing": 1, "switched off": 0, "given up": 0})
    WebhookSubscription.objects.update(failures=0, rest_until=None)
    WebhookMessage.objects.update(next_at=at(hours=-1))
    violations, row = late()
    assert violations == 1
    assert "Shop: 5 since" in str(row)
    standing = figures.standings(now=utc_now())[0]
    assert standing.is_late(now=utc_now())


def test_what_is_due_is_handed_to_a_task_of_its_own(subscription, receiver):
    """The stages that move money never wait for a subscriber."""
    news()
    OrmQ.objects.all().delete()
    stages.work(seconds=5)
    assert receiver.got == []
    assert [queued.task["args"] for queued in OrmQ.objects.all()] == [("deliver",)]
    stages.work(seconds=5, start="deliver")
    assert len(receiver.got) == 1
    OrmQ.objects.all().delete()
    stages.work(seconds=5)
    assert not OrmQ.objects.exists()


def test_the_waits_vary_a_little():
    waits = {recording.next_try(tries=3, now=utc_now(), retry_after=None) for _ in range(5)}
    assert len(waits) == 5
    later = recording.next_try(tries=1, now=utc_now(), retry_after=timedelta(hours=3))
    assert later is not None
    assert later > at(hours=2)
