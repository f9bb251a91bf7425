"""A reader for as much of EDN as a transaction process needs.

Maps, vectors, lists, strings, keywords, whole numbers, true, false and nil; comments. A keyword keeps its colon
(`":state/purchased"`), so that it cannot be taken for a string.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

_TOKEN: Final = re.compile(r'[\s,]*(?:;[^\n]*|([\[\](){}]|"(?:\\.|[^"\\])*"|[^\s,\[\](){}";]+))')
_CLOSING: Final = {"[": "]", "(": ")", "{": "}"}
_WORDS: Final[dict[str, Any]] = {"true": True, "false": False, "nil": None}
_ESCAPES: Final = {"\\n": "\n", "\\t": "\t", '\\"': '"', "\\\\": "\\"}


class EdnError(ValueError):
    """The text is not EDN, or more of it than is understood here."""


def _tokens(text: str) -> Iterator[str]:
    end = len(text.rstrip(" \t\r\n,"))
    position = 0
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise EdnError(f"cannot read on at {text[position : position + 20]!r}")
        position = match.end()
        if match.group(1) is not None:
            yield match.group(1)


def _atom(token: str) -> Any:
    if token.startswith('"'):
        return re.sub(r"\\.", lambda match: _ESCAPES.get(match.group(), match.group()), token[1:-1])
    if token.startswith(":"):
        return token
    if token in _WORDS:
        return _WORDS[token]
    if re.fullmatch(r"[+-]?\d+", token):
        return int(token)
    raise EdnError(f"{token!r} is not understood")


def _form(token: str, tokens: Iterator[str]) -> Any:
    if token not in _CLOSING:
        return _atom(token)
    items: list[Any] = []
    for following in tokens:
        if following == _CLOSING[token]:
            return _map(items) if token == "{" else items
        items.append(_form(following, tokens))
    raise EdnError(f"{token} is never closed")


def _map(items: list[Any]) -> dict[str, Any]:
    if len(items) % 2:
        raise EdnError("a map has a key without a value")
    return dict(zip(items[::2], items[1::2], strict=True))


def loads(text: str) -> Any:
    """Read the one form that `text` holds.

    :raises EdnError: when it holds none, more than one, or something that is not understood.
    """
    tokens = _tokens(text)
    first = next(tokens, None)
    if first is None:
        raise EdnError("there is nothing to read")
    form = _form(first, tokens)
    if next(tokens, None) is not None:
        raise EdnError("there is something after the first form")
    return form
