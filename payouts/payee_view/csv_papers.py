"""Papers as CSV, for spreadsheets: UTF-8 with its mark, and no cell that a spreadsheet would take for a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from django.utils import timezone
from django.utils.translation import gettext as _

from marketplace_payouts.lib.currencies import exponent, to_decimal_string
from marketplace_payouts.lib.money import Money
from payouts.payee_view.shapes import Account, Advice, Statement

# What begins a formula somewhere, also behind blanks; the wide forms are taken for the narrow ones by East Asian Excel.
_FORMULA: Final = re.compile(r"[\s\x00-\x1f]*[=+\-@\N{FULLWIDTH EQUALS SIGN}＋－＠|%]|[\t\r\n]")


def advice_csv(advice: Advice) -> bytes:
    """This will write a remittance advice: a row for each line, and one for the whole."""
    payout = advice.payout
    facts = [payout.number, _day(payout.paid_at)]
    head = [
        _("Payout"),
        _("Paid on"),
        _("What"),
        _("Transaction"),
        _("Before commission"),
        _("Commission"),
        _("Amount"),
        _("Currency"),
    ]
    rows = [
        [
            *facts,
            line.what,
            str(line.transaction or ""),
            number(line.gross),
            number(line.commission),
            number(line.amount),
            line.amount.currency,
        ]
        for line in advice.lines
    ]
    rows.append([*facts, _("Total"), "", "", "", number(payout.amount), payout.amount.currency])
    return write([head, *rows])


def statement_csv(statement: Statement) -> bytes:
    """This will write a yearly statement: for each currency its opening, its entries, its totals and its closing."""
    head = [
        _("Date"),
        _("What"),
        _("Number"),
        _("Owed to you"),
        _("Paid to you"),
        _("Balance"),
        _("Currency"),
    ]
    return write(
        [head, *(row for account in statement.accounts for row in _account(account, statement.year))]
    )


def write(rows: Iterable[Sequence[str]]) -> bytes:
    """This will write rows; texts that begin like a formula get an apostrophe in front, amounts do not need it."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerows([safe(cell) for cell in row] for row in rows)
    return out.getvalue().encode("utf-8-sig")


def safe(cell: str) -> str:
    """This will give a text that no spreadsheet takes for a formula; a plain number is none."""
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell


_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)


def number(money: Money | None) -> str:
    """This will write an amount as a plain number, with a point whatever the language, so that it can be added up."""
    return "" if money is None else to_decimal_string(money.units, exponent(money.currency))


def _account(account: Account, year: int) -> list[list[str]]:
    currency, balance = account.opening.currency, account.opening
    rows = [[f"{year}-01-01", _("Opening balance"), "", "", "", number(balance), currency]]
    for entry in account.entries:
        balance = balance + entry.owed - entry.paid
        moved = [number(entry.owed) if entry.owed else "", number(entry.paid) if entry.paid else ""]
        rows.append([entry.on.isoformat(), entry.what, entry.number, *moved, number(balance), currency])
    totals = [number(account.owed), number(account.paid), number(account.closing)]
    return [*rows, ["", _("Total, and closing balance"), "", *totals, currency]]


def _day(at: datetime | None) -> str:
    return timezone.localdate(at).isoformat() if at is not None else ""
