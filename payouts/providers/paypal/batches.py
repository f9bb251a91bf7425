"""Batches and items as PayPal shows them, read into observations in our words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from marketplace_payouts.lib.http import url_path
from marketplace_payouts.lib.money import Money
from payouts.providers.base import (
    BatchView,
    ItemRefusal,
    Observation,
    ProviderUnavailable,
    ReferenceVanished,
    RefusalClass,
    Status,
)
from payouts.providers.paypal.amounts import UnreadableAmount, read_amount
from payouts.providers.paypal.batch_request import CREATE_PATH, read_key
from payouts.providers.paypal.client import PayPalClient
from payouts.providers.paypal.codes import BATCH_DENIED, BATCH_STATUSES, ITEM_STATUSES, reason_of
from payouts.providers.paypal.destinations import echo
from payouts.providers.paypal.errors import Problem, problem_of
from payouts.providers.paypal.fields import read_text, read_time

ITEM_PATH: Final = "/v1/payments/payouts-item"
_PAGE_SIZE: Final = 1000
_MOST_PAGES: Final = 1000
_READINGS: Final = 3
_DEBITED: Final = frozenset({Status.PAID, Status.AWAITING_PAYEE, Status.ON_HOLD, Status.RETURNED})
_NOT_DEBITED: Final = frozenset({Status.FAILED, Status.CANCELLED, Status.NOT_STARTED})


class _Shifted(Exception):
    """The pages do not fit together: the batch changed while it was read."""


def read_batch(client: PayPalClient, reference: str) -> BatchView:
    """This will read a batch, every page of it.

    :raises ReferenceVanished: when PayPal does not know it.
    :raises ProviderUnavailable: when it cannot be read now, or its pages do not fit together.
    """
    if not reference:
        raise ReferenceVanished("There is no batch without an id.")
    for _ in range(_READINGS):
        try:
            header, items = _read_pages(client, reference)
        except _Shifted:
            continue
        return batch_view(header, items, reference=reference)
    raise ProviderUnavailable("PayPal's pages of the batch do not fit together.")


def read_item(client: PayPalClient, reference: str) -> Observation:
    """This will read one item.

    :raises ReferenceVanished: when PayPal does not know it.
    :raises ProviderUnavailable: when it cannot be read now.
    """
    if not reference:
        raise ReferenceVanished("There is no item without an id.")
    value = client.read(ITEM_PATH + url_path(reference))
    observed = observation(value)
    if observed.reference != reference:
        raise ProviderUnavailable("PayPal answered with another item than was asked for.")
    return observed


def batch_view(header: Mapping[str, Any], items: Sequence[Mapping[str, Any]], *, reference: str) -> BatchView:
    """This will put a batch together from its header and all of its items."""
    word = read_text(header, "batch_status")
    observations = [observation(item, batch_reference=reference) for item in items]
    denied = _denial(header, items) if word == BATCH_DENIED else None
    if denied is not None and any(one.status in _DEBITED for one in observations):
        # The header says that nothing happened and an item that it did: the item is the evidence.
        denied = None
    if denied is not None:
        alone = len(observations) == 1
        observations = [_innocent(one, denied, alone=alone) for one in observations]
    sender = header.get("sender_batch_header")
    return BatchView(
        reference=reference,
        batch_key=read_key(read_text(sender, "sender_batch_id")),
        raw_status=word,
        closed=BATCH_STATUSES.get(word, False),
        denied=denied,
        observations=observations,
        fee=_amount_or_none(header.get("fees")),
    )


def observation(item: Mapping[str, Any], *, batch_reference: str = "") -> Observation:
    """This will say in our words what PayPal says of one item.

    :raises ProviderUnavailable: when it has not even an id.
    """
    reference = read_text(item, "payout_item_id")
    if not reference:
        raise ProviderUnavailable("PayPal showed an item without an id.")
    word = read_text(item, "transaction_status")
    sent = item.get("payout_item")
    observed = Observation(
        item_key=read_text(sent, "sender_item_id"),
        reference=reference,
        status=ITEM_STATUSES.get(word, Status.UNRECOGNISED),
        raw_status=word,
        destination=echo(read_text(sent, "receiver")),
        movement_reference=read_text(item, "transaction_id"),
        provider_time=read_time(item.get("time_processed")),
        batch_reference=batch_reference or read_text(item, "payout_batch_id"),
    )
    if observed.status is Status.CANCELLED and observed.movement_reference:
        # An item that was debited has a transaction; cancelled or not, its money was out and is back.
        observed = replace(observed, status=Status.RETURNED)
    try:
        amount = read_amount(sent.get("amount") if isinstance(sent, Mapping) else None)
        fee = read_amount(item.get("payout_item_fee"))
    except UnreadableAmount:
        amount = fee = None
    if amount is None:
        # Without its amount an item cannot be compared with what we sent; whatever it says, it changes nothing.
        return replace(observed, status=Status.UNRECOGNISED, raw_status=f"{word} without a readable amount")
    return _with_money(observed, item, amount=amount, fee=fee)


def _with_money(
    observed: Observation, item: Mapping[str, Any], *, amount: Money, fee: Money | None
) -> Observation:
    status = observed.status
    refusal = (
        _refusal(item, observed.raw_status) if status in {Status.FAILED, Status.AWAITING_PAYEE} else None
    )
    if fee is not None and status in _NOT_DEBITED:
        fee = Money.zero(fee.currency)  # what stands there is the estimate of a fee that was never charged
    if status is Status.PROCESSING:
        fee = None  # at most an estimate: it is charged with the debit
    returned = status is Status.RETURNED
    return replace(
        observed,
        amount=amount,
        fee=fee,
        refusal=refusal,
        # PayPal gives an item back as a whole; parts of it show on the statement only.
        returned=amount if returned else None,
        return_reference=f"{observed.reference}-{observed.raw_status}" if returned else "",
    )


def _refusal(item: Mapping[str, Any], word: str) -> ItemRefusal | None:
    problem = problem_of(item.get("errors"))
    if problem is not None:
        return _refusal_of(problem)
    if word == "UNCLAIMED":
        return None
    return ItemRefusal(code=word, refusal=RefusalClass.UNCLASSIFIED, message="PayPal gave no reason.")


def _refusal_of(problem: Problem) -> ItemRefusal:
    reason = reason_of(problem.name)
    message = f"{reason.sentence} {problem.sentence()}"
    return ItemRefusal(code=problem.name[:80], refusal=reason.refusal, message=message)


def _denial(header: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> ItemRefusal:
    """Give why a whole batch was denied: from its header, else from what its items carry, our own reasons first."""
    problem = problem_of(header.get("errors"))
    if problem is not None:
        return _refusal_of(problem)
    found = [
        _refusal_of(problem) for item in items if (problem := problem_of(item.get("errors"))) is not None
    ]
    for refusal in found:
        if refusal.refusal is RefusalClass.OURS:
            return refusal
    if found:
        return found[0]
    return ItemRefusal(
        BATCH_DENIED, RefusalClass.UNCLASSIFIED, "PayPal denied the whole batch without a reason."
    )


def _innocent(observed: Observation, denied: ItemRefusal, *, alone: bool) -> Observation:
    """Take the blame from an item of a denied batch, unless it has a reason of its own."""
    own = observed.refusal
    if observed.status is Status.UNRECOGNISED:
        return observed
    if own is not None and own.refusal is RefusalClass.PAYEE:
        return observed
    # A reason that many items share with their batch is the batch's, not theirs.
    if own is not None and own.refusal is RefusalClass.FINAL and (alone or own.code != denied.code):
        return observed
    return replace(observed, status=Status.NOT_STARTED, refusal=None)


def _read_pages(
    client: PayPalClient, reference: str
) -> tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]:
    """Read all pages of one moment.

    :raises _Shifted: when number or ids of the items say that they are not of one moment.
    """
    header: Mapping[str, Any] = {}
    items: dict[str, Mapping[str, Any]] = {}
    total: int | None = None
    for value in _pages(client, reference):
        found = value.get("batch_header")
        if not isinstance(found, Mapping) or read_text(found, "payout_batch_id") != reference:
            raise ProviderUnavailable("PayPal answered with another batch than was asked for.")
        if header and read_text(found, "batch_status") != read_text(header, "batch_status"):
            raise _Shifted
        header = found
        total = _same_total(value.get("total_items"), total)
        for item in _items_of(value):
            items[read_text(item, "payout_item_id")] = item
    if total is not None and total != len(items):
        raise _Shifted
    return header, list(items.values())


def _pages(client: PayPalClient, reference: str) -> Iterator[Mapping[str, Any]]:
    path = CREATE_PATH + url_path(reference)
    for page in range(1, _MOST_PAGES + 1):
        params = {"page": str(page), "page_size": str(_PAGE_SIZE), "total_required": "true"}
        value = client.read(path, params=params)
        yield value
        pages = value.get("total_pages")
        # Where the number of pages is missing, a page that is not full is the last one.
        last = page >= pages if isinstance(pages, int) else len(_items_of(value)) < _PAGE_SIZE
        if last:
            return


def _same_total(value: object, total: int | None) -> int | None:
    if not isinstance(value, int):
        return total
    if total is not None and value != total:
        raise _Shifted
    return value


def _items_of(value: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    items = value.get("items")
    return [item for item in items if isinstance(item, Mapping)] if isinstance(items, list) else []


def _amount_or_none(value: object) -> Money | None:
    try:
        return read_amount(value)
    except UnreadableAmount:
        return None
