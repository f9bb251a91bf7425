"""`flex.events`: Sharetribe's pages of events to payables, against fetching, parsing and storing them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from bench import bare_loops, seeding
from bench.results import NotAsPromised, Row, interleave
from bench.sandboxes import Sandbox, running
from bench.setting import Setting
from flexsync import identity, interpreter, poller
from flexsync.models import FlexEvent
from flexsync.snapshots import EVENT_TYPES
from marketplace_payouts.lib.clock import utc_now
from marketplace_payouts.lib.embedded_postgres import OWNER
from payouts.models import Payable
from payouts.stages import LIMITS

PROCESS: Final = "payout-process"
_TRANSACTIONS: Final = 3_000


def sell(flex: Sandbox, transactions: int, *, payees: int = 0) -> dict[str, object]:
    """This will have so many sales made and received in the sandbox; gives what it says of them."""
    asked = {
        "transactions": transactions,
        "payees": payees or max(transactions // 10, 1),
        "process": PROCESS,
        "state": "state/received",
    }
    made: dict[str, object] = flex.post("bulk", asked)
    return made


def learn_the_marketplace() -> None:
    """This will set the product up for the sandbox's marketplace."""
    identity.confirm()
    seeding.open_for_business(process=PROCESS)


def understand_all() -> None:
    """This will interpret everything that was heard."""
    while interpreter.understand(limit=LIMITS["understand"], now=utc_now()):
        pass


def measure(setting: Setting) -> Sequence[Row]:
    """This will measure the row."""
    busy: dict[str, str] = {}
    with running("flex") as flex:
        sold = sell(flex, setting.size(_TRANSACTIONS))
        rounds = interleave(
            setting.rounds, lambda: _ours(setting, flex, sold, busy), lambda: _bare(setting, flex, busy)
        )
    return [
        Row(
            name="flex.events",
            unit="events/s",
            better="higher",
            baseline_name="bare loop: fetch, parse, one INSERT and commit per page",
            rounds=rounds,
            target=0.3,
            notes=[f"{who}: {what}" for who, what in busy.items()],
        )
    ]


def _ours(setting: Setting, flex: Sandbox, sold: dict[str, object], busy: dict[str, str]) -> float:
    with setting.databases.clone(setting.databases.empty()) as name:
        learn_the_marketplace()
        setting.databases.tidy(name)
        before, start = flex.cpu_s(), time.perf_counter()
        poller.poll(limit_seconds=0, now=utc_now())
        heard_s = time.perf_counter() - start
        understand_all()
        seconds = time.perf_counter() - start
        busy["ours"] = f"{heard_s:.2f} s hearing of {seconds:.2f} s; sandbox {flex.cpu_s() - before:.2f} s"
        events = FlexEvent.objects.count()
        owed = sum(int(units) for units in Payable.objects.values_list("units", flat=True))
    if str(owed) != str(sold["payout_total"]):
        raise NotAsPromised(f"{owed} are owed, not {sold['payout_total']}.")
    return events / seconds


def _bare(setting: Setting, flex: Sandbox, busy: dict[str, str]) -> float:
    start = (utc_now() - timedelta(days=90)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    params = {"eventTypes": ",".join(EVENT_TYPES), "createdAtStart": start}
    with setting.databases.bare() as name:
        url = setting.databases.url(name, role=OWNER)
        setting.databases.tidy(name)
        before = flex.cpu_s()
        events, seconds = bare_loops.hear(url, flex, params=params)
    busy["baseline"] = f"{events} events in {seconds:.2f} s; sandbox {flex.cpu_s() - before:.2f} s"
    return events / seconds
