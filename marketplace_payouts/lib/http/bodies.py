"""Putting paths and bodies together, and taking secrets out of what is shown or logged."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import quote, urlencode

HIDDEN: Final = "[hidden]"

_SECRET_HEADERS: Final = frozenset(
    {"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key"}
)
_SECRET_NAME: Final = re.compile(
    r"secret|password|passphrase|private_?key|api_?key|credential|signature"
    r"|(^|[^a-z])(token|jwt|otp|pin)$|(access|refresh|bearer|id|auth|session|approval)_?token",
    re.IGNORECASE,
)


def url_path(*segments: str) -> str:
    """Join segments into a path, each quoted, so that an id from outside cannot change which resource is meant.

    :raises ValueError: when a segment is empty, ``.`` or ``..``.
    """
    if any(segment in {"", ".", ".."} for segment in segments):
        raise ValueError("A segment of a path must not be empty or made of dots.")
    return "".join(f"/{quote(segment, safe='')}" for segment in segments)


def json_body(value: object) -> bytes:
    """Give the bytes of a JSON body, as small as they get; NaN and infinity are refused with ValueError."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def form_body(fields: Mapping[str, str] | Iterable[tuple[str, str]]) -> bytes:
    """Give the bytes of an ``application/x-www-form-urlencoded`` body."""
    pairs = fields.items() if isinstance(fields, Mapping) else fields
    return urlencode(list(pairs)).encode()


def hide_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Give the headers with the values of those that carry secrets hidden."""
    return {
        name: HIDDEN if name.lower() in _SECRET_HEADERS or _SECRET_NAME.search(name) else value
        for name, value in headers.items()
    }


def hide_json(value: object) -> object:
    """Give a JSON value with everything under a name that promises a secret hidden, at any depth."""
    match value:
        case Mapping():
            return {
                name: HIDDEN if isinstance(name, str) and _SECRET_NAME.search(name) else hide_json(entry)
                for name, entry in value.items()
            }
        case list() | tuple():
            return [hide_json(entry) for entry in value]
        case _:
            return value
