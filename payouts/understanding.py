"""What the border to Sharetribe says of one transaction, in our words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from marketplace_payouts.lib.money import Money
from payouts.models import Source, Trigger


@dataclass(frozen=True, slots=True)
class PaymentSeen:
    """A payment of the buyer that the transaction itself shows."""

    reference: str
    amount: Money
    at: datetime


@dataclass(frozen=True, slots=True)
class Understanding:
    """What one transaction means now; `owed` is None while nothing is due by any enabled trigger."""

    source: Source
    payee_reference: UUID
    payee_name: str
    trigger: Trigger | None
    owed: Money | None
    became_due_at: datetime | None
    source_event: str
    lines: dict[str, Any] = field(default_factory=dict)
    payments: Sequence[PaymentSeen] = ()
    payin: Money | None = None
    """What the buyer is to pay, as Sharetribe shows it now."""
    payin_then: Money | None = None
    """What they were to pay when it became due."""
