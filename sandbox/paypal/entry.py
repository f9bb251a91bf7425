"""Reads a payout request as PayPal's first scan does: all of it or nothing, each bad item named."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from sandbox.paypal.currencies import UNIT, units_of
from sandbox.paypal.problems import Detail, at, invalid

MOST_ITEMS = 15_000
BAD_RECEIVER = "Receiver is invalid or does not match with type"
_TYPES = frozenset({"EMAIL", "PHONE", "PAYPAL_ID", "USER_HANDLE"})
_WALLETS = frozenset({"PAYPAL", "VENMO", "RECIPIENT_SELECTED"})
_PURPOSES = frozenset(
    {
        "AWARDS",
        "PRIZES",
        "DONATIONS",
        "GOODS",
        "SERVICES",
        "REBATES",
        "CASHBACK",
        "DISCOUNTS",
        "NON_GOODS_OR_SERVICES",
    }
)
_RECEIVERS = {
    "EMAIL": re.compile(
        r"[^@\s,;<>\"]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+(?:[A-Za-z]{2,}|xn--[A-Za-z0-9-]+)"
    ),
    "PAYPAL_ID": re.compile(r"[A-Z0-9]{13}"),
    "USER_HANDLE": re.compile(r"@?[A-Za-z0-9_-]{5,30}"),
}
_HEADER_LENGTHS = {"sender_batch_id": 256, "email_subject": 255, "email_message": 1000, "note": 1000}


class Line(NamedTuple):
    """One item as it was accepted."""

    receiver: str
    recipient_type: str
    units: int
    sender_item_id: str | None
    note: str | None
    wallet: str
    purpose: str | None


class Order(NamedTuple):
    """A whole request as it was accepted."""

    header: dict[str, str]
    currency: str
    lines: list[Line]

    @property
    def sender_batch_id(self) -> str | None:
        """Give the caller's key, if it gave one: PayPal lets it be absent."""
        return self.header.get("sender_batch_id") or None


def key_in(body: Any) -> str | None:
    """Give the caller's key even of a request that is otherwise wrong."""
    header = body.get("sender_batch_header") if isinstance(body, dict) else None
    key = header.get("sender_batch_id") if isinstance(header, dict) else None
    return key if isinstance(key, str) and key else None


def read(body: Any) -> Order:
    """Read a request.

    :raises Problem: naming everything that is wrong with it.
    """
    if not isinstance(body, dict):
        raise invalid(at("", "The request must be an object"))
    header = _header(body.get("sender_batch_header"))
    items = body.get("items")
    if not isinstance(items, list) or not items:
        raise invalid(at("items", "Required field is missing: at least one item"))
    if len(items) > MOST_ITEMS:
        raise invalid(at("items", f"At most {MOST_ITEMS} items are allowed", value=len(items)))
    details: list[Detail] = []
    lines: list[Line] = []
    currency = _currency(items[0])
    for n, item in enumerate(items):
        line = _line(item, n, header, currency, details)
        if line is not None:
            lines.append(line)
    if details:
        raise invalid(*details)
    return Order(header, currency or "", lines)  # an unknown currency has made details


def _header(header: Any) -> dict[str, str]:
    if not isinstance(header, dict):
        raise invalid(at("sender_batch_header", "Required field is missing"))
    details = []
    for name, most in _HEADER_LENGTHS.items():
        value = header.get(name)
        if value is not None and (not isinstance(value, str) or len(value) > most):
            details.append(
                at(f"sender_batch_header.{name}", f"Value must be a string of at most {most} characters")
            )
    kind = header.get("recipient_type")
    if kind is not None and kind not in _TYPES:
        details.append(at("sender_batch_header.recipient_type", "Recipient type is invalid", value=kind))
    if details:
        raise invalid(*details)
    known = (*_HEADER_LENGTHS, "recipient_type")
    return {name: header[name] for name in known if header.get(name) is not None}


def _currency(item: Any) -> str | None:
    amount = item.get("amount") if isinstance(item, dict) else None
    currency = amount.get("currency") if isinstance(amount, dict) else None
    return currency if isinstance(currency, str) and currency in UNIT else None


def _line(
    item: Any, n: int, header: dict[str, str], currency: str | None, details: list[Detail]
) -> Line | None:
    if not isinstance(item, dict):
        details.append(at(f"items[{n}]", "Item must be an object"))
        return None
    before = len(details)
    units = _units(item.get("amount"), n, currency, details)
    kind = item.get("recipient_type") or header.get("recipient_type")
    receiver: Any = item.get("receiver")
    _check_receiver(kind, receiver, n, details)
    _check_rest(item, n, header.get("note", ""), details)
    if len(details) > before:
        return None
    return Line(
        receiver,
        kind or "EMAIL",
        units,
        item.get("sender_item_id"),
        item.get("note"),
        item.get("recipient_wallet") or "PAYPAL",
        item.get("purpose"),
    )


def _units(amount: Any, n: int, currency: str | None, details: list[Detail]) -> int:
    where = f"items[{n}].amount"
    if not isinstance(amount, dict):
        details.append(at(where, "Required field is missing"))
        return 0
    named = amount.get("currency")
    if not isinstance(named, str) or named not in UNIT:
        details.append(at(f"{where}.currency", "Currency code is invalid or not supported", value=named))
        return 0
    if currency is not None and named != currency:
        details.append(
            at(f"{where}.currency", "All items of a batch must have the same currency", value=named)
        )
        return 0
    value = amount.get("value")
    if not isinstance(value, str):
        details.append(at(f"{where}.value", "Value must be a string", value=value))
        return 0
    units = units_of(value, named)
    if not units:
        details.append(
            at(f"{where}.value", "Amount is invalid, not positive, or has too many decimals", value=value)
        )
    return units or 0


def _check_receiver(kind: Any, receiver: Any, n: int, details: list[Detail]) -> None:
    if kind not in _TYPES:
        issue = (
            "Recipient type is invalid"
            if kind
            else "Recipient type is required in the header or in each item"
        )
        details.append(at(f"items[{n}].recipient_type", issue, value=kind))
        return
    if kind == "PHONE":
        details.append(at(f"items[{n}].recipient_type", "PHONE is not supported in the sandbox", value=kind))
        return
    good = isinstance(receiver, str) and len(receiver) <= 127 and _RECEIVERS[kind].fullmatch(receiver)
    if not good or (isinstance(receiver, str) and receiver.startswith("invalid+")):
        details.append(at(f"items[{n}].receiver", BAD_RECEIVER, value=receiver))


def _check_rest(item: dict[str, Any], n: int, header_note: str, details: list[Detail]) -> None:
    key = item.get("sender_item_id")
    if key is not None and not (isinstance(key, str) and len(key) <= 63):
        details.append(at(f"items[{n}].sender_item_id", "Value must be a string of at most 63 characters"))
    note = item.get("note")
    if note is not None and not _fits_note(note, header_note):
        details.append(at(f"items[{n}].note", "Note is too long"))
    wallet = item.get("recipient_wallet")
    if wallet is not None and wallet not in _WALLETS:
        details.append(at(f"items[{n}].recipient_wallet", "Recipient wallet is invalid", value=wallet))
    purpose = item.get("purpose")
    if purpose is not None and purpose not in _PURPOSES:
        details.append(at(f"items[{n}].purpose", "Purpose is invalid", value=purpose))


def _fits_note(note: Any, header_note: str) -> bool:
    if not isinstance(note, str) or len(note) > (4000 if note.isascii() else 1000):
        return False
    return not header_note or len(header_note) + len(note) <= 1000
