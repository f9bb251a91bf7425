"""What an invariant is: a named query that must find nothing, asked of everything, of what changed, or of one payout.

A query gives `subject`, `provider` and `detail`. It may use `touched` (ids of payouts) and `touched_payees`, which are
all of them, or those of which something was written since a moment; and the values `since_id`, `now` and `environment`.
Ids are UUIDv7 and rise with time, so the primary keys tell what is new, and no index is needed for it.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.db import connection, transaction

from payouts.models import Payout
from payouts.reports import ROWS_SHOWN, Check

_ALL: Final = """
    touched AS NOT MATERIALIZED (SELECT id FROM payouts_payout),
    touched_payees AS NOT MATERIALIZED (SELECT id FROM accounts_payee)
"""
_THESE: Final = """
    touched AS NOT MATERIALIZED (SELECT unnest(%(payouts)s::uuid[]) AS id),
    touched_payees AS NOT MATERIALIZED (SELECT unnest(%(payees)s::uuid[]) AS id)
"""
_PAYOUTS_CHANGED: Final = """
    SELECT id FROM payouts_payout WHERE id >= %(since_id)s
    UNION SELECT payout_id FROM payouts_payoutevent WHERE id >= %(since_id)s
    UNION SELECT payout_id FROM payouts_attempt WHERE id >= %(since_id)s
    UNION SELECT payout_id FROM payouts_approval WHERE id >= %(since_id)s
    UNION SELECT payout_id FROM payouts_posting WHERE id >= %(since_id)s AND payout_id IS NOT NULL
    UNION SELECT a.payout_id FROM payouts_observation o JOIN payouts_attempt a ON a.id = o.attempt_id
        WHERE o.id >= %(since_id)s
"""
_PAYEES_CHANGED: Final = """
    SELECT payee_id FROM payouts_payout WHERE id = ANY(%(payouts)s)
    UNION SELECT payee_id FROM payouts_payable WHERE id >= %(since_id)s
    UNION SELECT b.payee_id FROM payouts_posting g JOIN payouts_payable b ON b.id = g.payable_id
        WHERE g.id >= %(since_id)s
"""
_TOUCHED: Final = re.compile(r"\btouched\b")
_LONGEST: Final = "30min"
_NOTHING_NEW: Final = uuid.UUID(int=2**128 - 1)


@dataclass(frozen=True, slots=True)
class Invariant:
    """One promise as one query; one statement sees one state of the tables, whatever others write meanwhile."""

    name: str
    meaning: str
    """What is wrong when it finds something, for people."""
    sql: str
    stops: bool = True
    """False where something is late rather than wrong: people are told, and money goes on moving."""
    values: Callable[[], dict[str, Any]] = dict

    @property
    def is_of_payouts(self) -> bool:
        """Whether it can be asked of a single payout."""
        return _TOUCHED.search(self.sql) is not None


@dataclass(frozen=True, slots=True)
class Violation:
    """One row that an invariant found."""

    invariant: Invariant
    subject: str
    provider: str
    detail: str


@dataclass(frozen=True, slots=True)
class Asked:
    """One invariant with its answer."""

    invariant: Invariant
    count: int
    found: Sequence[Violation]

    def to_check(self) -> Check:
        """This will give it as the commands print it."""
        rows = [{"subject": v.subject, "provider": v.provider, "detail": v.detail} for v in self.found]
        return Check(self.invariant.name, self.count, rows)


def since_id(moment: datetime) -> uuid.UUID:
    """This will give the smallest id that anything made from this moment on can have."""
    return uuid.UUID(int=int(moment.timestamp() * 1000) << 80)


@dataclass(frozen=True, slots=True)
class Scope:
    """What is asked about: the SQL of the two sets, and its values."""

    sql: str
    values: dict[str, Any]


EVERYTHING: Final = Scope(_ALL, {"since_id": uuid.UUID(int=0)})


def changed(since: datetime) -> Scope:
    """This will find out what changed since a moment, once for all invariants.

    How much that is, the planner then knows. By an estimate ten times too high it would read whole tables, each time.
    """
    values: dict[str, Any] = {"since_id": since_id(since)}
    values["payouts"] = _ids(_PAYOUTS_CHANGED, values)
    values["payees"] = _ids(_PAYEES_CHANGED, values)
    return Scope(_THESE, values)


def only_about(payout: Payout) -> Scope:
    """This will give one payout and its payee."""
    return Scope(_THESE, {"since_id": uuid.UUID(int=0), "payouts": [payout.pk], "payees": [payout.payee_id]})


def statement(one: Invariant, scope: Scope, *, now: datetime) -> tuple[str, dict[str, Any]]:
    """This will give an invariant's whole query and its values: subject, provider, detail and how many there are."""
    values = {"now": now, "environment": settings.ENVIRONMENT, "shown": ROWS_SHOWN}
    sql = (
        f"WITH {scope.sql}, found AS ({one.sql}) SELECT subject::text, provider::text, detail::text,"  # noqa: S608 - fixed text
        " count(*) OVER () FROM found ORDER BY subject LIMIT %(shown)s"
    )
    return sql, values | scope.values | one.values()


def ask(invariants: Iterable[Invariant], scope: Scope, *, now: datetime) -> list[Asked]:
    """This will ask each invariant."""
    answers = []
    for one in invariants:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = '{_LONGEST}'")
            cursor.execute(*statement(one, scope, now=now))
            rows = cursor.fetchall()
        found = [Violation(one, row[0] or "", row[1] or "", row[2] or "") for row in rows]
        answers.append(Asked(one, int(rows[0][3]) if rows else 0, found))
    return answers


def _ids(sql: str, values: dict[str, Any]) -> list[uuid.UUID]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return [row[0] for row in cursor.fetchall()]
