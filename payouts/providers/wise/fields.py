"""Fields of Wise's JSON, any of which may be absent or not what its published file says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from marketplace_payouts.lib.money import Money
from payouts.providers.wise.amounts import UnreadableAmount, read_amount


def read_text(value: object, name: str) -> str:
    """This will read a text from an object, or give an empty one where there is none."""
    found = value.get(name) if isinstance(value, Mapping) else None
    return found if isinstance(found, str) else ""


def read_id(value: object, name: str) -> str:
    """This will read an id, which Wise writes as a number, or give an empty text where there is none."""
    found = value.get(name) if isinstance(value, Mapping) else None
    return str(found) if isinstance(found, int) and not isinstance(found, bool) else ""


def read_time(value: object) -> datetime | None:
    """This will read a moment in either of the two formats of Wise's API, or give None; without a zone it is UTC."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def read_objects(value: object) -> Iterator[Mapping[str, Any]]:
    """This will give the objects of a list, and nothing where it is none."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        yield from (one for one in value if isinstance(one, Mapping))


def read_money(value: object) -> Money | None:
    """This will read an amount that is an object of value and currency; None where none is given, or none readable."""
    if not isinstance(value, Mapping):
        return None
    try:
        return read_amount(value.get("value"), value.get("currency"))
    except UnreadableAmount:
        return None
