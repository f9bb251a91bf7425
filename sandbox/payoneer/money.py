"""Amounts: a string of at most two decimals, or a JSON number, as both are seen in the wild."""

from __future__ import annotations

import os
import re
from decimal import Decimal
from typing import Any

CURRENCIES = frozenset({"USD", "EUR", "GBP", "CAD", "AUD"})
PLACES = 2
_AMOUNT = re.compile(r"[0-9]{1,12}(\.[0-9]{1,2})?")


def program_currency() -> str:
    """Give the currency that the program begins with."""
    return os.environ.get("SANDBOX_PAYONEER_CURRENCY", "USD")


def units_of(value: Any) -> int | None:
    """Read an amount in cents; None where it is none that can be paid."""
    text = repr(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not _AMOUNT.fullmatch(text):
        return None
    return int(Decimal(text).scaleb(PLACES)) or None


def shown(units: int) -> float:
    """Give an amount as Payoneer shows it: a JSON number."""
    return float(Decimal(units).scaleb(-PLACES))
