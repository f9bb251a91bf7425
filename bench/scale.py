"""`scale.payout_1m_vs_10k`: what a payout costs with a million settled ones in the tables, against ten thousand."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from bench import history, seeding, stages
from bench.results import Row, interleave
from bench.sandboxes import Sandbox, running
from bench.setting import Setting
from payouts import incarnation
from payouts.models import Batch

_MANY: Final = 1_000_000
_FEW: Final = 10_000
_PAYOUTS: Final = 2_000
_ROUNDS: Final = 2
"""A clone of eight gigabytes takes longer than what is measured in it."""


def measure(setting: Setting) -> Sequence[Row]:
    """This will measure the row."""
    few = setting.size(_FEW)
    many = max(setting.size(_MANY), few)
    with running("paypal") as paypal:
        small = setting.databases.seeded(f"settled_{few}", lambda: history.settled(few, paypal))

        def fill() -> None:
            history.settled(few, paypal)
            history.multiply(setting.databases, setting.databases.present, copies=many // few - 1)

        large = setting.databases.seeded(f"settled_{many}_of_{few}", fill)
        rounds = interleave(
            min(setting.rounds, _ROUNDS),
            lambda: _microseconds(setting, paypal, large),
            lambda: _microseconds(setting, paypal, small),
        )
    return [
        Row(
            name="scale.payout_1m_vs_10k",
            unit="µs/payout",
            better="lower",
            baseline_name=f"the same beside {few:,} settled payouts",
            rounds=rounds,
            target=1.3,
            notes=[
                f"{setting.size(_PAYOUTS):,} payouts from approved to paid, beside {many:,} settled ones."
            ],
        )
    ]


def _microseconds(setting: Setting, paypal: Sandbox, name: str) -> float:
    count = setting.size(_PAYOUTS)
    paypal.reset()
    with setting.databases.clone(name) as clone:
        incarnation.accept(by="bench")  # a clone is another database than the one that was filled
        # What was settled is asked about again hours after it was filled, by a provider that knows nothing of it.
        Batch.objects.update(next_at=None)
        seeding.approved(count)
        setting.databases.tidy(clone)
        start = time.perf_counter()
        stages.pay_all()
        seconds = time.perf_counter() - start
        stages.check_paid(paypal, count=count)
    return seconds / count * 1e6
