"""Transfers as Wise shows them, read into observations in our words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

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
from payouts.providers.wise.amounts import UnreadableAmount, read_amount
from payouts.providers.wise.client import StrongAuthentication, WiseClient
from payouts.providers.wise.codes import STATUSES, UNPAID, WAITING
from payouts.providers.wise.fields import read_id, read_text, read_time
from payouts.providers.wise.outcomes import quoted_fee
from payouts.providers.wise.statements import Refund, read_refund

_CLOSED: Final = frozenset({Status.PAID, Status.FAILED, Status.RETURNED, Status.CANCELLED})
_NOT_CHARGED: Final = frozenset({Status.AWAITING_FUNDING, Status.CANCELLED})
_DECIDED: Final = frozenset({Status.PAID, Status.ON_HOLD, Status.RETURNED})
_NOT_READ: Final = ItemRefusal(
    "refund.amount-not-read",
    RefusalClass.OURS,
    "Our token may not read how much came back: compare with wise.com before it is paid again.",
)


def read_view(client: WiseClient, reference: str, *, now: datetime) -> BatchView:
    """This will read a transfer; it is its own batch.

    :raises ReferenceVanished: when Wise does not know it.
    :raises ProviderUnavailable: when it cannot be read now.
    """
    return view_of(client, read_transfer(client, reference), now=now)


def read_transfer(client: WiseClient, reference: str) -> Mapping[str, Any]:
    """This will read a transfer as Wise shows it; it raises as `read_view` does."""
    if not reference.isascii() or not reference.isdecimal():
        # Asked all the same would be no safer: Wise's ids are numbers, and nothing else is one of them.
        raise ReferenceVanished("Wise's transfers have numbers, and this is none.")
    value = client.read_object(client.path("transfer", transfer=reference))
    if read_id(value, "id") != reference:
        raise ProviderUnavailable("Wise answered with another transfer than was asked for.")
    return value


def view_of(client: WiseClient, transfer: Mapping[str, Any], *, now: datetime) -> BatchView:
    """This will put together what a transfer says, and what is asked beside it; it raises as `read_view` does."""
    observed = observe(client, transfer, now=now)
    return BatchView(
        reference=observed.reference,
        batch_key="",
        raw_status=observed.raw_status,
        closed=observed.status in _CLOSED,
        denied=None,
        observations=[observed],
    )


def observe(client: WiseClient, transfer: Mapping[str, Any], *, now: datetime) -> Observation:
    """This will say in our words what Wise says of one transfer; it raises as `read_view` does."""
    observed = bare(transfer)
    if observed.amount is None or observed.status is Status.UNRECOGNISED:
        return observed
    if observed.raw_status in UNPAID and is_paid_in(client, observed.reference):
        observed = _withdrawn(observed)
    if observed.status in _NOT_CHARGED:
        return observed
    observed = replace(observed, movement_reference=f"TRANSFER-{observed.reference}")
    if observed.status not in _DECIDED:
        return observed
    fee = _fee(client, transfer)
    if observed.status is not Status.RETURNED:
        return replace(observed, fee=fee)
    return returned(observed, _refund(client, transfer, now=now), fee=fee)


def bare(transfer: Mapping[str, Any]) -> Observation:
    """This will read what stands on the transfer itself."""
    word = read_text(transfer, "status")
    observed = Observation(
        item_key=read_text(transfer, "customerTransactionId").lower(),
        reference=read_id(transfer, "id"),
        status=STATUSES.get(word, Status.UNRECOGNISED),
        raw_status=word,
        destination=read_id(transfer, "targetAccount"),
        batch_reference=read_id(transfer, "id"),
    )
    try:
        amount = read_amount(transfer.get("targetValue"), transfer.get("targetCurrency"))
    except UnreadableAmount:
        amount = None
    if amount is None:
        # Without its amount it cannot be compared with what we sent; whatever it says, it changes nothing.
        return replace(observed, status=Status.UNRECOGNISED, raw_status=f"{word} without an amount"[:60])
    return replace(observed, amount=amount)


def is_paid_in(client: WiseClient, reference: str) -> bool:
    """This will say whether money of ours went into a transfer; it raises as `read_view` does."""
    return bool(client.read_list(client.path("payments", transfer=reference)))


def _withdrawn(observed: Observation) -> Observation:
    """Paid in already: what waits, waits for Wise; what was cancelled is on its way back, and is not back yet."""
    waits = observed.raw_status == WAITING
    return replace(observed, status=Status.PROCESSING if waits else Status.ON_HOLD)


def _refund(client: WiseClient, transfer: Mapping[str, Any], *, now: datetime) -> Refund | None:
    """What came back by the statement of the balance; None where our token may not read it."""
    try:
        return read_refund(
            client,
            read_id(transfer, "id"),
            currency=read_text(transfer, "sourceCurrency"),
            since=read_time(transfer.get("created")) or now,
            now=now,
        )
    except StrongAuthentication:
        return None


def returned(observed: Observation, refund: Refund | None, *, fee: Money | None) -> Observation:
    """This will say how much of a transfer came back, where Wise says that it did; only the statement tells."""
    sent = observed.amount
    assert sent is not None
    if refund is None:
        return replace(
            observed, fee=fee, returned=sent, return_reference=observed.movement_reference, refusal=_NOT_READ
        )
    if refund.amount.currency != sent.currency or not refund.amount.units:
        # Said to be back, and not in the balance yet: it is what it was the moment before.
        return replace(observed, fee=fee, status=Status.ON_HOLD)
    back = min(refund.amount, sent)
    with_it = refund.amount - back
    return replace(
        observed,
        # What came back above the amount is the fee, or a part of it.
        fee=fee - with_it if fee is not None and fee.currency == with_it.currency else fee,
        returned=back,
        return_reference=observed.movement_reference,
        provider_time=refund.at,
    )


def _fee(client: WiseClient, transfer: Mapping[str, Any]) -> Money | None:
    """What paying it from the balance cost, by its quote, which Wise may have revised since."""
    quote = read_text(transfer, "quoteUuid")
    if not quote:
        return None
    try:
        return quoted_fee(client.read_object(client.path("quote", quote=quote)))
    except ReferenceVanished:
        return None


def listed(client: WiseClient, key: str, *, since: datetime, until: datetime) -> Mapping[str, Any] | None:
    """This will find the transfer that carries our key among those that were made in a time.

    :raises ProviderUnavailable: when the list cannot be read as a whole.
    """
    for one in client.transfers(since=since, until=until):
        if read_text(one, "customerTransactionId").lower() == key:
            return one
    return None
