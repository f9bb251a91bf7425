"""What processes on several machines share through PostgreSQL: locks, slots, rates and short-lived secrets.

Locks and slots are session advisory locks on the caller's own connection, so they fall with the process that holds
them. Nothing here may be used while a transaction is open: waiting in one would hold row locks for as long. A pooler
between us and PostgreSQL must work per session, not per transaction.

`CREATE_SQL` and `DROP_SQL` are for the migration that makes the two tables.
"""

from __future__ import annotations

import hashlib
import logging
import random
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from django.db import DEFAULT_DB_ALIAS, Error, OperationalError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from marketplace_payouts.lib.crypto import CryptoError, DetailsKeys

_log = logging.getLogger(__name__)

# Unlogged: both may be lost in a crash (the bucket is then full, the secret is fetched anew), and a secret that is
# not in the write-ahead log is not in backups and replicas either.
CREATE_SQL: Final = """
CREATE UNLOGGED TABLE lib_token_bucket (
    name text PRIMARY KEY,
    free_at timestamptz NOT NULL
);
CREATE UNLOGGED TABLE lib_secret (
    name text PRIMARY KEY,
    sealed bytea NOT NULL,
    expires_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
"""
DROP_SQL: Final = "DROP TABLE lib_secret; DROP TABLE lib_token_bucket;"

_LOCK_TIMED_OUT: Final = "55P03"
# How long to wait for one slot before looking at the others again.
SLOT_LOOK_S: Final = 0.25


class InTransaction(RuntimeError):
    """Shared state was asked for while a database transaction was open."""

    def __init__(self) -> None:
        super().__init__("Never wait for others, or call the world, while a database transaction is open.")


class NotGranted(Exception):
    """A lock, a slot or a turn was not to be had within the time that the caller was ready to wait."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} was not granted in time.")
        self.name = name


@contextmanager
def shared_lock(name: str, *, wait_s: float = 20.0, using: str = DEFAULT_DB_ALIAS) -> Iterator[None]:
    """Hold a lock that only one session has, among all processes on this database; zero `wait_s` only tries.

    :raises NotGranted: when another session held it all the time.
    :raises InTransaction: when a transaction is open.
    """
    connection = idle_connection(using)
    key = _number(name)
    if not _try_lock(connection, key) and not wait_lock(connection, key, wait_s=wait_s):
        raise NotGranted(name)
    try:
        yield
    finally:
        unlock(connection, name, key)


@contextmanager
def slots(name: str, *, count: int, wait_s: float = 20.0, using: str = DEFAULT_DB_ALIAS) -> Iterator[int]:
    """Hold one of `count` slots that all processes on this database share, and give its number.

    :raises NotGranted: when all were taken all the time.
    :raises InTransaction: when a transaction is open.
    """
    connection = idle_connection(using)
    keys = slot_keys(name, count)
    end = time.monotonic() + wait_s
    taken = try_some(connection, keys, most=1)
    while not taken:
        left = end - time.monotonic()
        if left <= 0:
            raise NotGranted(name)
        candidate = random.choice(list(keys))  # noqa: S311 - only spreads the waiting
        if wait_lock(connection, candidate, wait_s=min(left, SLOT_LOOK_S)):
            taken = [candidate]
        else:
            taken = try_some(connection, keys, most=1)
    [key] = taken
    try:
        yield keys[key]
    finally:
        unlock(connection, name, key)


def slot_keys(name: str, count: int) -> dict[int, int]:
    """Give the keys of a name's slots, and the number of each."""
    return {_number(f"{name}#{slot}"): slot for slot in range(count)}


@dataclass(frozen=True, slots=True)
class TokenBucket:
    """A rate that all processes on this database keep together: `rate` a second, `burst` at once after a rest.

    Each turn is reserved by one statement before it is waited for, so turns come in order and nobody polls.
    """

    name: str
    rate: float
    burst: int
    using: str = DEFAULT_DB_ALIAS

    def take(self, *, count: int = 1, wait_s: float = 60.0) -> float:
        """Wait for `count` turns and give the seconds waited; nothing is taken where the wait would be too long.

        :raises NotGranted: when the turn would come later than `wait_s` from now.
        :raises InTransaction: when a transaction is open.
        """
        wait = self.reserve(count=count, wait_s=wait_s)
        time.sleep(wait)
        return wait

    def reserve(self, *, count: int = 1, wait_s: float) -> float:
        """Take `count` turns and give the seconds after which they may be used; raises as `take` does."""
        # `free_at` is when the bucket would be full again: it moves on with each turn, and a turn may be used once
        # it lies no more than a full bucket ahead.
        with idle_connection(self.using).cursor() as cursor:
            cursor.execute(
                """
                INSERT INTO lib_token_bucket AS bucket (name, free_at)
                VALUES (%(name)s, clock_timestamp() + %(cost)s * interval '1 second')
                ON CONFLICT (name) DO UPDATE
                SET free_at = greatest(bucket.free_at, clock_timestamp()) + %(cost)s * interval '1 second'
                WHERE greatest(bucket.free_at, clock_timestamp())
                      <= clock_timestamp() + (%(full)s - %(cost)s + %(wait)s) * interval '1 second'
                RETURNING extract(epoch FROM free_at - clock_timestamp())::float8
                """,
                {
                    "name": self.name,
                    "cost": count / self.rate,
                    "full": self.burst / self.rate,
                    "wait": wait_s,
                },
            )
            row = cursor.fetchone()
        if row is None:
            raise NotGranted(self.name)
        return max(float(row[0]) - self.burst / self.rate, 0.0)

    def pause(self, seconds: float) -> None:
        """Let nobody have a turn for some seconds, because the other side asked for it."""
        with idle_connection(self.using).cursor() as cursor:
            cursor.execute(
                """
                INSERT INTO lib_token_bucket AS bucket (name, free_at)
                VALUES (%(name)s, clock_timestamp() + %(ahead)s * interval '1 second')
                ON CONFLICT (name) DO UPDATE
                SET free_at = greatest(bucket.free_at, clock_timestamp() + %(ahead)s * interval '1 second')
                """,
                {"name": self.name, "ahead": seconds + (self.burst - 1) / self.rate},
            )


@dataclass(frozen=True, slots=True)
class SharedSecret:
    """A short-lived secret that all processes on this database share, sealed at rest under the caller's keys."""

    name: str
    keys: DetailsKeys
    using: str = DEFAULT_DB_ALIAS

    def load(self) -> tuple[bytes, float] | None:
        """Give the secret and how many seconds it still lasts (less than zero once it is over), or None.

        None also where it was sealed under other keys: whoever asks fetches a new one.
        """
        with connections[self.using].cursor() as cursor:
            cursor.execute(
                "SELECT sealed, extract(epoch FROM expires_at - clock_timestamp())::float8"
                " FROM lib_secret WHERE name = %s",
                [self.name],
            )
            row = cursor.fetchone()
        if row is None:
            return None
        try:
            return self.keys.open(bytes(row[0]), aad=self._aad()), float(row[1])
        except CryptoError:
            _log.warning("The shared secret %s was sealed under other keys or is damaged.", self.name)
            return None

    def store(self, secret: bytes, *, lasts_s: float) -> None:
        """Put the secret in place of the last one, for so many seconds from now by the database's clock."""
        with connections[self.using].cursor() as cursor:
            cursor.execute(
                """
                INSERT INTO lib_secret (name, sealed, expires_at, updated_at)
                VALUES (%s, %s, clock_timestamp() + %s * interval '1 second', clock_timestamp())
                ON CONFLICT (name) DO UPDATE
                SET sealed = excluded.sealed, expires_at = excluded.expires_at, updated_at = excluded.updated_at
                """,
                [self.name, self.keys.seal(secret, aad=self._aad()), lasts_s],
            )

    def forget(self) -> None:
        """Remove it."""
        with connections[self.using].cursor() as cursor:
            cursor.execute("DELETE FROM lib_secret WHERE name = %s", [self.name])

    def _aad(self) -> bytes:
        return b"lib_secret:" + self.name.encode()


def idle_connection(using: str) -> BaseDatabaseWrapper:
    """Give this thread's connection.

    :raises InTransaction: when a transaction is open.
    """
    connection = connections[using]
    if connection.in_atomic_block or not connection.get_autocommit():
        raise InTransaction
    return connection


def _number(name: str) -> int:
    return int.from_bytes(hashlib.sha256(b"shared:" + name.encode()).digest()[:8], signed=True)


def _try_lock(connection: BaseDatabaseWrapper, key: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [key])
        return bool(cursor.fetchone()[0])


def try_some(connection: BaseDatabaseWrapper, keys: Collection[int], *, most: int) -> list[int]:
    """Take up to so many of these locks, as far as they are free; none of them may be this session's already."""
    # Rows of a function are filtered one after the other, and LIMIT stops once enough passed: no more locks than that
    # are taken. There must be no ORDER BY, which would have every row filtered first.
    shuffled = random.sample(list(keys), len(keys))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT key FROM unnest(%s::bigint[]) AS key WHERE pg_try_advisory_lock(key) LIMIT %s",
            [shuffled, most],
        )
        return [int(key) for (key,) in cursor.fetchall()]


def wait_lock(connection: BaseDatabaseWrapper, key: int, *, wait_s: float) -> bool:
    """Queue up for a lock; the server wakes us when it is our turn."""
    if wait_s <= 0:
        return False
    try:
        # The transaction only bounds the waiting: a session lock outlives it.
        with transaction.atomic(using=connection.alias, durable=True), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{max(int(wait_s * 1000), 1)}ms"])
            cursor.execute("SELECT pg_advisory_lock(%s)", [key])
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) == _LOCK_TIMED_OUT:
            return False
        raise
    return True


def unlock(connection: BaseDatabaseWrapper, name: str, key: int) -> None:
    """Release a lock; `name` is for the log."""
    # Whatever was done under the lock is done, and its result must reach the caller: a lost connection has released
    # the lock by itself, and only a lock may then have been held by two, which is worth a line in the log.
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [key])
            released = bool(cursor.fetchone()[0])
    except Error:
        released = False
    if not released:
        _log.warning("%s was no longer held when it was to be released.", name)
