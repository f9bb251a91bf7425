"""Stage 10, write back: a transaction is told what became of its payout, and the answer is read back.

What is told follows from the present state, not from the message that asks for it, so messages may be doubled, late
or lost one by one. By default a value in the transaction's metadata; or an operator's transition with that value in
the same call. A transition is not repeatable: whether it was made is read from the transaction.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from flexsync import calls, identity, telling
from flexsync.models import WriteBack
from flexsync.snapshots import METADATA_KEY
from flexsync.telling import FAILED, PAID, RETURNED, SENT, Telling
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
from payouts.errors import DomainError
from payouts.models import OutboxMessage, Trigger

_BUSY: Final = "Another worker is telling this transaction something; ours follows."
_WENT_ON: Final = "It went on while it was being told; it is told again."
_NOT_REACHED: Final = "There was no time left for this one."
# Sharetribe's own words for "not just now"; every other conflict is about the transaction's state.
_LOCKED: Final = "transaction-locked"


class _Conflict(Exception):
    """Sharetribe's transaction stands where our transition cannot be made; a person must look."""


@dataclass(slots=True)
class _Told:
    """One transaction that is being told, and what came of it."""

    telling: Telling
    value: dict[str, Any]
    read_back: dict[str, Any] | None = None
    transition: str = ""
    calls: int = 0
    error: str = _NOT_REACHED
    is_conflict: bool = False
    latest: float = 0.0
    """By the monotonic clock: when the sole right to tell it is too near its end for a call to be begun."""
    made: set[str] = field(default_factory=set)


def tell(*, messages: Sequence[OutboxMessage], now: datetime) -> Mapping[UUID, str | None]:
    """This will tell the transactions behind these payouts how they stand; gives why not where one was not told.

    A transaction whose state does not allow the configured transition counts as told: its metadata was written, and
    the conflict stands before a person.
    """
    sources = telling.sources_of([message.subject for message in messages])
    errors = _tell_sources({source for found in sources.values() for source in found}, now=now)
    return {
        message.pk: next((errors[one] for one in sources.get(message.subject, ()) if one in errors), None)
        for message in messages
    }


def _tell_sources(source_ids: set[UUID], *, now: datetime) -> dict[UUID, str]:
    """Tell what is not told yet; give the reason for each transaction that was not."""
    waiting = {pk for pk, one in telling.load(source_ids).items() if one.is_news}
    if not waiting:
        return {}
    try:
        identity.confirm()
    except (FlexError, DomainError) as error:
        return dict.fromkeys(waiting, str(error))
    latest = time.monotonic() + telling.LEASE_S - telling.PATIENCE_S
    taken = telling.take(waiting)
    crash_point("write_back.after_claim")
    # Loaded once more under the sole right to write: what was current a moment ago may be old news now.
    told = [
        _Told(one, value, latest=latest)
        for one in telling.load(taken).values()
        if (value := one.value()) is not None
    ]
    _tell_all(told)
    _record(told, taken, now=now)
    calls.flush(today=now.date())
    errors = {one.telling.source_id: one.error for one in told if one.error and not one.is_conflict}
    return errors | _gone_on(told) | dict.fromkeys(waiting - taken, _BUSY)


def _gone_on(told: Sequence[_Told]) -> dict[UUID, str]:
    """Find those of which there is news again: whoever stood still for long may have said an old word after a new."""
    present = telling.load([one.telling.source_id for one in told if not one.error])
    return {pk: _WENT_ON for pk, one in present.items() if one.is_news}


def _tell_all(told: Sequence[_Told]) -> None:
    end = time.monotonic() + telling.WORK_S

    def tell_one(one: _Told) -> None:
        if time.monotonic() >= end:
            return
        try:
            _tell(one)
            one.error = ""
        except _Conflict as conflict:
            one.is_conflict, one.error = True, str(conflict)
        except FlexError as error:
            one.error = str(error)

    calls.side_by_side(tell_one, told)


def _tell(one: _Told) -> None:
    trigger = one.telling.trigger
    if trigger is None or trigger.write_back != Trigger.WriteBack.TRANSITION:
        _write_metadata(one)
        return
    answer = _call(one, calls.client().transaction)
    conflict = ""
    for outcome in _steps(_last_outcome(answer, trigger), str(one.value["status"])):
        transition = trigger.write_back_transitions.get(outcome, "")
        if not transition:
            continue
        try:
            answer = _make_transition(one, transition, before=answer)
        except _Conflict as error:
            conflict = str(error)
            break
    if _ours(answer) != one.value:
        _write_metadata(one)
    else:
        one.read_back = one.value
    if conflict:
        raise _Conflict(conflict)


def _write_metadata(one: _Told) -> None:
    answer = _call(one, calls.client().update_metadata, {METADATA_KEY: one.value})
    if _ours(answer) != one.value:
        raise FlexUnknownOutcome("Sharetribe did not repeat the value as it was written")
    one.read_back = one.value


def _last_outcome(answer: Transaction, trigger: Trigger) -> str:
    """Give the last of our configured transitions that the transaction went through, by its outcome."""
    outcomes = {name: outcome for outcome, name in trigger.write_back_transitions.items()}
    made = [outcomes[step.transition] for step in answer.transitions if step.transition in outcomes]
    return made[-1] if made else ""


def _steps(last: str, wanted: str) -> list[str]:
    """Give the outcomes whose transitions lead from the last one told to the one wanted.

    A process knows nothing of a payout that is paid without having been sent, nor of one that failed so.
    """
    waits = last in ("", FAILED, RETURNED)
    if wanted == last:
        return []
    if wanted == SENT:
        return [SENT] if waits else []
    if wanted == PAID:
        return [SENT, PAID] if waits else [PAID]
    if wanted == RETURNED and last == PAID:
        return [RETURNED]
    # Nothing is left to take back where the process was never told that it was sent.
    return [FAILED] if last == SENT and wanted in (FAILED, RETURNED, telling.CANCELLED) else []


def _make_transition(one: _Told, transition: str, *, before: Transaction) -> Transaction:
    """Make a transition with our metadata in the same call; made already, by a call whose answer was lost, is fine."""
    params = {"metadata": {METADATA_KEY: one.value}}
    try:
        answer = _call(one, calls.client().transition, transition, params)
    except FlexRefused:
        # The process does not let this transition carry metadata; it follows in a call of its own.
        answer = _transition_or_look(one, transition, before=before)
    except (FlexConflict, FlexUnknownOutcome) as error:
        answer = _look(one, transition, before=before, error=error)
    one.transition = transition
    return answer


def _transition_or_look(one: _Told, transition: str, *, before: Transaction) -> Transaction:
    try:
        return _call(one, calls.client().transition, transition, {})
    except (FlexConflict, FlexUnknownOutcome) as error:
        return _look(one, transition, before=before, error=error)


def _look(one: _Told, transition: str, *, before: Transaction, error: FlexError) -> Transaction:
    """Read whether our transition was made after all; else the conflict is real.

    :raises _Conflict: when Sharetribe's transaction stands elsewhere.
    :raises FlexError: when it may be tried again.
    """
    if error.code == _LOCKED:
        raise error
    present = _call(one, calls.client().transaction)
    if any(step.transition == transition for step in present.transitions[len(before.transitions) :]):
        return present
    if isinstance(error, FlexUnknownOutcome):
        raise error
    raise _Conflict(
        f"{transition} cannot be made: the transaction stands in {present.state or present.last_transition}. "
        "Make the transition in Sharetribe's Console, or correct the trigger, and replay the message."
    ) from error


def _call(one: _Told, function: Any, *arguments: Any) -> Transaction:
    one.calls += 1
    crash_point("write_back.before_call")
    if time.monotonic() >= one.latest:
        raise FlexUnknownOutcome(_NOT_REACHED)
    try:
        answer = function(one.telling.reference, *arguments, patience_s=telling.PATIENCE_S)
    except FlexNotFound as error:
        raise _Conflict("Sharetribe does not know this transaction any more.") from error
    crash_point("write_back.after_call")
    if not isinstance(answer, Transaction):
        raise FlexUnknownOutcome("Sharetribe did not answer with the transaction")
    return answer


def _ours(answer: Transaction) -> dict[str, Any]:
    value = answer.metadata.get(METADATA_KEY)
    return value if isinstance(value, dict) else {}


def _record(told: Sequence[_Told], taken: set[UUID], *, now: datetime) -> None:
    """Write what was read back, count the calls, and let others write again, in one statement."""
    rowsets.update(
        WriteBack,
        [_row(one, one.telling.row, now=now) for one in told if one.telling.row is not None],
        match=("source_id",),
        returning="source_id",
    )
    crash_point("write_back.after_record")
    telling.give_back(taken - {one.telling.source_id for one in told})
    crash_point("write_back.after_giving_back")


def _row(one: _Told, row: WriteBack, *, now: datetime) -> dict[str, Any]:
    unchanged_since = row.confirmed_at if not one.calls else None
    return {
        "source_id": row.source_id,
        "value": row.value if one.read_back is None else one.read_back,
        "confirmed_at": unchanged_since if one.read_back is None else now,
        "transition": one.transition or row.transition,
        "calls": row.calls + one.calls,
        "tries": row.tries + 1 if one.error else 0,
        "error": one.error[:2000],
        "conflict_at": (row.conflict_at or now) if one.is_conflict else None,
        "lease_until": None,
    }
