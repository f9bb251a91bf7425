"""Looking for payments by our own keys, where Payoneer's answer to their submission was lost.

"Not found" right after a submission may be nothing but lag. It counts after the settle time alone, and only where it
is said twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from payouts.providers.base import (
    Absent,
    CannotTell,
    Found,
    Key,
    Observation,
    ProviderUnavailable,
    ReferenceVanished,
)
from payouts.providers.payoneer.client import PayoneerClient
from payouts.providers.payoneer.mass_payout import reference_of
from payouts.providers.payoneer.payments import read_payment, view_of


def find_payments(
    client: PayoneerClient, key: Key, *, settle_time: timedelta, now: datetime
) -> Found | Absent | CannotTell:
    """This will say which payments of a request Payoneer has; `now` is a moment before it is asked."""
    settled = now >= key.last_sent_at + settle_time
    try:
        found = _read(client, key.item_keys)
        if not found and settled:
            found = _read(client, key.item_keys)
    except ProviderUnavailable as error:
        return CannotTell(f"Payoneer could not be asked by our references: {error}")
    if found:
        return Found(view_of(*found, reference=reference_of(key.item_keys)))
    if not settled:
        reason = "Payoneer does not find the payments, which proves nothing so soon after they were sent."
        return Absent(as_of=now, authoritative=False, reason=reason)
    return Absent(
        as_of=now, authoritative=True, reason="Payoneer was asked twice, and finds none of the payments."
    )


def _read(client: PayoneerClient, keys: Sequence[str]) -> list[Observation]:
    found = []
    for key in keys:
        try:
            found.append(read_payment(client, key))
        except ReferenceVanished:
            continue
    return found
