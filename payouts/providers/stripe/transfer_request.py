"""The one step of a payout by Stripe: the exact bytes that ask for a transfer, and what they asked for.

Our key of the item is the `transfer_group`, by which Stripe can be asked for the transfer at any time: it forgets an
idempotency key after a day. No `source_transaction` is given: a payout covers many sales, and a transfer names one
charge at most, so the money comes out of the available balance.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from marketplace_payouts.lib.http import form_body
from payouts.providers.base import BadItem, Done, Item, Progress, ProviderError, Step
from payouts.providers.stripe.amounts import EXPONENTS, write_amount
from payouts.providers.stripe.destinations import account_of

TRANSFER: Final = "transfer"
TRANSFERS_PATH: Final = "/v1/transfers"
ITEM: Final = "payout_item"
BATCH: Final = "payout_batch"
_NUMBER: Final = "payout_number"
_LONGEST_KEY: Final = 255
_LONGEST_TEXT: Final = 500
_KEY_PREFIX: Final = "mp-"


def next_step(progress: Progress) -> Step | Done:
    """This will give the transfer to be made, or say that nothing is left to do.

    :raises BadItem: when the item cannot be expressed to Stripe.
    :raises ProviderError: when it is not one item, or Stripe does not pay in the currency.
    """
    for answer in progress.answers:
        if answer.step == TRANSFER and answer.reference:
            return Done(answer.reference)
    if progress.currency not in EXPONENTS:
        raise ProviderError(f"Stripe does not pay out in {progress.currency}.")
    if len(progress.items) != 1:
        raise ProviderError(f"Stripe makes one transfer at a time, not {len(progress.items)}.")
    key = _KEY_PREFIX + progress.batch_key
    if not progress.batch_key or len(key) > _LONGEST_KEY:
        raise ProviderError(f"A key for Stripe has between 1 and {_LONGEST_KEY} characters.")
    body = form_body(_written(progress.items[0], progress))
    return Step(name=TRANSFER, key=key, body=body, moves_money=True, path=TRANSFERS_PATH)


def _written(item: Item, progress: Progress) -> Mapping[str, str]:
    if not item.key or len(item.key) > _LONGEST_KEY:
        raise BadItem(f"A key has between 1 and {_LONGEST_KEY} characters.", item_key=item.key)
    if item.amount.currency != progress.currency:
        raise BadItem(f"A batch in {progress.currency} cannot pay {item.amount}.", item_key=item.key)
    try:
        amount, currency = write_amount(item.amount)
        account = account_of(item.destination)
    except ProviderError as error:
        raise BadItem(str(error), item_key=item.key) from None
    note = {"description": item.note[:_LONGEST_TEXT], f"metadata[{_NUMBER}]": item.note[:_LONGEST_TEXT]}
    return {
        "amount": amount,
        "currency": currency,
        "destination": account,
        "transfer_group": item.key,
        f"metadata[{ITEM}]": item.key,
        f"metadata[{BATCH}]": progress.batch_key,
        **(note if item.note else {}),
    }


def differences(body: bytes, transfer: Mapping[str, Any]) -> str:
    """This will name what of a transfer is not as a stored request asked for it; nothing where it is the same."""
    asked = dict(parse_qsl(body.decode()))
    metadata = transfer.get("metadata")
    echoed = {
        **{name: transfer.get(name) for name in ("currency", "destination", "transfer_group")},
        "amount": str(transfer.get("amount")),
        **{
            f"metadata[{name}]": metadata.get(name) if isinstance(metadata, Mapping) else None
            for name in (ITEM, BATCH)
        },
    }
    return ", ".join(name for name, value in sorted(echoed.items()) if asked.get(name) != value)
