"""Telling the operators that something needs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import requests
from django.conf import settings
from django.core.mail import EmailMessage

from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.ids import uuid7
from marketplace_payouts.lib.logs import logger
from payouts.models import OutboxMessage

log = logger(__name__)


def raise_alert(*, subject: UUID, title: str, text: str, now: datetime) -> None:
    """This will stage an alert inside the caller's transaction."""
    message = OutboxMessage(
        id=uuid7(),
        kind="alert",
        subject=subject,
        facts={"title": title, "text": text},
        created_at=now,
        next_at=now,
    )
    rowsets.insert(OutboxMessage, [message])


def tell(*, messages: Sequence[OutboxMessage], now: datetime) -> Mapping[UUID, str | None]:
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
