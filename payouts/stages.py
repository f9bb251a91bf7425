"""Running the stages of the way of the money, in their order, until nothing is left or the time is up.

The stages themselves are named by `settings.STAGES`: some of them belong to an app that lies above this one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.conf import settings
from django.db import connection
from django.utils.module_loading import import_string

from marketplace_payouts.lib.clock import database_now
from marketplace_payouts.lib.logs import logger
from payouts import kicks

log = logger(__name__)

Stage = Callable[..., int]
"""stage(*, limit, now) → how many it moved."""

LIMITS: Final = {
    "understand": 500,
    "gather": 500,
    "decide": 1000,
    "reread": 200,
    # Not the 15,000 that PayPal takes at once: a worker's memory, and how long payees stay locked, would grow with it.
    "send": 1000,
    "settle": 1000,
    # Each is read from Stripe, some several times.
    "stripe": 100,
    "first_listings": 40,
    "people": 100,
    "deliver": 100,
}
_LIMIT: Final = 500
# A stage that moved nothing has pushed what it looked at ahead; behind that there may be more that can move.
_BARREN_LOOKS: Final = 20

APART: Final = ("deliver",)
"""What waits for servers that may be anybody's: in a task of its own, so that nobody's money waits for them."""

LEADS_BACK: Final = {"stripe": "count"}
"""What a stage leaves to one that comes before it, so that whoever begins with it does not come to that."""

WAITING: Final = {
    "count": """SELECT 1 FROM payments_paymentin WHERE next_at <= %(now)s
        UNION ALL SELECT 1 FROM payments_intent WHERE next_at <= %(now)s""",
    "understand": "SELECT FROM payouts_source WHERE next_at <= %(now)s AND parked_at IS NULL",
    "gather": "SELECT FROM accounts_payee WHERE next_gather_at <= %(now)s",
    "decide": "SELECT FROM payouts_payout WHERE state IN ('pending', 'awaiting_approval') AND next_at <= %(now)s",
    "send": "SELECT FROM payouts_payout WHERE state = 'approved' AND next_at <= %(now)s",
    "work_off": "SELECT FROM payouts_webhookdelivery WHERE state = 'new' AND next_at <= %(now)s",
    "ask": "SELECT FROM payouts_batch WHERE next_at <= %(now)s",
    # In the order of its index: PostgreSQL guesses that a third of all attempts is such, and would read the table.
    "settle": "SELECT FROM payouts_attempt WHERE observed > folded ORDER BY observed, id",
    "tell": "SELECT FROM payouts_outboxmessage WHERE next_at <= %(now)s",
    "stripe": "SELECT FROM payments_stripedelivery WHERE state = 'new' AND next_at <= %(now)s",
    "people": """SELECT 1 FROM payments_seller WHERE next_at <= %(now)s
        UNION ALL SELECT 1 FROM payments_buyer WHERE next_at <= %(now)s""",
    "sellers": "SELECT FROM payments_seller WHERE news_at <= %(now)s",
    "deliver": """SELECT FROM payouts_webhooksubscription s JOIN payouts_webhookmessage m ON m.subscription_id = s.id
        WHERE m.next_at <= %(now)s AND s.off_at IS NULL AND s.ended_at IS NULL AND s.environment = %(environment)s
        AND (s.rest_until IS NULL OR s.rest_until <= %(now)s)
        AND (s.leased_until IS NULL OR s.leased_until < clock_timestamp())""",
}
"""What a stage will claim next, each found by the partial index of its claim; the others tell only by working."""


class StagesFailed(Exception):
    """Some stages raised; the others went on."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {error}" for name, error in errors.items()))
        self.errors = errors


@dataclass(slots=True)
class Worked:
    """What one run did."""

    moved: dict[str, int] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    is_done: bool = True
    """False where the time was up before the work was."""


def work(*, seconds: float, start: str = "", between: Callable[[], None] | None = None) -> Worked:
    """This will run the stages, from `start` on, round after round until a round moves nothing or time is up.

    A stage that raises is left alone for this run, and the others go on. `between` is called between two stages.
    What runs apart is only called for, unless it is what to start with.
    """
    done = _work(_from(start), end=time.monotonic() + seconds, between=between)
    for name, earlier in LEADS_BACK.items():
        if name in done.moved and is_waiting(earlier):
            kicks.kick(earlier)
    for name in APART:
        if name != start and name in settings.STAGES and is_waiting(name):
            kicks.kick(name)
    return done


def _work(names: Sequence[str], *, end: float, between: Callable[[], None] | None) -> Worked:
    done = Worked()
    while names:
        moved = 0
        for name in [name for name in names if name not in done.errors]:
            if time.monotonic() >= end:
                done.is_done = False
                return done
            moved += _drain(name, end, done)
            if between is not None:
                between()
        if not moved:
            return done
    return done


def _from(start: str) -> Sequence[str]:
    if start in APART:
        return [start]
    names = [name for name in settings.STAGES if name not in APART]
    return names[names.index(start) :] if start else names


def _drain(name: str, end: float, done: Worked) -> int:
    stage: Stage = import_string(settings.STAGES[name])
    limit = LIMITS.get(name, _LIMIT)
    total = barren = 0
    try:
        while time.monotonic() < end:
            moved = stage(limit=limit, now=database_now(connection))
            if moved >= limit > total:
                # As much as it may take at once: there is likely more, for another worker to take beside this one.
                kicks.kick(name)
            total += moved
            barren = 0 if moved else barren + 1
            # Less than there may be was all; what comes meanwhile, again and again, must not starve the next stage.
            if 0 < moved < limit:
                break
            if not moved and (barren >= _BARREN_LOOKS or not is_waiting(name)):
                break
    except Exception as error:
        # Whatever one stage raises, the others must go on.
        log.exception("stage_failed", stage=name)
        done.errors[name] = f"{type(error).__name__}: {error}"[:500]
        # A broken connection is made anew for the next stage.
        connection.close_if_unusable_or_obsolete()
    if total:
        done.moved[name] = done.moved.get(name, 0) + total
    return total


def is_waiting(name: str) -> bool:
    """This will tell whether something is ready for a stage now."""
    if name not in WAITING:
        return False
    with connection.cursor() as cursor:
        cursor.execute(f"{WAITING[name]} LIMIT 1", _values())
        return cursor.fetchone() is not None


def backlog(*, most: int = 10_000) -> dict[str, int]:
    """This will count what is ready for each stage now, up to `most` each."""
    values = _values() | {"most": most}
    counts = {}
    with connection.cursor() as cursor:
        for name, sql in WAITING.items():
            cursor.execute(f"SELECT count(*) FROM ({sql} LIMIT %(most)s) AS x", values)  # noqa: S608 - fixed text
            counts[name] = int(cursor.fetchone()[0])
    return counts


def _values() -> dict[str, Any]:
    return {"now": database_now(connection), "environment": settings.ENVIRONMENT}
