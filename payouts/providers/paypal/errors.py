"""PayPal's error envelope, read as far as it can be."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from payouts.providers.paypal.fields import read_text

_BATCH_LINK = re.compile(r"/payouts/([A-Z0-9]+)$", re.ASCII)
# In the published file a field of the body is a JSON pointer, in real answers a path with brackets.
_ITEM_FIELD = re.compile(r"(?:^|[./])items(?:\[(\d{1,6})\]|/(\d{1,6}))(?:[./]|$)", re.ASCII)
_WORD = re.compile(r"[A-Z0-9_]{1,80}", re.ASCII)
_DUPLICATE_BATCH = re.compile(r"duplicate[ _]batch", re.IGNORECASE)
_KEY_FIELD: Final = "SENDER_BATCH_ID"
_DEEPEST: Final = 12


@dataclass(frozen=True, slots=True)
class Detail:
    """One thing that PayPal finds wrong; `item` is its place in the request, where it names one."""

    field: str
    issue: str
    description: str
    item: int | None

    @property
    def word(self) -> str:
        """This will give the issue if it is a word of PayPal's vocabulary, else nothing (often it is prose)."""
        word = self.issue.strip().upper().replace(" ", "_")
        return word if _WORD.fullmatch(word) and self.issue == self.issue.upper() else ""

    @property
    def names_used_key(self) -> bool:
        """This will say whether it is about a batch key that was used before."""
        used = _DUPLICATE_BATCH.search(f"{self.issue} {self.description}")
        return used is not None or (_KEY_FIELD in self.field.upper() and "DUPLICATE" in self.issue.upper())


@dataclass(frozen=True, slots=True)
class Problem:
    """An error of PayPal's, of the API or of the gate before it."""

    name: str
    message: str
    debug_id: str
    details: Sequence[Detail]
    batches: Sequence[str]
    """Ids of batches that its links lead to."""

    def sentence(self) -> str:
        """This will give what a person may read, with PayPal's own id for its support."""
        parts = [
            self.name or "An error without a name",
            self.message,
            *(_told(detail) for detail in self.details[:3]),
        ]
        debug = f" (debug id {self.debug_id})" if self.debug_id else ""
        return (": ".join(part for part in parts if part) + debug)[:1000]


def read_problem(body: bytes) -> Problem | None:
    """This will read an error envelope; None where it is none (a page of HTML, half an answer)."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return problem_of(value)


def problem_of(value: object) -> Problem | None:
    """This will read an error envelope that is JSON already, as an item carries it in `errors`."""
    if isinstance(
        value, list
    ):  # the published file calls an item's `errors` one object, older answers had a list
        value = value[0] if value else None
    if not isinstance(value, Mapping):
        return None
    name = read_text(value, "name") or read_text(value, "error")
    if not name:
        return None
    details = value.get("details")
    return Problem(
        name=name,
        message=read_text(value, "message") or read_text(value, "error_description"),
        debug_id=read_text(value, "debug_id")[:80],
        details=[_detail(one) for one in details if isinstance(one, Mapping)]
        if isinstance(details, list)
        else [],
        batches=sorted({found[1] for href in _hrefs(value, 0) if (found := _BATCH_LINK.search(href))}),
    )


def _detail(value: Mapping[str, Any]) -> Detail:
    field = read_text(value, "field")
    found = _ITEM_FIELD.search(field)
    return Detail(
        field=field,
        issue=read_text(value, "issue"),
        description=read_text(value, "description"),
        item=int(found[1] or found[2]) if found else None,
    )


def _told(detail: Detail) -> str:
    return " ".join(part for part in (detail.field, detail.issue or detail.description) if part)


def _hrefs(value: object, depth: int) -> Iterator[str]:
    """Give every link; where PayPal puts the one to the original batch is documented nowhere."""
    if depth > _DEEPEST:
        return
    if isinstance(value, Mapping):
        if isinstance(value.get("href"), str):
            yield value["href"]
        for entry in value.values():
            yield from _hrefs(entry, depth + 1)
    elif isinstance(value, list):
        for entry in value:
            yield from _hrefs(entry, depth + 1)
