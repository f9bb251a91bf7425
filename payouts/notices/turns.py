"""One turn of events that a payee is to be told of, as it is handed from whoever finds it out to whoever writes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from accounts.models import Payee
from payouts.models import Notice

Contact = tuple[Notice.Contact, str]
"""Whose address it is, and the address, which may be empty."""


@dataclass(slots=True)
class Turn:
    """One turn of events that a payee is to be told of."""

    kind: str
    subject: UUID
    turn: str
    payee: Payee
    facts: dict[str, Any]
    """What fills the subject and the words; amounts are `Money`, or lists of it."""
    page: str = "/payee/"
    """Where the mail leads, under `PUBLIC_URL`."""
    is_over: bool = False
    """Whether there is nothing to tell any more."""
    contacts: Sequence[Contact] | None = None
    """To whom it goes, where that is not simply the payee."""
