"""Telling transactions something under one key of their metadata, by itself or together with an operator's transition.

What is told is read back. A transition is not repeatable: whether it was made is read from the transaction. One worker
at a time tells a transaction about one thing, so that the word that was read last is the one that stands there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection

from flexsync import calls, telling
from flexsync.models import Told
from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.crash_points import crash_point
from marketplace_payouts.lib.sharetribe import (
    FlexConflict,
    FlexError,
    FlexNotFound,
    FlexRefused,
    FlexUnknownOutcome,
    Transaction,
)

BUSY: Final = "Another worker is telling this transaction something; ours follows."
WENT_ON: Final = "It went on while it was being told; it is told again."
_NOT_REACHED: Final = "There was no time left for this one."
# Sharetribe's own words for "not just now"; every other conflict is about the transaction's state.
_LOCKED: Final = "transaction-locked"


class Conflict(Exception):
    """Sharetribe's transaction stands where our transition cannot be made; a person must look."""


@dataclass(slots=True)
class Telling:
    """One transaction that is being told, and what came of it."""

    source_id: UUID
    reference: UUID
    key: str
    value: dict[str, Any]
    row: Told | None
    latest: float
    """By the monotonic clock: when the sole right to tell it is too near its end for a call to be begun."""
    read_back: dict[str, Any] | None = None
    transition: str = ""
    calls: int = 0
    error: str = _NOT_REACHED
    is_conflict: bool = False


def tell_all(tellings: Sequence[Telling], tell: Callable[[Telling], None]) -> None:
    """This will tell each by `tell`, side by side, for as long as there is time; each carries what came of it."""
    end = time.monotonic() + telling.WORK_S

    def tell_one(one: Telling) -> None:
        if time.monotonic() >= end:
            return
        try:
            tell(one)
            one.error = ""
        except Conflict as conflict:
            one.is_conflict, one.error = True, str(conflict)
        except FlexError as error:
            one.error = str(error)

    calls.side_by_side(tell_one, tellings)


def read(one: Telling) -> Transaction:
    """This will read the transaction as it stands."""
    return _call(one, calls.client().transaction)


def say(one: Telling, made: Transaction | None = None) -> None:
    """This will have the value stand in the metadata, unless `made`, what a transition answered, shows it already.

    :raises FlexError: when it may be tried again.
    """
    if made is None or _ours(one, made) != one.value:
        answer = _call(one, calls.client().update_metadata, {one.key: one.value})
        if _ours(one, answer) != one.value:
            raise FlexUnknownOutcome("Sharetribe did not repeat the value as it was written")
    one.read_back = one.value


def make(one: Telling, transition: str, *, before: Transaction) -> Transaction:
    """This will make a transition with the value in the same call; made by a call whose answer was lost, is fine.

    :raises Conflict: when Sharetribe's transaction stands elsewhere.
    :raises FlexError: when it may be tried again.
    """
    params = {"metadata": {one.key: one.value}}
    try:
        answer = _call(one, calls.client().transition, transition, params)
    except FlexRefused:
        # The process does not let this transition carry metadata; it follows in a call of its own.
        answer = _make_or_look(one, transition, before=before)
    except (FlexConflict, FlexUnknownOutcome) as error:
        answer = _look(one, transition, before=before, error=error)
    one.transition = transition
    return answer


def _make_or_look(one: Telling, transition: str, *, before: Transaction) -> Transaction:
    try:
        return _call(one, calls.client().transition, transition, {})
    except (FlexConflict, FlexUnknownOutcome) as error:
        return _look(one, transition, before=before, error=error)


def _look(one: Telling, transition: str, *, before: Transaction, error: FlexError) -> Transaction:
    """Read whether our transition was made after all; else the conflict is real."""
    if error.code == _LOCKED:
        raise error
    present = read(one)
    if any(step.transition == transition for step in present.transitions[len(before.transitions) :]):
        return present
    if isinstance(error, FlexUnknownOutcome):
        raise error
    raise Conflict(
        f"{transition} cannot be made: the transaction stands in {present.state or present.last_transition}. "
        "Make the transition in Sharetribe's Console, or correct the configuration, and tell it again."
    ) from error


def _call(one: Telling, function: Any, *arguments: Any) -> Transaction:
    one.calls += 1
    crash_point("write_back.before_call")
    if time.monotonic() >= one.latest:
        raise FlexUnknownOutcome(_NOT_REACHED)
    try:
        answer = function(one.reference, *arguments, patience_s=telling.PATIENCE_S)
    except FlexNotFound as error:
        raise Conflict("Sharetribe does not know this transaction any more.") from error
    crash_point("write_back.after_call")
    if not isinstance(answer, Transaction):
        raise FlexUnknownOutcome("Sharetribe did not answer with the transaction")
    return answer


def _ours(one: Telling, answer: Transaction) -> dict[str, Any]:
    value = answer.metadata.get(one.key)
    return value if isinstance(value, dict) else {}


# ------------------------------------------------------------------------------------- the sole right to tell


def take(model: type[Told], source_ids: Iterable[UUID]) -> set[UUID]:
    """This will take the sole right to tell these transactions something for a while, and give those that were free.

    Two writers could leave the older word standing: what Sharetribe hears last must be what we read last.
    """
    ids = sorted(set(source_ids))
    if not ids:
        return set()
    table = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} AS w (source_id, value, transition, calls, tries, error, lease_until)"  # noqa: S608 - the name is quoted
            " SELECT d.id, '{}', '', 0, 0, '', clock_timestamp() + %s * interval '1 second'"
            " FROM unnest(%s::uuid[]) AS d(id)"
            " ON CONFLICT (source_id) DO UPDATE SET lease_until = excluded.lease_until"
            " WHERE w.lease_until IS NULL OR w.lease_until < clock_timestamp() RETURNING source_id",
            [telling.LEASE_S, ids],
        )
        return {row[0] for row in cursor.fetchall()}


def latest() -> float:
    """This will give until when whoever takes the right just now may begin a call, by the monotonic clock."""
    return time.monotonic() + telling.LEASE_S - telling.PATIENCE_S


def give_back(model: type[Told], source_ids: Iterable[UUID]) -> None:
    """This will let others tell these transactions again."""
    model._default_manager.filter(pk__in=list(source_ids)).update(lease_until=None)


def record(model: type[Told], tellings: Sequence[Telling], taken: set[UUID], *, now: datetime) -> None:
    """This will write what was read back, count the calls, and let others tell again, in one statement."""
    rowsets.update(
        model,
        [_row(one, one.row, now=now) for one in tellings if one.row is not None],
        match=("source_id",),
        returning="source_id",
    )
    crash_point("write_back.after_record")
    give_back(model, taken - {one.source_id for one in tellings})
    crash_point("write_back.after_giving_back")


def _row(one: Telling, row: Told, *, now: datetime) -> dict[str, Any]:
    unchanged_since = row.confirmed_at if not one.calls else None
    return {
        "source_id": one.source_id,
        "value": row.value if one.read_back is None else one.read_back,
        "confirmed_at": unchanged_since if one.read_back is None else now,
        "transition": one.transition or row.transition,
        "calls": row.calls + one.calls,
        "tries": row.tries + 1 if one.error else 0,
        "error": one.error[:2000],
        "conflict_at": (row.conflict_at or now) if one.is_conflict else None,
        "lease_until": None,
    }
