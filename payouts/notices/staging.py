"""That there is something to tell a payee, said inside the transaction of whatever happened."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from marketplace_payouts.lib.ids import uuid7
from payouts.models import OutboxMessage
from payouts.notices import kinds

MESSAGE: Final = "notice"
"""The kind of message that has a payee told something."""
ANSWER: Final = "answer"
"""The kind of message that has a payee sent an answer to a question; its subject is the message of the case."""


def message(
    kind: str, *, subject: UUID, payee_id: UUID, now: datetime, turn: str = "", **facts: Any
) -> OutboxMessage:
    """This will make the message for a notice; of one turn of one subject a payee is told once, however often it is.

    `facts` are what cannot be found out when it is told; they must be JSON.
    """
    return OutboxMessage.new(
        id=uuid7(),
        kind=MESSAGE,
        subject=subject,
        facts={"notice": kinds.KINDS[kind].name, "turn": turn, "payee": str(payee_id), **facts},
        created_at=now,
        next_at=now,
    )
