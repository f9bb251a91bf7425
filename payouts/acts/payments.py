"""Two-person acts about buyers' payments: what came, or went back, outside of what tells us by itself."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.utils.dateparse import parse_datetime

from marketplace_payouts.lib.currencies import format_amount
from marketplace_payouts.lib.ids import uuid_or_none
from marketplace_payouts.lib.money import Money
from payments import standing
from payments.models import MANUAL, PaymentIn
from payments.recording import Verdict
from payments.words import BadPayment, Kind, PaymentWord
from payouts import counting
from payouts.acts.base import Act, Asked, ended
from payouts.errors import Refused
from payouts.models import Source

OUTCOMES: Final = (Kind.RECEIVED, Kind.REFUNDED, Kind.CHARGED_BACK, Kind.REGAINED)
"""What staff may say of a buyer's money."""

_SAID: Final = {
    Kind.RECEIVED: "The buyer paid {}",
    Kind.REFUNDED: "The buyer got {} back",
    Kind.CHARGED_BACK: "The buyer's bank took {} back",
    Kind.REGAINED: "{} that had gone back is with us again",
}
# A day has begun elsewhere while it has not here.
_AHEAD: Final = timedelta(days=1)


def _source(asked: Asked) -> Source:
    reference = uuid_or_none(asked.text("transaction"))
    found = None if reference is None else Source.objects.filter(reference=reference).first()
    if found is None:
        raise Refused(
            f"No transaction {asked.text('transaction')} is known here. If Sharetribe has it, read it first: manage.py"
            " resync_flex --transaction ID."
        )
    return found


def _at(asked: Asked) -> datetime:
    try:
        at = parse_datetime(asked.text("happened_at"))
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise Refused("The moment is an ISO time with its zone, such as 2026-01-31T00:00:00+00:00.")
    if at > asked.now + _AHEAD:
        raise Refused("It lies in the future: record it once it has happened.")
    return at


def _word(asked: Asked) -> PaymentWord:
    outcome, document = asked.text("outcome"), asked.text("document")
    if outcome not in OUTCOMES:
        raise Refused(f"The outcome is one of {', '.join(OUTCOMES)}.")
    try:
        return PaymentWord(
            transaction_id=_source(asked).reference,
            kind=Kind(outcome),
            amount=asked.money(),
            origin=MANUAL,
            reference=asked.text("reference"),
            happened_at=_at(asked),
            detail=document,
            made_by_id=asked.made_by.pk,
            seconded_by_id=asked.seconded_by.pk if asked.seconded_by else None,
        )
    except BadPayment as error:
        raise Refused(str(error)) from None


def _checked(asked: Asked) -> PaymentWord:
    """What is known already is told now, and not when somebody has seconded it."""
    word = _word(asked)
    same = PaymentIn.objects.filter(transaction_id=word.transaction_id, reference=word.reference)
    if same.filter(kind=word.kind).exists():
        raise Refused(
            f"{word.kind.label.partition(':')[0]} {word.reference} is recorded for this transaction already."
        )
    if word.kind == Kind.REGAINED and not same.filter(kind__in=standing.TAKES).exists():
        raise Refused(
            f"Nothing with the reference {word.reference} went back: give that of the refund or dispute."
        )
    return word


def _summary(asked: Asked) -> str:
    word, source = _checked(asked), _source(asked)
    present = (
        standing.load([source.reference]).get(source.reference, standing.NOTHING).of(word.amount.currency)
    )
    said = _SAID[word.kind].format(format_amount(word.amount))
    so_far = format_amount(Money(present.received, word.amount.currency))
    total = (
        f" of {format_amount(Money(int(source.payin_units), source.currency))}"
        if source.payin_units is not None and source.currency
        else ""
    )
    return (
        f"{said} for the transaction {source.reference}, {word.reference}: {ended(word.detail)}"
        f" Recorded as received so far: {so_far}{total}."
    )


def _record(asked: Asked) -> None:
    word = _word(asked)
    [answer] = counting.hear([word], marketplace_id=_source(asked).marketplace_id, now=asked.now)
    if answer.verdict is not Verdict.RECORDED:
        raise Refused(answer.sentence)


ACTS = {
    "payment_record": Act(
        label="Record a buyer's payment or refund",
        needs="act_request",
        fields=("transaction", "outcome", "currency", "units", "reference", "happened_at", "document"),
        amount=Asked.money,
        check=_checked,
        summary=_summary,
        apply=_record,
    ),
}
