"""The kinds of value that Sharetribe's wire formats tell apart.

Each is a subclass of a type that JSON already knows, so that the JSON answer needs no conversion at all and
only transit looks at the kind.
"""

from __future__ import annotations

import datetime as dt
import functools
import uuid
from decimal import Decimal, InvalidOperation
from typing import Any, Final

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class Keyword(str):
    """A name from a closed list, such as ``transition/accept``; a plain string in JSON."""

    __slots__ = ()


class Uuid(str):
    """A UUID in its usual text form."""

    __slots__ = ()


class Instant(str):
    """A moment in UTC with milliseconds: ``2026-01-31T12:00:00.000Z``."""

    __slots__ = ()


class Money(dict[str, Any]):
    """An amount in the currency's minor unit, and the currency."""

    __slots__ = ()


class Geo(dict[str, Any]):
    """A latitude and a longitude."""

    __slots__ = ()


class WholeDecimal(int):
    """A decimal without a fraction; a JSON number."""

    __slots__ = ()


class FractionalDecimal(float):
    """A decimal with a fraction; a JSON number."""

    __slots__ = ()


def money(*, amount: int, currency: str) -> Money:
    """Make money of `amount` minor units."""
    return Money(amount=amount, currency=currency)


def geo(*, lat: float, lng: float) -> Geo:
    """Make a place."""
    return Geo(lat=lat, lng=lng)


def decimal(text: str | float) -> WholeDecimal | FractionalDecimal:
    """Make a decimal of its digits.

    :raises ValueError: when `text` is not a finite number.
    """
    try:
        value = Decimal(str(text))
    except InvalidOperation as error:
        raise ValueError(f"{text!r} is not a decimal") from error
    if not value.is_finite():
        raise ValueError(f"{text!r} is not a finite decimal")
    if value == value.to_integral_value():
        return WholeDecimal(int(value))
    return FractionalDecimal(float(value))


def parse_uuid(text: object) -> Uuid:
    """Read a UUID in its usual text form.

    :raises ValueError: when it is none.
    """
    if not isinstance(text, str) or len(text) != 36:
        raise ValueError(f"{text!r} is not a UUID")
    return Uuid(uuid.UUID(text))


@functools.lru_cache(maxsize=8192)
def instant(milliseconds: int) -> Instant:
    """Make the moment that lies `milliseconds` after 1970."""
    at = _EPOCH + dt.timedelta(milliseconds=milliseconds)
    return Instant(f"{at:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}Z")


def parse_instant(text: str) -> int:
    """Read an ISO 8601 moment as milliseconds after 1970; one without a zone is taken as UTC.

    :raises ValueError: when it is none.
    """
    at = dt.datetime.fromisoformat(text)
    if at.tzinfo is None:
        at = at.replace(tzinfo=dt.UTC)
    return round((at - _EPOCH) / dt.timedelta(milliseconds=1))
