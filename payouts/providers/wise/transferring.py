"""Making a transfer: a repeated key gives the one that there is, and whatever goes wrong is looked up by that key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from marketplace_payouts.lib.http import Answer
from payouts.providers.base import (
    Accepted,
    AlreadyExists,
    Outcome,
    ProviderUnavailable,
    RefusalClass,
    Refused,
    Step,
    Unknown,
)
from payouts.providers.wise.client import WiseClient
from payouts.providers.wise.codes import QUOTE_OVER, REFUSALS
from payouts.providers.wise.errors import Problem, read_problem
from payouts.providers.wise.fields import read_id, read_text
from payouts.providers.wise.outcomes import LARGEST_RAW, read_json_answer, refusal, refused, turned_away
from payouts.providers.wise.steps import transfer_key_of

# Before the quote was made there can be no transfer of it; clocks differ.
_QUOTE_LIFE: Final = timedelta(days=2)


def read_transfer(answer: Answer, *, step: Step, client: WiseClient, now: datetime) -> Outcome:
    """This will take a transfer that is what we asked for, or say what became of our key."""
    raw = answer.body[:LARGEST_RAW]
    gate = turned_away(answer)
    if gate is not None:
        return gate
    if answer.ok:
        return _made(read_json_answer(answer), step=step, raw=raw)
    problem = read_problem(answer.body)
    if problem is None or answer.status not in (400, 404, 409, 422):
        return Unknown(f"Wise answered {answer.status} without a reason that can be relied on.", raw=raw)
    return _not_made(problem, step=step, client=client, now=now, raw=raw)


def _made(value: Any, *, step: Step, raw: bytes) -> Outcome:
    sent, reference = json.loads(step.body), read_id(value, "id")
    if not reference:
        return Unknown("Wise answered with no transfer that can be read.", raw=raw)
    if not is_ours(value, sent):
        # Never go on with a transfer that is another: what Wise does with a known key and another body is its secret.
        return Unknown(f"Wise answered with transfer {reference}, which is not what we asked for.", raw=raw)
    return Accepted(reference, item_references={sent["customerTransactionId"]: reference}, raw=raw)


def is_ours(value: Any, sent: Mapping[str, Any]) -> bool:
    """This will say whether a transfer carries our key, our quote and the recipient that we sent to."""
    return (
        read_text(value, "customerTransactionId").lower() == sent["customerTransactionId"]
        and read_text(value, "quoteUuid").lower() == str(sent["quoteUuid"]).lower()
        and read_id(value, "targetAccount") == str(sent["targetAccount"])
    )


def _not_made(problem: Problem, *, step: Step, client: WiseClient, now: datetime, raw: bytes) -> Outcome:
    """Wise's codes for this are documented nowhere, so its list and its quote decide what the refusal proves."""
    key = transfer_key_of(step)
    try:
        listed = client.transfers(since=now - _QUOTE_LIFE, until=now + timedelta(minutes=5))
        found = next((one for one in listed if read_text(one, "customerTransactionId").lower() == key), None)
        if found is not None:
            return AlreadyExists(reference=read_id(found, "id"), raw=raw)
        reason = refused(problem, raw=raw)
        if reason.refusal is RefusalClass.UNCLASSIFIED and _quote_is_over(client, step):
            reason = refusal("quote.expired", REFUSALS["quote.expired"], problem.sentence(), raw=raw)
    except ProviderUnavailable as error:
        return Unknown(
            f"Wise refused, and cannot be asked what it has: {problem.sentence()} ({error})", raw=raw
        )
    return Refused(
        code=reason.code,
        refusal=reason.refusal,
        message=reason.message,
        key_is_spent=reason.key_is_spent,
        # Its own list has no transfer under our key, and a transfer that nobody funds moves nothing.
        settles_earlier=True,
        raw=raw,
    )


def _quote_is_over(client: WiseClient, step: Step) -> bool:
    quote = client.read_object(client.path("quote", quote=json.loads(step.body)["quoteUuid"]))
    return read_text(quote, "status") in QUOTE_OVER
