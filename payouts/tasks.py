"""What the queue calls: thin functions that may be lost, doubled or run at once, because the tables hold the work."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from django.db import connection

from marketplace_payouts.lib import partitions
from marketplace_payouts.lib.clock import database_now
from marketplace_payouts.lib.logs import logger
from marketplace_payouts.lib.shared_state import NotGranted, shared_lock, slots
from payments.stripe import catching_up
from payouts import chain_heads, heartbeats, kicks, purging, reconciliation, reconciling, stages
from payouts.invariants import running
from payouts.notices import earning, reminding
from payouts.stages import StagesFailed

log = logger(__name__)

# Well under the queue's limit for a task, so that a provider that hangs at the end of it is still waited for.
SECONDS: Final = 45.0
_BEAT_EVERY: Final = timedelta(seconds=20)
_REMINDED_AT_ONCE: Final = 500
_AT_ONCE: Final = 8
"""How many workers, of all clusters together, run the stages at once."""


def alone(name: str, function: Callable[[], object]) -> bool:
    """This will run the function, unless another worker is at it; gives whether it ran."""
    try:
        with shared_lock(f"task {name}", wait_s=0):
            function()
    except NotGranted:
        log.info("task_elsewhere", task=name)
        return False
    return True


def beat() -> None:
    """This will show that the cluster takes tasks and works them off."""
    heartbeats.beat("cluster", now=database_now(connection))


def sweep() -> None:
    """This will run every stage until nothing is left or the time is up: the one task that needs no other."""
    alone("sweep", lambda: _work("sweep", start=""))


def work(start: str) -> None:
    """This will run the stages from `start` on: somebody says that there is work. Whoever is one too many leaves it."""
    try:
        with slots("work", count=_AT_ONCE, wait_s=0):
            _work(f"work {start}", start=start)
    except NotGranted:
        log.info("task_elsewhere", task=f"work {start}")


def _work(name: str, *, start: str) -> None:
    beaten = [database_now(connection)]
    heartbeats.beat("cluster", now=beaten[0], by=name)

    def between() -> None:
        now = database_now(connection)
        if now - beaten[0] >= _BEAT_EVERY:
            beaten[0] = now
            heartbeats.beat("cluster", now=now, by=name)

    done = stages.work(seconds=SECONDS, start=start, between=between)
    if name == "sweep":
        heartbeats.beat("sweep", now=database_now(connection), moved=done.moved, errors=done.errors)
    if not done.is_done:
        kicks.kick(start)
    if done.errors:
        raise StagesFailed(done.errors)


def read_funds() -> None:
    """This will read what each provider says it holds for us."""
    alone(
        "read_funds", lambda: log.info("funds", rows=reconciliation.read_funds(now=database_now(connection)))
    )


def ask_stripe() -> None:
    """This will take in what Stripe's webhooks did not bring of our own account."""
    alone("ask_stripe", lambda: _ask_stripe(since=catching_up.OF_OURS, everybody=False))


def ask_stripe_of_everybody() -> None:
    """This will take in what Stripe's webhooks did not bring, of connected accounts too."""
    alone("ask_stripe", lambda: _ask_stripe(since=catching_up.OF_EVERYBODY, everybody=True))


def _ask_stripe(*, since: timedelta, everybody: bool) -> None:
    now = database_now(connection)
    if catching_up.catch_up(since=now - since, now=now, everybody=everybody):
        kicks.kick("stripe")


def ensure_partitions() -> None:
    """This will make the partitions of the coming months."""
    partitions.ensure_partitions(today=database_now(connection).date())


def check_changed() -> None:
    """This will ask of what changed lately whether every promise is kept."""
    alone("check_changed", lambda: running.check_and_act(full=False, now=database_now(connection)))


def check_everything() -> None:
    """This will ask of everything whether every promise is kept."""
    alone("check_everything", lambda: running.check_and_act(full=True, now=database_now(connection)))


def reconcile() -> None:
    """This will compare every provider's own list with our attempts, both ways."""
    alone("reconcile", lambda: reconciling.reconcile_all(now=database_now(connection)))


def remind() -> None:
    """This will ask payees who are owed money, and cannot be paid, where to pay it."""
    alone("remind", _remind)


def _remind() -> None:
    while reminding.remind(limit=_REMINDED_AT_ONCE, now=database_now(connection)):
        kicks.kick("tell")


def tell_what_was_earned() -> None:
    """This will tell payees what they earned on the days that are over."""
    alone("earned", lambda: earning.tell_of_days(now=database_now(connection)))


def purge() -> None:
    """This will remove the bytes of requests and answers, and of webhooks, that nobody needs any more."""
    alone("purge", lambda: purging.purge(now=database_now(connection)))


def publish_chain_heads() -> None:
    """This will let the heads of yesterday's records leave the database."""
    now = database_now(connection)
    alone("publish_chain_heads", lambda: chain_heads.publish(day=now.date() - timedelta(days=1), now=now))
