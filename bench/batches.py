"""`pay.batch15000`: one batch as large as PayPal takes it against one of 150, in time and in SQL statements."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import Final

from bench import seeding, stages
from bench.results import Row, interleave
from bench.sandboxes import Sandbox, running
from bench.setting import Setting

_LARGE: Final = 15_000
_SMALL: Final = 150


def measure(setting: Setting) -> Sequence[Row]:
    """This will measure both rows."""
    statements: dict[int, list[int]] = {}
    large, small = setting.size(_LARGE), setting.size(_SMALL)
    with running("paypal") as paypal:
        rounds = interleave(
            setting.rounds,
            lambda: _microseconds(setting, paypal, large, statements),
            lambda: _microseconds(setting, paypal, small, statements),
        )
    counts = [
        (float(ours), float(theirs))
        for ours, theirs in zip(statements[large], statements[small], strict=True)
    ]
    return [
        Row(
            name="pay.batch15000",
            unit="µs/payout",
            better="lower",
            baseline_name=f"the same for a batch of {small}",
            rounds=rounds,
            target=1.0,
        ),
        Row(
            name="pay.batch15000.statements",
            unit="statements",
            better="lower",
            baseline_name=f"the same for a batch of {small}",
            rounds=counts,
            target=1.0,
            notes=[
                "From approved to paid, counted where Django hands statements to psycopg; the lock's three not."
            ],
        ),
    ]


def _microseconds(setting: Setting, paypal: Sandbox, count: int, statements: dict[int, list[int]]) -> float:
    source = setting.databases.seeded(f"approved_{count}", partial(seeding.approved, count))
    paypal.reset()
    with setting.databases.clone(source):
        start = time.perf_counter()
        with stages.counted() as counted:
            stages.send_all(limit=count)
        seconds = time.perf_counter() - start
        # One reading is to find everything settled: else the number of readings would be measured, not their cost.
        paypal.wait_for_debits(count)
        start = time.perf_counter()
        with stages.counted() as more:
            stages.hear_back(limit=count)
        seconds += time.perf_counter() - start
        statements.setdefault(count, []).append(counted[0] + more[0])
        stages.check_paid(paypal, count=count)
    return seconds / count * 1e6
