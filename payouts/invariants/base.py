"""What an invariant is: a named query that must find nothing, asked of everything or of what changed lately.

A query gives `subject`, `provider` and `detail`. It may use `touched` (ids of payouts) and `touched_payees`, which are
all of them, or those of which something was written since a moment. Ids are UUIDv7 and rise with time, so the primary
keys tell what is new, and no index is needed for it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.db import connection, transaction

from payouts.reports import ROWS_SHOWN, Check

_EVERYTHING: Final = """
    touched AS NOT MATERIALIZED (SELECT id FROM payouts_payout),
    touched_payees AS NOT MATERIALIZED (SELECT id FROM accounts_payee)
"""
_CHANGED: Final = """
    touched AS MATERIALIZED (
        SELECT id FROM payouts_payout WHERE id >= %(since_id)s
        UNION SELECT payout_id FROM payouts_payoutevent WHERE id >= %(since_id)s
        UNION SELECT payout_id FROM payouts_attempt WHERE id >= %(since_id)s
        UNION SELECT payout_id FROM payouts_approval WHERE id >= %(since_id)s
        UNION SELECT payout_id FROM payouts_posting WHERE id >= %(since_id)s AND payout_id IS NOT NULL
        UNION SELECT a.payout_id FROM payouts_observation o JOIN payouts_attempt a ON a.id = o.attempt_id
            WHERE o.id >= %(since_id)s
    ),
    touched_payees AS MATERIALIZED (
        SELECT p.payee_id AS id FROM touched t JOIN payouts_payout p ON p.id = t.id
        UNION SELECT payee_id FROM payouts_payable WHERE id >= %(since_id)s
        UNION SELECT b.payee_id FROM payouts_posting g JOIN payouts_payable b ON b.id = g.payable_id
            WHERE g.id >= %(since_id)s
    )
"""
_ONE: Final = """
    touched AS NOT MATERIALIZED (SELECT id FROM payouts_payout WHERE id = %(only)s),
    touched_payees AS NOT MATERIALIZED (SELECT payee_id AS id FROM payouts_payout WHERE id = %(only)s)
"""
_LONGEST: Final = "30min"


@dataclass(frozen=True, slots=True)
class Invariant:
    """One promise as one query; one statement sees one state of the tables, whatever others write meanwhile."""

    name: str
    promise: int
    """Which of the seven promises it belongs to."""
    meaning: str
    """What is wrong when it finds something, for people."""
    sql: str
    stops: bool = True
    """False where something is late rather than wrong: people are told, and money goes on moving."""
    values: Callable[[], dict[str, Any]] = dict


@dataclass(frozen=True, slots=True)
class Found:
    """One violation."""

    invariant: Invariant
    subject: str
    provider: str
    detail: str


@dataclass(frozen=True, slots=True)
class Asked:
    """One invariant with its answer."""

    invariant: Invariant
    count: int
    found: Sequence[Found]

    def to_check(self) -> Check:
        """This will give it as the commands print it."""
        rows = [{"subject": f.subject, "provider": f.provider, "detail": f.detail} for f in self.found]
        return Check(self.invariant.name, self.count, rows)


def since_id(moment: datetime) -> uuid.UUID:
    """This will give the smallest id that anything made from this moment on can have."""
    return uuid.UUID(int=int(moment.timestamp() * 1000) << 80)


def statement(
    one: Invariant, *, since: datetime | None, now: datetime, only: uuid.UUID | None = None
) -> tuple[str, dict[str, Any]]:
    """This will give an invariant's whole query and its values: subject, provider, detail and how many there are."""
    values: dict[str, Any] = {
        "now": now,
        "since_id": since_id(since) if since else uuid.UUID(int=0),
        "environment": settings.ENVIRONMENT,
        "shown": ROWS_SHOWN,
        "only": only,
    }
    scope = _ONE if only else _CHANGED if since else _EVERYTHING
    sql = (
        f"WITH {scope}, found AS ({one.sql}) SELECT subject::text, provider::text, detail::text,"  # noqa: S608 - fixed text
        " count(*) OVER () FROM found ORDER BY subject LIMIT %(shown)s"
    )
    return sql, values | one.values()


def ask(
    invariants: Iterable[Invariant], *, since: datetime | None, now: datetime, only: uuid.UUID | None = None
) -> list[Asked]:
    """This will ask each invariant of what changed since a moment, or of everything; or of `only` one payout."""
    answers = []
    for one in invariants:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = '{_LONGEST}'")
            cursor.execute(*statement(one, since=since, now=now, only=only))
            rows = cursor.fetchall()
        found = [Found(one, row[0] or "", row[1] or "", row[2] or "") for row in rows]
        answers.append(Asked(one, int(rows[0][3]) if rows else 0, found))
    return answers
