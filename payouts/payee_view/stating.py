"""A payee's year, by currency, read from the ledger alone: what we came to owe them, and what was paid.

Whatever moves between the accounts of one payee (owed, set aside for a payout, under way to a provider, to be given
back) is nobody's business but ours; a statement tells what comes in and what goes out. What the books hold for the
payee at the end is therefore opening + owed - paid, to the last unit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_stubs_ext import StrPromise

from accounts.models import Payee
from marketplace_payouts.lib.clock import moment_at
from marketplace_payouts.lib.money import Money
from payouts import ledger
from payouts.errors import Refused
from payouts.payee_view.lines import WHAT
from payouts.payee_view.remitting import issuer, recipient
from payouts.payee_view.shapes import Account, Entry, Statement

PAID: Final[Mapping[str, StrPromise]] = {
    "pay": gettext_lazy("Payout"),
    "return_cash": gettext_lazy("Payout that came back"),
    "by_hand": gettext_lazy("Paid by hand"),
    "repay": gettext_lazy("Repaid by you"),
}
"""The kinds of postings that move money between us and a payee; whatever else concerns them changes what we owe."""
WAIVED: Final = gettext_lazy("Waived by us")
OTHER: Final = gettext_lazy("Other")
_EARLIEST: Final = 2000

# Units are signed as the payee sees them: positive where we came to owe more. A payout leaves from what is under way
# to a provider, where the accounts do not tell payees apart. The two halves of a carried rest are nothing together.
_MOVEMENTS: Final = """
    WITH mine AS (
        SELECT p.*, CASE WHEN p.credit = ANY (%(mine)s) THEN p.units ELSE -p.units END AS signed,
               split_part(CASE WHEN p.credit = ANY (%(mine)s) THEN p.debit ELSE p.credit END, ':', 1) AS other
        FROM payouts_posting p
        WHERE p.credit = ANY (%(mine)s) <> (p.debit = ANY (%(mine)s))
          AND (p.credit = ANY (%(mine)s) OR p.debit = ANY (%(mine)s))
    ), moved AS (
        SELECT id, at, kind, currency, signed, payable_id, payout_id FROM mine
        WHERE other NOT IN ('allocated', 'committed')
        UNION ALL
        SELECT p.id, p.at, p.kind, p.currency, -p.units, p.payable_id, p.payout_id
        FROM payouts_posting p JOIN payouts_payout o ON o.id = p.payout_id
        WHERE o.payee_id = %(payee)s AND p.kind = 'pay'
    )
"""
_OPENING: Final = f"""{_MOVEMENTS}
    SELECT currency, sum(signed) FROM moved WHERE at < %(start)s GROUP BY currency
"""  # noqa: S608 - put together from what stands above
_ENTRIES: Final = f"""{_MOVEMENTS}
    SELECT m.at, m.kind, m.currency, m.signed, b.purpose, s.reference, o.number
    FROM moved m
    LEFT JOIN payouts_payable b ON b.id = m.payable_id
    LEFT JOIN payouts_source s ON s.id = b.source_id
    LEFT JOIN payouts_payout o ON o.id = m.payout_id
    WHERE m.at >= %(start)s AND m.at < %(end)s AND b.purpose IS DISTINCT FROM 'carry'
    ORDER BY m.at, m.id
"""  # noqa: S608 - as above


def statement(*, payee_id: UUID, year: int, now: datetime) -> Statement:
    """This will state a payee's year, as far as it has gone; nothing in a currency is no account in it.

    :raises Refused: when the year has not begun, or lies before anything that could be stated.
    """
    if not _EARLIEST <= year <= timezone.localdate(now).year:
        raise Refused(_("There is no statement of that year."))
    payee = Payee.objects.get(pk=payee_id)
    facts = {
        "payee": payee_id,
        "mine": [ledger.owed(payee_id), ledger.receivable(payee_id)],
        "start": _start(year),
        "end": _start(year + 1),
    }
    openings = {currency: int(units) for currency, units in _rows(_OPENING, facts)}
    entries: dict[str, list[Entry]] = defaultdict(list)
    for row in _rows(_ENTRIES, facts):
        entry = _entry(*row)
        entries[entry.owed.currency].append(entry)
    accounts = [
        _account(currency, openings.get(currency, 0), entries.get(currency, []))
        for currency in sorted(openings.keys() | entries.keys())
    ]
    return Statement(
        issuer=issuer(),
        payee=recipient(payee),
        year=year,
        accounts=[one for one in accounts if one.entries or one.opening],
    )


def _start(year: int) -> datetime:
    return moment_at(day=date(year, 1, 1), at=time(0), zone=timezone.get_current_timezone_name())


def _rows(sql: str, facts: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, facts)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _entry(
    at: datetime,
    kind: str,
    currency: str,
    signed: Any,
    purpose: str | None,
    reference: UUID | None,
    number: str | None,
) -> Entry:
    change, nothing = Money(int(signed), currency), Money.zero(currency)
    is_paid = kind in PAID
    return Entry(
        on=timezone.localdate(at),
        what=_what(kind, purpose),
        number=number or (str(reference) if reference is not None else ""),
        owed=nothing if is_paid else change,
        paid=-change if is_paid else nothing,
    )


def _what(kind: str, purpose: str | None) -> str:
    if kind in PAID:
        return str(PAID[kind])
    if kind == "write_off":
        return str(WAIVED)
    return str(WHAT[purpose] if purpose is not None else OTHER)


def _account(currency: str, opening: int, entries: Sequence[Entry]) -> Account:
    owed = Money.total((one.owed for one in entries), currency)
    paid = Money.total((one.paid for one in entries), currency)
    start = Money(opening, currency)
    return Account(opening=start, entries=entries, owed=owed, paid=paid, closing=start + owed - paid)
