"""How much one caller may ask: the rate limits of dev and test marketplaces, and ten requests at once anywhere.

Everybody who calls a sandbox calls from loopback, so all count as one address.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

from sandbox.flex.errors import ApiError

CONCURRENT: Final = 10
Kind = Literal["query", "command"]
_PER_SECOND: Final[dict[Kind, float]] = {"query": 1.0, "command": 0.5}


class Limits:
    """Two token buckets and a counter."""

    def __init__(self, *, now: Callable[[], float]) -> None:
        self._now = now
        self.on = False
        self.burst_s = 60.0
        self.in_flight = 0
        self._level: dict[Kind, tuple[float, float]] = {}

    def fill(self) -> None:
        """Begin with full buckets."""
        self._level.clear()

    def take(self, kind: Kind) -> None:
        """Let one request in.

        :raises ApiError: `too-many-requests`.
        """
        if self.in_flight >= CONCURRENT:
            raise ApiError("too-many-requests", f"more than {CONCURRENT} requests at once")
        if not self.on:
            return
        rate, now = _PER_SECOND[kind], self._now()
        full = max(1.0, rate * self.burst_s)
        level, since = self._level.get(kind, (full, now))
        level = min(full, level + (now - since) * rate)
        if level < 1.0:
            self._level[kind] = (level, now)
            raise ApiError("too-many-requests", f"the rate limit for a {kind} is reached")
        self._level[kind] = (level - 1.0, now)
