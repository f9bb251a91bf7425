"""Transit over JSON, both ways: what the official Sharetribe SDK sends and reads.

The format is described at https://github.com/cognitect/transit-format (read 2026-11-23). Only JSON, cached or
verbose; no MessagePack. Map keys are keywords on the wire and plain strings here.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from sandbox.flex.values import (
    FractionalDecimal,
    Geo,
    Instant,
    Keyword,
    Money,
    Uuid,
    WholeDecimal,
    decimal,
    instant,
    parse_instant,
    parse_uuid,
)

_CODE_BASE: Final = 44
_FIRST_CODE: Final = 48
_CACHE_SIZE: Final = _CODE_BASE * _CODE_BASE
_MAP_AS_ARRAY: Final = "^ "
_LARGEST_JSON_INTEGER: Final = 2**53 - 1


class TransitError(ValueError):
    """The text is not transit."""


class _Tag(str):
    """The head of a tagged value, without its ``~#``."""

    __slots__ = ()


def _cacheable(text: str, *, as_key: bool) -> bool:
    return len(text) > 3 and (as_key or text[:2] in ("~:", "~#", "~$"))


def _code(index: int) -> str:
    high, low = divmod(index, _CODE_BASE)
    tail = chr(low + _FIRST_CODE)
    return f"^{chr(high + _FIRST_CODE)}{tail}" if high else f"^{tail}"


_CODES: Final = tuple(_code(index) for index in range(_CACHE_SIZE))
_INDEX_OF_CODE: Final = {code: index for index, code in enumerate(_CODES)}

# ---------------------------------------------------------------------------------------------- reading


def _special_number(text: str) -> float:
    try:
        return {"NaN": float("nan"), "INF": float("inf"), "-INF": float("-inf")}[text]
    except KeyError as error:
        raise TransitError(f"~z{text} is no number") from error


_SCALARS: Final[Mapping[str, Callable[[str], Any]]] = {
    ":": Keyword,
    "$": str,
    "u": parse_uuid,
    "m": lambda text: instant(int(text)),
    "t": lambda text: instant(parse_instant(text)),
    "f": decimal,
    "d": float,
    "n": int,
    "i": int,
    "b": base64.b64decode,
    "r": str,
    "c": str,
    "z": _special_number,
    "_": lambda _text: None,
    "?": lambda text: text == "t",
    "#": _Tag,
}

_TAGS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "mn": lambda rep: Money(amount=rep[0], currency=rep[1]),
    "geo": lambda rep: Geo(lat=rep[0], lng=rep[1]),
    "set": list,
    "list": list,
    "'": lambda rep: rep,
    "cmap": lambda rep: {str(key): value for key, value in zip(rep[::2], rep[1::2], strict=True)},
}


class _Reader:
    """Holds the rolling cache of one document."""

    def __init__(self) -> None:
        self._cache: list[Any] = []

    def read(self, value: Any, *, as_key: bool = False) -> Any:
        match value:
            case str():
                return self._text(value, as_key=as_key)
            case list():
                return self._array(value)
            case dict():
                return self._object(value)
            case _:
                return value

    def _text(self, text: str, *, as_key: bool) -> Any:
        if text.startswith("^") and text != _MAP_AS_ARRAY:
            try:
                return self._cache[_INDEX_OF_CODE[text]]
            except (KeyError, IndexError) as error:
                raise TransitError(f"the cache holds nothing at {text}") from error
        decoded = self._scalar(text)
        if _cacheable(text, as_key=as_key):
            if len(self._cache) == _CACHE_SIZE:
                self._cache.clear()
            self._cache.append(decoded)
        return decoded

    @staticmethod
    def _scalar(text: str) -> Any:
        if not text.startswith("~"):
            return text
        if text[1:2] in ("~", "^", "`"):
            return text[1:]
        try:
            return _SCALARS[text[1:2]](text[2:])
        except KeyError as error:
            raise TransitError(f"{text[:2]} is a kind of value that is not understood") from error

    def _array(self, items: list[Any]) -> Any:
        if not items:
            return []
        if items[0] == _MAP_AS_ARRAY:
            return self._pairs(items[1:])
        head = self.read(items[0])
        if isinstance(head, _Tag):
            if len(items) != 2:
                raise TransitError(f"~#{head} needs exactly one value")
            return self._tagged(head, self.read(items[1]))
        return [head, *(self.read(item) for item in items[1:])]

    def _pairs(self, items: list[Any]) -> dict[str, Any]:
        if len(items) % 2:
            raise TransitError("a map has a key without a value")
        pairs = iter(items)
        return {str(self.read(key, as_key=True)): self.read(next(pairs)) for key in pairs}

    def _object(self, fields: dict[str, Any]) -> Any:
        read: dict[str, Any] = {}
        for key, value in fields.items():
            name = self.read(key, as_key=True)
            if isinstance(name, _Tag):
                return self._tagged(name, self.read(value))
            read[str(name)] = self.read(value)
        return read

    @staticmethod
    def _tagged(tag: str, rep: Any) -> Any:
        if tag not in _TAGS:
            raise TransitError(f"~#{tag} is a kind of value that is not understood")
        return _TAGS[tag](rep)


def loads(text: str | bytes) -> Any:
    """Read a transit document into the values of `sandbox.flex.values`.

    :raises TransitError: when it is not one.
    """
    try:
        return _Reader().read(json.loads(text))
    except TransitError:
        raise
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise TransitError(f"not transit: {error}") from error


# ---------------------------------------------------------------------------------------------- writing


def _escaped(text: str) -> str:
    return f"~{text}" if text[:1] in ("~", "^", "`") else text


def _number_text(value: int | float) -> str:
    """Render a number without a class name, an exponent or a fraction that it does not have."""
    return int.__repr__(value) if isinstance(value, int) else float.__repr__(value)


class _Writer:
    """Turns values into the plain lists and objects that are then dumped as JSON."""

    def __init__(self, *, verbose: bool) -> None:
        self._verbose = verbose
        self._cache: dict[str, str] = {}

    def write(self, value: Any) -> Any:
        writer = _WRITERS.get(type(value))
        if writer is None:
            raise TransitError(f"{type(value).__name__} has no form in transit")
        return writer(self, value)

    def _cached(self, text: str, *, as_key: bool) -> str:
        if self._verbose or not _cacheable(text, as_key=as_key):
            return text
        code = self._cache.get(text)
        if code is not None:
            return code
        if len(self._cache) == _CACHE_SIZE:
            self._cache.clear()
        self._cache[text] = _CODES[len(self._cache)]
        return text

    def keyword(self, value: str) -> str:
        return self._cached(f"~:{value}", as_key=False)

    def instant(self, value: str) -> str:
        return f"~t{value}" if self._verbose else f"~m{parse_instant(value)}"

    def integer(self, value: int) -> Any:
        return value if abs(value) <= _LARGEST_JSON_INTEGER else f"~i{value}"

    def sequence(self, value: Any) -> Any:
        return [self.write(item) for item in value]

    def mapping(self, value: Mapping[str, Any]) -> Any:
        if self._verbose:
            return {f"~:{key}": self.write(item) for key, item in value.items()}
        flat: list[Any] = [_MAP_AS_ARRAY]
        for key, item in value.items():
            flat.append(self._cached(f"~:{key}", as_key=True))
            flat.append(self.write(item))
        return flat

    def tagged(self, tag: str, rep: list[Any]) -> Any:
        head = self._cached(f"~#{tag}", as_key=self._verbose)
        return {head: rep} if self._verbose else [head, rep]

    def money(self, value: Mapping[str, Any]) -> Any:
        return self.tagged("mn", [value["amount"], value["currency"]])

    def geo(self, value: Mapping[str, Any]) -> Any:
        return self.tagged("geo", [value["lat"], value["lng"]])


_WRITERS: Final[Mapping[type, Callable[[_Writer, Any], Any]]] = {
    str: lambda _writer, value: _escaped(value),
    bool: lambda _writer, value: value,
    type(None): lambda _writer, value: value,
    float: lambda _writer, value: value,
    int: _Writer.integer,
    Keyword: _Writer.keyword,
    Uuid: lambda _writer, value: f"~u{value}",
    Instant: _Writer.instant,
    WholeDecimal: lambda _writer, value: f"~f{_number_text(value)}",
    FractionalDecimal: lambda _writer, value: f"~f{_number_text(value)}",
    Money: _Writer.money,
    Geo: _Writer.geo,
    dict: _Writer.mapping,
    list: _Writer.sequence,
    tuple: _Writer.sequence,
}


def dumps(value: Any, *, verbose: bool = False) -> bytes:
    """Write `value` as transit, with cache codes unless `verbose`.

    :raises TransitError: when it holds a type that the wire does not know.
    """
    written = _Writer(verbose=verbose).write(value)
    return json.dumps(written, ensure_ascii=False, separators=(",", ":")).encode()
