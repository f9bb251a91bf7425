"""A sender that lost its lock but not its life: until its end is proven, no new key is made."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.db import connections

from marketplace_payouts.lib import crash_points
from payouts import intervention, requests, submission
from payouts.errors import Refused
from payouts.models import Batch
from tests.sandbox_services import SandboxService
from tests.stories.world import CREATE, World


@contextmanager
def stalled_before_its_call(world: World, *, nth: int = 1) -> Iterator[Callable[[], None]]:
    """Let a sender stop right before its n-th call; gives what wakes it and waits for its end."""
    reached, wake = threading.Event(), threading.Event()
    calls: list[str] = []

    def hook(name: str) -> None:
        if name != "send.before_call" or threading.current_thread() is not sender:
            return
        calls.append(name)
        if len(calls) == nth:
            reached.set()
            wake.wait(60)

    def send() -> None:
        try:
            submission.send(limit=10, now=world.now)
        finally:
            connections.close_all()

    def go_on() -> None:
        wake.set()
        sender.join(30)

    sender = threading.Thread(target=send)
    crash_points.install(hook)
    try:
        sender.start()
        assert reached.wait(20)
        yield go_on
    finally:
        go_on()
        crash_points.install(None)


def end_sessions_of_locks(superuser_url: str) -> None:
    """As an administrator, a proxy or a network does it: the session ends, and its process does not."""
    with psycopg.connect(superuser_url, autocommit=True) as session:
        session.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE application_name = 'marketplace-payouts send lock' AND datname = current_database()"
        )


def started_anew() -> None:
    """As if the database server had been started anew since the sender took its lock."""
    backend = Batch.objects.get().sender.partition("/")[0]
    Batch.objects.update(sender=f"{backend}/1-1/")


def elsewhere() -> None:
    """As if the sender worked on another machine, of which nothing can be seen from here."""
    backend, life, process = Batch.objects.get().sender.split("/", 2)
    Batch.objects.update(sender=f"{backend}/{life}/another-boot:{process.partition(':')[2]}")


def in_another_container() -> None:
    """As if the sender worked on this machine, among processes that cannot be seen from here."""
    backend, life, process = Batch.objects.get().sender.split("/", 2)
    boot, _, pid, born = process.split(":")
    Batch.objects.update(sender=f"{backend}/{life}/{boot}:1:{pid}:{born}")


WHEREABOUTS = [None, started_anew, elsewhere, in_another_container]


@pytest.mark.parametrize("whereabouts", WHEREABOUTS)
def test_it_wakes_after_others_were_refused(
    world: World, superuser_url: str, whereabouts: Callable[[], None] | None
) -> None:
    """The second try of recovery must not take the first one for the only former sender."""
    _, payout = world.sold_and_approved(world.seller())
    world.reread()
    with stalled_before_its_call(world):
        end_sessions_of_locks(superuser_url)
        if whereabouts:
            whereabouts()
        world.paypal.fault("refuse", match={"reference": "seller@example.com"}, times=2)
        world.lease_is_over()
        world.ask()
        world.ask()
        assert len(world.created()) == 2
        payout.refresh_from_db()
        assert payout.state == "unknown"
        intervention.retry(by=world.carol, payout_ids=[payout.pk], reason="Again.", now=world.now)
        assert world.send() == 0
    assert len({one["body"] for one in world.created()}) == 1


@pytest.mark.parametrize("whereabouts", WHEREABOUTS)
def test_it_wakes_after_others_found_nothing(
    world: World, superuser_url: str, two_step: SandboxService, whereabouts: Callable[[], None] | None
) -> None:
    """Nothing is found, and yet it may come: the provider would pay a second key as well."""
    seller = world.seller(method=False)
    account = {"account": "anna"}
    fields = {"payee": str(seller.pk), "provider": "two_step", "checked": "Called the payee."}
    world.second("method_add", fields, secret=account)
    _, payout = world.sold_and_approved(seller)
    world.reread()
    with stalled_before_its_call(world, nth=2) as go_on:
        end_sessions_of_locks(superuser_url)
        if whereabouts:
            whereabouts()
        world.lease_is_over()
        two_step.advance(60)
        world.ask()
        two_step.advance(60)
        world.ask()
        payout.refresh_from_db()
        assert payout.state == "unknown"
        assert intervention.retry(
            by=world.carol, payout_ids=[payout.pk], reason="Again.", now=world.now
        ).refused
        go_on()
    two_step.advance(60)
    world.until("paid", of=payout)
    assert [entry["kind"] for entry in two_step.ledger()] == ["debit"]


def test_it_wakes_after_people_said_that_nothing_was_paid(world: World, superuser_url: str) -> None:
    """Their document is right at that moment; whoever still holds the old key must not follow it with a payment."""
    _, payout = world.sold_and_approved(world.seller())
    world.reread()
    with stalled_before_its_call(world):
        end_sessions_of_locks(superuser_url)
        world.paypal.fault("error_before", match={"method": "POST", "path": CREATE})
        world.lease_is_over()
        world.ask()
        payout.refresh_from_db()
        assert payout.state == "unknown"
        world.paypal.delete("/_sandbox/faults")
        said = {"payout": str(payout.pk), "outcome": "not_paid", "document": "PayPal case 77"}
        asked = world.ask_for("resolve_unknown", said, by=world.carol)
        with pytest.raises(Refused, match="lives on"):
            requests.second(request_id=asked.pk, by=world.bob, now=world.now)
    world.until("paid", of=payout)
    assert world.moved() == {"EUR": 9_000}
    world.assert_books_agree()
