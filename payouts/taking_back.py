"""What was prepared at a provider for an attempt that ended unpaid is cancelled there, before a person pays it.

Only where paying is a call of its own: there something stands that anybody with a log-in could still pay. Never while
nobody knows whether it was paid: what is staged here ended for certain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, assert_never
from uuid import UUID

from django.db import transaction

from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.crash_points import crash_point
from marketplace_payouts.lib.ids import uuid7
from payouts import pacing
from payouts.actors import Actor
from payouts.incidents import Evidence, open_incidents
from payouts.lifecycle import record
from payouts.models import Attempt, AttemptState, OutboxMessage, Payout
from payouts.providers import registry
from payouts.providers.base import Cancelled, NotCancellable, ProviderError, Unknown

MESSAGE: Final = "take_back"
_ENDED: Final = (AttemptState.REFUSED, AttemptState.ABSENT)


def stage(attempts: Sequence[Attempt], *, now: datetime) -> None:
    """This will have what was prepared for attempts that end now taken back, inside the caller's transaction."""
    left = [attempt for attempt in attempts if attempt.reference and _can_be_paid_there(attempt.provider)]
    rowsets.insert(
        OutboxMessage,
        [
            OutboxMessage(id=uuid7(), kind=MESSAGE, subject=one.pk, created_at=now, next_at=now)
            for one in left
        ],
    )


def tell(*, messages: Sequence[OutboxMessage], now: datetime) -> Mapping[UUID, str | None]:
    """This will ask the provider of each attempt to cancel what was prepared for it."""
    return {message.pk: _take_back(message.subject, now=now) for message in messages}


def _can_be_paid_there(name: str) -> bool:
    provider = registry.find(name)
    return (
        provider is not None and provider.capabilities.separate_funding and provider.capabilities.can_cancel
    )


def ask(attempt: Attempt) -> Cancelled | NotCancellable | Unknown:
    """This will ask an attempt's provider to cancel it; that it could not be asked now is not known either."""
    try:
        provider = registry.get(attempt.provider)
        pacing.take_turn(provider)
    except ProviderError as error:
        return Unknown(str(error))
    crash_point("cancel.before_call")
    answer = provider.cancel(attempt.reference)
    crash_point("cancel.after_call")
    return answer


def note(
    attempt: Attempt,
    *,
    kind: str,
    reason: str,
    message: str = "",
    evidence: Sequence[Evidence] = (),
    now: datetime,
) -> None:
    """This will keep on the payout's record what came of a cancelling; `message` also on the attempt."""
    with transaction.atomic():
        if message:
            Attempt.objects.filter(pk=attempt.pk).update(message=message)
        payouts = list(Payout.objects.filter(pk=attempt.payout_id).select_for_update())
        record(payouts, kind=kind, actor=Actor.provider(attempt.provider), reason=reason, now=now)
        open_incidents(list(evidence), now=now)
        crash_point("cancel.before_note")
    crash_point("cancel.after_note")


def _take_back(attempt_id: UUID, *, now: datetime) -> str | None:
    attempt = Attempt.objects.filter(pk=attempt_id, state__in=_ENDED).select_related("payout").first()
    if attempt is None:
        return None  # evidence has revived it
    answer = ask(attempt)
    match answer:
        case Unknown():
            return f"Not known whether it was taken back: {answer.reason}"
        case Cancelled():
            reason = f"{attempt.reference}, which was prepared and not paid, was taken back."
            note(attempt, kind=MESSAGE, reason=reason, now=now)
        case NotCancellable():
            # Somebody may have paid it, while the payout goes out again.
            reason = f"{attempt.reference}, which was prepared, cannot be taken back: {answer.reason}"
            note(attempt, kind=MESSAGE, reason=reason, evidence=[_evidence(attempt, reason)], now=now)
        case _:
            assert_never(answer)
    return None


def _evidence(attempt: Attempt, reason: str) -> Evidence:
    return Evidence(
        kind="contradiction",
        subject=f"attempt {attempt.pk}",
        sentence=f"{attempt.payout.number}: {reason} Look whether somebody paid it there.",
        provider=attempt.provider,
        facts={"payout": attempt.payout.number, "attempt": attempt.key, "reference": attempt.reference},
        payout=attempt.payout,
        attempt=attempt,
        payee_id=attempt.payout.payee_id,
    )
