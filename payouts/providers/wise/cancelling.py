"""Cancelling a transfer that Wise has not converted yet. Never done because a funding went unanswered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from marketplace_payouts.lib.http import HttpError
from payouts.providers.base import Cancelled, NotCancellable, Unknown
from payouts.providers.wise.client import WiseClient
from payouts.providers.wise.codes import CANCELLED, NOT_CANCELLABLE
from payouts.providers.wise.errors import read_problem
from payouts.providers.wise.fields import read_text
from payouts.providers.wise.outcomes import read_json_answer
from payouts.providers.wise.tokens import NoToken

_REFUSED: Final[Mapping[str, str]] = {
    NOT_CANCELLABLE: "Wise has converted the money already, or holds it: it can no longer be cancelled.",
    "transfer.not-found": "Wise does not know this transfer.",
}


def cancel_transfer(client: WiseClient, reference: str) -> Cancelled | NotCancellable | Unknown:
    """This will ask Wise to cancel a transfer, and say what its answer proves."""
    if not reference:
        return NotCancellable("Wise has not named this transfer yet.")
    try:
        answer = client.call("PUT", client.path("cancel", transfer=reference))
    except (NoToken, HttpError) as error:
        return Unknown(f"Wise could not be asked: {error}")
    if answer.ok:
        if read_text(read_json_answer(answer), "status") == CANCELLED:
            return Cancelled()
        return Unknown("Wise's answer to the cancelling cannot be read.", raw=answer.body[:4096])
    problem = read_problem(answer.body)
    if problem is not None and answer.status in (404, 409):
        for code, sentence in _REFUSED.items():
            if problem.has(code):
                return NotCancellable(sentence)
    return Unknown(f"Wise answered {answer.status} to the cancelling.", raw=answer.body[:4096])
