"""A payee's Sharetribe user is told how the payee stands, under our own keys of their metadata, and it is read back.

What is told follows from the present state, not from the message that asks for it: messages may be doubled, late or
lost, and a daily look finds what none was about. Keys of others are never touched: Sharetribe merges by the key.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection

from accounts.models import Payee
from flexsync import calls, identity, speaking, telling, user_words
from flexsync.models import UserTold
from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.crash_points import crash_point
from marketplace_payouts.lib.sharetribe import FlexConflict, FlexError, FlexUnknownOutcome, User
from payouts import readiness
from payouts.errors import DomainError
from payouts.models import OutboxMessage

BUSY: Final = "Another worker is telling this user something; ours follows."
_NOT_REACHED: Final = "There was no time left for this one."
# Sharetribe's word for a user who is not there; every other conflict passes.
_UNKNOWN: Final = "user-not-found"
_PAGE: Final = 1000

_TAKE: Final = """
    INSERT INTO flexsync_usertold AS w (payee_id, value, calls, error, lease_until)
    SELECT d.id, '{}', 0, '', clock_timestamp() + %s * interval '1 second' FROM unnest(%s::uuid[]) AS d(id)
    ON CONFLICT (payee_id) DO UPDATE SET lease_until = excluded.lease_until
    WHERE w.lease_until IS NULL OR w.lease_until < clock_timestamp() RETURNING payee_id
"""


@dataclass(slots=True)
class _Telling:
    """One payee whose user is to be told, and what came of it."""

    payee: Payee
    words: user_words.Words
    row: UserTold | None
    is_told: bool = False
    is_refused: bool = False
    calls: int = 0
    error: str = _NOT_REACHED

    @property
    def is_news(self) -> bool:
        """Whether Sharetribe has not repeated it to us already; what was never said, and is not so, is no news.

        A right to tell that was never given back belongs to somebody who died with it: who knows what they said.
        """
        if self.row is None:
            return any(self.words.values())
        if self.row.refused_at is not None:
            return False
        is_certain = self.row.lease_until is None and not self.row.error
        return not (is_certain and user_words.known(self.row.value) == self.words)


def tell(*, messages: Sequence[OutboxMessage], now: datetime) -> Mapping[UUID, str | None]:
    """This will tell Sharetribe's users how these payees stand; gives why not where one was not told.

    A user whom Sharetribe does not know any more counts as told.
    """
    errors = _tell({message.subject for message in messages}, now=now)
    return {message.pk: errors.get(message.subject) for message in messages}


def stage_news(*, now: datetime) -> int:
    """This will stage whatever is to be told and no message is about; gives of how many payees."""
    staged, after = 0, UUID(int=0)
    while page := _after(after):
        found = [pk for pk, one in _load(page).items() if one.is_news]
        readiness.changed(found, now=now)
        crash_point("user_told.after_staging")
        staged, after = staged + len(found), page[-1]
    return staged


def _after(after: UUID) -> list[UUID]:
    """The next of those payees of whom there can be something to tell: in order, so that each comes once."""
    rows = Payee.objects.filter(pk__gt=after, closed=False).order_by("pk")
    return list(rows.values_list("pk", flat=True)[:_PAGE])


def _load(payee_ids: Collection[UUID]) -> dict[UUID, _Telling]:
    """Load what there is to tell, in a number of statements that does not grow."""
    payees = {payee.pk: payee for payee in Payee.objects.filter(pk__among=payee_ids, closed=False)}
    words = user_words.of(payees)
    rows = {row.pk: row for row in UserTold.objects.filter(pk__among=payees)}
    return {pk: _Telling(payee, words[pk], rows.get(pk)) for pk, payee in payees.items()}


def _tell(payee_ids: set[UUID], *, now: datetime) -> dict[UUID, str]:
    waiting = {pk for pk, one in _load(payee_ids).items() if one.is_news}
    if not waiting:
        return {}
    try:
        identity.confirm()
    except (FlexError, DomainError) as error:
        return dict.fromkeys(waiting, str(error))
    latest = time.monotonic() + telling.WORK_S
    taken = _take(waiting)
    crash_point("user_told.after_claim")
    # Loaded once more under the sole right to tell: what was current a moment ago may be old news now.
    loaded = list(_load(taken).values())
    calls.side_by_side(lambda one: _say(one, latest=latest), loaded)
    _record(loaded, now=now)
    _give_back(taken - {one.payee.pk for one in loaded})
    calls.flush(today=now.date())
    errors = {one.payee.pk: one.error for one in loaded if one.error and not one.is_refused}
    present = _load([one.payee.pk for one in loaded if one.is_told])
    gone_on = {pk: speaking.WENT_ON for pk, one in present.items() if one.is_news}
    return errors | gone_on | dict.fromkeys(waiting - taken, BUSY)


def _take(payee_ids: Collection[UUID]) -> set[UUID]:
    """Take the sole right to tell these users something: what Sharetribe hears last must be what we read last."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, [telling.LEASE_S, sorted(payee_ids)])
        return {row[0] for row in cursor.fetchall()}


def _say(one: _Telling, *, latest: float) -> None:
    crash_point("user_told.before_call")
    if time.monotonic() >= latest:
        return
    one.calls += 1
    try:
        answer = calls.client().update_user_metadata(
            one.payee.flex_user_id, dict(one.words), patience_s=telling.PATIENCE_S
        )
        crash_point("user_told.after_call")
        _must_repeat(one, answer)
    except FlexConflict as error:
        one.is_refused, one.error = error.code == _UNKNOWN, str(error)
    except FlexError as error:
        one.error = str(error)
    else:
        one.is_told, one.error = True, ""


def _must_repeat(one: _Telling, answer: User) -> None:
    if any(answer.metadata.get(key) is not value for key, value in one.words.items()):
        raise FlexUnknownOutcome("Sharetribe did not repeat what the user was told")


def _record(tellings: Sequence[_Telling], *, now: datetime) -> None:
    """Write what was read back, count the calls, and let others tell again, in one statement."""
    rowsets.update(UserTold, [_row(one, now=now) for one in tellings], match=("payee",), returning="payee_id")
    crash_point("user_told.after_record")


def _row(one: _Telling, *, now: datetime) -> dict[str, Any]:
    row = one.row
    assert row is not None  # taking the right to tell makes it
    return {
        "payee": one.payee.pk,
        "value": dict(one.words) if one.is_told else row.value,
        "confirmed_at": now if one.is_told else row.confirmed_at,
        "lease_until": None,
        "calls": row.calls + one.calls,
        "error": one.error[:2000],
        "refused_at": (row.refused_at or now) if one.is_refused else None,
    }


def _give_back(payee_ids: Collection[UUID]) -> None:
    UserTold.objects.filter(pk__among=payee_ids).update(lease_until=None)
    crash_point("user_told.after_giving_back")
