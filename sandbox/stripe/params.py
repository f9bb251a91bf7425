"""Reads form-encoded, nested parameters (`a[b][0]=c`) and holds them against what an endpoint takes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from sandbox.stripe import problems
from sandbox.stripe.problems import Problem

Params = dict[str, Any]
Reader = Callable[[Any, str], Any]
"""Reads a value that stands at a name; raises Problem for one that Stripe would refuse."""

_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_STEP = re.compile(r"\[([^\[\]]*)\]")
_DEEPEST = 8


def parse(text: str) -> Params:
    """Read a query or a body.

    :raises Problem: when a name cannot be read, or is a value and a hash at once.
    """
    found: Params = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        match = _NAME.fullmatch(name)
        steps = [match[1], *_STEP.findall(match[2])] if match else []
        if not 0 < len(steps) <= _DEEPEST:
            raise problems.invalid(f"Invalid parameter name: {name}", name)
        _put(found, steps, value, name)
    return found


def _put(into: Params, steps: list[str], value: str, name: str) -> None:
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        key = step or str(len(into))  # a[]=x is appended
        if following is None:
            into[key] = value
            return
        into = into.setdefault(key, {})
        if not isinstance(into, dict):
            raise problems.invalid(f"Invalid hash: {name}", name)


# Readers ------------------------------------------------------------------------------------------------------


def text(value: Any, name: str) -> str:
    """Read a text; an empty one unsets."""
    if not isinstance(value, str):
        raise problems.invalid(f"Invalid string: {value}", name)
    return value


def whole(value: Any, name: str) -> int:
    """Read a whole number."""
    if not isinstance(value, str) or not re.fullmatch(r"-?[0-9]{1,18}", value):
        raise problems.invalid(f"Invalid integer: {value}", name, code="parameter_invalid_integer")
    return int(value)


def positive(value: Any, name: str) -> int:
    """Read an amount above zero."""
    number = whole(value, name)
    if number < 1:
        raise problems.invalid(
            "This value must be greater than or equal to 1.", name, code="parameter_invalid_integer"
        )
    if number > 99_999_999_999:
        raise problems.invalid("This value is too large.", name, code="amount_too_large")
    return number


def flag(value: Any, name: str) -> bool:
    """Read true or false."""
    if value not in ("true", "false"):
        raise problems.invalid(f"Invalid boolean: {value}", name)
    return bool(value == "true")


def anything(value: Any, _name: str) -> Any:
    """Take a value as it is."""
    return value


def choice(*known: str) -> Reader:
    """Read one of some words."""

    def read(value: Any, name: str) -> str:
        if value not in known:
            named = known[0] if len(known) == 1 else f"{', '.join(known[:-1])}, or {known[-1]}"
            raise problems.invalid(f"Invalid {name}: must be one of {named}", name)
        return str(value)

    return read


def many(reader: Reader) -> Reader:
    """Read a list."""

    def read(value: Any, name: str) -> list[Any]:
        if not isinstance(value, dict) or not all(key.isascii() and key.isdecimal() for key in value):
            raise problems.invalid(f"Invalid array: {value}", name)
        return [reader(value[key], f"{name}[{key}]") for key in sorted(value, key=int)]

    return read


def group(**fields: Reader) -> Reader:
    """Read a hash with these names; an empty text unsets all of it."""

    def read(value: Any, name: str) -> dict[str, Any] | None:
        if value == "":
            return None
        if not isinstance(value, dict):
            raise problems.invalid(f"Invalid object: {value}", name)
        strangers = [f"{name}[{key}]" for key in value if key not in fields]
        if strangers:
            raise problems.unknown(strangers)
        return {key: fields[key](inner, f"{name}[{key}]") for key, inner in value.items()}

    # So that a test can hold it against the official library.
    read.fields = fields  # type: ignore[attr-defined]
    return read


def either(*readers: Reader) -> Reader:
    """Read in the first way that works."""

    def read(value: Any, name: str) -> Any:
        for reader in readers[:-1]:
            try:
                return reader(value, name)
            except Problem:
                continue
        return readers[-1](value, name)

    return read


def metadata(value: Any, name: str) -> dict[str, str]:
    """Read metadata: values that are empty unset a key, an empty text unsets all."""
    if value == "":
        return {"": ""}
    if not isinstance(value, dict) or not all(isinstance(inner, str) for inner in value.values()):
        raise problems.invalid(f"Invalid {name}: metadata is a set of key-value pairs", name)
    for key, inner in value.items():
        _check_metadata(key, inner, name)
    if len(value) > 50:
        raise problems.invalid("Metadata can have up to 50 keys.", name)
    return value


def _check_metadata(key: str, value: str, name: str) -> None:
    if len(key) > 40:
        raise problems.invalid(
            f"Metadata keys can be up to 40 characters long, but you passed in a key that is {len(key)} characters. "
            f"Invalid key: {key}",
            name,
        )
    if len(value) > 500:
        raise problems.invalid(
            f"Metadata values can have up to 500 characters, but you passed in a value that is {len(value)} "
            f"characters. Invalid value: {value}",
            name,
        )


def moment(value: Any, name: str) -> dict[str, int]:
    """Read a second, or a range of them, as comparisons."""
    if isinstance(value, dict):
        found: dict[str, int] = group(gt=whole, gte=whole, lt=whole, lte=whole)(value, name)
        return found
    return {"eq": whole(value, name)}


# Forms --------------------------------------------------------------------------------------------------------


class Form:
    """What an endpoint takes: `fields`, of which `needs` must be there; `undone`: what only Stripe itself knows.

    `takes_all`: whatever else is sent is let through.
    """

    def __init__(
        self,
        fields: Mapping[str, Reader] | None = None,
        *,
        needs: Iterable[str] = (),
        undone: str = "",
        takes_all: bool = False,
    ) -> None:
        self.fields = {**(fields or {}), "expand": many(text)}
        self.needs = tuple(needs)
        self.undone = frozenset(undone.split())
        self.takes_all = takes_all

    def read(self, given: Params) -> Params:
        """Read what was sent.

        :raises Problem: for what is missing, unknown, or of the wrong form.
        """
        for name in given:
            if name in self.undone:
                raise problems.undone(name)
        strangers = [name for name in given if name not in self.fields]
        if strangers and not self.takes_all:
            raise problems.unknown(strangers)
        for name in self.needs:
            if name not in given:
                raise problems.missing(name)
            if given[name] == "":
                raise problems.empty(name)
        return {name: self.fields.get(name, anything)(value, name) for name, value in given.items()}


def paged(undone: str = "", **filters: Reader) -> Form:
    """Make the form of a list of what has a time of creation."""
    return inner_page(undone, created=moment, **filters)


def inner_page(undone: str = "", **filters: Reader) -> Form:
    """Make the form of a list inside of a resource."""
    fields: dict[str, Reader] = {
        "limit": _limit,
        "starting_after": text,
        "ending_before": text,
        **filters,
    }
    return Form(fields, undone=undone)


def _limit(value: Any, name: str) -> int:
    number = whole(value, name)
    if not 1 <= number <= 100:
        bound = "greater than or equal to 1" if number < 1 else "less than or equal to 100"
        raise problems.invalid(f"This value must be {bound}.", name, code="parameter_invalid_integer")
    return number


NOTHING = Form()
METADATA_ONLY = Form({"metadata": metadata})


def merged(old: Mapping[str, str], given: Mapping[str, str] | None) -> dict[str, str]:
    """Apply an update of metadata."""
    if given is None:
        return dict(old)
    if given == {"": ""}:
        return {}
    result = {**old, **given}
    return {key: value for key, value in result.items() if value != ""}
