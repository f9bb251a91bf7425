"""Slots that a process holds while its threads make many calls, so that none has to ask the database around each call.

They are the slots of `shared_state.slots`, taken by one session for all threads: what ends the process ends the session
and frees them. Each is offered to the other processes again after a moment, and given to whoever waits for it; so no
lost session goes unnoticed for longer either.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import DEFAULT_DB_ALIAS, Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from marketplace_payouts.lib.shared_state import (
    SLOT_LOOK_S,
    NotGranted,
    idle_connection,
    slot_keys,
    try_some,
    unlock,
    wait_lock,
)

_log = logging.getLogger(__name__)

_OFFERED_AFTER_S: Final = 2.0


@contextmanager
def held_slots(name: str, *, count: int, wanted: int, using: str = DEFAULT_DB_ALIAS) -> Iterator[HeldSlots]:
    """Hold up to `wanted` of `count` slots that all processes on this database share, for threads to use.

    :raises InTransaction: when a transaction is open.
    """
    idle_connection(using)
    held = HeldSlots(name, count=count, wanted=wanted, using=using)
    keeper = threading.Thread(target=held.keep, daemon=True)
    keeper.start()
    try:
        yield held
    finally:
        held.end()
        keeper.join()


class HeldSlots:
    """What `held_slots` gives: `one` is for the threads that make calls, `keep` is the thread that has the session."""

    def __init__(self, name: str, *, count: int, wanted: int, using: str) -> None:
        self._name, self._wanted, self._using = name, min(wanted, count), using
        self._keys = frozenset(slot_keys(name, count))
        self._since: dict[int, float] = {}
        """What is held, and when it was taken, on the monotonic clock."""
        # None in it says that nothing may begin any more.
        self._free: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        # None in it only wakes the keeper.
        self._to_offer: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._is_over = False

    @contextmanager
    def one(self, *, wait_s: float) -> Iterator[None]:
        """Use one of the slots.

        :raises NotGranted: when none was to be had within `wait_s`, or the session that held them is lost.
        """
        try:
            key = self._free.get(timeout=max(wait_s, 0.0))
        except queue.Empty:
            raise NotGranted(self._name) from None
        if key is None:
            self._free.put(None)
            raise NotGranted(self._name)
        try:
            yield
        finally:
            (self._to_offer if self._is_to_be_offered(key) else self._free).put(key)

    def keep(self) -> None:
        """Take slots, and offer them again, until the end."""
        try:
            connection = idle_connection(self._using)
            while not self._is_over:
                is_short = self._take(connection)
                for key in self._used_up(wait_s=0.0 if is_short else SLOT_LOOK_S):
                    del self._since[key]
                    unlock(connection, self._name, key)
            # At once: a session that is closed frees them a moment later.
            for key in self._since:
                unlock(connection, self._name, key)
        except Error as error:
            _log.warning("%s are no longer held, and nothing more begins under them: %s", self._name, error)
        finally:
            self._free.put(None)
            connections[self._using].close()

    def end(self) -> None:
        """Let the keeper come to its end; nobody uses a slot any more."""
        self._is_over = True
        self._to_offer.put(None)

    def _take(self, connection: BaseDatabaseWrapper) -> bool:
        """Take what is missing, or wait a moment for one; tell whether some are still missing."""
        missing = self._wanted - len(self._since)
        if not missing:
            return False
        others = self._keys - self._since.keys()
        taken = try_some(connection, others, most=missing)
        if not taken:
            candidate = random.choice(list(others))  # noqa: S311 - only spreads the waiting
            taken = [candidate] if wait_lock(connection, candidate, wait_s=SLOT_LOOK_S) else []
        for key in taken:
            self._since[key] = time.monotonic()
            self._free.put(key)
        return len(taken) < missing

    def _used_up(self, *, wait_s: float) -> list[int]:
        """Wait for slots that were held long enough, and give them together with those that nobody uses."""
        found: list[int | None] = []
        with contextlib.suppress(queue.Empty):
            found.append(self._to_offer.get(timeout=wait_s) if wait_s else self._to_offer.get_nowait())
            while True:
                found.append(self._to_offer.get_nowait())
        unused: list[int | None] = []
        with contextlib.suppress(queue.Empty):
            while True:
                unused.append(self._free.get_nowait())
        for key in unused:
            (found.append if self._is_to_be_offered(key) else self._free.put)(key)
        return [key for key in found if key is not None]

    def _is_to_be_offered(self, key: int | None) -> bool:
        return key is not None and time.monotonic() - self._since[key] >= _OFFERED_AFTER_S
