"""Stripe's error envelope, read as far as it can be. docs.stripe.com/api/errors, read 2026-11."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from marketplace_payouts.lib.http import Answer


@dataclass(frozen=True, slots=True)
class Problem:
    """An error of Stripe's."""

    kind: str
    """Its `type`."""
    code: str
    param: str
    message: str
    request_id: str

    @property
    def words(self) -> tuple[str, ...]:
        """This will name it as our tables do, the most exact name first: Stripe gives some errors no code."""
        if self.code and self.param:
            return f"{self.code}:{self.param}", self.code
        return (self.code or f"invalid:{self.param}",)

    def sentence(self) -> str:
        """This will give what a person may read, with Stripe's own id of the request for its support."""
        request = f" (request {self.request_id})" if self.request_id else ""
        return (": ".join(part for part in (self.code or self.kind, self.message) if part) + request)[:1000]


def read_problem(answer: Answer) -> Problem | None:
    """This will read an error; None where it is none of Stripe's (a page of HTML, half an answer)."""
    try:
        value = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    error = value.get("error") if isinstance(value, Mapping) else None
    if not isinstance(error, Mapping) or not isinstance(error.get("type"), str):
        return None
    return Problem(
        kind=_text(error, "type"),
        code=_text(error, "code"),
        param=_text(error, "param"),
        message=_text(error, "message"),
        request_id=answer.headers.get("request-id", "")[:80],
    )


def _text(error: Mapping[str, Any], name: str) -> str:
    value = error.get(name)
    return value if isinstance(value, str) else ""
