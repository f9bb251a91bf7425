"""What is to be told of payouts: that they were paid, failed, or came back; and answers to questions about them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.urls import reverse

from marketplace_payouts.lib.money import Money
from payouts.models import CaseMessage, OutboxMessage, Payable, Payout, State
from payouts.notices import kinds, words
from payouts.notices.turns import Turn
from payouts.providers import registry
from payouts.readiness import FOR_THE_PAYEE

_PARTLY: Final = "partly_returned"

_LINES: Final = """
    SELECT l.payout_id, b.purpose, b.currency, count(*), sum(l.units)
    FROM payouts_payoutline l JOIN payouts_payable b ON b.id = l.payable_id
    WHERE l.payout_id = ANY(%s) AND l.released_at IS NULL
    GROUP BY l.payout_id, b.purpose, b.currency ORDER BY l.payout_id, min(b.created_at)
"""
_REFUSALS: Final = """
    SELECT DISTINCT ON (a.payout_id) a.payout_id, a.refusal_class FROM payouts_attempt a
    WHERE a.payout_id = ANY(%s) ORDER BY a.payout_id, a.n DESC
"""


def outcomes(messages: Sequence[OutboxMessage], _now: datetime) -> dict[UUID, Turn]:
    """This will find out what became of payouts."""
    payouts = Payout.objects.select_related("payee__user", "payee__marketplace", "method").in_bulk(
        [message.subject for message in messages]
    )
    lines, refusals = _lines(payouts), _refusals(payouts)
    found = {}
    for message in messages:
        payout = payouts.get(message.subject)
        if payout is None:
            continue
        state = message.facts["state"]
        kind = _kind_of_state(state, refusals.get(payout.pk, ""))
        found[message.pk] = Turn(
            kind,
            payout.pk,
            # Of what was staged before there were turns, the message is the turn.
            str(message.facts.get("turn", message.pk)),
            payout.payee,
            _about(payout, lines.get(payout.pk, []), in_part=state == _PARTLY),
            page=reverse("payee:method") if kind == kinds.NEEDS_YOU else _page(payout),
            # An older word after a newer one would be wrong by the time that it is read.
            is_over=state == State.FAILED and payout.state != State.FAILED,
        )
    return found


def _kind_of_state(state: str, refusal: str) -> str:
    if state == State.FAILED:
        return kinds.NEEDS_YOU if refusal in FOR_THE_PAYEE else kinds.FAILED
    return kinds.PAID if state == State.PAID else kinds.RETURNED


def _about(payout: Payout, lines: list[tuple[str, int, Money]], *, in_part: bool) -> dict[str, Any]:
    whole = Money(int(payout.sent_units), payout.sent_currency)
    return {
        "number": payout.number,
        "amount": whole,
        "returned": Money(int(payout.returned_units), payout.sent_currency) if in_part else whole,
        "in_part": in_part,
        "method": payout.method.masked,
        "provider": registry.label(payout.provider),
        "lines": [(words.PURPOSES[purpose], count, amount) for purpose, count, amount in lines],
    }


def _lines(payout_ids: Collection[UUID]) -> dict[UUID, list[tuple[str, int, Money]]]:
    """What each payout covers: purpose, how many payables, and how much."""
    found: dict[UUID, list[tuple[str, int, Money]]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(_LINES, [list(payout_ids)])
        for payout_id, purpose, currency, count, units in cursor.fetchall():
            found[payout_id].append((Payable.Purpose(purpose), count, Money(int(units), currency)))
    return found


def _refusals(payout_ids: Collection[UUID]) -> dict[UUID, str]:
    """The class of the newest attempt's refusal."""
    with connection.cursor() as cursor:
        cursor.execute(_REFUSALS, [list(payout_ids)])
        return dict(cursor.fetchall())


def answers(messages: Sequence[OutboxMessage], _now: datetime) -> dict[UUID, Turn]:
    """This will find out what staff answered."""
    found = CaseMessage.objects.select_related(
        "case__payout__payee__user", "case__payout__payee__marketplace"
    ).in_bulk([message.subject for message in messages])
    return {
        message.pk: Turn(
            kinds.ANSWERED,
            answer.pk,
            "",
            answer.case.payout.payee,
            {"number": answer.case.payout.number, "text": answer.text},
            page=_page(answer.case.payout),
        )
        for message in messages
        if (answer := found.get(message.subject)) is not None
    }


def _page(payout: Payout) -> str:
    return reverse("payee:payout", args=[payout.pk])
