"""Asking a provider to take back what is not with the payee yet; a write of its own, repeated until it is certain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from payouts import taking_back
from payouts.models import Attempt, AttemptState, OutboxMessage
from payouts.providers.base import CANCELLABLE, NotCancellable, Unknown
from payouts.reconciliation import hurry


def tell(*, messages: Sequence[OutboxMessage], now: datetime) -> Mapping[UUID, str | None]:
    """This will ask the provider of each payout to cancel its item; what came of it is read again, never assumed."""
    return {message.pk: _cancel(message.subject, now=now) for message in messages}


def _cancel(payout_id: UUID, *, now: datetime) -> str | None:
    attempt = Attempt.objects.filter(payout_id=payout_id, state=AttemptState.ACCEPTED).first()
    if attempt is None or attempt.status not in CANCELLABLE:
        return None
    answer = taking_back.ask(attempt)
    hurry([attempt.batch_id], now=now)
    if isinstance(answer, Unknown):
        return f"Not known whether it was cancelled: {answer.reason}"
    if isinstance(answer, NotCancellable):
        # The attempt tells the newest word only; the record keeps that what a person asked for was not done.
        taking_back.note(
            attempt,
            kind="cancel_refused",
            reason=answer.reason,
            message=f"Not cancelled: {answer.reason}",
            now=now,
        )
    return None
