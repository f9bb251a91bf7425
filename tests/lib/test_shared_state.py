"""Locks, slots, rates and secrets hold among sessions of the database, and never wait inside a transaction."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

import pytest
from django.db import connection, connections, transaction

from marketplace_payouts.lib.crypto import DetailsKeys
from marketplace_payouts.lib.ids import uuid7
from marketplace_payouts.lib.shared_state import (
    InTransaction,
    NotGranted,
    SharedSecret,
    TokenBucket,
    shared_lock,
    slots,
)

pytestmark = pytest.mark.django_db(transaction=True)

keys = DetailsKeys.parse("k1:" + base64.b64encode(b"k" * 32).decode())


@pytest.fixture
def name() -> str:
    return f"test {uuid7()}"


class Elsewhere:
    """Another session: a thread with a connection of its own, which holds a context until told to leave."""

    def __init__(self, context: Callable[[], AbstractContextManager[object]]) -> None:
        self.entered, self.leave = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self._hold, args=(context,))

    def _hold(self, context: Callable[[], AbstractContextManager[object]]) -> None:
        try:
            with context():
                self.entered.set()
                self.leave.wait(10)
        finally:
            connections.close_all()

    def __enter__(self) -> Elsewhere:
        self.thread.start()
        assert self.entered.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self.leave.set()
        self.thread.join(10)


def in_threads(count: int, work: Callable[[], object]) -> list[object]:
    def one() -> object:
        try:
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        return [future.result() for future in [pool.submit(one) for _ in range(count)]]


def test_only_one_session_has_a_lock(name: str) -> None:
    with Elsewhere(lambda: shared_lock(name)), pytest.raises(NotGranted), shared_lock(name, wait_s=0):
        pass
    with shared_lock(name, wait_s=0):
        pass


def test_gives_up_waiting_for_a_lock_in_time(name: str) -> None:
    started = time.monotonic()
    with Elsewhere(lambda: shared_lock(name)), pytest.raises(NotGranted), shared_lock(name, wait_s=0.2):
        pass
    assert 0.2 <= time.monotonic() - started < 3


def test_gets_the_lock_as_soon_as_it_is_free(name: str) -> None:
    with Elsewhere(lambda: shared_lock(name)) as holder:
        threading.Timer(0.1, holder.leave.set).start()
        with shared_lock(name, wait_s=10):
            assert holder.leave.is_set()


def test_releases_the_lock_when_the_work_fails(name: str) -> None:
    with pytest.raises(ZeroDivisionError), shared_lock(name):
        1 / 0  # noqa: B018
    with Elsewhere(lambda: shared_lock(name, wait_s=0)):
        pass


def test_a_lost_connection_does_not_lose_the_result(name: str, caplog: pytest.LogCaptureFixture) -> None:
    def work() -> str:
        with shared_lock(name):
            connection.close()
            return "the answer"

    assert work() == "the answer"
    assert name in caplog.text


def test_the_work_may_use_transactions(name: str) -> None:
    with shared_lock(name):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        with pytest.raises(NotGranted):
            in_threads(1, lambda: shared_lock(name, wait_s=0).__enter__())


@pytest.mark.parametrize(
    "wait",
    [
        lambda: shared_lock("x").__enter__(),
        lambda: slots("x", count=1).__enter__(),
        lambda: TokenBucket("x", rate=1, burst=1).take(),
        lambda: TokenBucket("x", rate=1, burst=1).pause(1),
    ],
)
def test_never_waits_in_a_transaction(wait: Callable[[], object]) -> None:
    with transaction.atomic(), pytest.raises(InTransaction):
        wait()


def test_lets_no_more_in_than_there_are_slots(name: str) -> None:
    inside, most, guard = 0, 0, threading.Lock()

    def work() -> int:
        nonlocal inside, most
        with slots(name, count=3, wait_s=20) as slot:
            with guard:
                inside += 1
                most = max(most, inside)
            time.sleep(0.02)
            with guard:
                inside -= 1
            return slot

    taken = in_threads(9, work)
    assert most == 3
    assert set(taken) <= {0, 1, 2}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database"
            " WHERE locktype = 'advisory' AND datname = current_database()"
        )
        assert cursor.fetchone() == (0,)


def test_gives_up_waiting_for_a_slot_in_time(name: str) -> None:
    with (
        Elsewhere(lambda: slots(name, count=2)),
        Elsewhere(lambda: slots(name, count=2)),
        pytest.raises(NotGranted),
        slots(name, count=2, wait_s=0.3),
    ):
        pass


def test_a_bucket_lets_a_burst_through_and_then_keeps_the_rate(name: str) -> None:
    bucket = TokenBucket(name, rate=10, burst=3)
    waits = [bucket.reserve(wait_s=10) for _ in range(5)]
    assert waits[:3] == [0, 0, 0]
    assert 0.05 < waits[3] <= 0.1
    assert 0.15 < waits[4] <= 0.2


def test_a_bucket_takes_nothing_where_the_wait_is_too_long(name: str) -> None:
    bucket = TokenBucket(name, rate=0.1, burst=1)
    bucket.reserve(wait_s=0)
    for _ in range(3):
        with pytest.raises(NotGranted):
            bucket.reserve(wait_s=5)
    assert 9 < bucket.reserve(wait_s=15) <= 10


def test_a_bucket_is_shared_and_loses_no_turn(name: str) -> None:
    bucket = TokenBucket(name, rate=1, burst=4)
    waits = sorted(float(str(wait)) for wait in in_threads(8, lambda: bucket.reserve(wait_s=60)))
    assert waits[:4] == [0, 0, 0, 0]
    assert [round(wait) for wait in waits[4:]] == [1, 2, 3, 4]


def test_a_bucket_waits(name: str) -> None:
    bucket = TokenBucket(name, rate=10, burst=1)
    bucket.take()
    started = time.monotonic()
    assert bucket.take() > 0
    assert time.monotonic() - started > 0.05


def test_a_pause_holds_everybody_back(name: str) -> None:
    bucket = TokenBucket(name, rate=10, burst=5)
    bucket.pause(30)
    assert 29 < bucket.reserve(wait_s=60) <= 30
    bucket.pause(1)
    assert 29 < bucket.reserve(wait_s=60) <= 31


def test_shares_a_secret_sealed(name: str) -> None:
    secret = SharedSecret(name, keys)
    assert secret.load() is None
    secret.store(b"one", lasts_s=60)
    secret.store(b"two", lasts_s=30)
    loaded = secret.load()
    assert loaded is not None
    assert loaded[0] == b"two"
    assert 25 < loaded[1] <= 30
    with connection.cursor() as cursor:
        cursor.execute("SELECT sealed FROM lib_secret WHERE name = %s", [name])
        assert b"two" not in bytes(cursor.fetchone()[0])
    secret.forget()
    assert secret.load() is None


def test_tells_that_a_secret_is_over(name: str) -> None:
    secret = SharedSecret(name, keys)
    secret.store(b"one", lasts_s=-5)
    loaded = secret.load()
    assert loaded is not None
    assert loaded[1] < 0


def test_has_no_secret_that_was_sealed_under_other_keys(name: str) -> None:
    SharedSecret(name, keys).store(b"one", lasts_s=60)
    other = DetailsKeys.parse("k1:" + base64.b64encode(b"o" * 32).decode())
    assert SharedSecret(name, other).load() is None
