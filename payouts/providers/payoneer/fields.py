"""Fields of Payoneer's JSON, any of which may be absent, of another type, or encoded as in an address."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import unquote_plus

from marketplace_payouts.lib.clock import in_utc


def read_text(value: object, name: str) -> str:
    """This will read a text or a whole number from an object as text, or give an empty one where there is none."""
    found = value.get(name) if isinstance(value, Mapping) else None
    if isinstance(found, int) and not isinstance(found, bool):
        return str(found)
    return found if isinstance(found, str) else ""


def read_encoded(value: object, name: str) -> str:
    """This will read a text of a webhook, which may be encoded as in an address."""
    return unquote_plus(read_text(value, name)).strip()


def read_time(value: object) -> datetime | None:
    """This will read a moment with its zone, or give None."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.strip().upper())
    except ValueError:
        return None
    return in_utc(moment) if moment.tzinfo is not None else None
