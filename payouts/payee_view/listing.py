"""A payee's payouts, newest first, page by page: one statement a page, however many payouts there are.

The next page begins after the last payout that was seen, not after so many of them: what is made meanwhile comes
before the first page, and no page skips or repeats a payout because of it.
"""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.utils import timezone

from marketplace_payouts.lib.clock import moment_at
from marketplace_payouts.lib.money import Money
from payouts.models import Payout
from payouts.payee_view.errors import BadCursor
from payouts.payee_view.shapes import PHASES, Filters, Listed, Page, Phase
from payouts.providers import registry

EVERYTHING: Final = Filters()
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_MOMENT_BYTES: Final = 8
_CURSOR_BYTES: Final = _MOMENT_BYTES + 16
_STATES: Final = {phase: [state.value for state, of in PHASES.items() if of is phase] for phase in Phase}
_PHASES: Final = {state.value: phase for state, phase in PHASES.items()}
# Written here: Django takes longer to write it than the database to answer, and this is asked more than all else.
_SELECT: Final = """
    SELECT p.id, p.number, p.state, p.state_since, p.debt_units, p.debt_currency, p.sent_units, p.sent_currency,
           p.returned_units, p.provider, m.masked, p.created_at, p.paid_at
    FROM payouts_payout p JOIN payouts_payoutmethod m ON m.id = p.method_id
    WHERE {} ORDER BY p.created_at DESC, p.id DESC LIMIT %s
"""
_Condition = tuple[Any, ...]
"""A condition in SQL, and the values of its parameters."""


def list_payouts(*, payee_id: UUID, filters: Filters = EVERYTHING, cursor: str = "", limit: int = 20) -> Page:
    """This will give a page of a payee's payouts, from the newest on or from where a cursor says.

    :raises BadCursor: when no page gave that cursor.
    """
    wanted: list[_Condition] = [("p.payee_id = %s", payee_id), *_wanted(filters)]
    if cursor:
        # By the index of the payee's payouts, which is in the order of the list.
        wanted.append(("(p.created_at, p.id) < (%s, %s)", *_read(cursor)))
    conditions = " AND ".join(condition for condition, *_ in wanted)
    params = [value for _, *values in wanted for value in values]
    with connection.cursor() as cursor_:
        cursor_.execute(_SELECT.format(conditions), [*params, limit + 1])
        found = [listed(*row) for row in cursor_.fetchall()]
    more = len(found) > limit
    return Page(payouts=found[:limit], cursor=_write(found[limit - 1]) if more else "")


def of(payout: Payout) -> Listed:
    """This will show one payout as the list does; it must carry its method."""
    return listed(
        payout.pk,
        payout.number,
        payout.state,
        payout.state_since,
        payout.debt_units,
        payout.debt_currency,
        payout.sent_units,
        payout.sent_currency,
        payout.returned_units,
        payout.provider,
        payout.method.masked,
        payout.created_at,
        payout.paid_at,
    )


def listed(
    pk: UUID,
    number: str,
    state: str,
    since: datetime,
    units: Any,
    currency: str,
    sent_units: Any,
    sent_currency: str,
    returned_units: Any,
    provider: str,
    masked: str,
    created_at: datetime,
    paid_at: datetime | None,
) -> Listed:
    """This will show a row of the columns that a list reads."""
    return Listed(
        id=pk,
        number=number,
        phase=_PHASES[state],
        since=since,
        amount=Money(int(units), currency),
        sent=Money(int(sent_units), sent_currency),
        returned=Money(int(returned_units), sent_currency),
        provider=registry.label(provider),
        method=masked,
        created_at=created_at,
        paid_at=paid_at,
    )


def _wanted(filters: Filters) -> list[_Condition]:
    wanted: list[_Condition] = []
    if filters.phase is not None:
        wanted.append(("p.state = ANY (%s)", _STATES[filters.phase]))
    if filters.currency:
        wanted.append(("p.debt_currency = %s", filters.currency))
    if filters.made_from is not None:
        wanted.append(("p.created_at >= %s", _start(filters.made_from)))
    if filters.made_to is not None and filters.made_to < date.max:
        wanted.append(("p.created_at < %s", _start(filters.made_to + timedelta(days=1))))
    return wanted


def _start(day: date) -> datetime:
    return moment_at(day=day, at=time(0), zone=timezone.get_current_timezone_name())


def _write(last: Listed) -> str:
    at = (last.created_at - _EPOCH) // _MICROSECOND
    return base64.urlsafe_b64encode(at.to_bytes(_MOMENT_BYTES, signed=True) + last.id.bytes).decode()


def _read(cursor: str) -> tuple[datetime, UUID]:
    try:
        found = base64.b64decode(cursor, altchars=b"-_", validate=True)
        if len(found) != _CURSOR_BYTES:
            raise BadCursor
        at = _EPOCH + int.from_bytes(found[:_MOMENT_BYTES], signed=True) * _MICROSECOND
    except (ValueError, OverflowError, binascii.Error):
        raise BadCursor from None
    return at, UUID(bytes=found[_MOMENT_BYTES:])
