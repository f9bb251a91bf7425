"""A transfer as Stripe shows it, read into an observation in our words.

A transfer is *paid* once it is made: the money has left our balance for one that is the seller's own, and nothing but
a reversal brings it back. What becomes of it on the way to the seller's bank is another fact (`bank`): a bank that
refuses leaves the money in the seller's balance at Stripe, so paying again would pay twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from marketplace_payouts.lib.http import url_path
from marketplace_payouts.lib.money import Money
from payouts.providers.base import (
    BatchView,
    Observation,
    Onward,
    ProviderUnavailable,
    ReferenceVanished,
    Status,
)
from payouts.providers.stripe import bank
from payouts.providers.stripe.amounts import UnreadableAmount, read_amount
from payouts.providers.stripe.client import Object, StripeClient
from payouts.providers.stripe.transfer_request import BATCH, ITEM, TRANSFERS_PATH

_MADE: Final = "transferred"


def read_transfer(client: StripeClient, reference: str) -> BatchView:
    """This will read a transfer, and how far its money came.

    :raises ReferenceVanished: when Stripe does not know it.
    :raises ProviderUnavailable: when it cannot be read now.
    """
    return view_of(client, get(client, reference))


def get(client: StripeClient, reference: str) -> Object:
    """This will give a transfer in Stripe's words; raises as `read_transfer`."""
    if not reference:
        raise ReferenceVanished("There is no transfer without an id.")
    transfer = client.read(TRANSFERS_PATH + url_path(reference))
    if transfer.get("id") != reference:
        raise ProviderUnavailable("Stripe answered with another transfer than was asked for.")
    return transfer


def view_of(client: StripeClient, transfer: Object) -> BatchView:
    """This will say in our words what Stripe says of a transfer, and read how far its money came.

    :raises ProviderUnavailable: when that cannot be read now.
    """
    observed = observation(transfer, onward=bank.follow(client, transfer))
    return BatchView(
        reference=observed.reference,
        batch_key=metadata_of(transfer, BATCH),
        raw_status=observed.raw_status,
        closed=True,
        denied=None,
        observations=[observed],
    )


def observation(transfer: Object, *, onward: Onward | None) -> Observation:
    """This will say in our words what Stripe says of a transfer."""
    reference = str(transfer["id"])
    try:
        amount = read_amount(transfer.get("amount"), transfer.get("currency"))
        returned = read_amount(transfer.get("amount_reversed"), transfer.get("currency"))
    except UnreadableAmount:
        # Without its amount it cannot be compared with what we sent; whatever it says, it changes nothing.
        return Observation(
            item_key_of(transfer), reference, Status.UNRECOGNISED, "transfer without a readable amount"
        )
    is_back = returned.units > 0
    return Observation(
        item_key=item_key_of(transfer),
        reference=reference,
        status=Status.RETURNED if is_back else Status.PAID,
        raw_status=_word(amount, returned, onward),
        amount=amount,
        destination=str(transfer.get("destination") or ""),
        returned=returned if is_back else None,
        return_reference=_reversal(transfer) if is_back else "",
        movement_reference=str(transfer.get("destination_payment") or ""),
        provider_time=moment(transfer.get("created")),
        batch_reference=reference,
        onward=onward,
    )


def item_key_of(transfer: Object) -> str:
    """This will give our key of the item as a transfer carries it; nothing where it is none of ours."""
    return metadata_of(transfer, ITEM)


def metadata_of(one: Object, name: str) -> str:
    """This will give a word of an object's metadata, or nothing."""
    metadata: Any = one.get("metadata")
    value = metadata.get(name) if isinstance(metadata, Mapping) else None
    return value if isinstance(value, str) else ""


def moment(seconds: object) -> datetime | None:
    """This will read a moment, where there is one that can be read."""
    try:
        return datetime.fromtimestamp(seconds, tz=UTC) if isinstance(seconds, int) else None
    except (OverflowError, OSError, ValueError):
        return None


def _word(amount: Money, returned: Money, onward: Onward | None) -> str:
    if returned.units:
        return "reversed" if returned.units >= amount.units else "reversed in part"
    return f"{_MADE}, bank {onward.word}"[:60] if onward is not None else _MADE


def _reversal(transfer: Object) -> str:
    """Stripe's id of the newest reversal; a transfer shows its last ten, the newest first."""
    reversals: Any = transfer.get("reversals")
    data = reversals.get("data") if isinstance(reversals, Mapping) else None
    newest = data[0] if isinstance(data, list) and data else None
    named = newest.get("id") if isinstance(newest, Mapping) else None
    return str(named) if named else f"{transfer['id']}-reversed"
