"""Finding payouts by any id that anybody may hold in their hands."""

from __future__ import annotations

from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import Q, QuerySet

from accounts.models import Payee
from marketplace_payouts.lib.ids import BadNumber, check_number
from payouts.models import Attempt, Batch, Payout, PayoutLine

_PAYEES = 500


def narrow(queryset: QuerySet[Payout], text: str) -> QuerySet[Payout]:
    """This will keep the payouts that the text names.

    It may be our number as somebody typed it, any id of ours or of Sharetribe's (payout, transaction, payable,
    payee), a key or reference of an attempt or batch, a name, or an e-mail address.
    """
    term = text.strip()
    if not term:
        return queryset
    if (number := _number(term)) is not None:
        return queryset.filter(number=number)
    if (wanted := _id(term)) is not None:
        # Providers render our keys with and without hyphens.
        return queryset.filter(_by_id(wanted) | _by_word(term, str(wanted), wanted.hex))
    return queryset.filter(_by_word(term) | _by_payee(term))


def _number(term: str) -> str | None:
    try:
        return check_number(term, prefix="PO")
    except BadNumber:
        return None


def _id(term: str) -> UUID | None:
    try:
        return UUID(term)
    except ValueError:
        return None


def _by_id(wanted: UUID) -> Q:
    payees = Payee.objects.filter(flex_user_id=wanted).values("pk")
    lines = PayoutLine.objects.filter(
        Q(payable_id=wanted) | Q(payable__source__reference=wanted) | Q(payable__source_id=wanted)
    )
    return (
        Q(pk=wanted)
        | Q(payee_id=wanted)
        | Q(method_id=wanted)
        | Q(payee_id__in=payees)
        | Q(pk__in=lines.values("payout_id"))
        | Q(pk__in=Attempt.objects.filter(Q(pk=wanted) | Q(batch_id=wanted)).values("payout_id"))
    )


def _by_word(*words: str) -> Q:
    batches = Batch.objects.filter(Q(key__in=words) | Q(reference__in=words)).values("pk")
    attempts = Attempt.objects.filter(Q(key__in=words) | Q(reference__in=words) | Q(batch_id__in=batches))
    lines = PayoutLine.objects.filter(payable__reference__in=words)
    return Q(pk__in=attempts.values("payout_id")) | Q(pk__in=lines.values("payout_id"))


def _by_payee(term: str) -> Q:
    try:
        validate_email(term)
    except ValidationError:
        found = Payee.objects.filter(Q(name__icontains=term) | Q(email__icontains=term))
    else:
        found = Payee.objects.filter(email__iexact=term)
    # A word that half the payees share is no id: the first ones are enough to see that.
    return Q(payee_id__in=list(found.values_list("pk", flat=True)[:_PAYEES]))
