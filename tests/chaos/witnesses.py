"""What the oracle looks at: the providers' ledgers and Sharetribe's truth by HTTP, the tables by SQL.

It imports nothing of the product.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import psycopg
import psycopg.rows
import requests

Row = dict[str, Any]

_TABLES: Final = {
    "sources": "SELECT id, reference::text, parked_at, error, next_at, heard, understood FROM payouts_source",
    "payables": "SELECT b.id, b.payee_id, s.reference::text AS sale, b.purpose, b.units, b.currency, b.settled,"
    " b.waits_for, b.blocked_by, p.next_gather_at FROM payouts_payable b JOIN accounts_payee p ON p.id = b.payee_id"
    " LEFT JOIN payouts_source s ON s.id = b.source_id",
    "payouts": "SELECT o.*, m.payee_id AS method_payee, p.flex_user_id::text AS seller, EXISTS (SELECT FROM"
    " payouts_hold h WHERE h.lifted_at IS NULL AND (h.payout_id = o.id OR h.payee_id = o.payee_id"
    " OR h.method_id = o.method_id OR h.rail_id IN ('everything', 'provider:' || o.provider,"
    " 'currency:' || o.sent_currency))) AS is_held FROM payouts_payout o JOIN payouts_payoutmethod m"
    " ON m.id = o.method_id JOIN accounts_payee p ON p.id = o.payee_id ORDER BY o.created_at, o.id",
    "lines": "SELECT payout_id, payable_id, units, released_at FROM payouts_payoutline",
    "attempts": "SELECT a.*, b.next_at AS asked_at, b.person_after AS batch_person_after,"
    " coalesce(b.first_sent_at, b.created_at) AS sent_at FROM payouts_attempt a"
    " JOIN payouts_batch b ON b.id = a.batch_id ORDER BY a.n",
    "approvals": "SELECT payout_id, digest, units, currency, at, revoked_at FROM payouts_approval"
    " WHERE result = 'given'",
    "postings": "SELECT debit, credit, currency, units, kind FROM payouts_posting",
    "messages": "SELECT kind, subject, error FROM payouts_outboxmessage WHERE next_at IS NOT NULL",
    "incidents": "SELECT kind, subject, sentence, provider FROM payouts_incident WHERE closed_at IS NULL",
}


@dataclass(slots=True)
class Books:
    """Everything that is looked at, as it was read."""

    now: datetime
    sales: list[Row]
    told: dict[str, Row]
    entries: list[Row]
    destinations: Mapping[str, str]
    sources: list[Row]
    payables: list[Row]
    payouts: list[Row]
    lines: list[Row]
    attempts: list[Row]
    approvals: list[Row]
    postings: list[Row]
    messages: list[Row]
    incidents: list[Row]
    kept: Counter[Any] = field(default_factory=Counter, init=False)
    """Payout → what left for it and did not come back."""
    attempts_of: dict[Any, list[Row]] = field(default_factory=lambda: defaultdict(list), init=False)
    payout_of: dict[Any, Row] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.payout_of = {one["id"]: one for one in self.payouts}
        for attempt in self.attempts:
            self.attempts_of[attempt["payout_id"]].append(attempt)


def read(*, database: str, flex: str, providers: Mapping[str, str], destinations: Mapping[str, str]) -> Books:
    with requests.Session() as session:
        session.trust_env = False
        # The ledgers first: what is recorded after them cannot be missed in the tables.
        entries = [
            {**entry, "provider": name, "units": int(entry["units"])}
            for name, url in providers.items()
            for entry in _get(session, f"{url}/_sandbox/ledger")["entries"]
        ]
        sales = _sales(session, flex)
        told = {
            one["id"]: _get(session, f"{flex}/_sandbox/transactions/{one['id']}")["metadata"].get(
                "payout", {}
            )
            for one in sales
        }
    with psycopg.connect(database, row_factory=psycopg.rows.dict_row) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        tables = {name: connection.execute(query).fetchall() for name, query in _TABLES.items()}
        [clock] = connection.execute("SELECT clock_timestamp() AS now").fetchall()
    return Books(
        now=clock["now"], sales=sales, told=told, entries=entries, destinations=destinations, **tables
    )


def _sales(session: requests.Session, flex: str) -> list[Row]:
    found: list[Row] = []
    while True:
        after = f"&after={found[-1]['id']}" if found else ""
        page = _get(session, f"{flex}/_sandbox/transactions?limit=1000{after}")["transactions"]
        found += page
        if len(page) < 1000:
            return found


def _get(session: requests.Session, url: str) -> Any:
    answer = session.get(url, timeout=30)
    answer.raise_for_status()
    return answer.json()
