"""Three books that must agree: what the marketplace owes, what our ledger says, what the providers list.

Per currency, owed = paid + on its way + waiting + returned, to the last unit; `adjusted` is what people decided
otherwise (paid by hand, written off, repaid, clawbacks that wait).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from django.db import connection

from marketplace_payouts.lib.currencies import format_amount
from marketplace_payouts.lib.money import Money
from payouts import reconciling, statements
from payouts.providers import registry
from payouts.providers.base import PayoutProvider, ProviderUnavailable
from payouts.reports import Check, Report

# What is open of what came back stands apart from what waits for the first time.
_ROWS: Final = """
    SELECT b.currency,
        sum(b.units) FILTER (WHERE b.origin <> 'provider') AS owed,
        sum(b.units) FILTER (WHERE p.state IN ('paid', 'returned')) AS paid,
        sum(b.units) FILTER (WHERE p.state IN ('submitting', 'submitted', 'unknown')) AS on_its_way,
        sum(b.units) FILTER (WHERE p.state IN ('pending', 'awaiting_approval', 'approved', 'failed')
            OR (b.settled = '' AND b.purpose <> 'returned' AND NOT c.is_clawback)) AS waiting,
        sum(b.units) FILTER (WHERE b.settled = '' AND b.purpose = 'returned') AS returned,
        sum(b.units) FILTER (WHERE b.settled IN ('by_hand', 'written_off', 'repaid', 'zero')
            OR (b.settled = '' AND c.is_clawback)) AS adjusted,
        sum(b.units) FILTER (WHERE b.origin = 'provider') AS owed_again,
        -sum(b.units) FILTER (WHERE b.settled = '' AND c.is_clawback) AS clawbacks,
        sum(b.units) FILTER (WHERE b.settled = 'by_hand') AS by_hand
    FROM payouts_payable b
    CROSS JOIN LATERAL (SELECT b.waits_for = 'clawback' OR b.decided LIKE 'net%%' AS is_clawback) c
    LEFT JOIN payouts_payoutline l ON l.payable_id = b.id AND l.released_at IS NULL
    LEFT JOIN payouts_payout p ON p.id = l.payout_id
    GROUP BY b.currency
"""
_PARTS: Final = (
    "owed",
    "paid",
    "on_its_way",
    "waiting",
    "returned",
    "adjusted",
    "owed_again",
    "clawbacks",
    "by_hand",
)

_ACCOUNTS: Final = """
    SELECT currency, split_part(account, ':', 1) AS kind, sum(units) AS held FROM (
        SELECT currency, debit AS account, units FROM payouts_posting
        UNION ALL SELECT currency, credit, -units FROM payouts_posting) x
    GROUP BY 1, 2
"""
_PAYOUTS: Final = """
    SELECT sent_currency,
        coalesce(sum(debt_units) FILTER (WHERE state IN ('pending', 'awaiting_approval', 'approved', 'failed')), 0),
        coalesce(sum(sent_units) FILTER (WHERE state IN ('submitting', 'submitted', 'unknown')), 0),
        coalesce(sum(sent_units - returned_units) FILTER (WHERE state = 'paid'), 0)
    FROM payouts_payout GROUP BY 1
"""
_MOVED: Final = """
    SELECT currency, sum(CASE kind WHEN 'pay' THEN units WHEN 'return_cash' THEN -units END)
    FROM payouts_posting WHERE kind IN ('pay', 'return_cash') GROUP BY 1
"""

Row = Mapping[str, int]


def check(*, now: datetime, since: datetime | None = None, offline: bool = False) -> Report:
    """This will compare the three books; `offline` leaves out the providers' own lists."""
    owed = _owed()
    report = Report([_sums(owed), *_ledger(owed)])
    if not offline:
        report.checks += [
            _provider(p, since=since, now=now)
            for p in registry.available().values()
            if p.capabilities.lists_movements
        ]
    return report


def _owed() -> dict[str, dict[str, int]]:
    with connection.cursor() as cursor:
        cursor.execute(_ROWS.replace("%%", "%"))
        found = {
            row[0]: dict(zip(_PARTS, (int(value or 0) for value in row[1:]), strict=True))
            for row in cursor.fetchall()
        }
    for parts in found.values():
        # What came back was paid, and is not any more: it is owed again, and counted where that stands.
        parts["paid"] -= parts["owed_again"]
    return found


def _sums(owed: Mapping[str, Row]) -> Check:
    rows, wrong = [], 0
    for currency, parts in sorted(owed.items()):
        total = sum(parts[name] for name in ("paid", "on_its_way", "waiting", "returned", "adjusted"))
        wrong += total != parts["owed"]
        shown = {name: _shown(parts[name], currency) for name in _PARTS[:6]}
        rows.append({"currency": currency, **shown, "agrees": total == parts["owed"]})
    return Check("owed = paid + on its way + waiting + returned", wrong, rows)


def _ledger(owed: Mapping[str, Row]) -> list[Check]:
    """Each account of the ledger against the rows that it stands for."""
    books = _accounts()
    payouts = _table(_PAYOUTS)
    moved = {currency: values[0] for currency, values in _table(_MOVED).items()}
    rows: list[dict[str, object]] = []
    for currency in sorted({*owed, *books, *payouts}):
        parts = owed.get(currency, dict.fromkeys(_PARTS, 0))
        held = books.get(currency, {})
        allocated, committed, paid = payouts.get(currency, (0, 0, 0))
        wanted = {
            "due_from_marketplace": (held.get("due_from_marketplace", 0), parts["owed"] - parts["by_hand"]),
            "owed": (-held.get("owed", 0), parts["waiting"] + parts["returned"] - allocated),
            "allocated": (-held.get("allocated", 0), allocated),
            "committed": (-held.get("committed", 0), committed),
            "receivable": (held.get("receivable", 0), parts["clawbacks"]),
            "paid": (moved.get(currency, 0), paid),
            "everything": (sum(held.values()), 0),
        }
        rows += [
            {
                "currency": currency,
                "account": name,
                "ledger": _shown(has, currency),
                "rows": _shown(should, currency),
            }
            for name, (has, should) in wanted.items()
            if has != should
        ]
    return [Check("the ledger agrees with payables and payouts", len(rows), rows)]


def _accounts() -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = defaultdict(dict)
    with connection.cursor() as cursor:
        cursor.execute(_ACCOUNTS)
        for currency, kind, held in cursor.fetchall():
            found[currency][kind] = int(held)
    return found


def _table(sql: str) -> dict[str, tuple[int, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return {row[0]: tuple(int(value or 0) for value in row[1:]) for row in cursor.fetchall()}


def _provider(provider: PayoutProvider, *, since: datetime | None, now: datetime) -> Check:
    name = f"the list of {provider.name} agrees with our attempts"
    start = since or reconciling.compare_from(provider.name, now=now)
    try:
        statement = provider.statement(since=start, until=now)
    except ProviderUnavailable as error:
        # Two books that agree do not make three.
        return Check(name, 1, [{"not compared": str(error)}])
    comparison = statements.compare(provider, statement, since=start)
    found = statements.differences(comparison, settle_time=provider.capabilities.settle_time)
    unexplained = reconciling.unexplained(provider.name, found)
    about = {
        "since": start.isoformat(),
        "complete_until": statement.complete_until.isoformat(),
        "lines": len(statement.lines),
        "attempts": len(comparison.accounts),
        "explained": len(found) - len(unexplained),
    }
    return Check(
        name,
        len(unexplained),
        [about, *({"kind": one.kind, "sentence": one.sentence} for one in unexplained)],
    )


def _shown(units: int, currency: str) -> str:
    return format_amount(Money(units, currency))
