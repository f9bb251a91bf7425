"""Funding, the one call by which money leaves: what its answer proves.

An answer of 200 may say that nothing was funded. A second funding is refused for the transfer's state, whether the
first one did it or somebody who paid, or cancelled, on wise.com: the transfer itself tells which.
"""

from __future__ import annotations

from marketplace_payouts.lib.http import Answer
from payouts.providers.base import Accepted, AlreadyExists, Outcome, Refused, Step, Unknown
from payouts.providers.wise.codes import FUNDED, FUNDING, INVALID_STATE, NOT_FUNDED, UNKNOWN_REASON
from payouts.providers.wise.errors import read_problem
from payouts.providers.wise.fields import read_text
from payouts.providers.wise.outcomes import LARGEST_RAW, read_json_answer, turned_away


def read_funding(answer: Answer, *, step: Step) -> Outcome:
    """This will say whether a transfer was funded."""
    raw = answer.body[:LARGEST_RAW]
    gate = turned_away(answer)
    if gate is not None:
        return gate
    transfer = step.path.split("/")[-2]
    if answer.ok:
        return _read_word(read_json_answer(answer), transfer, raw=raw)
    problem = read_problem(answer.body)
    if problem is not None and answer.status == 422 and problem.has(INVALID_STATE):
        return AlreadyExists(reference=transfer, raw=raw)
    if problem is not None and answer.status == 422 and problem.code in FUNDING:
        return _rejected(problem.code, problem.sentence(), raw=raw)
    return Unknown(f"Wise answered {answer.status} to the funding.", raw=raw)


def _read_word(value: object, transfer: str, *, raw: bytes) -> Outcome:
    word = read_text(value, "status")
    if word == FUNDED:
        return Accepted(transfer, raw=raw)
    if word == NOT_FUNDED:
        return _rejected(
            read_text(value, "errorCode") or NOT_FUNDED, read_text(value, "errorMessage"), raw=raw
        )
    return Unknown("Wise's answer to the funding says neither yes nor no.", raw=raw)


def _rejected(code: str, told: str, *, raw: bytes) -> Refused:
    """The reason lies in our account, which may have been well at an earlier try: this one funded nothing."""
    reason = FUNDING.get(code, UNKNOWN_REASON)
    return Refused(
        code=code[:80],
        refusal=reason.refusal,
        message=f"{reason.sentence} {told}".strip(),
        key_is_spent=code not in FUNDING,
        settles_earlier=False,
        raw=raw,
    )
