"""What Payoneer's answer to a submission proves.

| answer | outcome |
|---|---|
| not connected, name not resolved, no token | `Deferred` (ours, where credentials were refused) |
| 2xx with the one result that there is, "Payments Created" | `Accepted`; each payment is asked for |
| 2xx, anything else: unreadable, another result, an error in it | `Unknown` |
| any refusal that says of a reference that it was used | `AlreadyExists` |
| 400, 422 for lack of funds | `Refused`, ours; the same bytes go out again once there are some |
| 400, 422 of a single payment, for a reason that we know | `Refused`, by that reason |
| the same of several payments | `Unknown`: nobody has said that the others were not made |
| 401 again with a fresh token; 403 with the number 4012 | `Deferred`, ours |
| 429 | `Deferred`, for as long as `Retry-After` says |
| every other 3xx, 4xx, 5xx; reset, timeout, HTML | `Unknown` |

What is `Unknown` is asked for by our references, and counts as absent only after the settle time.
"""

from __future__ import annotations

import json
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
from payouts.providers.payoneer.codes import CREATED, INSUFFICIENT_FUNDS, OTHER_ACCOUNT
from payouts.providers.payoneer.errors import Problem, problem_of, read_problem
from payouts.providers.payoneer.fields import read_text
from payouts.providers.payoneer.mass_payout import keys_of, reference_of

_MOST_RAW: Final = 64 * 1024
_REFUSING: Final = frozenset({400, 422})


def read_submission(*, answer: Answer, step: Step) -> Outcome:
    """This will say what Payoneer's answer to a submission proves."""
    raw = answer.body[:_MOST_RAW]
    if answer.ok:
        return _read_success(answer, step=step, raw=raw)
    if answer.status == 429:
        seconds = answer.retry_after()
        wait = timedelta(seconds=min(seconds, 86_400.0)) if seconds is not None else None
        return Deferred("Payoneer asks us to slow down.", retry_after=wait, raw=raw)
    problem = read_problem(answer.body)
    if answer.status == 401:
        why = problem.sentence() if problem else "no reason given"
        return Deferred(f"Payoneer does not take our credentials: {why}", ours=True, raw=raw)
    if problem is None:
        return Unknown(f"Payoneer answered {answer.status} without a reason that can be read.", raw=raw)
    if answer.status == 403 and problem.sub_code == OTHER_ACCOUNT:
        return Deferred(
            f"Our credentials are those of another program: {problem.sentence()}", ours=True, raw=raw
        )
    if answer.status in _REFUSING:
        return _read_refusal(problem, status=answer.status, step=step, raw=raw)
    return Unknown(f"Payoneer answered {answer.status}: {problem.sentence()}", raw=raw)


def _read_success(answer: Answer, *, step: Step, raw: bytes) -> Outcome:
    try:
        value = json.loads(answer.body)
    except (ValueError, RecursionError):
        return Unknown(f"Payoneer answered {answer.status}, and nothing that can be read.", raw=raw)
    problem = problem_of(value)
    if problem is not None:
        return Unknown(
            f"Payoneer answered {answer.status}, and an error in it: {problem.sentence()}", raw=raw
        )
    if read_text(value, "result").strip().lower() != CREATED:
        return Unknown(f"Payoneer answered {answer.status}, and not that the payments were created.", raw=raw)
    keys = keys_of(step.body)
    return Accepted(reference=reference_of(keys), item_references={key: key for key in keys}, raw=raw)


def _read_refusal(problem: Problem, *, status: int, step: Step, raw: bytes) -> Outcome:
    keys = keys_of(step.body)
    if problem.is_used_key:
        return AlreadyExists(reference=reference_of(keys), raw=raw)
    reason = problem.reason
    if reason is not None and reason.code == INSUFFICIENT_FUNDS:
        # Sent again under the same references, so that what was made of it after all cannot be made twice.
        return Refused(
            code=reason.code,
            refusal=RefusalClass.OURS,
            message=f"{reason.sentence} {problem.sentence()}",
            key_is_spent=False,
            settles_earlier=False,
            raw=raw,
        )
    if reason is None or len(keys) != 1:
        named = [keys[one.item] for one in problem.details if one.item is not None and one.item < len(keys)]
        about = f" It is about {', '.join(named[:3])}." if named else ""
        return Unknown(f"Payoneer answered {status}: {problem.sentence()}{about}", raw=raw)
    message = f"{reason.sentence} {problem.sentence()}"
    own = {keys[0]: ItemRefusal(reason.code, reason.refusal, message)}
    return Refused(
        code=reason.code,
        refusal=reason.refusal,
        message=message,
        # What is our own fault is the request's, and nobody's payment is to blame.
        items={} if reason.refusal is RefusalClass.OURS else own,
        settles_earlier=False,
        raw=raw,
    )
