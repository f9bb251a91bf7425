"""Finding payouts by any id that anybody may hold in their hands."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import Q, QuerySet

from accounts.models import Marketplace, Payee
from marketplace_payouts.lib.ids import BadNumber, check_number, uuid_or_none
from payouts.admin.choices import providers
from payouts.models import (
    Approval,
    Attempt,
    Batch,
    Hold,
    Incident,
    Payable,
    Payout,
    PayoutLine,
    Request,
    Source,
)

_MOST = 500


def narrow(queryset: QuerySet[Payout], text: str) -> QuerySet[Payout]:
    """This will keep the payouts that the text names.

    It may be our number as somebody typed it, any id of ours or of Sharetribe's (payout, transaction, payable,
    payee, approval, hold, incident, request), a key or reference of an attempt or batch, a name, or an e-mail
    address.
    """
    term = text.strip()
    if not term:
        return queryset
    if (number := _number(term)) is not None:
        return queryset.filter(number=number)
    if (wanted := uuid_or_none(term)) is not None:
        # Providers render our keys with and without hyphens.
        return queryset.filter(_by_id(wanted) | _by_word(term, str(wanted), wanted.hex))
    return queryset.filter(_by_word(term) | _by_payee(term))


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
    payables = [wanted, *_few(Payable.objects.filter(source__in=sources), "pk")]
    attempts = Attempt.objects.filter(Q(pk=wanted) | Q(batch_id=wanted))
    payees = _few(Payee.objects.filter(marketplace__in=_marketplaces(), flex_user_id=wanted), "pk")
    lines = PayoutLine.objects.filter(payable__in=payables)
    return (
        Q(pk__in=[wanted, *_few(lines, "payout_id"), *_few(attempts, "payout_id"), *_of_decisions(wanted)])
        | Q(payee_id__in=[wanted, *payees])
        | Q(method_id=wanted)
    )


def _of_decisions(wanted: UUID) -> list[Any]:
    found = [
        _few(model._default_manager.filter(pk=wanted, payout__isnull=False), "payout_id")
        for model in (Approval, Hold, Incident)
    ]
    asked = [uuid_or_none(subject) for subject in _few(Request.objects.filter(pk=wanted), "subject")]
    return [*(pk for some in found for pk in some), *filter(None, asked)]


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
    return Q(pk__in=[*attempts, *_few(lines, "payout_id")])


def _by_payee(term: str) -> Q:
    try:
        validate_email(term)
    except ValidationError:
        found = Payee.objects.filter(Q(name__icontains=term) | Q(email__icontains=term))
    else:
        found = Payee.objects.filter(email__iexact=term)
    # A word that half the payees share is no id: the first ones are enough to see that.
    return Q(payee_id__in=_few(found, "pk"))


def _few(rows: QuerySet[Any], field: str) -> list[Any]:
    return list(rows.values_list(field, flat=True)[:_MOST])


def _marketplaces() -> list[UUID]:
    return list(Marketplace.objects.values_list("pk", flat=True))
