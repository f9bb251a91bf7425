"""Verifying a payout method by a link that is e-mailed to its own address."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.core import signing
from django.db import transaction

from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.ids import uuid7
from payouts import methods
from payouts.errors import Refused
from payouts.models import OutboxMessage, PayoutMethod

ASK: Final = "verify_method"
"""The kind of message that has the link mailed."""

_SALT = "payout method verification"
VALID_FOR = timedelta(days=7)


def ask(method: PayoutMethod, *, now: datetime) -> None:
    """This will stage the mail with the link, inside the caller's transaction."""
    message = OutboxMessage(id=uuid7(), kind=ASK, subject=method.pk, created_at=now, next_at=now)
    rowsets.insert(OutboxMessage, [message])


def token(method: PayoutMethod) -> str:
    """This will make what the link carries: it names this version of the method, and nothing secret."""
    return signing.dumps([str(method.pk), method.fingerprint], salt=_SALT)


def find(text: str) -> PayoutMethod:
    """This will find the method that a link is about.

    :raises Refused: when the link is broken, too old, or its method was replaced.
    """
    try:
        pk, fingerprint = signing.loads(text, salt=_SALT, max_age=VALID_FOR)
        method = PayoutMethod.objects.select_related("payee").get(pk=pk, fingerprint=fingerprint)
    except (signing.BadSignature, ValueError, PayoutMethod.DoesNotExist):
        raise Refused("This link is broken or too old; ask for a new one.") from None
    if method.retired_at is not None:
        raise Refused("This payout method was replaced; there is nothing to confirm any more.")
    return method


def confirm(text: str, *, now: datetime) -> PayoutMethod:
    """This will take the method as verified: whoever has the link reads the mail of its address.

    :raises Refused: as `find`.
    """
    pk = find(text).pk
    with transaction.atomic():
        method = PayoutMethod.objects.select_for_update(of=("self",)).select_related("payee").get(pk=pk)
        if method.verified_at is None:
            methods.verify(method, how="Link mailed to its address.", by=None, now=now)
    return method
