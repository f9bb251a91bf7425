"""The one step of a PayPal payout: the exact bytes that ask for a batch to be made."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

from marketplace_payouts.lib.http import json_body
from payouts.providers.base import BadItem, Done, Item, Progress, ProviderError, Step
from payouts.providers.paypal.amounts import EXPONENTS, write_amount
from payouts.providers.paypal.destinations import receiver_of

CREATE: Final = "create"
CREATE_PATH: Final = "/v1/payments/payouts"
MOST_ITEMS: Final = 15_000
_KEY_PREFIX: Final = "mp-"
_LONGEST_BATCH_KEY: Final = 256
_LONGEST_ITEM_KEY: Final = 63
# 4000 characters, but only 1000 once a single one is not ASCII: the smaller one fits always.
_LONGEST_NOTE: Final = 1000
_SUBJECT: Final = "You have a payout"


def next_step(progress: Progress) -> Step | Done:
    """This will give the creation of the batch, or say that nothing is left to do.

    :raises BadItem: when one item cannot be expressed to PayPal.
    :raises ProviderError: when the batch as a whole cannot.
    """
    for answer in progress.answers:
        if answer.step == CREATE and answer.reference:
            return Done(answer.reference)
    key = render_key(progress.batch_key)
    _check_batch(progress)
    body = {
        "sender_batch_header": {"sender_batch_id": key, "email_subject": _SUBJECT},
        "items": [_write_item(item, currency=progress.currency) for item in progress.items],
    }
    return Step(name=CREATE, key=key, body=json_body(body), moves_money=True, path=CREATE_PATH)


def render_key(batch_key: str) -> str:
    """This will give our key of a batch in the form in which PayPal gets it.

    :raises ProviderError: when it is empty or too long.
    """
    rendered = _KEY_PREFIX + batch_key
    if not batch_key or len(rendered) > _LONGEST_BATCH_KEY:
        raise ProviderError(f"A PayPal batch key has between 1 and {_LONGEST_BATCH_KEY} characters.")
    return rendered


def read_key(rendered: str) -> str:
    """This will give our key back; what was not made by us comes back as it is."""
    return rendered.removeprefix(_KEY_PREFIX)


def item_keys_of(body: bytes) -> Sequence[str]:
    """This will give the keys of a stored request's items, in its order; nothing where they cannot be read."""
    try:
        items = json.loads(body)["items"]
        return [str(item.get("sender_item_id", "")) for item in items]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []


def _check_batch(progress: Progress) -> None:
    if progress.currency not in EXPONENTS:
        raise ProviderError(f"PayPal does not pay out in {progress.currency}.")
    if not 1 <= len(progress.items) <= MOST_ITEMS:
        raise ProviderError(
            f"A PayPal batch has between 1 and {MOST_ITEMS} items, not {len(progress.items)}."
        )
    seen: set[str] = set()
    for item in progress.items:
        if item.key in seen:
            raise BadItem("The same key stands twice in one batch.", item_key=item.key)
        seen.add(item.key)


def _write_item(item: Item, *, currency: str) -> Mapping[str, object]:
    if not item.key or len(item.key) > _LONGEST_ITEM_KEY:
        raise BadItem(f"A key has between 1 and {_LONGEST_ITEM_KEY} characters.", item_key=item.key)
    if item.amount.currency != currency:
        raise BadItem(f"A batch in {currency} cannot pay {item.amount}.", item_key=item.key)
    try:
        kind, receiver = receiver_of(item.destination)
        amount = write_amount(item.amount)
    except ProviderError as error:
        raise BadItem(str(error), item_key=item.key) from None
    written: dict[str, object] = {
        "recipient_type": kind,
        "receiver": receiver,
        "amount": amount,
        "sender_item_id": item.key,
    }
    if item.note:
        written["note"] = item.note[:_LONGEST_NOTE]
    return written
