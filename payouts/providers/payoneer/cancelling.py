"""Asking Payoneer to cancel a payment: it takes the request, and acts upon it later, or never."""

from __future__ import annotations

from typing import Final

from marketplace_payouts.lib.http import Answer, MaybeReceived, NotSent
from payouts.providers.base import CancelRequested, NotCancellable, Unknown
from payouts.providers.payoneer.client import PayoneerClient
from payouts.providers.payoneer.errors import read_problem
from payouts.providers.payoneer.token import NoToken

_REFUSING: Final = frozenset({400, 404, 409, 422})


def cancel_payment(client: PayoneerClient, key: str) -> CancelRequested | NotCancellable | Unknown:
    """This will ask Payoneer to cancel one payment, and say what its answer proves: never that it was cancelled.

    What is not found may be found later, so it is asked for again; so is whatever never reached Payoneer.
    """
    if not key:
        return NotCancellable("There is no payment without a key.")
    try:
        answer = client.call("PUT", client.path("payouts", key, "cancel"))
    except (NoToken, NotSent) as error:
        return Unknown(f"Payoneer was not asked: {error}")
    except MaybeReceived as error:
        return Unknown(f"Payoneer did not answer: {error}")
    return read_cancelling(answer)


def read_cancelling(answer: Answer) -> CancelRequested | NotCancellable | Unknown:
    """This will say what Payoneer's answer to a cancelling proves."""
    raw = answer.body[:4096]
    problem = read_problem(answer.body)
    if answer.ok and problem is None:
        return CancelRequested()
    if problem is None or problem.is_payout_not_found or answer.status not in _REFUSING:
        told = problem.sentence() if problem else "no reason that can be read"
        return Unknown(f"Payoneer answered {answer.status}: {told}", raw=raw)
    return NotCancellable(problem.sentence())
