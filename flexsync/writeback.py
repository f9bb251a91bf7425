"""Stage 10, write back: a transaction is told what became of its payout, and the answer is read back.

What is told follows from the present state, not from the message that asks for it, so messages may be doubled, late
or lost one by one. By default a value in the transaction's metadata; or an operator's transition with that value in
the same call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from flexsync import calls, identity, speaking, telling
from flexsync.models import WriteBack
from flexsync.snapshots import METADATA_KEY
from flexsync.telling import FAILED, PAID, RETURNED, SENT
from marketplace_payouts.lib.crash_points import crash_point
from marketplace_payouts.lib.sharetribe import FlexError, Transaction
from payouts.errors import DomainError
from payouts.models import OutboxMessage, Trigger


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
    latest = speaking.latest()
    taken = speaking.take(WriteBack, waiting)
    crash_point("write_back.after_claim")
    # Loaded once more under the sole right to write: what was current a moment ago may be old news now.
    loaded = telling.load(taken)
    told = [
        speaking.Telling(one.source_id, one.reference, METADATA_KEY, value, one.row, latest)
        for one in loaded.values()
        if (value := one.value()) is not None
    ]
    speaking.tell_all(told, lambda one: _tell(one, loaded[one.source_id].trigger))
    speaking.record(WriteBack, told, taken, now=now)
    calls.flush(today=now.date())
    errors = {one.source_id: one.error for one in told if one.error and not one.is_conflict}
    return errors | _gone_on(told) | dict.fromkeys(waiting - taken, speaking.BUSY)


def _gone_on(told: Sequence[speaking.Telling]) -> dict[UUID, str]:
    """Find those of which there is news again: whoever stood still for long may have said an old word after a new."""
    present = telling.load([one.source_id for one in told if not one.error])
    return {pk: speaking.WENT_ON for pk, one in present.items() if one.is_news}


def _tell(one: speaking.Telling, trigger: Trigger | None) -> None:
    if trigger is None or trigger.write_back != Trigger.WriteBack.TRANSITION:
        speaking.say(one)
        return
    answer = speaking.read(one)
    conflict = None
    for outcome in _steps(_last_outcome(answer, trigger), str(one.value["status"])):
        transition = trigger.write_back_transitions.get(outcome, "")
        if not transition:
            continue
        try:
            answer = speaking.make(one, transition, before=answer)
        except speaking.Conflict as error:
            conflict = error
            break
    speaking.say(one, answer)
    if conflict is not None:
        raise conflict


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
