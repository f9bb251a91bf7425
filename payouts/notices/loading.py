"""What messages are about, loaded for a whole set in a number of statements that does not grow with it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from payouts import method_changes, verification
from payouts.models import OutboxMessage
from payouts.notices import about_debts, about_methods, about_payouts, kinds
from payouts.notices.staging import ANSWER, MESSAGE
from payouts.notices.turns import Turn

Loader = Callable[[Sequence[OutboxMessage], datetime], dict[UUID, Turn]]
"""loader(messages, now) → message id → what it is about; what is not there any more is left out."""

_OUTCOME: Final = ""
"""What the core says of a payout names its state alone."""
_LOADERS: Final[Mapping[str, Loader]] = {
    _OUTCOME: about_payouts.outcomes,
    ANSWER: about_payouts.answers,
    method_changes.KIND: about_methods.changes,
    verification.ASK: about_methods.to_verify,
    kinds.INVITED: about_debts.reminders,
    kinds.REMINDED: about_debts.reminders,
    kinds.OWED: about_debts.earned,
}


def load(messages: Sequence[OutboxMessage], *, now: datetime) -> dict[UUID, Turn]:
    """This will find out what each message is about; one about what is not there any more is left out."""
    by_loader: dict[Loader, list[OutboxMessage]] = defaultdict(list)
    for message in messages:
        kind = message.facts.get("notice", _OUTCOME) if message.kind == MESSAGE else message.kind
        by_loader[_LOADERS[kind]].append(message)
    found: dict[UUID, Turn] = {}
    for loader, group in by_loader.items():
        found |= loader(group, now)
    return found
