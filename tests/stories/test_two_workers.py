"""Two workers reach for the same thing at the same time: one intent, one call, one payment."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

import pytest
from django.db import connections

from flexsync import interpreter, poller
from marketplace_payouts.lib import crash_points
from payouts import approval, outbox, reconciliation, scheduling, settlement, submission
from payouts.models import Approval, Attempt, Batch, Payable, Payout
from tests.stories.world import World


class Side:
    """Runs the same stage in several threads that begin together."""

    def __init__(self) -> None:
        self.results: list[object] = []
        self.errors: list[BaseException] = []

    def by_side(self, stage: Callable[[], object], *, threads: int = 2) -> list[object]:
        """Run it so, and give what each returned."""
        barrier = threading.Barrier(threads)

        def run() -> None:
            try:
                barrier.wait(5)
                self.results.append(stage())
            except Exception as error:  # noqa: BLE001 - raised below
                self.errors.append(error)
            finally:
                connections.close_all()

        workers = [threading.Thread(target=run) for _ in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(30)
        if self.errors:
            raise self.errors[0]
        return self.results


@pytest.fixture
def side() -> Side:
    """Several threads, side by side."""
    return Side()


@pytest.fixture
def gate() -> Iterator[Callable[[str], threading.Barrier]]:
    """Makes the first two threads that reach a crash point wait there for each other."""

    def install(point: str) -> threading.Barrier:
        barrier = threading.Barrier(2)

        def hook(name: str) -> None:
            if name == point and not barrier.broken:
                # Broken when the other one was held up before, as it should be.
                with contextlib.suppress(threading.BrokenBarrierError):
                    barrier.wait(0.5)

        crash_points.install(hook)
        return barrier

    yield install
    crash_points.install(None)


def test_two_senders(world: World, side: Side) -> None:
    for n in range(6):
        world.sale(world.seller(f"s{n}@example.com"), price=1_000)
    world.decide()
    world.approve()
    world.reread()
    sent = side.by_side(lambda: submission.send(limit=15_000, now=world.now), threads=4)
    assert sum(int(str(one)) for one in sent) == 6
    world.transmit()
    world.until("paid")
    assert world.moved() == {"EUR": 5_400}
    assert Attempt.objects.count() == 6
    world.assert_books_agree()


def test_two_senders_of_one_payout_meet_in_the_claim(
    world: World, side: Side, gate: Callable[[str], threading.Barrier]
) -> None:
    world.sold_and_approved(world.seller())
    world.reread()
    gate("send.before_intent")
    assert sorted(str(one) for one in side.by_side(lambda: submission.send(limit=10, now=world.now))) == [
        "0",
        "1",
    ]
    world.until("paid")
    assert Attempt.objects.count() == Batch.objects.count() == 1
    assert world.moved() == {"EUR": 9_000}
    world.assert_books_agree()


def test_two_sweeps_find_one_dead_sender(world: World, side: Side) -> None:
    world.sold_and_approved(world.seller())
    world.reread()
    with world.crash_at("send.after_call"):
        world.transmit()
    world.lease_is_over()
    side.by_side(lambda: reconciliation.ask(limit=10, now=world.now), threads=3)
    world.until("paid")
    assert world.moved() == {"EUR": 9_000}
    world.assert_books_agree()


def test_two_gatherers(world: World, side: Side) -> None:
    for n in range(4):
        seller = world.seller(f"s{n}@example.com")
        world.sale(seller)
        world.sale(seller)
    world.hear()
    side.by_side(lambda: scheduling.gather(limit=500, now=world.now), threads=3)
    assert Payout.objects.count() == 4
    assert sorted(Payout.objects.values_list("debt_units", flat=True)) == [18_000] * 4
    world.assert_books_agree()


def test_two_interpreters_and_two_pollers(world: World, side: Side) -> None:
    seller = world.seller()
    for _ in range(5):
        world.sale(seller)
    side.by_side(lambda: poller.poll(limit_seconds=0, now=world.now), threads=3)
    poller.poll(limit_seconds=0, now=world.now)
    side.by_side(lambda: interpreter.understand(limit=500, now=world.now), threads=3)
    world.understand()
    assert Payable.objects.count() == 5
    world.assert_books_agree()


def test_two_settlers_and_two_tellers(world: World, side: Side) -> None:
    transactions = [world.sale(world.seller(f"s{n}@example.com"), price=1_000) for n in range(4)]
    world.decide()
    world.approve()
    world.send()

    def work() -> None:
        reconciliation.ask(limit=10, now=world.now)
        settlement.settle(limit=100, now=world.now)
        outbox.tell(limit=100, now=world.now)

    for _ in range(5):
        Batch.objects.filter(next_at__isnull=False).update(next_at=world.now)
        side.by_side(work, threads=3)
    world.until("paid")
    world.hear_back(rounds=2)
    assert {world.told(one)["status"] for one in transactions} == {"paid"}
    world.assert_books_agree()


def test_two_approvers_at_once_and_a_double_click(world: World, side: Side) -> None:
    world.sale(world.seller())
    world.decide()
    payout = world.payout()
    wanted = list(approval.digests_of([payout.pk]).items())
    done = side.by_side(
        lambda: approval.approve(by=world.carol, wanted=wanted, reason="Yes.", now=world.now).done, threads=3
    )
    assert sorted(len(str(one)) > 2 for one in done) == [False, False, True]
    assert Approval.objects.filter(result="given").count() == 1
    payout.refresh_from_db()
    assert payout.state == "approved"


def test_a_hold_and_a_claim_at_once(world: World, side: Side) -> None:
    """Whichever comes first decides, and the two never half happen."""
    from payouts import holding

    _, payout = world.sold_and_approved(world.seller())
    world.reread()
    held_at: list[str] = []

    def hold() -> None:
        thread = threading.Thread(target=_hold)
        thread.start()
        thread.join(0.3)
        held_at.append("waits" if thread.is_alive() else "went through")
        threads.append(thread)

    def _hold() -> None:
        try:
            holding.hold(by=world.carol, payouts=[payout.pk], reason="Look at it.", now=world.now)
        finally:
            connections.close_all()

    threads: list[threading.Thread] = []
    with world.meanwhile("send.before_intent", hold):
        world.transmit()
    threads[0].join(10)
    # It waited for the claim; the last look before the call may see it, and then the sending is put off.
    assert held_at == ["waits"]
    payout.refresh_from_db()
    if payout.state == "approved":
        assert world.created() == []
        world.lift_our_holds()
        world.let_pass(minutes=2)
        world.send()
    world.until("paid", of=payout)
    assert world.moved() == {"EUR": 9_000}
    world.assert_books_agree()
