"""What PayPal's answer to the creation of a batch proves.

| answer | outcome |
|---|---|
| not connected, name not resolved, no token | `Deferred` (ours, where credentials were refused) |
| 2xx, readable, with a batch id and our own key echoed | `Accepted` |
| 2xx, anything else: unreadable, cut short, another key | `Unknown` |
| 400 `USER_BUSINESS_ERROR` that names our key as used | `AlreadyExists` |
| 400 `VALIDATION_ERROR`, `INVALID_REQUEST` | `Refused`, naming the items that PayPal names |
| 400 `MALFORMED_REQUEST` | `Refused`, ours; proves nothing about an earlier try |
| `USER_BUSINESS_ERROR`, `UNPROCESSABLE_ENTITY` with a known reason | `Refused` by that reason |
| the same names without a known reason | `Unknown`: it may be a used key |
| 401 again with a fresh token | `Deferred`, ours |
| 403 `NOT_AUTHORIZED`, `REQUIRED_SCOPE_MISSING`, `PERMISSION_DENIED` | `Deferred`, ours: turned away unread |
| 403 `SENDER_…`, `ACCOUNT_…`; 400, 403, 422 `INSUFFICIENT_FUNDS` | `Refused`, ours; likewise |
| 429 | `Deferred`, for as long as `Retry-After` says |
| every other 3xx, 4xx, 5xx; reset, timeout, HTML | `Unknown` |

The exact names stand in `codes.REFUSALS` and `codes.UMBRELLAS`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Final

from marketplace_payouts.lib.http import Answer
from payouts.providers.base import (
    Accepted,
    AlreadyExists,
    Deferred,
    ItemRefusal,
    Outcome,
    RefusalClass,
    Refused,
    Step,
    Unknown,
)
from payouts.providers.paypal.batch_request import item_keys_of
from payouts.providers.paypal.codes import REASONS, REFUSALS, UMBRELLAS, Certainty, reason_of
from payouts.providers.paypal.errors import Detail, Problem, read_problem

_REFERENCE = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_MOST_RAW: Final = 64 * 1024
# What an item's field tells about who must act; whatever else is wrong with an item, we wrote it wrongly.
_PAYEES_FIELDS: Final = ("receiver", "recipient_type", "recipient_wallet")


def read_creation(*, answer: Answer, step: Step) -> Outcome:
    """This will say what PayPal's answer to a create step proves."""
    raw = answer.body[:_MOST_RAW]
    if answer.ok:
        return _read_success(answer, step=step, raw=raw)
    if answer.status == 429:
        seconds = answer.retry_after()
        wait = timedelta(seconds=min(seconds, 86_400.0)) if seconds is not None else None
        return Deferred("PayPal asks us to slow down.", retry_after=wait, raw=raw)
    problem = read_problem(answer.body)
    if answer.status == 401:
        why = problem.sentence() if problem else "no reason given"
        return Deferred(f"PayPal does not take our credentials: {why}", ours=True, raw=raw)
    if problem is None:
        return Unknown(f"PayPal answered {answer.status} without a reason that can be read.", raw=raw)
    return _read_problem(problem, status=answer.status, step=step, raw=raw)


def _read_success(answer: Answer, *, step: Step, raw: bytes) -> Outcome:
    try:
        header = json.loads(answer.body)["batch_header"]
        reference, echo = header["payout_batch_id"], header["sender_batch_header"]["sender_batch_id"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return Unknown(f"PayPal answered {answer.status}, but not with a batch that can be read.", raw=raw)
    if not isinstance(reference, str) or not _REFERENCE.fullmatch(reference):
        return Unknown(f"PayPal answered {answer.status} with no usable id of a batch.", raw=raw)
    if echo != step.key:
        # Never adopt a batch that says it is somebody else's; asking again with the same key tells which is ours.
        return Unknown(
            f"PayPal answered with batch {reference}, which carries another key than ours.", raw=raw
        )
    return Accepted(reference=reference, raw=raw)


def _read_problem(problem: Problem, *, status: int, step: Step, raw: bytes) -> Outcome:
    if _is_used_key(problem):
        reference = problem.batches[0] if len(problem.batches) == 1 else ""
        return AlreadyExists(reference=reference, raw=raw)
    certainty = REFUSALS.get((status, problem.name))
    if certainty is Certainty.DEFERRED:
        return Deferred(f"{reason_of(problem.name).sentence} {problem.sentence()}", ours=True, raw=raw)
    if certainty is Certainty.REFUSED:
        return _refuse_bytes(problem, step=step, raw=raw)
    if certainty is Certainty.REFUSED_NOW:
        return _refuse_now(problem.name, problem, items={}, raw=raw)
    if (status, problem.name) in UMBRELLAS:
        return _read_umbrella(problem, status=status, step=step, raw=raw)
    return Unknown(f"PayPal answered {status} {problem.sentence()}", raw=raw)


def _is_used_key(problem: Problem) -> bool:
    if any(detail.names_used_key for detail in problem.details):
        return True
    return problem.name == "USER_BUSINESS_ERROR" and bool(problem.batches)


def _read_umbrella(problem: Problem, *, status: int, step: Step, raw: bytes) -> Outcome:
    known = [detail for detail in problem.details if detail.word in REASONS]
    if not known:
        return Unknown(f"PayPal answered {status} {problem.sentence()}", raw=raw)
    items = _named_items(known, step=step, of=_by_reason)
    return _refuse_now(known[0].word, problem, items=items, raw=raw)


def _refuse_now(code: str, problem: Problem, *, items: Mapping[str, ItemRefusal], raw: bytes) -> Refused:
    reason = reason_of(code)
    return Refused(
        code=code,
        refusal=RefusalClass.NEIGHBOUR if items else reason.refusal,
        message=f"{reason.sentence} {problem.sentence()}",
        items=items,
        key_is_spent=True,
        settles_earlier=False,
        raw=raw,
    )


def _refuse_bytes(problem: Problem, *, step: Step, raw: bytes) -> Refused:
    items = _named_items(problem.details, step=step, of=_by_field)
    about_header = any("header" in detail.field.lower() for detail in problem.details)
    refusal = RefusalClass.OURS if about_header else RefusalClass.UNCLASSIFIED
    return Refused(
        code=problem.name,
        refusal=RefusalClass.NEIGHBOUR if items else refusal,
        message=problem.sentence(),
        items=items,
        raw=raw,
    )


def _by_field(detail: Detail) -> ItemRefusal:
    theirs = any(name in detail.field.lower() for name in _PAYEES_FIELDS)
    code = detail.word or "VALIDATION_ERROR"
    refusal = RefusalClass.PAYEE if theirs else RefusalClass.OURS
    return ItemRefusal(
        code=code, refusal=refusal, message=detail.issue or detail.description or "PayPal refuses it."
    )


def _by_reason(detail: Detail) -> ItemRefusal:
    reason = reason_of(detail.word)
    return ItemRefusal(code=detail.word, refusal=reason.refusal, message=reason.sentence)


def _named_items(
    details: Sequence[Detail], *, step: Step, of: Callable[[Detail], ItemRefusal]
) -> Mapping[str, ItemRefusal]:
    """Give PayPal's `items[n]` back as our keys, from the very bytes that were sent."""
    keys = item_keys_of(step.body)
    named: dict[str, ItemRefusal] = {}
    for detail in details:
        if detail.item is not None and detail.item < len(keys):
            named.setdefault(keys[detail.item], of(detail))
    return named
