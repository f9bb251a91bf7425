"""Wise's error forms, read as far as they can be: a list of errors, OAuth's pair, and the one of a fault inside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from payouts.providers.wise.amounts import read_json
from payouts.providers.wise.fields import read_objects, read_text

_MOST = 5


@dataclass(frozen=True, slots=True)
class Detail:
    """One thing that Wise finds wrong; codes repeat, so `path` belongs to it."""

    code: str
    message: str
    path: str

    def sentence(self) -> str:
        """This will give what a person may read."""
        return ": ".join(part for part in (self.path or self.code, self.message) if part)


@dataclass(frozen=True, slots=True)
class Problem:
    """An error of Wise's, with everything that it names."""

    details: Sequence[Detail]

    @property
    def code(self) -> str:
        """The first code."""
        return self.details[0].code

    def has(self, code: str) -> bool:
        """This will say whether a code is among those that are named."""
        return any(one.code == code for one in self.details)

    def sentence(self) -> str:
        """This will give what a person may read."""
        return "; ".join(one.sentence() for one in self.details[:_MOST])[:1000]


def read_problem(body: bytes) -> Problem | None:
    """This will read an error; None where it is none (a page of HTML, half an answer)."""
    try:
        value = read_json(body)
    except ValueError:
        return None
    if not isinstance(value, Mapping):
        return None
    details = [_detail(one) for one in read_objects(value.get("errors"))]
    if not details:
        code = read_text(value, "exception") or read_text(value, "error")
        message = read_text(value, "message") or read_text(value, "error_description")
        details = [Detail(code[:80], message[:300], "")] if code else []
    return Problem(details) if details else None


def _detail(value: Mapping[str, object]) -> Detail:
    return Detail(
        code=read_text(value, "code")[:80],
        message=read_text(value, "message")[:300],
        path=read_text(value, "path")[:100],
    )
