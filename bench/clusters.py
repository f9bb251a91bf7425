"""`clusters.*`: two and three clusters that pay from one database, against one; and nothing is paid twice.

They are django-q's own, as `manage.py qcluster` starts them, each with one worker: what is measured is whether
another one helps, and all share the same processors.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Final

from django_q.brokers import get_broker
from django_q.models import OrmQ
from django_q.status import Stat

from bench import seeding, stages
from bench.results import CHECKOUT, NotAsPromised, Row, interleave
from bench.sandboxes import Sandbox, running
from bench.setting import Setting
from marketplace_payouts.lib.clock import utc_now
from payouts import kicks, reconciliation
from payouts.models import Batch, BatchState, Payout
from payouts.stages import LIMITS

# As many batches for each of two as for each of three.
_PAYOUTS: Final = 6 * LIMITS["send"]
_PATIENCE_S: Final = 120.0
_LOOK_S: Final = 0.1
_WEBHOOK_S: Final = 0.5


def measure(setting: Setting, *, count: int) -> Sequence[Row]:
    """This will measure so many clusters."""
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
            baseline_name="one cluster",
            rounds=rounds,
            notes=[
                "Clusters of one worker; all of them, PostgreSQL and the sandbox share the same processors.",
                "Each payout was debited once in the sandbox's ledger, in every round.",
            ],
        )
    ]


def _per_second(setting: Setting, paypal: Sandbox, *, clusters: int) -> float:
    payouts, databases = setting.size(_PAYOUTS), setting.databases
    source = databases.seeded(f"approved_{payouts}", partial(seeding.approved, payouts))
    paypal.reset()
    with databases.clone(source) as name, _clusters(databases.url(name), clusters):
        start = time.perf_counter()
        kicks.kick("send")
        _be_webhooks()
        seconds = time.perf_counter() - start
        stages.check_paid(paypal, count=payouts)
    return payouts / seconds


@contextmanager
def _clusters(database_url: str, count: int) -> Iterator[None]:
    environ = os.environ | {"DATABASE_URL": database_url, "CLUSTER_WORKERS": "1"}
    command = [sys.executable, "-m", "bench.cluster"]
    started = [
        subprocess.Popen(command, cwd=CHECKOUT, env=environ, start_new_session=True) for _ in range(count)
    ]
    try:
        _wait_until_idle(count)
        yield
    finally:
        for one in started:
            one.terminate()
        for one in started:
            _end(one)


def _wait_until_idle(count: int) -> None:
    end = time.monotonic() + _PATIENCE_S
    while len([one for one in Stat.get_all(get_broker()) if one.status == "Idle"]) < count:
        if time.monotonic() > end:
            raise NotAsPromised(f"{count} clusters did not start.")
        time.sleep(_LOOK_S)


def _be_webhooks() -> None:
    """Have each batch asked about as soon as PayPal has it, until all is paid."""
    end = time.monotonic() + _PATIENCE_S
    accepted = Batch.objects.filter(state=BatchState.ACCEPTED, attempts__state="accepted")
    while Payout.objects.filter(state__in=stages.UNDER_WAY).exists():
        if time.monotonic() > end:
            raise NotAsPromised("Some payouts were never paid.")
        waiting = list(accepted.distinct().values_list("pk", flat=True))
        reconciliation.hurry(waiting, now=utc_now())
        if waiting and not OrmQ.objects.exists():
            kicks.kick("ask")
        time.sleep(_WEBHOOK_S)


def _end(cluster: subprocess.Popen[bytes]) -> None:
    try:
        cluster.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(cluster.pid, signal.SIGKILL)
        cluster.wait(5)
