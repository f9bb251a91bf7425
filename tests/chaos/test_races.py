"""Two reach for the same thing, and they are seen to meet: one stands still inside, and the other comes up to it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, connections, transaction

from flexsync import interpreter, poller
from marketplace_payouts.lib import crash_points
from payouts import approval, methods, scheduling, submission
from payouts.models import Approval, Attempt, Payable, Payout, PayoutMethod, State
from tests.chaos import scenes, tills
from tests.chaos.miniature import LARGE, Installation


class Other:
    """Somebody else, who does one thing on a connection of their own."""

    def __init__(self, act: Callable[[], Any]) -> None:
        self._act = act
        self._value: Any = None
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._value = self._act()
        except Exception as error:  # noqa: BLE001 - raised in `result`
            self._error = error
        finally:
            connections.close_all()

    def is_seen_waiting(self) -> bool:
        """Wait until somebody waits for a lock that another holds; False where this one is through before."""
        end = time.monotonic() + 20
        with connection.cursor() as cursor:
            while self._thread.is_alive() and time.monotonic() < end:
                cursor.execute(
                    "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()"
                    " AND wait_event_type = 'Lock')"
                )
                if cursor.fetchone()[0]:
                    return True
                time.sleep(0.01)
        return False

    def result(self) -> Any:
        """Wait for the end, and give what came of it."""
        self._thread.join(30)
        assert not self._thread.is_alive(), "it never came to its end"
        if self._error is not None:
            raise self._error
        return self._value


@pytest.fixture
def world(miniature: Installation) -> Installation:
    """An installation in which nothing happened yet."""
    return miniature


def approving(world: Installation, by: Any) -> Callable[[], Any]:
    wanted = list(approval.digests_of(list(Payout.objects.values_list("pk", flat=True))).items())
    return lambda: approval.approve(by=by, wanted=wanted, reason="Yes.", now=world.now)


@pytest.mark.parametrize(("price", "given"), [(10_000, 1), (LARGE, 2)])
def test_two_approvers(world: Installation, price: int, given: int) -> None:
    """Where one is enough, the second is told so; where two are needed, both count."""
    world.sale(world.payee_called("anna"), price=price)
    world.decide()
    first, second = approving(world, world.carol), approving(world, world.dave)
    with stalled_at("approve.before_commit", first) as wake:
        other = Other(second)
        assert other.is_seen_waiting()
        wake()
        assert len(other.result().done) == given - 1
    assert Approval.objects.filter(result="given").count() == given
    assert Payout.objects.get().state == State.APPROVED
    scenes.ends_well(world)


def test_two_gatherers(world: Installation) -> None:
    """The second passes over what the first has in work."""
    world.sale(world.payee_called("anna"))
    world.hear()
    with stalled_at("gather.before_commit", lambda: scheduling.gather(limit=10, now=world.now)) as wake:
        assert scheduling.gather(limit=10, now=world.now) == 0
        assert not Payout.objects.exists()
        wake()
    assert Payout.objects.count() == 1
    scenes.ends_well(world)


def test_another_method_while_it_is_being_claimed(world: Installation) -> None:
    """The claim came first: it goes where it was approved to go, and the change waits for it."""
    scenes.sold(world, "anna")
    before = PayoutMethod.objects.get(payee=world.payee_called("anna"))
    with stalled_at("send.before_intent", sending(world)) as wake:
        other = Other(lambda: world.paid_through(world.payee_called("anna"), "bank", "anna-2"))
        assert other.is_seen_waiting()
        wake()
        other.result()
    assert Attempt.objects.get().method == before
    assert [item.account for item in tills.TILLS["bank"].items] == ["anna"]
    scenes.ends_well(world)


def test_a_claim_while_another_method_is_being_given(world: Installation) -> None:
    """The change came first: nothing goes out by the old one."""
    scenes.sold(world, "anna")
    payee = world.payee_called("anna")
    with transaction.atomic():
        methods.replace(
            payee_id=payee.pk,
            provider="bank",
            given={"account": "anna-2"},
            made_by=world.alice,
            seconded_by=world.bob,
            verified_how="Called.",
            now=world.now,
        )
        other = Other(sending(world))
        # Either is right: it waits for the method, or passes over a payout that whoever lets it go has locked.
        other.is_seen_waiting()
    assert other.result() == 0
    assert tills.TILLS["bank"].asked == []
    scenes.ends_well(world)


def test_a_refund_while_it_is_being_claimed(world: Installation) -> None:
    """The claim came first: what is given back waits for it, and then for a decision."""
    scenes.sold(world, "anna")
    with stalled_at("send.before_intent", sending(world)) as wake:
        refund(world)
        other = Other(lambda: interpreter.understand(limit=10, now=world.now))
        assert other.is_seen_waiting()
        wake()
        assert other.result() == 1
    assert Payable.objects.filter(waits_for=Payable.Waits.CLAWBACK).count() == 1
    assert [item.units for item in tills.TILLS["bank"].items] == [9_000]
    scenes.ends_well(world)


def test_a_claim_while_a_refund_is_being_understood(world: Installation) -> None:
    """The refund came first: the claim finds nothing, and what is gathered anew is less."""
    scenes.sold(world, "anna")
    refund(world)
    with stalled_at(
        "understand.before_commit", lambda: interpreter.understand(limit=10, now=world.now)
    ) as wake:
        assert sending(world)() == 0
        assert Payout.objects.get().state == State.APPROVED, "as far as anybody can see"
        wake()
    assert Payout.objects.get().state == State.CANCELLED
    assert tills.TILLS["bank"].asked == []
    scenes.ends_well(world)
    assert sum(item.kept for item in tills.TILLS["bank"].items) == 7_200


def sending(world: Installation) -> Callable[[], int]:
    return lambda: submission.send(limit=10, now=world.now)


def refund(world: Installation) -> None:
    """Give the buyer a part back, of which 10 % were the marketplace's, and hear of it without understanding it."""
    world.refund(str(Payable.objects.get().reference), amount=2_000)
    poller.poll(limit_seconds=0, now=world.now)


@contextmanager
def stalled_at(point: str, act: Callable[[], object]) -> Iterator[Callable[[], None]]:
    """Do something in a thread that stands still at a crash point; gives what wakes it and waits for its end."""
    reached, awake = threading.Event(), threading.Event()
    errors: list[BaseException] = []

    def hook(name: str) -> None:
        if name == point and threading.current_thread() is thread and not reached.is_set():
            reached.set()
            awake.wait(60)

    def run() -> None:
        try:
            act()
        except Exception as error:  # noqa: BLE001 - raised below
            errors.append(error)
        finally:
            connections.close_all()

    def wake() -> None:
        awake.set()
        thread.join(30)

    thread = threading.Thread(target=run)
    crash_points.install(hook)
    try:
        thread.start()
        assert reached.wait(30), f"{point} was never reached"
        yield wake
    finally:
        wake()
        crash_points.install(None)
    if errors:
        raise errors[0]
