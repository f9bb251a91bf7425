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
    "payables": "SELECT b.*, s.reference::text AS sale, coalesce(b.original_id, b.id) AS family, p.next_gather_at,"
    " m.go_live_at AS went_live_at, p.frozen_at IS NOT NULL OR p.closed AS is_shut_out,"
    " EXISTS (SELECT FROM payouts_payoutmethod d WHERE d.payee_id = p.id AND d.retired_at IS NULL) AS has_method,"
    " c.id IS NOT NULL AND c.pays_nothing_at IS NULL AND (s.stripe_payment OR p.stripe_connected OR c.uses_stripe)"
    " AS may_be_paid_by_stripe, b.units > 0 AND (EXISTS (SELECT FROM payouts_payable k WHERE k.source_id = s.id"
    " AND k.purpose = 'loss' AND k.waits_for = 'clawback' AND k.settled = '') OR (t.requires_payment"
    " AND (coalesce(s.payin_units, 0) = 0 OR s.payin_units > (SELECT coalesce(max(w.units), 0) FROM (SELECT"
    " sum(i.units) AS units FROM payments_paymentin i WHERE i.transaction_id = s.reference AND i.kind = 'received'"
    " AND i.currency = b.currency GROUP BY i.origin = 'sharetribe') w)))) AS is_unpaid"
    " FROM payouts_payable b JOIN accounts_payee p ON p.id = b.payee_id"
    " JOIN accounts_marketplace m ON m.id = b.marketplace_id LEFT JOIN payouts_source s ON s.id = b.source_id"
    " LEFT JOIN payouts_trigger t ON t.id = b.trigger_id LEFT JOIN payouts_process c ON c.id = t.process_id",
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
    "postings": "SELECT g.debit, g.credit, g.currency, g.units, g.kind, coalesce(g.payout_id, a.payout_id)"
    " AS payout_id FROM payouts_posting g LEFT JOIN payouts_attempt a ON a.id = g.attempt_id",
    "messages": "SELECT kind, subject, error FROM payouts_outboxmessage WHERE next_at IS NOT NULL",
    # Also those that people closed since: what happened stays a surprise.
    "incidents": "SELECT i.kind, i.sentence, i.provider, a.key FROM payouts_incident i"
    " LEFT JOIN payouts_attempt a ON a.id = i.attempt_id",
}


@dataclass(slots=True)
class Books:
    """Everything that is looked at, as it was read."""

    now: datetime
    sales: list[Row]
    told: dict[str, Row]
    entries: list[Row]
    lies: list[Row]
    """What providers were made to tell that is not so: falsified answers, forged webhooks."""
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
    debited: set[Any] = field(default_factory=set, init=False)
    """The payouts for which anything ever left."""
    owed_again: Counter[Any] = field(default_factory=Counter, init=False)
    """Payout → what came back of it, and is owed anew."""
    attempt_by_key: dict[tuple[str, str], Row] = field(default_factory=dict, init=False)
    attempts_of: dict[Any, list[Row]] = field(default_factory=lambda: defaultdict(list), init=False)
    payout_of: dict[Any, Row] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.payout_of = {one["id"]: one for one in self.payouts}
        for attempt in self.attempts:
            self.attempts_of[attempt["payout_id"]].append(attempt)
        self.attempt_by_key = {(one["provider"], one["key"]): one for one in self.attempts}
        payout_by_key = {one["key"]: one["payout_id"] for one in self.attempts}
        for payable in self.payables:
            if payable["purpose"] == "returned":
                self.owed_again[payout_by_key.get(payable["reference"])] += payable["units"]


def read(*, database: str, flex: str, providers: Mapping[str, str], destinations: Mapping[str, str]) -> Books:
    with requests.Session() as session:
        session.trust_env = False
        # The ledgers first: what is recorded after them cannot be missed in the tables.
        entries = [
            {**entry, "units": int(entry["units"])}
            for entry in _told(session, providers, "ledger", "entries")
        ]
        sales = _sales(session, flex)
        told = {
            one["id"]: _get(session, f"{flex}/_sandbox/transactions/{one['id']}")["metadata"].get(
                "payout", {}
            )
            for one in sales
        }
        lies = _told(session, providers, "lies", "lies")
    with psycopg.connect(database, row_factory=psycopg.rows.dict_row) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        tables = {name: connection.execute(query).fetchall() for name, query in _TABLES.items()}
        [clock] = connection.execute("SELECT clock_timestamp() AS now").fetchall()
    return Books(
        now=clock["now"],
        sales=sales,
        told=told,
        entries=entries,
        lies=lies,
        destinations=destinations,
        **tables,
    )


def _told(session: requests.Session, providers: Mapping[str, str], door: str, what: str) -> list[Row]:
    return [
        {**one, "provider": name}
        for name, url in providers.items()
        for one in _get(session, f"{url}/_sandbox/{door}")[what]
    ]


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
