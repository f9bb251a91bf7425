"""What the program holds: one balance in one currency, read as it is now."""

from __future__ import annotations

from datetime import datetime

from payouts.providers.base import Balance, ProviderUnavailable
from payouts.providers.payoneer.amounts import UnreadableAmount, read_amount
from payouts.providers.payoneer.client import PayoneerClient
from payouts.providers.payoneer.fields import read_text


def read_balance(client: PayoneerClient, *, now: datetime) -> Balance:
    """This will give what Payoneer holds for us; `now` is a moment before it is asked.

    :raises ProviderUnavailable: when it cannot be read now.
    """
    value = client.read(client.path("balance"))
    try:
        available = read_amount(value.get("balance"), read_text(value, "currency"))
    except UnreadableAmount as error:
        raise ProviderUnavailable(f"Payoneer's balance cannot be read: {error}") from None
    return Balance(available=available, as_of=now)
