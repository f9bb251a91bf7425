"""Asking a provider to take back what is not with the payee yet; a write of its own, repeated until it is certain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from marketplace_payouts.lib.crash_points import crash_point
from payouts import pacing
from payouts.actors import Actor
from payouts.lifecycle import record
from payouts.models import Attempt, AttemptState, OutboxMessage, Payout
from payouts.providers import registry
from payouts.providers.base import CANCELLABLE, NotCancellable, ProviderError, Unknown
from payouts.reconciliation import hurry


def tell(*, messages: Sequence[OutboxMessage], now: datetime) -> Mapping[UUID, str | None]:
    """This will ask the provider of each payout to cancel its item; what came of it is read again, never assumed."""
    return {message.pk: _cancel(message.subject, now=now) for message in messages}


def _cancel(payout_id: UUID, *, now: datetime) -> str | None:
    attempt = Attempt.objects.filter(payout_id=payout_id, state=AttemptState.ACCEPTED).first()
    if attempt is None or attempt.status not in CANCELLABLE:
        return None
    try:
        provider = registry.get(attempt.provider)
        pacing.take_turn(provider)
    except ProviderError as error:
        return str(error)
    crash_point("cancel.before_call")
    answer = provider.cancel(attempt.reference)
    crash_point("cancel.after_call")
    hurry([attempt.batch_id], now=now)
    if isinstance(answer, Unknown):
        return f"Not known whether it was cancelled: {answer.reason}"
    if isinstance(answer, NotCancellable):
        _note_refusal(attempt, answer.reason, now=now)
    return None


def _note_refusal(attempt: Attempt, reason: str, *, now: datetime) -> None:
    """The attempt tells the newest word only; the record keeps that what a person asked for was not done."""
    with transaction.atomic():
        Attempt.objects.filter(pk=attempt.pk).update(message=f"Not cancelled: {reason}")
        payouts = list(Payout.objects.filter(pk=attempt.payout_id).select_for_update())
        record(payouts, kind="cancel_refused", actor=Actor.provider(attempt.provider), reason=reason, now=now)
        crash_point("cancel.before_note")
    crash_point("cancel.after_note")
