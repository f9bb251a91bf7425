"""Our balance at Stripe, and Stripe's own list of everything that moved it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from marketplace_payouts.lib.clock import in_utc
from marketplace_payouts.lib.money import Money
from payouts.providers.base import Balance, ProviderUnavailable, Statement, StatementLine
from payouts.providers.stripe import transfers
from payouts.providers.stripe.amounts import UnreadableAmount, read_amount
from payouts.providers.stripe.client import Object, StripeClient
from payouts.providers.stripe.codes import FEES, OWNERS, REVERSALS, TRANSFER

_log = logging.getLogger(__name__)

BALANCE_PATH: Final = "/v1/balance"
ENTRIES_PATH: Final = "/v1/balance_transactions"
# Stripe writes whole seconds by its own clock, and a request may be under way.
_LAG: Final = timedelta(minutes=2)


def read_balances(client: StripeClient, *, now: datetime) -> Sequence[Balance]:
    """This will give what is available per currency; currencies that are not in our registry are left out.

    :raises ProviderUnavailable: when it cannot be read now.
    """
    available = client.read(BALANCE_PATH).get("available")
    if not isinstance(available, list):
        raise ProviderUnavailable("Stripe's balance cannot be read.")
    balances = []
    for one in available:
        try:
            balances.append(Balance(read_amount(one["amount"], one["currency"]), as_of=now))
        except (UnreadableAmount, KeyError, TypeError):
            _log.warning("A balance at Stripe cannot be read and is left out.")
    return balances


def read_statement(client: StripeClient, *, since: datetime, until: datetime, now: datetime) -> Statement:
    """This will give Stripe's list of movements of our balance, a fee within one as a line of its own.

    :raises ProviderUnavailable: when it cannot be read now, or an entry cannot be read at all.
    """
    since, until, now = in_utc(since), in_utc(until), in_utc(now)
    params = {
        "created[gte]": str(int(since.timestamp())),
        "created[lte]": str(int(until.timestamp())),
        "expand[]": "data.source",
    }
    entries = list(client.pages(ENTRIES_PATH, params=params))
    known = {str(one["source"]["id"]): one["source"] for one in entries if _is(one, TRANSFER)}
    lines = [line for one in reversed(entries) for line in _lines(client, one, known)]
    return Statement(lines=lines, complete_until=min(until, now - _LAG))


def _is(entry: Object, kind: str) -> bool:
    return entry.get("type") == kind and isinstance(entry.get("source"), Mapping)


def _lines(client: StripeClient, entry: Object, known: dict[str, Object]) -> Iterator[StatementLine]:
    at = transfers.moment(entry.get("created"))
    if at is None:
        raise ProviderUnavailable("Stripe's list has an entry without a time.")
    try:
        amount = read_amount(entry.get("amount"), entry.get("currency"))
        fee = read_amount(entry.get("fee"), entry.get("currency"))
    except UnreadableAmount as error:
        _log.warning("An entry of Stripe's list is left out: %s", error)
        return
    if amount.units:
        yield _line(client, entry, amount, at, known)
    if fee.units:
        yield StatementLine(f"{entry['id']}", "", "", "fee", fee, at)


def _line(
    client: StripeClient, entry: Object, amount: Money, at: datetime, known: dict[str, Object]
) -> StatementLine:
    word = str(entry.get("type"))
    reference = str(entry["id"])
    if word == TRANSFER or word in REVERSALS:
        transfer = _transfer(client, entry, known)
        if _is_passed_on(transfer):
            return _of_the_owner(reference, amount, at)
        kind = "debit" if amount.units < 0 else "return"
        return StatementLine(
            reference=reference,
            item_key=transfers.item_key_of(transfer),
            item_reference=str(transfer.get("id") or ""),
            kind=kind,
            amount=Money(abs(amount.units), amount.currency),
            at=at,
            destination=str(transfer.get("destination") or ""),
        )
    if word in FEES:
        return StatementLine(reference, "", "", "fee", -amount, at)
    if word in OWNERS:
        return _of_the_owner(reference, amount, at)
    return StatementLine(reference, "", "", "other", amount, at)


def _of_the_owner(reference: str, amount: Money, at: datetime) -> StatementLine:
    kind = "top_up" if amount.units > 0 else "withdrawal"
    return StatementLine(reference, "", "", kind, Money(abs(amount.units), amount.currency), at)


def _is_passed_on(transfer: Object) -> bool:
    """Whether Stripe, or Sharetribe, passes one buyer's payment on to its seller: no payment of ours, as we name no
    charge. What goes out of our balance without a name of ours is foreign, and stops the provider."""
    return bool(transfer.get("source_transaction")) and not transfers.item_key_of(transfer)


def _transfer(client: StripeClient, entry: Object, known: dict[str, Object]) -> Object:
    """The transfer that an entry is about: its source, or what its source reverses."""
    source: Any = entry.get("source")
    if not isinstance(source, Mapping):
        return {}
    named = source["id"] if source.get("object") == TRANSFER else source.get("transfer")
    if not isinstance(named, str):
        return {}
    if named not in known:
        known[named] = transfers.get(client, named)
    return known[named]
