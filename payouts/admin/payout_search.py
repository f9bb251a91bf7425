"""Finding payouts by any id that anybody may hold in their hands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import Q, QuerySet

from accounts.models import Marketplace, Payee
from marketplace_payouts.lib.ids import BadNumber, check_number, uuid_or_none
from payouts import methods
from payouts.acts import ACTS
from payouts.admin.choices import providers
from payouts.models import (
    Approval,
    Attempt,
    Batch,
    Hold,
    Incident,
    Observation,
    Payable,
    Payout,
    PayoutLine,
    PayoutMethod,
    Posting,
    Request,
    Source,
    WebhookDelivery,
)

_MOST = 500


def narrow(queryset: QuerySet[Payout], text: str) -> QuerySet[Payout]:
    """This will keep the payouts that the text names.

    It may be our number as somebody typed it, any id of ours or of Sharetribe's (payout, transaction, payable,
    payee, approval, hold, incident, request, observation, posting, webhook delivery), a key or reference of an attempt
    or batch, a provider's id of an event, a name, an e-mail address, or the address that the money went to.
    """
    term = text.strip()
    if not term:
        return queryset
    if (number := _number(term)) is not None:
        return queryset.filter(number=number)
    if (wanted := uuid_or_none(term)) is not None:
        # Providers render our keys with and without hyphens.
        return queryset.filter(_by_id(wanted) | _by_word(term, str(wanted), wanted.hex))
    return queryset.filter(_by_word(term) | _by_payee(term) | _by_destination(term))


def _number(term: str) -> str | None:
    try:
        return check_number(term, prefix="PO")
    except BadNumber:
        return None


# Each kind of id is looked up by its own index first; joined by OR in one statement, the planner reads whole tables.


def _by_id(wanted: UUID) -> Q:
    sources = _few(
        Source.objects.filter(Q(marketplace__in=_marketplaces(), reference=wanted) | Q(pk=wanted)), "pk"
    )
    posted = Posting.objects.filter(pk=wanted)
    payables = [wanted, *_few(Payable.objects.filter(source__in=sources), "pk"), *_few(posted, "payable_id")]
    seen = [*_few(Observation.objects.filter(pk=wanted), "attempt_id"), *_few(posted, "attempt_id")]
    attempts = Attempt.objects.filter(Q(pk__in=[wanted, *filter(None, seen)]) | Q(batch_id=wanted))
    payees = _few(Payee.objects.filter(marketplace__in=_marketplaces(), flex_user_id=wanted), "pk")
    lines = PayoutLine.objects.filter(payable__in=list(filter(None, payables)))
    named = [
        wanted,
        *_few(lines, "payout_id"),
        *_few(attempts, "payout_id"),
        *_of_records(wanted),
        *_of_deliveries(WebhookDelivery.objects.filter(pk=wanted)),
    ]
    return Q(pk__in=named) | Q(payee_id__in=[wanted, *payees]) | Q(method_id=wanted)


def _of_records(wanted: UUID) -> list[Any]:
    found = [
        _few(model._default_manager.filter(pk=wanted, payout__isnull=False), "payout_id")
        for model in (Approval, Hold, Incident, Posting)
    ]
    asked = [uuid_or_none(subject) for subject in _few(Request.objects.filter(pk=wanted), "subject")]
    return [*(pk for some in found for pk in some), *filter(None, asked)]


def _of_deliveries(deliveries: QuerySet[WebhookDelivery]) -> list[Any]:
    """The payout of the item that each is about; only one that names no item of ours is about a whole batch."""
    found: list[Any] = []
    for provider, hint in deliveries.values_list("provider", "hint")[:_MOST]:
        attempts = Attempt.objects.filter(provider=provider)
        batches = Batch.objects.filter(_hinted(hint, "batch"), provider=provider)
        found += _few(attempts.filter(_hinted(hint, "item")), "payout_id") or _few(
            attempts.filter(batch_id__in=_few(batches, "pk")), "payout_id"
        )
    return found


def _hinted(hint: Mapping[str, str], what: str) -> Q:
    # What is not named is empty, and so is the reference of what the provider never answered.
    key, reference = hint.get(f"{what}_key"), hint.get(f"{what}_reference")
    return Q(key__in=[key] if key else []) | Q(reference__in=[reference] if reference else [])


def _by_word(*words: str) -> Q:
    # The unique indexes begin with the provider, or with marketplace and origin.
    names = [name for name, _ in providers()] + ["manual"]
    batches = _few(
        Batch.objects.filter(Q(provider__in=names) & (Q(key__in=words) | Q(reference__in=words))), "pk"
    )
    named = Q(provider__in=names) & (Q(key__in=words) | Q(reference__in=words))
    attempts = _few(
        Attempt.objects.filter(named | Q(batch_id__in=batches) | Q(movement_reference__in=words)), "payout_id"
    )
    payables = Payable.objects.filter(
        marketplace__in=_marketplaces(), origin__in=Payable.Origin.values, reference__in=words
    )
    lines = PayoutLine.objects.filter(payable__in=_few(payables, "pk"))
    told = _of_deliveries(WebhookDelivery.objects.filter(provider__in=names, event_id__in=words))
    return Q(pk__in=[*attempts, *_few(lines, "payout_id"), *told])


def _by_payee(term: str) -> Q:
    try:
        validate_email(term)
    except ValidationError:
        found = Payee.objects.filter(Q(name__icontains=term) | Q(email__icontains=term))
    else:
        found = Payee.objects.filter(email__iexact=term)
    # A word that half the payees share is no id: the first ones are enough to see that.
    return Q(payee_id__in=_few(found, "pk"))


def _by_destination(term: str) -> Q:
    # Destinations are sealed: equal ones are found by their fingerprint, in the form in which they are checked.
    marks = methods.possible_fingerprints(term, fields=ACTS["method_add"].secret_fields)
    return Q(method_id__in=_few(PayoutMethod.objects.filter(fingerprint__in=marks), "pk"))


def _few(rows: QuerySet[Any], field: str) -> list[Any]:
    return list(rows.values_list(field, flat=True)[:_MOST])


def _marketplaces() -> list[UUID]:
    return list(Marketplace.objects.values_list("pk", flat=True))
