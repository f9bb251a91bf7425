"""What an event of Stripe's points at. It comes to Stripe's own endpoints, is verified there, and is a hint here.

`transfer.…` of our own account names the transfer; a payout of a connected account to its bank is about whatever was
sent there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from payouts.providers.base import Hint
from payouts.providers.stripe.transfer_request import BATCH
from payouts.providers.stripe.transfers import item_key_of, metadata_of

_AT_THE_BANK: Final = frozenset({"payout.paid", "payout.failed", "payout.canceled"})


def hints_of(event: Mapping[str, Any]) -> Sequence[Hint]:
    """This will say what a verified event points at; nothing where it is about no payment of ours."""
    kind, account = str(event.get("type") or ""), event.get("account")
    data = event.get("data")
    about = data.get("object") if isinstance(data, Mapping) else None
    if not isinstance(about, Mapping):
        return []
    event_id = str(event.get("id") or "")
    if kind.startswith("transfer.") and not account and item_key_of(about):
        return [
            Hint(
                event_id,
                kind,
                batch_reference=str(about.get("id") or ""),
                batch_key=metadata_of(about, BATCH),
                item_key=item_key_of(about),
            )
        ]
    if kind in _AT_THE_BANK and isinstance(account, str) and account:
        return [Hint(event_id, kind, destination=account)]
    return []
