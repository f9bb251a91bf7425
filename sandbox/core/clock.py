"""The sandbox's own time: real time plus what steering advanced it by; background work is timed by it."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import sys
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime


class Timer:
    """Work that waits for its moment; `cancel()` makes it never happen."""

    __slots__ = ("cancelled", "work")

    def __init__(self, work: Callable[[], object]) -> None:
        self.work = work
        self.cancelled = False

    def cancel(self) -> None:
        """Forget this work."""
        self.cancelled = True


class Clock:
    """Time that can be moved forward, and the timers that hang on it."""

    def __init__(self, *, offset: float = 0.0) -> None:
        self.offset = offset
        self.after_work: Callable[[], object] = lambda: None
        self._timers: list[tuple[float, int, Timer]] = []
        self._serial = itertools.count()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake: asyncio.TimerHandle | None = None
        self._running = False

    def time(self) -> float:
        """Give the sandbox's present moment in seconds since 1970."""
        return time.time() + self.offset

    def now(self) -> datetime:
        """Give the sandbox's present moment in UTC."""
        return datetime.fromtimestamp(self.time(), UTC)

    def call_at(self, moment: float, work: Callable[[], object]) -> Timer:
        """Do `work` when the sandbox's time reaches `moment`."""
        timer = Timer(work)
        heapq.heappush(self._timers, (moment, next(self._serial), timer))
        self._arm()
        return timer

    def call_later(self, seconds: float, work: Callable[[], object]) -> Timer:
        """Do `work` after so many seconds of the sandbox's time."""
        return self.call_at(self.time() + seconds, work)

    def advance(self, seconds: float) -> None:
        """Move forward, and do everything that has become due, in order, before returning."""
        self.offset += seconds
        self.run_due()

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to run timers."""
        self._loop = loop
        self._arm()

    def clear(self) -> None:
        """Forget all timers and return to real time."""
        self._timers.clear()
        self.offset = 0.0

    def run_due(self) -> None:
        """Do what is due; work that fails is printed and does not stop the rest."""
        if self._running:  # a timer that advances the clock: the outer loop goes on
            return
        self._running = True
        try:
            while self._timers and self._timers[0][0] <= self.time():
                timer = heapq.heappop(self._timers)[2]
                if not timer.cancelled:
                    _do(timer.work)
        finally:
            self._running = False
        self.after_work()
        self._arm()

    def _arm(self) -> None:
        if self._loop is None or self._running:
            return
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None
        if self._timers:
            # A millisecond on top: the loop may wake up a little early, and would then spin.
            delay = max(0.0, self._timers[0][0] - self.time()) + 0.001
            self._wake = self._loop.call_later(min(delay, 86_400.0), self.run_due)


def _do(work: Callable[[], object]) -> None:
    try:
        work()
    except Exception:  # noqa: BLE001 - whatever a service's background work raises must not kill the clock
        traceback.print_exc(file=sys.stderr)
