"""`pay.paypal.*`: from approved to paid through PayPal's batches, against one call per payout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from django.conf import settings

from bench import bare_loops, processes, seeding, stages
from bench.results import NotAsPromised, Row, interleave
from bench.sandboxes import Sandbox, running
from bench.setting import Setting
from marketplace_payouts.lib.embedded_postgres import OWNER
from payouts.stages import LIMITS

_OURS: Final = 12 * LIMITS["send"]
"""As many batches for each of a cluster's workers."""
_THEIRS: Final = 2_000
_THEIRS_SLOWLY: Final = 400
_PATH: Final = "/v1/payments/payouts"


@dataclass(slots=True)
class _Shop:
    """The two ways to pay the same, and how busy the sandbox was meanwhile.

    One worker stands against one thread, and the workers of a cluster as it ships against more of them.
    """

    setting: Setting
    paypal: Sandbox
    threads: int
    latency_s: float
    busy: dict[str, tuple[float, float]]

    @property
    def workers(self) -> int:
        """How many processes run the product's stages."""
        return 1 if self.threads == 1 else int(settings.Q_CLUSTER["workers"])

    def ours(self) -> float:
        """Pay by the product's stages; payouts a second."""
        count = self.setting.size(_OURS)
        databases = self.setting.databases
        source = databases.seeded(f"approved_{count}", partial(seeding.approved, count))
        self._begin()
        with databases.clone(source) as name:
            before = self.paypal.cpu_s()
            _, seconds = processes.run("pay", database_url=databases.url(name), count=self.workers)
            self.busy["ours"] = (self.paypal.cpu_s() - before, seconds)
            stages.check_paid(self.paypal, count=count)
        return count / seconds

    def bare(self) -> float:
        """Pay by the bare loop; payouts a second."""
        count = self.setting.size(_THEIRS_SLOWLY * self.threads if self.latency_s else _THEIRS)
        self._begin()
        databases = self.setting.databases
        with databases.bare() as name:
            url = databases.url(name, role=OWNER)
            owed = bare_loops.fill_payouts(url, count)
            databases.tidy(name)
            before = self.paypal.cpu_s()
            seconds = bare_loops.pay(url, self.paypal, threads=self.threads)
            self.busy["baseline"] = (self.paypal.cpu_s() - before, seconds)
        self.paypal.wait_for_debits(count)
        paid = self.paypal.debits()
        if (len(paid), sum(units for _, units in paid)) != (count, owed):
            raise NotAsPromised("The baseline did not pay what it owed.")
        return count / seconds

    def _begin(self) -> None:
        self.paypal.reset()
        if self.latency_s:
            self.paypal.slow_down(self.latency_s, path=_PATH)


def measure(setting: Setting, *, threads: int, latency_ms: int = 0) -> Sequence[Row]:
    """This will measure one row; the target holds for a provider that answers at once."""
    with running("paypal") as paypal:
        shop = _Shop(setting, paypal, threads, latency_ms / 1000, {})
        rounds = interleave(setting.rounds, shop.ours, shop.bare)
    tail = f".{latency_ms}ms" if latency_ms else ""
    named = f"{threads} thread{'s' if threads > 1 else ''}"
    target = {1: 5.0, 8: 2.0}[threads]
    return [
        Row(
            name=f"pay.paypal.{threads}thread{'s' if threads > 1 else ''}{tail}",
            unit="payouts/s",
            better="higher",
            baseline_name=f"bare loop of {named}: claim, POST, record",
            rounds=rounds,
            target=None if latency_ms else target,
            notes=[
                f"Ours by {shop.workers} worker{'s' if shop.workers > 1 else ''}; all share the same processors.",
                *(
                    f"The sandbox used {cpu:.1f} s of processor time in {seconds:.1f} s ({who}, last round)."
                    for who, (cpu, seconds) in shop.busy.items()
                ),
            ],
        )
    ]
