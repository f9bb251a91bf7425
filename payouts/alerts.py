"""Telling the operators that something needs them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.ids import uuid7
from payouts.models import OutboxMessage


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
