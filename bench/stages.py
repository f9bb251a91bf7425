"""The product's stages as its workers run them, until everything that was approved is paid."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.db import connection

from bench.results import NotAsPromised
from bench.sandboxes import Sandbox
from marketplace_payouts.lib.clock import utc_now
from payouts import reconciliation, settlement, submission
from payouts.models import Attempt, Batch, BatchState, Payout, State
from payouts.stages import LIMITS

UNDER_WAY: Final = (State.APPROVED, State.SUBMITTING, State.SUBMITTED)
_PATIENCE_S: Final = 600.0
_PAUSE_S: Final = 0.05


def pay_all() -> int:
    """This will send, ask and settle until nothing is under way any more; gives how many went out from here."""
    sent = send_all()
    end = time.monotonic() + _PATIENCE_S
    while Payout.objects.filter(state__in=UNDER_WAY).exists():
        if time.monotonic() > end:
            raise NotAsPromised("Some payouts were never paid.")
        sent += send_all()
        if not hear_back(limit=LIMITS["send"]):
            time.sleep(_PAUSE_S)
    return sent


def send_all(*, limit: int = LIMITS["send"], most: int = sys.maxsize) -> int:
    """This will send whatever may go, and stop once it was so many."""
    sent = 0
    while sent < most and (moved := submission.send(limit=limit, now=utc_now())):
        sent += moved
    return sent


def hear_back(*, limit: int) -> int:
    """This will ask about what this process sent, as after PayPal's webhook, and settle what was heard.

    Gives how many were asked about. Those of other processes are left to them, or each would be read by all.
    """
    own = Batch.objects.filter(state=BatchState.ACCEPTED, sender__contains=f":{os.getpid()}:")
    waiting = list(own.filter(attempts__state="accepted").distinct().values_list("pk", flat=True))
    reconciliation.hurry(waiting, now=utc_now())
    reconciliation.ask(limit=len(waiting), now=utc_now())
    while settlement.settle(limit=max(limit, LIMITS["settle"]), now=utc_now()):
        pass
    return len(waiting)


def check_paid(paypal: Sandbox, *, count: int) -> None:
    """This will compare what was approved with what really moved: each payout once, by its attempt's key, to the cent.

    :raises NotAsPromised: when they differ.
    """
    paid = paypal.debits()
    attempts = Attempt.objects.filter(key__in=[key for key, _ in paid], payout__state=State.PAID)
    ours = dict(attempts.values_list("key", "payout__debt_units"))
    wrong = [key for key, units in paid if ours.get(key) != units]
    if wrong:
        raise NotAsPromised(f"{len(wrong)} payments are not what was approved.")
    if len(paid) != len(dict(paid)):
        raise NotAsPromised(f"{len(paid) - len(dict(paid))} payouts were paid twice.")
    if len(paid) != count:
        raise NotAsPromised(f"{len(paid)} of {count} payouts were paid.")


@contextmanager
def counted() -> Iterator[list[int]]:
    """This will count the SQL statements of this thread in a block: the list's one number."""
    count = [0]

    def count_one(execute: Any, statement: str, params: Any, many: bool, context: Any) -> Any:
        count[0] += 1
        return execute(statement, params, many, context)

    with connection.execute_wrapper(count_one):
        yield count
