"""Verifying a payout method by a link that is e-mailed to its own address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.core.mail import EmailMessage
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse

from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.ids import uuid7
from payouts import methods
from payouts.errors import Refused
from payouts.models import OutboxMessage, PayoutMethod

_SALT = "payout method verification"
VALID_FOR = timedelta(days=7)


def ask(method: PayoutMethod, *, now: datetime) -> None:
    """This will stage the mail with the link, inside the caller's transaction."""
    message = OutboxMessage(id=uuid7(), kind="verify_method", subject=method.pk, created_at=now, next_at=now)
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


def tell(*, messages: Sequence[OutboxMessage], now: datetime) -> Mapping[UUID, str | None]:
    """This will mail the link to each method's own address."""
    return {message.pk: _mail(message) for message in messages}


def _mail(message: OutboxMessage) -> str | None:
    method = PayoutMethod.objects.select_related("payee").get(pk=message.subject)
    address = methods.contact(method)
    if method.retired_at is not None or method.verified_at is not None or not address:
        return None
    url = settings.PUBLIC_URL + reverse("verify_method", args=[token(method)])
    body = render_to_string(
        "notices/verify_method.txt", {"payee": method.payee, "url": url, "method": method}
    )
    try:
        EmailMessage("Confirm where you want to be paid", body, settings.DEFAULT_FROM_EMAIL, [address]).send()
    except OSError as error:  # smtplib's errors are OSErrors
        return f"The mail could not be sent: {error}"
    return None
