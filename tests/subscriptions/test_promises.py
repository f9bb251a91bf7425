"""What is not captured is found, whichever table it happened in; and what nobody sends is overdue."""

from __future__ import annotations

from datetime import timedelta

import pytest

from marketplace_payouts.lib.clock import utc_now
from payouts import lifecycle
from payouts.actors import Actor
from payouts.invariants import subscriptions, work
from payouts.invariants.base import EVERYTHING, Invariant, ask
from payouts.lifecycle import Move
from payouts.models import State, WebhookMessage, WebhookSubscription
from tests.factories import PayoutFactory
from tests.subscriptions.conftest import at, news


def found(one: Invariant, *, later: timedelta = timedelta(0)) -> list[str]:
    """What an invariant finds."""
    [asked] = ask([one], EVERYTHING, now=utc_now() + later)
    return sorted(violation.detail for violation in asked.found)


@pytest.mark.parametrize("kind", ["payout.approved", "payable.owed", "payout_method.changed"])
def test_news_without_a_message_is_found(subscription, kind):
    [captured, _] = subscriptions.INVARIANTS
    payout = PayoutFactory.create(state=State.AWAITING_APPROVAL)
    lifecycle.move(
        [Move(payout=payout, to=State.APPROVED, reason="Well.")], actor=Actor.rule("test"), now=utc_now()
    )
    WebhookSubscription.objects.update(hears_since=at(days=-1))
    assert found(captured) == []
    assert WebhookMessage.objects.filter(type=kind).delete()[0] == 1
    assert found(captured) == [f"{kind} for Shop"]
    assert found(captured, later=timedelta(days=26)) == []  # it may be purged by then
    WebhookSubscription.objects.update(hears_since=at(minutes=-5))
    assert found(captured) == []  # who began before it was made may have committed after


def test_what_nobody_sends_is_overdue_and_what_cannot_be_sent_is_not(subscription, receiver):
    [overdue] = [one for one in work.INVARIANTS if one.name == "nothing_is_overdue"]
    news()

    def is_late() -> bool:
        [asked] = ask([overdue], EVERYTHING, now=utc_now() + timedelta(hours=2))
        return "deliver" in [violation.subject for violation in asked.found]

    assert is_late()
    for changes in (
        {"off_at": utc_now(), "off_why": "x"},
        {"failures": 2},
        {"environment": "live"},
        {"ended_at": utc_now()},
    ):
        before = WebhookSubscription.objects.values(*changes).get()
        WebhookSubscription.objects.update(**changes)
        assert not is_late(), changes
        WebhookSubscription.objects.update(**before)
    assert is_late()
