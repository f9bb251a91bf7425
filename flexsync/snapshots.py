"""A transaction as it stood at one moment: Sharetribe's record, read strictly enough to pay by it. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final
from uuid import UUID

from marketplace_payouts.lib.sharetribe import Event, FlexBadAnswer, FlexMoney, JsonObject, Transaction

SNAPSHOT: Final = "snapshot"
"""Our own event type, for a transaction that we read ourselves."""

EVENT_TYPES: Final = (
    "transaction/initiated",
    "transaction/transitioned",
    "transaction/updated",
    "transaction/deleted",
    "user/updated",
    "user/deleted",
)
METADATA_KEY: Final = "payout"
"""The key of a transaction's metadata that says what became of its payout."""
PAYMENT_KEY: Final = "payment"
"""The key that says how its buyer's payment stands."""
_OURS: Final = frozenset({METADATA_KEY, PAYMENT_KEY})

_LONGEST_NAME: Final = 120
# Sharetribe counts in 64 bits; anything longer is no amount.
_LARGEST_AMOUNT: Final = 2**63


class Unclear(Exception):
    """A transaction cannot be understood; `str()` says why, for staff."""


class Nonsense(Unclear):
    """Sharetribe's words are not what they have to be."""


@dataclass(frozen=True, slots=True)
class Transition:
    """One transition that a transaction has gone through."""

    name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class LineItem:
    """One line of a transaction's price."""

    code: str
    unit_price: FlexMoney | None
    quantity: str
    total: FlexMoney
    is_reversal: bool
    counts_for: tuple[str, ...]


@dataclass(frozen=True)
class Snapshot:
    """A transaction as it stood at one moment."""

    reference: UUID
    process: str
    process_version: int
    last_transition: str
    last_transitioned_at: datetime
    state: str
    payee: UUID | None
    payin: FlexMoney | None
    payout: FlexMoney | None
    lines: tuple[LineItem, ...]
    transitions: tuple[Transition, ...]
    shows_stripe: bool
    told: Mapping[str, Any]
    """The metadata value that is ours, as it stands there now."""

    @cached_property
    def digest(self) -> bytes:
        """The SHA-256 of all that could change what is owed or paid."""
        matters = [
            str(self.reference),
            self.process,
            str(self.payee),
            _plain(self.payin),
            _plain(self.payout),
            [[one.code, _plain(one.total), one.is_reversal, *one.counts_for] for one in self.lines],
            [[one.name, one.at.isoformat()] for one in self.transitions],
            self.shows_stripe,
        ]
        return hashlib.sha256(json.dumps(matters, separators=(",", ":")).encode()).digest()


def carries_stripe(protected_data: Mapping[str, object]) -> bool:
    """This will tell whether a transaction's protected data has what Sharetribe's Stripe integration leaves there."""
    return any(key.lower().startswith("stripe") and value for key, value in protected_data.items())


def read_snapshot(resource: object, *, payee: UUID | None = None) -> Snapshot:
    """This will read a transaction as events and answers carry it.

    Answers name the seller only where `provider` is included; `payee` stands in where a command's answer does not.

    :raises Nonsense: when something that we rely on is missing or of the wrong kind.
    """
    try:
        record = Transaction.parse(resource)
    except FlexBadAnswer as error:
        raise Nonsense(str(error)) from None
    transitions = tuple(Transition(_name(one.transition), one.created_at) for one in record.transitions)
    if not transitions:
        raise Nonsense("The transaction does not list its transitions.")
    told = record.metadata.get(METADATA_KEY)
    lines = tuple(_line(item) for item in record.line_items)
    seller = record.provider_id or payee
    payin, payout = _checked(record.payin_total), _checked(record.payout_total)
    return Snapshot(
        reference=record.id,
        process=_name(record.process_name),
        process_version=record.process_version if abs(record.process_version) < 2**31 else 0,
        last_transition=_name(record.last_transition),
        last_transitioned_at=record.last_transitioned_at,
        state=_name(record.state),
        payee=seller,
        payin=payin,
        payout=payout,
        lines=lines,
        transitions=transitions,
        shows_stripe=carries_stripe(record.protected_data),
        told=told if isinstance(told, dict) else {},
    )


def is_own_echo(event: Event, *, client_id: str) -> bool:
    """This will tell whether an event only says that we wrote keys of ours into a transaction's metadata."""
    if not client_id or event.client_id != client_id or event.event_type != "transaction/updated":
        return False
    changed = event.previous_values.get("attributes")
    if (
        not isinstance(changed, dict)
        or set(changed) != {"metadata"}
        or event.previous_values.get("relationships")
    ):
        return False
    keys = changed["metadata"]
    return isinstance(keys, dict) and bool(keys) and keys.keys() <= _OURS


def named_payouts(told: Mapping[str, Any]) -> list[str]:
    """This will list the payouts that our key of a transaction's metadata names."""
    earlier = told.get("earlier")
    names = [told.get("reference"), *(earlier if isinstance(earlier, list) else [])]
    return [str(name) for name in names if name]


def _plain(money: FlexMoney | None) -> list[object] | None:
    return None if money is None else [money.amount, money.currency]


def _line(item: JsonObject) -> LineItem:
    total, unit_price = _money(item.get("lineTotal")), _money(item.get("unitPrice"))
    if total is None:
        raise Nonsense("A line item has no lineTotal.")
    quantity = next(
        (item[key] for key in ("quantity", "percentage", "units") if item.get(key) is not None), ""
    )
    counts_for = item.get("includeFor") or []
    if not isinstance(counts_for, list):
        raise Nonsense("A line item does not say whom it counts for.")
    return LineItem(
        code=_name(item.get("code")),
        unit_price=unit_price,
        quantity=str(quantity)[:40],
        total=total,
        is_reversal=item.get("reversal") is True,
        counts_for=tuple(sorted(str(one) for one in counts_for)),
    )


def _money(value: object) -> FlexMoney | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise Nonsense("An amount of a line item is not an object.")
    return _checked(FlexMoney(amount=value.get("amount", ""), currency=value.get("currency", "")))


def _checked(money: FlexMoney | None) -> FlexMoney | None:
    if money is None:
        return None
    if type(money.amount) is not int or abs(money.amount) >= _LARGEST_AMOUNT:
        raise Nonsense("An amount is not a whole number of minor units.")
    currency: object = money.currency
    if not isinstance(currency, str) or not currency.isascii() or not 1 <= len(currency) <= 20:
        raise Nonsense("An amount has no readable currency.")
    return money


def _name(value: object) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_NAME or "\x00" in value:
        raise Nonsense("A process, state, transition or line item has no readable name.")
    return value
