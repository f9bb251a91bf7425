"""A payee's questions about a payout, and the answers."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from payouts import cases
from payouts.models import Case, Payout
from payouts.payee_view.finding import find
from payouts.payee_view.shapes import Message, Question


def ask(*, payee_id: UUID, payout_id: UUID, kind: str, text: str, now: datetime) -> Question:
    """This will ask something about a payout of the payee's, or add to the open question of that kind.

    :raises NoSuchPayout: when the payee has none of that id.
    :raises Refused: when nothing is asked, too much is, or too many messages stand unanswered.
    """
    case = cases.ask(find(payee_id=payee_id, payout_id=payout_id), kind=kind, text=text, now=now)
    return _question(case)


def questions(*, payee_id: UUID, payout_id: UUID) -> list[Question]:
    """This will give what the payee asked about one of their payouts, and what was answered, newest first.

    :raises NoSuchPayout: when the payee has none of that id.
    """
    return questions_about(find(payee_id=payee_id, payout_id=payout_id))


def questions_about(payout: Payout) -> list[Question]:
    """This will give what was asked about a payout, newest first."""
    rows = Case.objects.filter(payout=payout).order_by("-opened_at", "-pk").prefetch_related("messages")
    return [_question(row) for row in rows]


def _question(case: Case) -> Question:
    messages = sorted(case.messages.all(), key=lambda one: (one.at, one.pk))
    return Question(
        id=case.pk,
        kind=case.kind,
        asked_at=case.opened_at,
        closed_at=case.closed_at,
        messages=[Message(at=one.at, by_payee=one.by_id is None, text=one.text) for one in messages],
    )
