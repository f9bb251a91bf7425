"""Looking for a transfer by our own key: Stripe lists transfers by their `transfer_group` for ever.

Its list is Stripe's own table and not its search, which is a minute behind. An empty one is an absence once no request
can be under way at Stripe any more.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from payouts.providers.base import Absent, CannotTell, Found, Key, ProviderUnavailable
from payouts.providers.stripe import transfers
from payouts.providers.stripe.client import StripeClient
from payouts.providers.stripe.transfer_request import BATCH, TRANSFERS_PATH


def find_transfer(
    client: StripeClient, key: Key, *, settle_time: timedelta, now: datetime
) -> Found | Absent | CannotTell:
    """This will say whether Stripe has made a transfer of ours, as of `now`, which is before it is asked."""
    if len(key.item_keys) != 1:
        return CannotTell("Stripe makes one transfer for one payment.")
    group = key.item_keys[0]
    try:
        listed = list(client.pages(TRANSFERS_PATH, params={"transfer_group": group}))
        ours = [one for one in listed if transfers.metadata_of(one, BATCH) == key.batch_key]
        if len(ours) == 1:
            return Found(transfers.view_of(client, transfers.get(client, str(ours[0]["id"]))))
    except ProviderUnavailable as error:
        return CannotTell(f"Stripe's list of transfers could not be read: {error}")
    if listed:
        return CannotTell(
            f"Stripe lists {len(listed)} transfers of the group {group}, and {len(ours)} with our key of the batch."
        )
    covered = now >= key.last_sent_at + settle_time
    why = "Stripe lists no transfer of the group, and no request can be under way any more."
    return Absent(
        as_of=now,
        authoritative=covered,
        reason=why if covered else "Stripe lists no transfer of the group, but one may still be made.",
    )
