"""The statements of our balances: every movement, and how much of a transfer came back (read 2026-11)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from marketplace_payouts.lib.clock import in_utc
from marketplace_payouts.lib.money import Money
from payouts.providers.base import Balance, ProviderUnavailable
from payouts.providers.wise.client import WiseClient, moment
from payouts.providers.wise.fields import read_id, read_money, read_objects, read_text, read_time

LONGEST_WINDOW: Final = timedelta(days=469)
_STANDARD: Final = {"types": "STANDARD"}
# A transfer's own time has no fractions of a second, and the two clocks of Wise need not agree.
_MARGIN: Final = timedelta(minutes=5)
_ABOUT: Final = "TRANSFER-"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a statement; `amount` with its sign and with the fee that is in it."""

    reference: str
    """Wise's own, which a transfer and its refunds share."""
    direction: str
    type: str
    amount: Money
    fee: Money | None
    at: datetime

    @property
    def transfer(self) -> str:
        """The id of the transfer that it is about; empty where it is about none."""
        found = self.reference.removeprefix(_ABOUT)
        return found if found != self.reference and found.isdecimal() else ""


@dataclass(frozen=True, slots=True)
class Refund:
    """What came back of a transfer so far, and when the last of it."""

    amount: Money
    at: datetime | None


def read_balances(client: WiseClient, *, now: datetime) -> Sequence[Balance]:
    """This will give what each balance holds, less what is reserved; currencies that we do not know are left out.

    :raises ProviderUnavailable: when it cannot be read now.
    """
    found = []
    for one in _balances(client):
        amount, reserved = read_money(one.get("amount")), read_money(one.get("reservedAmount"))
        if amount is not None:
            is_reserved = reserved is not None and reserved.currency == amount.currency
            found.append(Balance(amount - reserved if reserved and is_reserved else amount, in_utc(now)))
    return found


def read_rows(client: WiseClient, *, since: datetime, until: datetime, currency: str = "") -> Iterator[Row]:
    """This will give the rows of every balance, or of that in one currency, in windows as long as Wise allows.

    :raises StrongAuthentication: when our token may not read statements, or not now.
    :raises ProviderUnavailable: when one cannot be read.
    """
    for balance in _balances(client):
        if currency in ("", read_text(balance, "currency")):
            yield from _rows_of(client, balance, since=in_utc(since), until=in_utc(until))


def read_refund(
    client: WiseClient, transfer: str, *, currency: str, since: datetime, now: datetime
) -> Refund:
    """This will give how much of a transfer came back so far, in the currency that it was paid from.

    It raises as `read_rows` does.
    """
    rows = [
        row
        for row in read_rows(client, since=since - _MARGIN, until=now + _MARGIN, currency=currency)
        if row.transfer == transfer and row.amount.units > 0
    ]
    amount = Money.total((row.amount for row in rows), currency)
    return Refund(amount, max((row.at for row in rows), default=None))


def _balances(client: WiseClient) -> Sequence[Mapping[str, Any]]:
    return client.read_list(client.path("balances"), params=_STANDARD)


def _rows_of(
    client: WiseClient, balance: Mapping[str, Any], *, since: datetime, until: datetime
) -> Iterator[Row]:
    path = client.path("statement", balance=read_id(balance, "id") or "unknown")
    start = since
    while start < until:
        end = min(start + LONGEST_WINDOW, until)
        params = {
            "currency": read_text(balance, "currency"),
            "intervalStart": moment(start),
            "intervalEnd": moment(end),
            "type": "COMPACT",
        }
        value = client.read_object(path, params=params)
        if not isinstance(value.get("transactions"), list):
            raise ProviderUnavailable("Wise's statement cannot be read.")
        for one in read_objects(value["transactions"]):
            yield _row(one)
        start = end


def _row(value: Mapping[str, Any]) -> Row:
    amount, at = read_money(value.get("amount")), read_time(value.get("date"))
    reference = read_text(value, "referenceNumber")
    if amount is None or at is None or not reference:
        raise ProviderUnavailable("Wise's statement has a row without amount, time or reference.")
    details = value.get("details")
    return Row(
        reference=reference,
        direction=read_text(value, "type"),
        type=read_text(details, "type"),
        amount=amount,
        fee=read_money(value.get("totalFees")),
        at=at,
    )
