"""A statement as CSV, for banks that give no camt.053: one line per booked entry, whole days, in a form of ours.

    account;booked_on;amount;currency;reference;end_to_end_id;counterparty;kind;reason;text

The headers in German that banks' own exports have are taken, too. An amount is negative where money left.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Final

from marketplace_payouts.lib.currencies import EXPONENTS, MoneyError, from_decimal_string
from marketplace_payouts.lib.money import Money
from payouts.providers.bank_file.bank_statements import (
    BadStatement,
    BankStatement,
    Entry,
    EntryKind,
    with_references,
)
from payouts.providers.bank_file.iban import compact
from payouts.providers.bank_file.identifiers import file_in, item_key_in

_NAMES: Final[Mapping[str, Sequence[str]]] = {
    "account": ("account", "iban", "auftragskonto", "iban auftragskonto"),
    "booked_on": ("booked_on", "booking date", "date", "buchungstag", "buchungsdatum"),
    "amount": ("amount", "betrag"),
    "currency": ("currency", "waehrung", "währung"),
    "reference": ("reference", "bank reference", "bankreferenz", "referenz"),
    "end_to_end_id": (
        "end_to_end_id",
        "end to end id",
        "end-to-end-id",
        "kundenreferenz",
        "kundenreferenz (end-to-end)",
    ),
    "counterparty": ("counterparty", "counterparty account", "kontonummer/iban", "iban zahlungsbeteiligter"),
    "kind": ("kind",),
    "reason": ("reason",),
    "text": ("text", "purpose", "verwendungszweck"),
}
_NEEDED: Final = ("account", "booked_on", "amount", "currency")
_DATES: Final = ("%Y-%m-%d", "%d.%m.%Y")
# A point or a comma before the decimals, and nothing between thousands: 1.234 might be either.
_AMOUNT: Final = re.compile(r"([+-]?)([0-9]+)(?:[.,]([0-9]+))?")


def read(body: bytes) -> BankStatement:
    """This will read a CSV.

    :raises BadStatement: when it is none, or cannot be understood.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadStatement("It is not in UTF-8: save the CSV with that encoding.") from None
    if "\x00" in text:
        raise BadStatement("It is no plain text: save the CSV in UTF-8.")
    try:
        rows = list(csv.DictReader(io.StringIO(text), delimiter=_delimiter(text), strict=True, restkey=""))
    except csv.Error as error:
        raise BadStatement(f"It is no CSV that can be read: {error}") from None
    if not rows:
        raise BadStatement("It has no lines. A day without bookings needs no statement.")
    columns = _columns(list(rows[0]))
    found, accounts = [], set()
    for number, row in enumerate(rows, start=2):
        values = {name: (row.get(column) or "").strip() for name, column in columns.items()}
        try:
            found.append(_entry(values))
        except (MoneyError, ValueError) as error:
            raise BadStatement(f"Line {number}: {error}") from None
        accounts.add(compact(values["account"]))
    if len(accounts) != 1:
        raise BadStatement("It holds lines of several accounts: have the bank make one for each.")
    days = [entry.booked_on for entry in found]
    return BankStatement(
        format="csv",
        account=accounts.pop(),
        first_day=min(days),
        last_day=max(days),
        entries=with_references(found),
    )


def _delimiter(text: str) -> str:
    header = text.partition("\n")[0]
    return max(";,\t", key=header.count)


def _columns(header: Sequence[str | None]) -> dict[str, str]:
    known = {" ".join(column.lower().split()): column for column in header if column}
    found = {}
    for name, words in _NAMES.items():
        for word in words:
            if word in known:
                found[name] = known[word]
                break
    if missing := [name for name in _NEEDED if name not in found]:
        raise BadStatement(f"It lacks the column {missing[0]}; needed are {', '.join(_NEEDED)}.")
    return found


def _entry(values: Mapping[str, str]) -> Entry:
    amount = _amount(values["amount"], values["currency"].upper())
    text = " ".join(values.get("text", "").split())
    item_key = item_key_in(values.get("end_to_end_id", "")) or item_key_in(text)
    kind = _kind(values.get("kind", "").lower(), is_in=amount.units > 0, is_ours=bool(item_key))
    is_debit = kind is EntryKind.DEBIT
    is_sum = is_debit and not item_key
    file, part = file_in(values.get("end_to_end_id", ""), text) if is_sum else ("", "")
    return Entry(
        reference=values.get("reference", ""),
        kind=kind,
        amount=amount if kind is EntryKind.OTHER else abs(amount),
        booked_on=_day(values["booked_on"]),
        item_key=item_key,
        message_id=file,
        part=part,
        account=compact(values.get("counterparty", "")) if is_debit else "",
        reason=values.get("reason", ""),
        text=text,
    )


def _kind(word: str, *, is_in: bool, is_ours: bool) -> EntryKind:
    """By its sign and whether it names a payment of ours; only a fee has to be called one."""
    if word not in {"", *EntryKind}:
        raise ValueError(f"the kind is one of {', '.join(EntryKind)}, or empty")
    if word == EntryKind.FEE and not is_in and not is_ours:
        return EntryKind.FEE
    if word == EntryKind.OTHER:
        return EntryKind.OTHER
    if is_in:
        return EntryKind.RETURN if is_ours else EntryKind.CREDIT
    return EntryKind.DEBIT


def _amount(text: str, currency: str) -> Money:
    if currency not in EXPONENTS:
        raise ValueError(f"{currency or 'nothing'} is no currency that we know")
    match = _AMOUNT.fullmatch(text.replace("−", "-"))
    places = EXPONENTS[currency]
    if match is None or len(match[3] or "") > places:
        raise ValueError(f"{text!r} is no amount: write it without signs between thousands, such as -1234.50")
    units = from_decimal_string(f"{match[2]}.{match[3]}" if match[3] else match[2], places)
    if units == 0:
        raise ValueError("the amount is nothing")
    return Money(-units if match[1] == "-" else units, currency)


def _day(text: str) -> date:
    for form in _DATES:
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    raise ValueError(f"{text!r} is no day: write 2026-11-30 or 30.11.2026")
