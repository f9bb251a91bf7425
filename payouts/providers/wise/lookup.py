"""Looking for what became of a step by our own key, where its answer was lost; nothing is posted again for it.

Wise cannot be asked by our key, but lists its transfers with it, as soon as they are made.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from payouts.providers.base import Absent, CannotTell, Found, Key, ProviderError, ProviderUnavailable
from payouts.providers.wise import steps
from payouts.providers.wise.client import WiseClient
from payouts.providers.wise.codes import UNPAID
from payouts.providers.wise.fields import read_id, read_text
from payouts.providers.wise.transfers import is_paid_in, listed, view_of

# Clocks differ, and Wise writes whole seconds.
_MARGIN: Final = timedelta(minutes=5)


def find_transfer(
    client: WiseClient, key: Key, *, settle_time: timedelta, now: datetime
) -> Found | Absent | CannotTell:
    """This will say whether the step with this key has left something at Wise."""
    try:
        wanted = steps.transaction_id(key.item_keys[0])
        found = listed(
            client,
            wanted,
            since=key.first_sent_at - _MARGIN,
            # A little into the future: how far the list reaches is told by Wise's clock, not by ours.
            until=max(now, key.last_sent_at + settle_time) + _MARGIN,
        )
        is_settled = now >= key.last_sent_at + settle_time
        return _tell(client, key, wanted, found, is_settled=is_settled, now=now)
    except (ProviderUnavailable, ProviderError, IndexError) as error:
        return CannotTell(f"Wise's list of transfers could not be read: {error}")


def _tell(
    client: WiseClient,
    key: Key,
    wanted: str,
    found: Mapping[str, Any] | None,
    *,
    is_settled: bool,
    now: datetime,
) -> Found | Absent | CannotTell:
    if key.step_key == wanted:
        if found is not None:
            return Found(view_of(client, found, now=now))
        return Absent(now, is_settled, "Wise's whole list of the time has no transfer under our key.")
    if key.step_key.endswith(f":{steps.FUND}"):
        return _funding(client, found, is_settled=is_settled, now=now)
    if found is not None:
        return CannotTell(f"Transfer {read_id(found, 'id')} carries a key that was not sent yet.")
    return Absent(now, is_settled, "No transfer was made yet, so nothing can have been paid.")


def _funding(
    client: WiseClient, found: Mapping[str, Any] | None, *, is_settled: bool, now: datetime
) -> Found | Absent | CannotTell:
    if found is None:
        return CannotTell("Wise does not list the transfer that it made.")
    reference = read_id(found, "id")
    if read_text(found, "status") in UNPAID and not is_paid_in(client, reference):
        return Absent(now, is_settled, f"Transfer {reference} stands at Wise, and nothing was paid into it.")
    return Found(view_of(client, found, now=now))
