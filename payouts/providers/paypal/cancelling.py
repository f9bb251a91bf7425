"""Cancelling an item that nobody has claimed yet; PayPal cancels nothing else, and no batch."""

from __future__ import annotations

import json
from typing import Final

from marketplace_payouts.lib.http import Answer, MaybeReceived, NotSent, url_path
from payouts.providers.base import Cancelled, NotCancellable, Unknown
from payouts.providers.paypal.batches import ITEM_PATH
from payouts.providers.paypal.client import PayPalClient
from payouts.providers.paypal.codes import CANCEL_DONE, CANCEL_REFUSED
from payouts.providers.paypal.errors import read_problem
from payouts.providers.paypal.token import NoToken

# At PayPal's gate, before the item was looked at.
_UNREAD: Final = frozenset({401, 429})
_BACK: Final = "RETURNED"


def cancel_item(client: PayPalClient, reference: str) -> Cancelled | NotCancellable | Unknown:
    """This will ask PayPal to cancel one item, and say what its answer proves.

    A cancelling that never reached PayPal's books is `Unknown` as well: asking again is harmless, and giving up would
    drop what a person decided.
    """
    if not reference:
        return NotCancellable("PayPal has not named this payment yet.")
    path = f"{ITEM_PATH}{url_path(reference)}/cancel"
    try:
        answer = client.call("POST", path)
    except (NoToken, NotSent) as error:
        return Unknown(f"PayPal was not asked: {error}")
    except MaybeReceived as error:
        return Unknown(f"PayPal did not answer: {error}")
    return read_cancelling(answer)


def read_cancelling(answer: Answer) -> Cancelled | NotCancellable | Unknown:
    """This will say what PayPal's answer to a cancellation proves."""
    raw = answer.body[:4096]
    if answer.ok:
        return Cancelled() if _says_back(answer) else Unknown("PayPal's answer cannot be read.", raw=raw)
    if answer.status in _UNREAD:
        return Unknown(f"PayPal turned the request away unread: it answered {answer.status}.")
    problem = read_problem(answer.body)
    words = (
        [problem.name, *(detail.word for detail in problem.details)]
        if problem and answer.status < 500
        else []
    )
    for word in words:
        # Somebody else's cancelling, or ours whose answer was lost.
        if word in CANCEL_DONE:
            return Cancelled()
    for word in words:
        if word in CANCEL_REFUSED:
            return NotCancellable(CANCEL_REFUSED[word])
    told = problem.sentence() if problem else "no reason that can be read"
    return Unknown(f"PayPal answered {answer.status}: {told}", raw=raw)


def _says_back(answer: Answer) -> bool:
    try:
        return bool(json.loads(answer.body)["transaction_status"] == _BACK)
    except (ValueError, KeyError, TypeError, RecursionError):
        return False
