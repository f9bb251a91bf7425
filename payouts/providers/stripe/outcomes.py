"""What Stripe's answer to a transfer proves.

| answer | outcome |
|---|---|
| not connected, name not resolved | `Deferred` |
| 2xx, a transfer with amount, currency, destination, group and metadata as we sent them | `Accepted`: it is made |
| 2xx, anything else: unreadable, cut short, another echo | `Unknown` |
| `idempotency_error` | `AlreadyExists`: the key was used, for whatever |
| 400, 402, 404 with a reason from `codes.REFUSALS` | `Refused` by that reason |
| the same with any other reason | `Unknown`, with Stripe's words |
| 401, 403 | `Deferred`, ours: turned away at the gate, before keys and parameters are looked at |
| 429, `rate_limit` and `lock_timeout` | `Deferred`, for as long as `Retry-After` says |
| 409: another request with the key is under way | `Unknown` |
| every other 3xx, 4xx, 5xx; reset, timeout, HTML | `Unknown` |

Under one key Stripe gives the first answer again, for a day, a failure of its own too. So an answer that is `Unknown`
is found out about by the `transfer_group` first (`lookup`), and only then by the same key.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Final

from marketplace_payouts.lib.http import Answer
from payouts.providers.base import Accepted, AlreadyExists, Deferred, Outcome, Refused, Step, Unknown
from payouts.providers.stripe.codes import REFUSALS, REFUSED_STATUSES, Certainty
from payouts.providers.stripe.errors import Problem, read_problem
from payouts.providers.stripe.transfer_request import ITEM, differences

_MOST_RAW: Final = 64 * 1024
_MOST_WAIT_S: Final = 86_400.0
_GATE: Final = frozenset({401, 403})
_USED_KEY: Final = "idempotency_error"


def read_creation(*, answer: Answer, step: Step) -> Outcome:
    """This will say what Stripe's answer to a transfer proves."""
    raw = answer.body[:_MOST_RAW]
    if answer.ok:
        return _read_success(answer, step=step, raw=raw)
    problem = read_problem(answer)
    if answer.status == 429:
        seconds = answer.retry_after()
        wait = timedelta(seconds=min(seconds, _MOST_WAIT_S)) if seconds is not None else None
        return Deferred("Stripe asks us to slow down.", retry_after=wait, raw=raw)
    if problem is None:
        return Unknown(f"Stripe answered {answer.status} without a reason that can be read.", raw=raw)
    if answer.status in _GATE:
        return Deferred(f"Stripe does not take our key for this: {problem.sentence()}", ours=True, raw=raw)
    if problem.kind == _USED_KEY:
        return AlreadyExists(reference="", raw=raw)
    return _read_problem(problem, status=answer.status, raw=raw)


def _read_success(answer: Answer, *, step: Step, raw: bytes) -> Outcome:
    try:
        transfer = json.loads(answer.body)
        reference, item_key = transfer["id"], transfer["metadata"][ITEM]
    except (ValueError, KeyError, TypeError, RecursionError):
        return Unknown(f"Stripe answered {answer.status}, but not with a transfer that can be read.", raw=raw)
    differing = differences(step.body, transfer)
    if differing:
        return Unknown(f"Stripe answered with a transfer that is not as we sent it: {differing}.", raw=raw)
    return Accepted(reference=reference, item_references={item_key: reference}, paid_now=True, raw=raw)


def _read_problem(problem: Problem, *, status: int, raw: bytes) -> Outcome:
    reason = next((REFUSALS[word] for word in problem.words if word in REFUSALS), None)
    if status not in REFUSED_STATUSES or reason is None:
        return Unknown(f"Stripe answered {status} {problem.sentence()}", raw=raw)
    return Refused(
        code=problem.code or problem.words[0],
        refusal=reason.refusal,
        message=f"{reason.sentence} {problem.sentence()}",
        settles_earlier=reason.certainty is not Certainty.NOW,
        raw=raw,
    )
