"""Looking for payments by our own keys, where Payoneer's answer to their submission was lost.

"Not found" right after a submission may be nothing but lag. It counts after the settle time alone, and only where it
is said twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

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
from payouts.providers.payoneer.mass_payout import program_of, reference_of
from payouts.providers.payoneer.payments import read_payment, view_of

# Before the settle time is over an absence proves nothing, however many are asked for.
_PROBES: Final = 5


def find_payments(
    client: PayoneerClient, key: Key, *, settle_time: timedelta, now: datetime
) -> Found | Absent | CannotTell:
    """This will say whether Payoneer has any payment of a request; `now` is a moment before it is asked.

    One that is found proves that the request was taken. The others are then asked for one by one, as those of every
    request are.
    """
    if program_of(key.step_key) != client.program_id:
        reason = f"It was sent to the program {program_of(key.step_key)}, and this is {client.program_id}."
        return CannotTell(
            f"{reason} Set PAYONEER_PROGRAM_ID and its credentials back until nothing is open there."
        )
    settled = now >= key.last_sent_at + settle_time
    asked = [*key.item_keys, *key.item_keys] if settled else key.item_keys[:_PROBES]
    try:
        found = _first(client, asked)
    except ProviderUnavailable as error:
        return CannotTell(f"Payoneer could not be asked by our references: {error}")
    if found is not None:
        return Found(view_of(found, reference=reference_of(key.item_keys)))
    if not settled:
        reason = "Payoneer does not find the payments, which proves nothing so soon after they were sent."
        return Absent(as_of=now, authoritative=False, reason=reason)
    return Absent(
        as_of=now, authoritative=True, reason="Payoneer was asked twice, and finds none of the payments."
    )


def _first(client: PayoneerClient, keys: Sequence[str]) -> Observation | None:
    for key in keys:
        try:
            return read_payment(client, key)
        except ReferenceVanished:
            continue
    return None
