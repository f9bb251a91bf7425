"""The queue's tasks: the tables hold the work, so that losing, doubling or failing one changes latency alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import timedelta
from functools import partial

import pytest
from django.db import connections, transaction
from django.utils.module_loading import import_string
from django_q.models import OrmQ
from django_q.models import Schedule as Planned

from marketplace_payouts.lib.clock import utc_now
from marketplace_payouts.lib.shared_state import shared_lock, slots
from payouts import heartbeats, kicks, schedules, stages, tasks
from payouts.models import Batch, Payout
from payouts.stages import StagesFailed

FAILING = "tests.operations.test_tasks.fail"


MANY: list[int] = []


def take_from_many(*, limit: int, now: object) -> int:
    """Be a stage that finds so much each time."""
    return MANY.pop(0) if MANY else 0


NOTED: list[int] = []


def note(*, limit: int, now: object) -> int:
    """Be the stage after that one, and note what that one still finds."""
    NOTED.append(len(MANY))
    return 0


def fail(*, limit: int, now: object) -> int:
    """Be a stage that raises."""
    raise RuntimeError("This stage is broken.")


def test_the_sweep_alone_pays_a_seller(world, settings):
    world.sale(world.seller(), price=10_000)
    world.hear()
    tasks.sweep()
    world.approve()
    for _ in range(10):
        tasks.sweep()
        Batch.objects.filter(next_at__isnull=False).update(next_at=utc_now())
        if Payout.objects.get().state == "paid":
            break
    assert Payout.objects.get().state == "paid"
    tasks.sweep()
    beat = heartbeats.last("sweep")
    assert beat is not None
    assert beat.detail["errors"] == {}


def test_a_stage_that_fails_does_not_stop_the_others(world, settings):
    settings.STAGES = {
        "understand": FAILING,
        **{k: v for k, v in settings.STAGES.items() if k != "understand"},
    }
    world.sale(world.seller(), price=10_000)
    world.hear()
    with pytest.raises(StagesFailed, match="This stage is broken"):
        tasks.sweep()
    assert Payout.objects.get().state == "awaiting_approval"
    assert "understand" in heartbeats.detail_of("sweep")["errors"]


def test_time_that_is_up_is_said(world):
    assert stages.work(seconds=0).is_done is False


@contextmanager
def held_elsewhere(hold: Callable[[], AbstractContextManager[object]]) -> Iterator[None]:
    """Have another session hold something meanwhile."""
    held, done = threading.Event(), threading.Event()

    def other() -> None:
        try:
            with hold():
                held.set()
                done.wait(10)
        finally:
            connections.close_all()

    thread = threading.Thread(target=other)
    thread.start()
    try:
        assert held.wait(10)
        yield
    finally:
        done.set()
        thread.join()


def test_a_sweep_beside_another_does_nothing(transactional_db):
    with held_elsewhere(partial(shared_lock, "task sweep", wait_s=0)):
        tasks.sweep()
        assert heartbeats.last("sweep") is None


@pytest.mark.parametrize(("others", "joins"), [(7, True), (8, False)])
def test_workers_work_side_by_side_up_to_a_number(transactional_db, monkeypatch, others, joins):
    begun: list[str] = []
    monkeypatch.setattr(tasks, "_work", lambda name, *, start: begun.append(name))
    with ExitStack() as stack:
        for _ in range(others):
            stack.enter_context(held_elsewhere(partial(slots, "work", count=8, wait_s=0)))
        tasks.work("send")
    assert begun == (["work send"] if joins else [])


def test_a_stage_that_took_all_it_may_calls_for_another_worker(transactional_db, settings):
    settings.STAGES = {"understand": f"{__name__}.take_from_many"}
    MANY[:] = [500, 500, 20]
    stages.work(seconds=5)
    assert [queued.task["args"] for queued in OrmQ.objects.all()] == [("understand",)]
    MANY[:] = [20]
    stages.work(seconds=5)
    assert OrmQ.objects.count() == 1


def test_a_kick_comes_with_the_commit_and_not_without(transactional_db):
    with transaction.atomic():
        kicks.kick("send")
        assert OrmQ.objects.count() == 0
    assert OrmQ.objects.count() == 1
    with transaction.atomic():
        kicks.kick("send")
        transaction.set_rollback(True)
    assert OrmQ.objects.count() == 1


def test_a_kick_that_is_lost_hurts_nobody(transactional_db, monkeypatch):
    def broken(*_args: object, **_options: object) -> None:
        raise ConnectionError("The broker is gone.")

    monkeypatch.setattr(kicks, "async_task", broken)
    with transaction.atomic():
        kicks.kick("send")


def test_a_person_s_decision_is_acted_upon_at_once(world):
    world.sale(world.seller(), price=10_000)
    world.decide()
    before = OrmQ.objects.count()
    world.approve()
    assert OrmQ.objects.count() == before + 1
    newest = OrmQ.objects.order_by("-pk").first()
    assert newest is not None
    assert newest.func() == "payouts.tasks.work"


def test_a_stage_that_is_never_done_does_not_starve_the_next(transactional_db, settings):
    """As when a provider's webhooks have one batch asked about again and again."""
    settings.STAGES = {"ask": f"{__name__}.take_from_many", "settle": f"{__name__}.note"}
    MANY[:], NOTED[:] = [1, 1, 1], []
    stages.work(seconds=5)
    assert NOTED == [2, 1, 0, 0]


@pytest.mark.django_db
def test_schedules_are_set_by_name_and_once():
    now = utc_now()
    schedules.set_up(now=now)
    Planned.objects.create(name="sweep", func="payouts.tasks.sweep", schedule_type=Planned.HOURLY)
    Planned.objects.create(name="old", func="payouts.tasks.gone", schedule_type=Planned.HOURLY)
    other = Planned.objects.create(name="theirs", func="somebody.else", schedule_type=Planned.HOURLY)
    moved = now + timedelta(hours=5)
    Planned.objects.filter(name="purge").update(next_run=moved)
    schedules.set_up(now=now)
    names = list(Planned.objects.values_list("name", flat=True))
    assert sorted(names) == sorted([one.name for one in schedules.PLAN] + [other.name])
    sweep = Planned.objects.get(name="sweep")
    assert (sweep.schedule_type, sweep.minutes) == (Planned.MINUTES, 1)
    assert Planned.objects.get(name="purge").next_run == moved


def test_every_planned_task_exists():
    for one in schedules.PLAN:
        assert callable(import_string(one.func)), one.name
