"""Telling people by e-mail: payees what became of a payout, operators that something needs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import requests
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.template.loader import render_to_string

from marketplace_payouts.lib.currencies import format_amount
from marketplace_payouts.lib.logs import logger
from marketplace_payouts.lib.money import Money
from payouts.dissolving import live_lines
from payouts.models import OutboxMessage, Payout

log = logger(__name__)

_SUBJECTS = {
    "paid": "{number}: {amount} has been paid to you",
    "failed": "{number}: we could not pay {amount} yet",
    "returned": "{number}: {amount} came back to us",
    "partly_returned": "{number}: part of {amount} came back to us",
}


def tell(*, messages: Sequence[OutboxMessage], now: datetime) -> Mapping[UUID, str | None]:
    """This will send payees their remittance advices and their news of failures; one without an address is told of."""
    payouts = Payout.objects.select_related("payee", "method").in_bulk([m.subject for m in messages])
    lines = live_lines(list(payouts))
    mails = {}
    for message in messages:
        payout = payouts.get(message.subject)
        if payout is not None and payout.payee.email and message.facts["state"] in _SUBJECTS:
            mails[message.pk] = _mail(payout, message.facts["state"], lines.get(payout.pk, []))
    results: dict[UUID, str | None] = {message.pk: None for message in messages}
    results.update(_send(mails))
    return results


def _mail(payout: Payout, state: str, lines: Sequence[object]) -> EmailMessage:
    amount = format_amount(Money(int(payout.sent_units), payout.sent_currency))
    subject = _SUBJECTS[state].format(number=payout.number, amount=amount)
    body = render_to_string(
        f"notices/{state}.txt",
        {
            "payout": payout,
            "payee": payout.payee,
            "amount": amount,
            "lines": lines,
            "method": payout.method.masked,
        },
    )
    return EmailMessage(subject, body, settings.DEFAULT_FROM_EMAIL, [payout.payee.email])


def _send(mails: Mapping[UUID, EmailMessage]) -> dict[UUID, str | None]:
    if not mails:
        return {}
    results: dict[UUID, str | None] = {}
    connection = get_connection()
    for pk, mail in mails.items():
        mail.connection = connection
        try:
            mail.send()
            results[pk] = None
        except OSError as error:  # smtplib's errors are OSErrors
            results[pk] = f"The mail could not be sent: {error}"
    return results


def alert(*, messages: Sequence[OutboxMessage], now: datetime) -> Mapping[UUID, str | None]:
    """This will tell the operators by e-mail and by webhook, whichever is set up; both off: it stands in the log."""
    return {message.pk: _alert(message) for message in messages}


def _alert(message: OutboxMessage) -> str | None:
    title, text = message.facts["title"], message.facts["text"]
    log.warning("alert", title=title, text=text)
    try:
        if settings.ALERT_EMAILS:
            EmailMessage(f"Marketplace Payouts: {title}", text, to=settings.ALERT_EMAILS).send()
        if settings.ALERT_WEBHOOK_URL:
            answer = requests.post(
                settings.ALERT_WEBHOOK_URL,
                json={"title": title, "text": text},
                timeout=10,
                allow_redirects=False,
            )
            answer.raise_for_status()
    except OSError as error:  # requests' and smtplib's errors are OSErrors
        return f"The alert could not be told: {error}"
    return None
