"""Amounts as Wise writes them: JSON numbers with exactly the currency's decimals, never through a float."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import ROUND_DOWN, ROUND_UP, Decimal
from typing import Any

from sandbox.core import BadRequest, Request, Response

_MARK = re.compile(rb'"\\u0000([0-9.-]+)"')

DECIMALS = {
    "EUR": 2, "USD": 2, "GBP": 2, "AUD": 2, "CAD": 2, "SGD": 2, "BRL": 2, "INR": 2, "NGN": 2, "PHP": 2,
    "JPY": 0, "KRW": 0, "VND": 0,
}  # fmt: skip
PER_EURO = {
    code: Decimal(text)
    for code, text in {
        "EUR": "1", "USD": "1.1", "GBP": "0.85", "AUD": "1.7", "CAD": "1.5", "SGD": "1.45", "BRL": "6",
        "INR": "95", "NGN": "1700", "PHP": "63", "JPY": "165", "KRW": "1500", "VND": "28000",
    }.items()
}  # fmt: skip


def decimal(units: int, currency: str) -> Decimal:
    """Give an amount with exactly the currency's decimals."""
    return Decimal(units).scaleb(-DECIMALS[currency])


def units_of(value: object, currency: str, *, path: str) -> int:
    """Read an amount of a request.

    :raises BadRequest: when it is no number above zero, or too fine.
    """
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or value <= 0:
        raise BadRequest(f"{path} must be a number above zero")
    scaled = Decimal(value).scaleb(DECIMALS[currency])
    if scaled != scaled.to_integral_value():
        raise BadRequest(f"{path} has too many decimals for {currency}")
    return int(scaled)


def rate_of(source: str, target: str) -> Decimal:
    """Give how much of the target one unit of the source buys."""
    if source == target:
        return Decimal(1)
    return (PER_EURO[target] / PER_EURO[source]).quantize(Decimal("0.000001"))


def bought(units: int, source: str, target: str) -> int:
    """Give what an amount of the source buys, rounded down."""
    return _whole(decimal(units, source) * rate_of(source, target), target, ROUND_DOWN)


def needed(units: int, source: str, target: str) -> int:
    """Give what an amount of the target costs in the source, rounded up."""
    return _whole(decimal(units, target) / rate_of(source, target), source, ROUND_UP)


def _whole(amount: Decimal, currency: str, rounding: str) -> int:
    return int(amount.scaleb(DECIMALS[currency]).to_integral_value(rounding=rounding))


def read(request: Request) -> dict[str, Any]:
    """Read a JSON object, its numbers exactly.

    :raises BadRequest: when it is none.
    """
    try:
        value = json.loads(request.body, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"JSON parse error: {error}") from error
    if not isinstance(value, dict):
        raise BadRequest("JSON parse error: an object is expected")
    return value


def answer(value: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Make an answer in which each Decimal is a number as it stands."""
    return Response(status, dumps(value), headers=headers)


def dumps(value: object) -> bytes:
    """Write JSON in which each Decimal is a number as it stands."""
    marked = json.dumps(value, default=_marked, ensure_ascii=False, separators=(",", ":")).encode()
    return _MARK.sub(rb"\1", marked)


def _marked(value: object) -> str:
    if isinstance(value, Decimal):
        return f"\0{value:f}"
    raise TypeError(f"{value!r} cannot be written")
