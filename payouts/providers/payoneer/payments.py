"""Payments as Payoneer shows them by our reference, read into observations in our words.

`Cancelled` has two meanings. Of a payment that was never loaded it says that nobody was paid. Of one that was, it says
that the money came back, days after it had looked like success; the `load_date` tells the two apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from payouts.providers.base import (
    BatchView,
    ItemRefusal,
    Observation,
    ReferenceVanished,
    RefusalClass,
    Status,
)
from payouts.providers.payoneer.amounts import UnreadableAmount, read_amount
from payouts.providers.payoneer.client import PayoneerClient
from payouts.providers.payoneer.codes import PAYMENT_STATUSES, reason_of
from payouts.providers.payoneer.destinations import echo
from payouts.providers.payoneer.fields import read_text, read_time

_OPEN: Final = frozenset({Status.PROCESSING, Status.AWAITING_PAYEE, Status.UNRECOGNISED})


def read_payment(client: PayoneerClient, key: str) -> Observation:
    """This will read one payment by our key.

    :raises ReferenceVanished: when Payoneer does not know it, or not yet.
    :raises ProviderUnavailable: when it cannot be read now.
    """
    if not key:
        raise ReferenceVanished("There is no payment without a key.")
    return observation(client.read(client.path("payouts", key, "status")), key=key)


def view_of(*observations: Observation, reference: str) -> BatchView:
    """This will put payments together into the request that they were sent in; Payoneer keeps none."""
    return BatchView(
        reference=reference,
        batch_key="",
        raw_status=observations[0].raw_status if len(observations) == 1 else "",
        closed=all(one.status not in _OPEN for one in observations),
        denied=None,
        observations=observations,
    )


def observation(value: Mapping[str, Any], *, key: str) -> Observation:
    """This will say in our words what Payoneer says of the payment that it was asked for by this key."""
    word = read_text(value, "status").strip()
    payee_id = read_text(value, "payee_id")
    observed = Observation(
        item_key=key,
        reference=key,
        status=PAYMENT_STATUSES.get(word.lower(), Status.UNRECOGNISED),
        raw_status=word,
        destination=echo(payee_id),
        movement_reference=read_text(value, "payout_id"),
        provider_time=read_time(value.get("load_date")) or read_time(value.get("payout_date")),
    )
    try:
        amount = read_amount(value.get("amount"), read_text(value, "currency"))
    except UnreadableAmount:
        amount = None
    if amount is None or not payee_id:
        # What cannot be compared with what we sent changes nothing, whatever it says.
        return replace(
            observed,
            status=Status.UNRECOGNISED,
            raw_status=f"{word} without a readable amount and payee"[:60],
        )
    observed = replace(observed, amount=amount)
    if observed.status is not Status.FAILED:
        return observed
    if value.get("load_date"):
        return replace(observed, status=Status.RETURNED, returned=amount, return_reference=f"{key}-cancelled")
    return _never_loaded(observed, value)


def _never_loaded(observed: Observation, value: Mapping[str, Any]) -> Observation:
    code = read_text(value, "cancel_reason_code") or read_text(value, "reason_code")
    told = read_text(value, "cancel_reason_description") or read_text(value, "reason_description")
    reason = reason_of(code, words=told)
    if reason is None and not code:
        # Nothing was wrong with it: we, or somebody on Payoneer's pages, asked for it.
        return replace(observed, status=Status.CANCELLED)
    if reason is None:
        sentence = f"Payoneer cancelled it: {told or 'it gave no reason'}"
        return replace(observed, refusal=ItemRefusal(code[:80], RefusalClass.UNCLASSIFIED, sentence))
    refusal = ItemRefusal(reason.code, reason.refusal, f"{reason.sentence} {told}".strip())
    # What is our own fault is no failure of the payee's: it goes out again once we have mended it.
    status = Status.NOT_STARTED if reason.refusal is RefusalClass.OURS else Status.FAILED
    return replace(observed, status=status, refusal=refusal)
