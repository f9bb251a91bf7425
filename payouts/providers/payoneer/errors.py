"""Payoneer's error envelope, read as far as it can be; some errors come with a status of success."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from payouts.providers.payoneer.codes import ALREADY_EXISTS, PAYOUT_NOT_FOUND, Reason, reason_of
from payouts.providers.payoneer.fields import read_text

_PLACE = re.compile(r"payments\[(\d{1,4})\]", re.IGNORECASE)
_MOST_TOLD: Final = 3


@dataclass(frozen=True, slots=True)
class Detail:
    """One thing that Payoneer finds wrong; `item` is its place in the request, where it names one."""

    code: str
    sub_code: str
    message: str
    value: str
    item: int | None

    @property
    def reason(self) -> Reason | None:
        """What it means, where anybody knows."""
        return reason_of(self.sub_code, self.code, words=self.message)


@dataclass(frozen=True, slots=True)
class Problem:
    """An error of Payoneer's."""

    name: str
    description: str
    code: str
    sub_code: str
    details: Sequence[Detail]

    @property
    def is_payout_not_found(self) -> bool:
        """Whether it says that a payment is not known (yet): the number was seen in either place."""
        return PAYOUT_NOT_FOUND in (self.code, self.sub_code)

    @property
    def reason(self) -> Reason | None:
        """What it means as a whole, where anybody knows."""
        own = reason_of(self.sub_code, self.code, words=self.description)
        return own or next((one.reason for one in self.details if one.reason is not None), None)

    @property
    def is_used_key(self) -> bool:
        """Whether anything in it says that a reference was used before."""
        reasons = [self.reason, *(one.reason for one in self.details)]
        return any(reason is not None and reason.code == ALREADY_EXISTS for reason in reasons)

    def sentence(self) -> str:
        """This will give what a person may read."""
        numbers = "/".join(part for part in (self.code, self.sub_code) if part)
        told = [one.message for one in self.details[:_MOST_TOLD] if one.message != self.description]
        parts = [f"{self.name} {numbers}".strip(), self.description, *told]
        return ": ".join(part for part in parts if part)[:1000]


def read_problem(body: bytes) -> Problem | None:
    """This will read an error envelope; None where it is none (a success, a page of HTML, half an answer)."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return problem_of(value)


def problem_of(value: object) -> Problem | None:
    """This will read an error envelope that is JSON already: `error`, or a `status` that is not success."""
    if not isinstance(value, Mapping):
        return None
    status = read_text(value, "status")
    name = read_text(value, "error") or ("" if status.lower() in ("", "success") else status)
    if not name:
        return None
    details = value.get("error_details")
    errors = details.get("errors") if isinstance(details, Mapping) else None
    return Problem(
        name=name[:80],
        description=read_text(value, "error_description") or read_text(value, "description"),
        code=read_text(details, "code") or read_text(value, "code"),
        sub_code=read_text(details, "sub_code"),
        details=[_detail(one) for one in errors if isinstance(one, Mapping)]
        if isinstance(errors, list)
        else [],
    )


def _detail(value: Mapping[str, object]) -> Detail:
    place = _PLACE.search(read_text(value, "target"))
    return Detail(
        code=read_text(value, "code"),
        sub_code=read_text(value, "sub_code"),
        message=read_text(value, "message"),
        value=read_text(value, "value"),
        item=int(place[1]) if place else None,
    )
