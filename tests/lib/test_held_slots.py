"""Slots that threads share never let in more than there are, go round among processes, and fall with their session."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.db import connections, transaction

from marketplace_payouts.lib.held_slots import HeldSlots, held_slots
from marketplace_payouts.lib.ids import uuid7
from marketplace_payouts.lib.pool import run_all
from marketplace_payouts.lib.shared_state import InTransaction, NotGranted, slots
from tests.lib.test_shared_state import Elsewhere

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def name() -> str:
    return f"test {uuid7()}"


class Room:
    """Counts who is inside at the same time."""

    def __init__(self) -> None:
        self._inside, self.most, self.visits, self._mutex = 0, 0, 0, threading.Lock()

    @contextmanager
    def visited(self, seconds: float) -> Iterator[None]:
        with self._mutex:
            self._inside += 1
            self.visits += 1
            self.most = max(self.most, self._inside)
        time.sleep(seconds)
        yield
        with self._mutex:
            self._inside -= 1


@contextmanager
def another_process(work: Callable[[], None]) -> Iterator[None]:
    """A thread with a connection of its own."""

    def run() -> None:
        try:
            work()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        thread.join(30)


def visiting(room: Room, held: HeldSlots, seconds: float) -> Callable[[object], None]:
    def visit(_: object) -> None:
        with held.one(wait_s=20), room.visited(seconds):
            pass

    return visit


def test_lets_no_more_in_than_there_are_slots(name: str) -> None:
    room = Room()

    def work() -> None:
        with held_slots(name, count=4, wanted=4) as held:
            run_all(visiting(room, held, 0.02), range(30), workers=6)

    with another_process(work), another_process(work):
        work()
    assert (room.visits, room.most) == (90, 4)
    with held_slots(name, count=4, wanted=4) as held, held.one(wait_s=1), held.one(wait_s=1):
        pass  # all are free again


@pytest.mark.parametrize("are_busy", [True, False])
def test_others_get_a_slot_while_all_are_held(name: str, are_busy: bool) -> None:
    over = threading.Event()

    def calls() -> None:
        with held_slots(name, count=3, wanted=3) as held:
            while not over.wait(0.01):
                if are_busy:
                    run_all(visiting(Room(), held, 0.05), range(6), workers=3)

    with another_process(calls):
        time.sleep(0.2)
        try:
            with slots(name, count=3, wait_s=10):
                pass
        finally:
            over.set()


def test_gives_up_waiting_for_a_slot_in_time(name: str) -> None:
    with (
        Elsewhere(lambda: slots(name, count=1)),
        held_slots(name, count=1, wanted=1) as held,
        pytest.raises(NotGranted),
        held.one(wait_s=0.3),
    ):
        pass


def test_takes_no_more_than_wanted(name: str) -> None:
    with held_slots(name, count=3, wanted=2) as held, held.one(wait_s=5), held.one(wait_s=5):
        with slots(name, count=3, wait_s=0):
            pass
        with pytest.raises(NotGranted), held.one(wait_s=0.3):
            pass


def test_gives_all_back_when_the_work_fails(name: str) -> None:
    with pytest.raises(ZeroDivisionError), held_slots(name, count=1, wanted=1) as held, held.one(wait_s=5):
        1 / 0  # noqa: B018
    with slots(name, count=1, wait_s=0):
        pass


def test_nothing_begins_once_the_session_is_lost(name: str, superuser_url: str) -> None:
    with held_slots(name, count=2, wanted=2) as held:
        with held.one(wait_s=5), psycopg.connect(superuser_url, autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks JOIN pg_database ON pg_database.oid = database"
                " WHERE locktype = 'advisory' AND datname = current_database()"
            )
        with pytest.raises(NotGranted):
            _use_for_ever(held)
    with slots(name, count=2, wait_s=5), slots(name, count=2, wait_s=5):
        pass


def _use_for_ever(held: HeldSlots) -> None:
    while True:
        with held.one(wait_s=5):
            time.sleep(0.05)


def test_is_not_to_be_had_in_a_transaction(name: str) -> None:
    with transaction.atomic(), pytest.raises(InTransaction):
        held_slots(name, count=1, wanted=1).__enter__()
