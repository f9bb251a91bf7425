"""`clusters.*`: two and three processes that pay from one database, against one; and nothing is paid twice."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from bench import processes, seeding, stages
from bench.results import Row, interleave
from bench.sandboxes import Sandbox, running
from bench.setting import Setting
from payouts.stages import LIMITS

# As many batches for each of two as for each of three.
_PAYOUTS: Final = 6 * LIMITS["send"]


def measure(setting: Setting, *, count: int) -> Sequence[Row]:
    """This will measure so many clusters; each is a process that runs the stages, as a cluster's worker does."""
    with running("paypal") as paypal:
        rounds = interleave(
            setting.rounds,
            lambda: _per_second(setting, paypal, clusters=count),
            lambda: _per_second(setting, paypal, clusters=1),
        )
    return [
        Row(
            name=f"clusters.{count}",
            unit="payouts/s",
            better="higher",
            baseline_name="one process",
            rounds=rounds,
            notes=[
                "All of them, PostgreSQL and the sandbox share the same processors.",
                "Each payout was debited once in the sandbox's ledger, in every round.",
            ],
        )
    ]


def _per_second(setting: Setting, paypal: Sandbox, *, clusters: int) -> float:
    payouts, databases = setting.size(_PAYOUTS), setting.databases
    source = databases.seeded(f"approved_{payouts}", partial(seeding.approved, payouts))
    paypal.reset()
    with databases.clone(source) as name:
        _, seconds = processes.run("pay", database_url=databases.url(name), count=clusters)
        stages.check_paid(paypal, count=payouts)
    return payouts / seconds
