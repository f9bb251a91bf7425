"""What is recorded of buyers' payments, as pages of payouts and transactions show it: one statement, however many."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from accounts.backoffice import cells
from payments import standing
from payments.models import PaymentIn
from payments.standing import Fact
from payouts.models import Source


def of(sources: Sequence[Source]) -> list[dict[str, Any]]:
    """This will give, for each transaction, what its buyer is to pay, what came, what went back, and every word."""
    words: dict[UUID, list[PaymentIn]] = defaultdict(list)
    rows = PaymentIn.objects.filter(transaction_id__in=[source.reference for source in sources])
    for row in rows.select_related("made_by", "seconded_by").order_by("happened_at", "id"):
        words[row.transaction_id].append(row)
    return [_source(source, words[source.reference]) for source in sources]


def _source(source: Source, words: Sequence[PaymentIn]) -> dict[str, Any]:
    now = standing.stand(map(_fact, words)).of(source.currency)
    payin = None if source.payin_units is None else int(source.payin_units)
    word = standing.word(now, payin=payin)
    return {
        "source": cells.page_of(source),
        "standing": cells.badge(word, word.replace("_", " ")) if word else "nothing recorded",
        "wanted": cells.amount(payin, source.currency),
        "received": cells.amount(now.received, source.currency),
        "taken_back": cells.amount(now.taken_back, source.currency) if now.taken_back else "",
        "words": [_word(row) for row in words],
    }


def _word(row: PaymentIn) -> dict[str, Any]:
    return {
        "page": cells.page_of(row, row.get_kind_display().partition(":")[0]),
        "amount": cells.amount(row.units, row.currency),
        "origin": row.origin,
        "reference": row.reference,
        "at": cells.moment(row.happened_at),
        "by": f"{row.made_by}, seconded by {row.seconded_by}" if row.made_by else "",
        "detail": row.detail,
        "waits": row.next_at is not None,
    }


def _fact(row: PaymentIn) -> Fact:
    return Fact(
        row.transaction_id,
        row.kind,
        int(row.units),
        row.currency,
        row.origin,
        row.reference,
        row.happened_at,
        row.next_at is None,
        row.made_by_id,
    )
