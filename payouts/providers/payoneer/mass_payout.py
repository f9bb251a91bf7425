"""The one step of a Payoneer payout: the exact bytes that ask for up to 500 payments to be made.

Payoneer names nothing that it makes. Each payment goes by our own key, and the request as a whole by the smallest key
of its payments.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from marketplace_payouts.lib.http import json_body
from payouts.providers.base import BadItem, Done, Item, Progress, ProviderError, Step
from payouts.providers.payoneer.amounts import write_amount
from payouts.providers.payoneer.destinations import payee_of

SUBMIT: Final = "submit"
MOST_ITEMS: Final = 500
_LONGEST_KEY: Final = 60
_LONGEST_NOTE: Final = 100
# Payoneer asks for a description of every payment.
_NOTE: Final = "Payout"


def next_step(progress: Progress, *, program_id: str, path: str, currencies: Collection[str]) -> Step | Done:
    """This will give the submission, or say that nothing is left to do.

    :raises BadItem: when one item cannot be expressed to Payoneer.
    :raises ProviderError: when the batch as a whole cannot.
    """
    for answer in progress.answers:
        if answer.step == SUBMIT and answer.reference:
            return Done(answer.reference)
    if progress.currency not in currencies:
        raise ProviderError(f"Our program at Payoneer does not pay out in {progress.currency}.")
    if not 1 <= len(progress.items) <= MOST_ITEMS:
        raise ProviderError(
            f"A request to Payoneer has between 1 and {MOST_ITEMS} payments, not {len(progress.items)}."
        )
    seen: set[str] = set()
    for item in progress.items:
        if item.key in seen:
            raise BadItem("The same key stands twice in one request.", item_key=item.key)
        seen.add(item.key)
    payments = [_write_item(item, currency=progress.currency) for item in progress.items]
    return Step(
        name=SUBMIT,
        key=f"{program_id}:{progress.batch_key}",
        body=json_body({"Payments": payments}),
        moves_money=True,
        path=path,
    )


def program_of(step_key: str) -> str:
    """This will give the program that a step was made for: another one finds none of its payments."""
    return step_key.partition(":")[0]


def reference_of(keys: Iterable[str]) -> str:
    """This will give the name of a request: the smallest key of its payments."""
    return min(keys, default="")


def keys_of(body: bytes) -> Sequence[str]:
    """This will give the keys of a stored request's payments, in its order; nothing where they cannot be read."""
    try:
        return [str(payment["client_reference_id"]) for payment in json.loads(body)["Payments"]]
    except (ValueError, KeyError, TypeError):
        return []


def _write_item(item: Item, *, currency: str) -> Mapping[str, str]:
    if not item.key or len(item.key) > _LONGEST_KEY:
        raise BadItem(f"A key has between 1 and {_LONGEST_KEY} characters.", item_key=item.key)
    if item.amount.currency != currency:
        raise BadItem(f"A request in {currency} cannot pay {item.amount}.", item_key=item.key)
    try:
        payee_id, amount = payee_of(item.destination), write_amount(item.amount)
    except ProviderError as error:
        raise BadItem(str(error), item_key=item.key) from None
    return {
        "client_reference_id": item.key,
        "payee_id": payee_id,
        "amount": amount,
        "currency": currency,
        "description": item.note[:_LONGEST_NOTE] or _NOTE,
    }
