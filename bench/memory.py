"""`mem.*`: how much memory a process needs at its peak with 100,000 waiting, against 1,000."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from bench import hearing, processes, seeding
from bench.results import NotAsPromised, Row, interleave
from bench.sandboxes import Sandbox, running
from bench.setting import Setting
from payouts.models import Attempt
from payouts.stages import LIMITS

_MANY: Final = 100_000
_FEW: Final = 1_000
_EVENTS_PER_SALE: Final = 4
SENT: Final = 20 * LIMITS["send"]
"""After so many batches of those that wait, the sender has had whatever it needs for one; the rest takes minutes."""
_ROUNDS: Final = 1
"""A peak hardly differs from one process to the next."""


def measure_poller(setting: Setting) -> Sequence[Row]:
    """This will measure the poller with so many events waiting in Sharetribe."""
    many, few = setting.size(_MANY), setting.size(_FEW)
    heard: list[int] = []

    def peak(waiting: int) -> float:
        with running("flex") as flex:
            sold = hearing.sell(flex, max(waiting // _EVENTS_PER_SALE, 1))
            databases = setting.databases
            with databases.clone(databases.empty()) as name:
                hearing.learn_the_marketplace()
                [told], _ = processes.run("poll", database_url=databases.url(name))
        if told.moved != sold["events"]:
            raise NotAsPromised(f"{told.moved} of {sold['events']} events were heard.")
        heard.append(told.moved)
        return told.peak_mb

    rounds = interleave(_ROUNDS, lambda: peak(many), lambda: peak(few))
    return [_row("mem.poller", rounds, f"{max(heard):,} events were waiting, against {min(heard):,}.", few)]


def measure_sender(setting: Setting) -> Sequence[Row]:
    """This will measure the sender with so many approved payouts waiting."""
    many, few = setting.size(_MANY), setting.size(_FEW)
    with running("paypal") as paypal:
        rounds = interleave(
            _ROUNDS,
            lambda: _peak_of_sender(setting, paypal, many),
            lambda: _peak_of_sender(setting, paypal, few),
        )
    note = f"{many:,} approved payouts were waiting, against {few:,}; {min(many, SENT):,} of them were sent."
    return [_row("mem.sender", rounds, note, few)]


def _peak_of_sender(setting: Setting, paypal: Sandbox, waiting: int) -> float:
    databases = setting.databases
    source = databases.seeded(f"approved_{waiting}", partial(seeding.approved, waiting))
    paypal.reset()
    with databases.clone(source) as name:
        [told], _ = processes.run("send", database_url=databases.url(name))
        sent = Attempt.objects.filter(state="accepted").count()
    wanted = min(waiting, SENT)
    if (told.moved, sent) != (wanted, wanted):
        raise NotAsPromised(f"{sent} of {wanted} payouts were sent.")
    return told.peak_mb


def _row(name: str, rounds: list[tuple[float, float]], note: str, few: int) -> Row:
    return Row(
        name=name,
        unit="MB",
        better="lower",
        baseline_name=f"the same process with {few:,} waiting",
        rounds=rounds,
        target=1.2,
        notes=[note],
    )
