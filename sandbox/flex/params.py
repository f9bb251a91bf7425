"""Query parameters, read once each; what nobody read is refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.core import Request
from sandbox.flex.errors import ApiError
from sandbox.flex.values import Uuid, parse_instant, parse_uuid

_OPEN_PREFIXES = ("fields.", "limit.", "imageVariant.")


class Params:
    """The query string of one request."""

    def __init__(self, request: Request) -> None:
        self._given = {name: values[-1] for name, values in request.query.items()}
        self._read: set[str] = set()

    def text(self, name: str) -> str | None:
        """Give a parameter as it is; None when it is absent."""
        self._read.add(name)
        return self._given.get(name)

    def required(self, name: str) -> str:
        """Give a parameter that must be there.

        :raises ApiError: `validation-missing-key`.
        """
        value = self.text(name)
        if value is None:
            raise ApiError("validation-missing-key", path=(name,), where="query")
        return value

    def uuid(self, name: str) -> Uuid | None:
        """Give a parameter that is an id.

        :raises ApiError: when it is none.
        """
        value = self.text(name)
        try:
            return None if value is None else parse_uuid(value)
        except ValueError as error:
            raise invalid(name, str(error)) from error

    def whole(self, name: str, *, default: int, least: int = 1, most: int | None = None) -> int:
        """Give a parameter that is a whole number within bounds.

        :raises ApiError: when it is not.
        """
        value = self.text(name)
        if value is None:
            return default
        if not value.isdecimal() or not least <= int(value) <= (most if most is not None else int(value)):
            raise invalid(name, f"a whole number from {least} to {most or 'any'}, not {value!r}")
        return int(value)

    def moment(self, name: str) -> int | None:
        """Give a moment in milliseconds.

        :raises ApiError: when it is not ISO 8601.
        """
        value = self.text(name)
        try:
            return None if value is None else parse_instant(value)
        except ValueError as error:
            raise invalid(name, f"{value!r} is no moment") from error

    def span(self, name: str) -> tuple[int, int] | None:
        """Give two moments, from and to.

        :raises ApiError: when there are not exactly two.
        """
        value = self.text(name)
        if value is None:
            return None
        try:
            start, end = (parse_instant(part) for part in value.split(","))
        except ValueError as error:
            raise invalid(name, "two moments with a comma between them") from error
        return start, end

    def words(self, name: str, *, prefix: str = "") -> frozenset[str] | None:
        """Give a comma-separated list; `prefix` is put before words that lack it."""
        value = self.text(name)
        if value is None:
            return None
        return frozenset(
            word if word.startswith(prefix) else f"{prefix}{word}" for word in value.split(",") if word
        )

    def flag(self, name: str) -> bool | None:
        """Give a parameter that is true or false.

        :raises ApiError: when it is neither.
        """
        value = self.text(name)
        if value not in (None, "true", "false"):
            raise invalid(name, f"true or false, not {value!r}")
        return None if value is None else value == "true"

    def starting(self, *prefixes: str) -> dict[str, str]:
        """Give all parameters whose names begin so."""
        found = {name: value for name, value in self._given.items() if name.startswith(prefixes)}
        self._read.update(found)
        return found

    def fields(self) -> Mapping[str, tuple[str, ...]]:
        """Give which attributes are wanted per type (`fields.user=profile.displayName,email`)."""
        return {
            name.removeprefix("fields."): tuple(value.split(","))
            for name, value in self.starting("fields.").items()
        }

    def finish(self) -> None:
        """Refuse what nobody asked for.

        :raises ApiError: `validation-disallowed-key`.
        """
        left = [
            name for name in self._given if name not in self._read and not name.startswith(_OPEN_PREFIXES)
        ]
        if left:
            raise ApiError("validation-disallowed-key", path=(left[0],), where="query")


def invalid(name: str, why: str) -> ApiError:
    """Make the refusal of a parameter's value."""
    return ApiError("validation-invalid-value", why, path=(name,), where="query")


def only(body: Mapping[str, Any], allowed: Iterable[str]) -> None:
    """Refuse a body with fields that the command does not take.

    :raises ApiError: `validation-disallowed-key`.
    """
    left = sorted(set(body) - set(allowed))
    if left:
        raise ApiError("validation-disallowed-key", path=(left[0],))
