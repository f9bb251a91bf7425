"""Fields of PayPal's JSON, any of which may be absent or not what its published file says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from marketplace_payouts.lib.clock import in_utc


def read_text(value: object, name: str) -> str:
    """This will read a text from an object, or give an empty one where there is none."""
    found = value.get(name) if isinstance(value, Mapping) else None
    return found if isinstance(found, str) else ""


def read_time(value: object) -> datetime | None:
    """This will read a moment as PayPal writes it, or give None."""
    if not isinstance(value, str):
        return None
    try:
        return in_utc(datetime.fromisoformat(value.strip().upper()))
    except ValueError:
        return None
