"""Reading a batch from a service that keeps none: item by item, by our keys, each question at its own turn.

Such a service takes a request of many items and says no more than that it took it. An item that it does not find may
turn up as long as the settle time lasts. After that, one that was never heard of was never made, if the same reading
finds another of its request: whoever finds nothing at all may be asking with the credentials of another account.
"""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q

from marketplace_payouts.lib.logs import logger
from payouts import pacing
from payouts.models import Attempt, AttemptState, Batch
from payouts.pacing import NoTurn
from payouts.providers.base import (
    BatchView,
    ItemRefusal,
    Observation,
    PayoutProvider,
    ProviderUnavailable,
    ReferenceVanished,
    RefusalClass,
    Status,
)

log = logger(__name__)

_UNDER_WAY = (AttemptState.COMMITTED, AttemptState.UNKNOWN, AttemptState.ACCEPTED)
_OVER = (AttemptState.REFUSED, AttemptState.ABSENT)
_NOT_FOUND = "not found"
_NEVER_MADE = ItemRefusal(
    "never_made", RefusalClass.WAIT, "The provider took the request, and never made this payment."
)


def view_of(provider: PayoutProvider, batch: Batch, *, reference: str, now: datetime) -> BatchView:
    """This will read what exists under a reference, as a whole or item by item; the first turn is taken already.

    :raises ReferenceVanished: when nothing of it is to be found any more.
    :raises ProviderUnavailable: when it cannot be read now.
    """
    if provider.capabilities.keeps_batches:
        return provider.fetch(reference)
    seen, missing = _ask(provider, _to_ask(batch, now=now))
    is_over = batch.last_sent_at is not None and batch.last_sent_at + provider.capabilities.settle_time <= now
    unheard = [attempt for attempt in missing if not attempt.observed]
    if unheard and is_over:
        if not seen:
            _ask_for_another(provider, batch)
        seen += [_never_made(attempt) for attempt in unheard]
    lost = [str(one.pk) for one in missing if one.observed and one.state not in _OVER]
    if lost:
        log.warning("item_not_found_any_more", batch=str(batch.pk), attempts=lost)
    return BatchView(reference, batch_key="", raw_status="", closed=False, denied=None, observations=seen)


def _to_ask(batch: Batch, *, now: datetime) -> list[Attempt]:
    """What is under way; once nothing is, what may still come back."""
    under_way = list(batch.attempts.filter(state__in=_UNDER_WAY).order_by("pk"))
    watched = Q(watch_until__isnull=True) | Q(watch_until__gte=now)
    return under_way or list(
        batch.attempts.filter(watched).exclude(state=AttemptState.RETURNED).order_by("pk")
    )


def _ask(provider: PayoutProvider, attempts: list[Attempt]) -> tuple[list[Observation], list[Attempt]]:
    seen: list[Observation] = []
    missing: list[Attempt] = []
    for n, attempt in enumerate(attempts):
        try:
            if n:
                pacing.take_turn(provider)
            seen.append(provider.fetch_item(attempt.key))
        except ReferenceVanished:
            missing.append(attempt)
        except NoTurn:
            break  # what was heard so far is news all the same, and the rest is asked for next time
    return seen, missing


def _ask_for_another(provider: PayoutProvider, batch: Batch) -> None:
    """Ask for an item of the batch that was heard of before.

    :raises ReferenceVanished: when there is none: nobody knows whether anything of the batch was made.
    :raises ProviderUnavailable: when it is not found any more either.
    """
    known = batch.attempts.filter(observed__gt=0).exclude(raw_status=_NOT_FOUND).order_by("pk").first()
    if known is None:
        raise ReferenceVanished("None of its items is found.")
    pacing.take_turn(provider)
    try:
        provider.fetch_item(known.key)
    except ReferenceVanished as error:
        sentence = (
            "Nothing is found any more of what was there: are these the credentials of another account?"
        )
        raise ProviderUnavailable(f"{sentence} {error}") from error


def _never_made(attempt: Attempt) -> Observation:
    return Observation(
        item_key=attempt.key,
        reference=attempt.reference,
        status=Status.FAILED,
        raw_status=_NOT_FOUND,
        refusal=_NEVER_MADE,
    )
