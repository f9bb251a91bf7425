""" "There is work for stage X": said to the queue once the caller's transaction is committed, and safe to lose."""

from __future__ import annotations

from functools import partial

from django.db import transaction
from django_q.tasks import async_task

from marketplace_payouts.lib.logs import logger

log = logger(__name__)


def kick(stage: str) -> None:
    """This will have a worker run the stages from this one on, as soon as the caller's transaction is committed.

    Whatever goes wrong with the queue is noted and nothing else: the sweep finds the work within a minute.
    """
    transaction.on_commit(partial(_tell_the_queue, stage), robust=True)


def reconcile() -> None:
    """This will have a worker compare every provider's list with our attempts, once the transaction is committed."""
    transaction.on_commit(partial(_queue, "payouts.tasks.reconcile", name="reconcile"), robust=True)


def _tell_the_queue(stage: str) -> None:
    _queue("payouts.tasks.work", stage, name=stage)


def _queue(task: str, *args: str, name: str) -> None:
    try:
        async_task(task, *args, q_options={"task_name": f"kick {name}", "group": "kick"})
    except Exception as error:  # noqa: BLE001 - any broker, any failure: the caller's work is done already
        log.warning("kick_lost", stage=name, reason=str(error))
