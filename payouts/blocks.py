"""What a gate says when it does not pass: to staff, and to the payee."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

LATER: Final = "Your money is on its way through our usual checks."


@dataclass(frozen=True, slots=True)
class Block:
    """What a gate says when it does not pass."""

    sentence: str
    for_payee: str = LATER
    until: datetime | None = None
