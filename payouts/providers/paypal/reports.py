"""PayPal's own reports: balances and the statement, both up to three hours behind (published file, read 2026-11)."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from marketplace_payouts.lib.clock import in_utc
from marketplace_payouts.lib.money import Money
from payouts.providers.base import Balance, ProviderUnavailable, Statement, StatementLine
from payouts.providers.paypal.amounts import UnreadableAmount, read_amount
from payouts.providers.paypal.client import PayPalClient
from payouts.providers.paypal.codes import (
    STATEMENT_DEBIT,
    STATEMENT_GROUPS,
    STATEMENT_HOLDS,
    STATEMENT_KINDS,
    STATEMENT_PAYOUTS_HELD,
    STATEMENT_RELEASES,
)
from payouts.providers.paypal.destinations import echo
from payouts.providers.paypal.fields import read_text, read_time

_log = logging.getLogger(__name__)

BALANCES_PATH: Final = "/v1/reporting/balances"
TRANSACTIONS_PATH: Final = "/v1/reporting/transactions"
LAG: Final = timedelta(hours=3)
LONGEST_WINDOW: Final = timedelta(days=31)
_PAGE_SIZE: Final = 500
_MOST_PAGES: Final = 10_000
# What was only asked for, or was denied, has moved nothing.
_NOTHING_MOVED: Final = frozenset({"D"})
_OUTWARD: Final = frozenset({"debit", "fee", "withdrawal"})


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the statement, as far as we look at it."""

    id: str
    code: str
    status: str
    amount: Money
    """With PayPal's sign: negative is out."""
    fee: Money | None
    at: datetime
    item_key: str
    """Our key of the item, which PayPal keeps as the unique id of a mass payment; not promised for every row."""
    about: str
    receiver: str

    @property
    def is_payout(self) -> bool:
        """This will say whether it is a payout that we sent."""
        return self.code == STATEMENT_DEBIT and self.amount.units < 0


@dataclass(frozen=True, slots=True)
class Report:
    """All rows of a time, and up to when PayPal's list is complete."""

    rows: Sequence[Row]
    complete_until: datetime
    holds: Sequence[Row]
    """Money that is put aside for something whose movements are not, or not all, on the list yet."""


def read_balances(client: PayPalClient, *, now: datetime) -> Sequence[Balance]:
    """This will give what PayPal holds for us per currency; currencies that are not in our registry are left out.

    :raises ProviderUnavailable: when it cannot be read now.
    """
    value = client.read(BALANCES_PATH, params={"currency_code": "ALL"})
    as_of = (
        read_time(value.get("last_refresh_time")) or read_time(value.get("as_of_time")) or in_utc(now) - LAG
    )
    found = value.get("balances")
    if not isinstance(found, list):
        raise ProviderUnavailable("PayPal's balances cannot be read.")
    balances = []
    for one in found:
        try:
            available = read_amount(one.get("available_balance", one.get("total_balance")))
        except (UnreadableAmount, AttributeError):
            _log.warning("A PayPal balance cannot be read and is left out.")
            continue
        if available is not None:
            balances.append(Balance(available=available, as_of=as_of))
    return balances


def read_statement(client: PayPalClient, *, since: datetime, until: datetime, now: datetime) -> Statement:
    """This will give PayPal's list of movements, a fee within a row as a line of its own.

    :raises ProviderUnavailable: when it cannot be read now, or a row cannot be read at all.
    """
    report = read_report(client, since=since, until=until, now=now)
    lines = [line for row in report.rows for line in _lines(row)]
    # What PayPal has put money aside for was asked for already: it will stand on the list, and does not yet.
    pending = [row.at for row in report.holds if row.code == STATEMENT_PAYOUTS_HELD]
    return Statement(lines=lines, complete_until=min([report.complete_until, *pending]))


def read_report(client: PayPalClient, *, since: datetime, until: datetime, now: datetime) -> Report:
    """This will read all rows of a time, in windows as long as PayPal allows, every page.

    :raises ProviderUnavailable: when it cannot be read now, or a row cannot be read at all.
    """
    since, until = in_utc(since), in_utc(until)
    complete_until = until
    rows: dict[tuple[str, str, str, datetime, int], Row] = {}
    start = since
    while start < until:
        end = min(start + LONGEST_WINDOW, until)
        for value in _pages(client, since=start, until=end):
            refreshed = read_time(value.get("last_refreshed_datetime")) or in_utc(now) - LAG
            complete_until = min(complete_until, refreshed)
            for row in _rows(value):
                # A row at the seam of two windows is listed in both.
                rows[row.id, row.code, row.status, row.at, row.amount.units] = row
        start = end
    return Report(
        rows=sorted(rows.values(), key=lambda row: (row.at, row.id, row.code)),
        complete_until=complete_until,
        holds=_open_holds(rows.values()),
    )


def _pages(client: PayPalClient, *, since: datetime, until: datetime) -> Iterator[Mapping[str, Any]]:
    params = {
        "start_date": _moment(since),
        "end_date": _moment(until),
        "fields": "transaction_info,payer_info",
        # The holds that go before a batch's items do not affect the balance.
        "balance_affecting_records_only": "N",
        "page_size": str(_PAGE_SIZE),
    }
    for page in range(1, _MOST_PAGES + 1):
        value = client.read(TRANSACTIONS_PATH, params={**params, "page": str(page)})
        yield value
        pages = value.get("total_pages")
        details = value.get("transaction_details")
        full = isinstance(details, list) and len(details) >= _PAGE_SIZE
        if (page >= pages) if isinstance(pages, int) else not full:
            return
    raise ProviderUnavailable("PayPal's statement has more pages than can be read.")


def _rows(value: Mapping[str, Any]) -> Iterator[Row]:
    details = value.get("transaction_details") or []
    if not isinstance(details, list):
        raise ProviderUnavailable("PayPal's statement cannot be read.")
    for detail in details:
        row = _row(detail)
        if row is not None:
            yield row


def _row(detail: Any) -> Row | None:
    """Read one row; None where it is in a currency that we do not know, and so cannot be about a payout of ours."""
    info = detail.get("transaction_info") if isinstance(detail, Mapping) else None
    if not isinstance(info, Mapping):
        raise ProviderUnavailable("PayPal's statement has a row that cannot be read.")
    at = read_time(info.get("transaction_initiation_date")) or read_time(info.get("transaction_updated_date"))
    try:
        amount, fee = read_amount(info.get("transaction_amount")), read_amount(info.get("fee_amount"))
    except UnreadableAmount as error:
        _log.warning("A row of PayPal's statement is left out: %s", error)
        return None
    if at is None or amount is None:
        raise ProviderUnavailable("PayPal's statement has a row without time or amount.")
    payer = detail.get("payer_info")
    return Row(
        id=read_text(info, "transaction_id"),
        code=read_text(info, "transaction_event_code"),
        status=read_text(info, "transaction_status"),
        amount=amount,
        fee=fee,
        at=at,
        item_key=read_text(info, "custom_field") or read_text(info, "invoice_id"),
        about=read_text(info, "paypal_reference_id"),
        receiver=echo(read_text(payer, "email_address") or read_text(payer, "account_id")),
    )


def _lines(row: Row) -> Iterator[StatementLine]:
    if row.status in _NOTHING_MOVED or row.code in STATEMENT_HOLDS | STATEMENT_RELEASES:
        return
    kind, amount = _kind(row)
    yield _line(row, kind, amount)
    if row.fee:
        yield _line(row, "fee", -row.fee)


def _kind(row: Row) -> tuple[str, Money]:
    kind = STATEMENT_KINDS.get(row.code) or STATEMENT_GROUPS.get(row.code[:3], "other")
    if kind == "debit" and row.amount.units > 0:
        return "other", row.amount  # somebody paid us by the same means
    return kind, -row.amount if kind in _OUTWARD else row.amount


def _line(row: Row, kind: str, amount: Money) -> StatementLine:
    return StatementLine(
        reference=row.id,
        item_key=row.item_key,
        item_reference="",
        kind=kind,
        amount=amount,
        at=row.at,
        destination=row.receiver,
    )


def _open_holds(rows: Iterable[Row]) -> Sequence[Row]:
    """Give the holds that are not released in full yet; a release names the same batch, or a hold's own id."""
    rows = list(rows)
    held = [row for row in rows if row.code in STATEMENT_HOLDS]
    names = {row.id: row.about or row.id for row in held} | {
        row.about or row.id: row.about or row.id for row in held
    }
    left: dict[str, int] = defaultdict(int)
    for row in held:
        left[names[row.id]] += abs(row.amount.units)
    for row in rows:
        if row.code in STATEMENT_RELEASES:
            left[names.get(row.about, names.get(row.id, ""))] -= abs(row.amount.units)
    return [row for row in held if left[names[row.id]] > 0]


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
