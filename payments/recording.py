"""The one door through which every origin records what became of a buyer's money.

What is recorded never changes. The same word twice is one row; a word that contradicts a recorded one is refused and
kept for staff to look at. What a word means for a payout is worked out afterwards by `payouts.counting`, so that it may
come before its transaction is known, and a refund before its payment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final
from uuid import UUID

from django.db import transaction

from accounts.models import User
from accounts.roles import require
from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.currencies import format_amount
from marketplace_payouts.lib.ids import uuid7
from marketplace_payouts.lib.money import Money
from payments.models import PaymentIn, RefusedPayment
from payments.standing import TAKES
from payments.words import Kind, PaymentWord

_Key = tuple[str, str, str]

_SAID_AGAIN: Final = """
    (marketplace_id, origin, kind, reference, transaction_id, units, currency) DO UPDATE SET
        times = payments_refusedpayment.times + 1, last_at = excluded.last_at, reason = excluded.reason,
        closed_at = NULL, closed_by_id = NULL, explanation = ''
"""


class Verdict(Enum):
    """What became of a word."""

    RECORDED = "recorded"
    KNOWN = "known"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one word, with a sentence for whoever said it."""

    word: PaymentWord
    verdict: Verdict
    sentence: str


def record(
    words: Sequence[PaymentWord], *, marketplace_id: UUID, now: datetime, counted: bool = False
) -> list[Answer]:
    """This will record what is new, and say of each word, in their order, whether it was recorded, known or refused.

    What it means is worked out afterwards: `payouts.counting.hear` records and has that begin at once. `counted` is for
    whoever holds the transactions of these words locked and takes them into account right away.
    """
    if not words:
        return []
    with transaction.atomic(savepoint=False):
        rows = [_row(word, marketplace_id, now=now, counted=counted) for word in words]
        # In one order, whoever comes: two sets that share words would else wait for each other in a circle.
        ordered = sorted(rows, key=lambda row: (row.origin, row.kind, row.reference))
        new = set(rowsets.insert(PaymentIn, ordered, on_conflict="DO NOTHING", returning="id"))
        stored = _stored([row for row in rows if row.pk not in new], marketplace_id)
        answers = [
            Answer(word, Verdict.RECORDED, "Recorded.")
            if row.pk in new
            else _compared(word, stored[_key(row)], regained=stored.get(_key_of_regained(row)))
            for word, row in zip(words, rows, strict=True)
        ]
        _keep([one for one in answers if one.verdict is Verdict.REFUSED], marketplace_id, now=now)
    return answers


def explain(*, by: User, ids: Sequence[UUID], explanation: str, now: datetime) -> list[RefusedPayment]:
    """This will note that somebody looked into refused words, and give those that were open.

    :raises NotAllowed: when the person's roles do not cover it.
    :raises ValueError: when it says nothing.
    """
    require(by, "act_release")
    if not explanation.strip():
        raise ValueError("Say what you found out.")
    with transaction.atomic():
        rows = list(
            RefusedPayment.objects.filter(pk__in=ids, closed_at__isnull=True)
            .order_by("pk")
            .select_for_update()
        )
        RefusedPayment.objects.filter(pk__in=[row.pk for row in rows]).update(
            closed_at=now, closed_by=by, explanation=explanation
        )
    return rows


def _row(word: PaymentWord, marketplace_id: UUID, *, now: datetime, counted: bool) -> PaymentIn:
    return PaymentIn.new(
        id=uuid7(),
        marketplace_id=marketplace_id,
        transaction_id=word.transaction_id,
        kind=str(word.kind),
        units=word.amount.units,
        currency=word.amount.currency,
        origin=word.origin,
        reference=word.reference,
        happened_at=word.happened_at,
        recorded_at=now,
        detail=word.detail,
        made_by_id=word.made_by_id,
        seconded_by_id=word.seconded_by_id,
        next_at=None if counted else now,
    )


def _key(row: PaymentIn) -> _Key:
    return row.origin, row.kind, row.reference


def _key_of_regained(row: PaymentIn) -> _Key:
    return row.origin, str(Kind.REGAINED), row.reference


def _stored(rows: Sequence[PaymentIn], marketplace_id: UUID) -> dict[_Key, PaymentIn]:
    """Read what stands there already; read after the insertion, it is committed."""
    if not rows:
        return {}
    found = PaymentIn.objects.filter(
        marketplace_id=marketplace_id,
        origin__in={row.origin for row in rows},
        reference__in={row.reference for row in rows},
    )
    return {_key(row): row for row in found}


def _compared(word: PaymentWord, stored: PaymentIn, *, regained: PaymentIn | None) -> Answer:
    amount = Money(int(stored.units), stored.currency)
    named = f"{word.kind.label.partition(':')[0]} {word.reference} of {word.origin}"
    if stored.transaction_id != word.transaction_id:
        sentence = (
            f"{named} is recorded for the transaction {stored.transaction_id}, not {word.transaction_id}."
        )
    elif amount != word.amount and word.kind != PaymentIn.Kind.FAILED:
        # Of a try at which nothing came the amount says nothing: it may have changed since.
        sentence = (
            f"{named} is recorded with {format_amount(amount)}, not {format_amount(word.amount)}. Another payment,"
            " refund or dispute needs a reference of its own."
        )
    elif regained is not None and _is_anew(word, stored, regained):
        sentence = (
            f"{named} is recorded, and so is that the money came again. If it went once more, that needs a reference of"
            " its own: this one counts as won back."
        )
    else:
        return Answer(word, Verdict.KNOWN, "Recorded before.")
    return Answer(word, Verdict.REFUSED, sentence)


def _is_anew(word: PaymentWord, stored: PaymentIn, regained: PaymentIn) -> bool:
    """Whether money is said to have gone again after it came again, as when a dispute that was won is opened anew."""
    return word.kind in TAKES and stored.happened_at <= regained.happened_at < word.happened_at


def _keep(refused: Sequence[Answer], marketplace_id: UUID, *, now: datetime) -> None:
    """Keep what was refused for staff: one row however often it is said."""
    rows = {
        one.word: RefusedPayment(
            id=uuid7(),
            marketplace_id=marketplace_id,
            transaction_id=one.word.transaction_id,
            kind=str(one.word.kind),
            units=one.word.amount.units,
            currency=one.word.amount.currency,
            origin=one.word.origin,
            reference=one.word.reference,
            reason=one.sentence,
            first_at=now,
            last_at=now,
        )
        for one in refused
    }
    distinct = {_identity(row): row for row in rows.values()}
    rowsets.insert(RefusedPayment, [distinct[key] for key in sorted(distinct)], on_conflict=_SAID_AGAIN)


def _identity(row: RefusedPayment) -> tuple[str, ...]:
    return row.origin, row.kind, row.reference, str(row.transaction_id), str(row.units), row.currency
