"""Loads what the messages of a set tell of, in a number of statements that their number does not change."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from accounts.models import Payee
from payouts.models import (
    Attempt,
    AttemptState,
    Hold,
    Payable,
    Payout,
    PayoutEvent,
    PayoutMethod,
    WebhookMessage,
)
from payouts.subscriptions.events import MOST_TRANSACTIONS

_TRANSACTIONS: Final = """
    SELECT p.id, count(*), (array_agg(x.reference ORDER BY x.first))[1:%s]
    FROM unnest(%s::uuid[]) AS p(id) CROSS JOIN LATERAL (
        SELECT s.reference, min(l.id::text) AS first FROM payouts_payoutline l
        JOIN payouts_payable b ON b.id = l.payable_id JOIN payouts_source s ON s.id = b.source_id
        WHERE l.payout_id = p.id GROUP BY s.reference) x
    GROUP BY p.id
"""


@dataclass(frozen=True, slots=True)
class Rows:
    """What the messages of a set tell of, each by its id."""

    payouts: Mapping[UUID, Payout]
    events: Mapping[UUID, PayoutEvent]
    holds: Mapping[UUID, Hold]
    transactions: Mapping[UUID, tuple[int, list[UUID]]]
    """Payout → how many Sharetribe transactions it pays for, and the first of them."""
    refusals: Mapping[UUID, str]
    """Payout → the class of its last refusal."""
    payables: Mapping[UUID, Payable]
    methods: Mapping[UUID, PayoutMethod]
    payees: Mapping[UUID, Payee]


def load(messages: Sequence[WebhookMessage]) -> Rows:
    """This will load what these messages tell of."""
    about_payouts = [m for m in messages if m.type.startswith("payout.")]
    payout_ids = {m.subject for m in about_payouts}
    return Rows(
        payouts=_by_id(Payout.objects.select_related("payee"), payout_ids),
        events=_events([m for m in about_payouts if m.type != "payout.held"]),
        holds=_by_id(Hold.objects.all(), {m.source for m in messages if m.type == "payout.held"}),
        transactions=_transactions(payout_ids),
        refusals=_refusals(_subjects(messages, "payout.failed")),
        payables=_by_id(
            Payable.objects.select_related("payee", "source"), _subjects(messages, "payable.owed")
        ),
        methods=_by_id(
            PayoutMethod.objects.select_related("payee").defer("details"),
            _subjects(messages, "payout_method.changed"),
        ),
        payees=_by_id(Payee.objects.all(), _subjects(messages, "seller.verified")),
    )


def _subjects(messages: Sequence[WebhookMessage], kind: str) -> set[UUID]:
    return {message.subject for message in messages if message.type == kind}


def _by_id(rows: QuerySet[Any], ids: Collection[UUID]) -> dict[UUID, Any]:
    return {row.pk: row for row in rows.filter(pk__among=ids)} if ids else {}


def _events(messages: Sequence[WebhookMessage]) -> dict[UUID, PayoutEvent]:
    """By their moments as well, which tell PostgreSQL in which months' partitions to look."""
    if not messages:
        return {}
    moments = [message.happened_at for message in messages]
    rows = PayoutEvent.objects.filter(created_at__range=(min(moments), max(moments)))
    return _by_id(rows, [message.source for message in messages])


def _transactions(payout_ids: Collection[UUID]) -> dict[UUID, tuple[int, list[UUID]]]:
    if not payout_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_TRANSACTIONS, [MOST_TRANSACTIONS, list(payout_ids)])
        return {payout: (count, references) for payout, count, references in cursor.fetchall()}


def _refusals(payout_ids: Collection[UUID]) -> dict[UUID, str]:
    if not payout_ids:
        return {}
    refused = Attempt.objects.filter(
        payout__among=payout_ids, state__in=(AttemptState.REFUSED, AttemptState.ABSENT)
    )
    # In the order of the attempts: the last one stays.
    return dict(refused.order_by("n").values_list("payout_id", "refusal_class"))
