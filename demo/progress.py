"""What the person at the terminal sees while it goes on: a line of numbers now and then, and what people did."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from django.db import connection

_EVERY_S = 2.0
_HEADER_EVERY = 15
_COLUMNS = (
    ("events", "events"),
    ("owed", "owed"),
    ("pending", "pending"),
    ("awaiting_approval", "waiting"),
    ("approved", "approved"),
    ("submitting", "sending"),
    ("submitted", "sent"),
    ("unknown", "unknown"),
    ("paid", "paid"),
    ("failed", "failed"),
    ("returned", "returned"),
    ("cancelled", "let go"),
)
_COUNTS = (
    "SELECT 'events', count(*) FROM flexsync_flexevent"
    " UNION ALL SELECT 'owed', count(*) FROM payouts_payable"
    " UNION ALL SELECT state, count(*) FROM payouts_payout GROUP BY state"
)


@dataclass(slots=True)
class Progress:
    """Prints plain lines, so that a log of it reads like what was seen."""

    started: float = field(default_factory=time.monotonic)
    _shown_at: float = 0.0
    _rows: int = 0
    _last: dict[str, int] = field(default_factory=dict)

    def say(self, sentence: str) -> None:
        """Tell what somebody did or what happened."""
        print(f"{self._clock()}  {sentence}", flush=True)

    def tick(self) -> None:
        """Show the numbers, when it is time and something changed."""
        if time.monotonic() - self._shown_at < _EVERY_S:
            return
        self._shown_at = time.monotonic()
        counts = count()
        if counts == self._last:
            return
        self._last = counts
        if self._rows % _HEADER_EVERY == 0:
            print(f"{'':7}" + "".join(f"{title:>9}" for _, title in _COLUMNS))
        self._rows += 1
        numbers = "".join(f"{counts.get(name) or '·':>9}" for name, _ in _COLUMNS)
        print(f"{self._clock()}{numbers}", flush=True)

    def _clock(self) -> str:
        minutes, seconds = divmod(int(time.monotonic() - self.started), 60)
        return f"{minutes:>3}:{seconds:02d} "


def count() -> dict[str, int]:
    """Count events, payables, and payouts by state."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS)
        return {name: int(number) for name, number in cursor.fetchall()}
