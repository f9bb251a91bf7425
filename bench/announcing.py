"""`flex.announce`: transactions read again and told of their payout, against the same two calls and nothing else."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from accounts.models import User
from bench import bare_loops, hearing, seeding
from bench.results import NotAsPromised, Row, interleave
from bench.sandboxes import running
from bench.setting import Setting
from flexsync import poller, rereading
from marketplace_payouts.lib.clock import utc_now
from marketplace_payouts.lib.sharetribe import configured
from payouts import approval, incarnation, scheduling
from payouts.models import Announcement, Payout, Source, State
from payouts.stages import LIMITS

_TRANSACTIONS: Final = 1_000
_PER_PAYOUT: Final = 2
_AT_ONCE: Final = 500


def measure(setting: Setting) -> Sequence[Row]:
    """This will measure the row."""
    count = setting.size(_TRANSACTIONS)
    with running("flex") as flex, running("paypal"):
        hearing.sell(flex, count, payees=max(count // _PER_PAYOUT, 1))
        transactions: list[str] = []

        def fill() -> None:
            _approve_everything()
            transactions.extend(str(one) for one in Source.objects.values_list("reference", flat=True))

        with setting.databases.once(fill) as source:
            rounds = interleave(
                setting.rounds,
                lambda: _ours(setting, source, count),
                lambda: (
                    count / bare_loops.announce(flex, transactions, connections=configured.REQUESTS_AT_ONCE)
                ),
            )
    return [
        Row(
            name="flex.announce",
            unit="transactions/s",
            better="higher",
            baseline_name=f"bare loop of {configured.REQUESTS_AT_ONCE} connections: the same two calls",
            rounds=rounds,
            target=0.5,
        )
    ]


def _approve_everything() -> None:
    """All stages from hearing to approved, by a person."""
    hearing.learn_the_marketplace()
    poller.poll(limit_seconds=0, now=utc_now())
    hearing.understand_all()
    seeding.give_methods()
    while scheduling.gather(limit=LIMITS["gather"], now=utc_now()):
        pass
    while approval.decide(limit=LIMITS["decide"], now=utc_now()):
        pass
    approver = User.objects.get(email=seeding.APPROVER)
    waiting = list(Payout.objects.filter(state=State.AWAITING_APPROVAL).values_list("pk", flat=True))
    for start in range(0, len(waiting), _AT_ONCE):
        wanted = list(approval.digests_of(waiting[start : start + _AT_ONCE]).items())
        approval.approve(by=approver, wanted=wanted, reason="Looks right.", now=utc_now())


def _ours(setting: Setting, source: str, count: int) -> float:
    with setting.databases.clone(source):
        incarnation.accept(by="bench")  # a clone is another database than the one that was filled
        start = time.perf_counter()
        while rereading.reread(limit=LIMITS["reread"], now=utc_now()):
            pass
        seconds = time.perf_counter() - start
        announced = Announcement.objects.values("source").distinct().count()
    if announced != count:
        raise NotAsPromised(f"{announced} of {count} transactions were told.")
    return count / seconds
