"""What a bank's statement says, whatever its format: booked entries of our account, each under an id that stays."""

from __future__ import annotations

import enum
import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from marketplace_payouts.lib.currencies import format_amount
from marketplace_payouts.lib.money import Money
from payouts.providers.bank_file.settings import BankFileSettings
from payouts.providers.base import ProviderError

LARGEST: Final = 20 * 1024 * 1024
_LONGEST_TEXT: Final = 500
# Behind it there must be room for the number of a repetition, and for the id of a payment within a sum.
_LONGEST_REFERENCE: Final = 80
_HEAD: Final = 39


class BadStatement(ProviderError):
    """A statement cannot be taken; says why, and what to do."""


class EntryKind(enum.StrEnum):
    """What a booked entry is to us."""

    DEBIT = "debit"
    """Money left; under the end-to-end id of a payment, or the id of a whole file, or neither."""
    RETURN = "return"
    """Money that had left under one of our end-to-end ids came back."""
    FEE = "fee"
    """The bank charged the account."""
    CREDIT = "credit"
    """Money came that has to do with no payment of ours."""
    OTHER = "other"
    """What nobody can tell without a person, such as a return that was taken back."""


INWARD: Final = frozenset({EntryKind.RETURN, EntryKind.CREDIT})


@dataclass(frozen=True, slots=True)
class Entry:
    """One movement on the account, booked for good."""

    reference: str
    """The same whenever and however this movement is read again; unique on its account."""
    kind: EntryKind
    amount: Money
    """Positive in the direction of its kind; of `other`, positive is in."""
    booked_on: date
    item_key: str = ""
    """The key of our payment that it names."""
    message_id: str = ""
    """The id of our file, where the whole of it was debited as one sum."""
    part: str = ""
    """The id of the part of the file, where the bank names it."""
    account: str = ""
    """The other side's account number, compact; empty where the bank does not say."""
    reason: str = ""
    """The bank's code for why money came back."""
    text: str = ""
    """What it says to people."""

    @property
    def signed(self) -> Money:
        """What it did to the account's balance."""
        inward = self.kind in INWARD or self.kind is EntryKind.OTHER
        return self.amount if inward else -self.amount


@dataclass(frozen=True, slots=True)
class BankStatement:
    """One statement, or several that stood in one file: every day from the first to the last, whole."""

    format: str
    account: str
    first_day: date
    last_day: date
    entries: Sequence[Entry]
    opening: Money | None = None
    closing: Money | None = None
    """The booked balance at the end of the last day; None where the format has none."""

    def of(self, kind: EntryKind) -> list[Entry]:
        """This will give the entries of one kind."""
        return [entry for entry in self.entries if entry.kind is kind]


def checked(statement: BankStatement, settings: BankFileSettings) -> BankStatement:
    """This will give the statement back where it is of our account, in its currency, and adds up.

    :raises BadStatement: when it is not.
    """
    if statement.account != settings.account:
        raise BadStatement(
            f"It is of the account {_masked(statement.account)}, and files are paid from {_masked(settings.account)}."
        )
    if statement.first_day > statement.last_day:
        raise BadStatement("It ends before it begins.")
    for entry in statement.entries:
        if entry.amount.currency != settings.currency:
            raise BadStatement(
                f"It has an entry in {entry.amount.currency}, and the account is kept in {settings.currency}."
            )
        if not statement.first_day <= entry.booked_on <= statement.last_day:
            raise BadStatement(f"It has an entry of {entry.booked_on}, which is outside of its own days.")
    _add_up(statement, settings.currency)
    return statement


def _add_up(statement: BankStatement, currency: str) -> None:
    if statement.opening is None or statement.closing is None:
        return
    if {statement.opening.currency, statement.closing.currency} != {currency}:
        raise BadStatement(f"Its balances are not in {currency}.")
    total = statement.opening + Money.total([entry.signed for entry in statement.entries], currency)
    if total != statement.closing:
        raise BadStatement(
            f"It does not add up: its entries lead to {format_amount(total)}, and it closes with"
            f" {format_amount(statement.closing)}. A page may be missing; have the bank make it anew."
        )


def with_references(entries: Iterable[Entry]) -> list[Entry]:
    """This will give each entry without a reference of the bank's one of its own, made of what it says.

    Two entries of a day that say the same are told apart by their number, so a statement must have whole days.
    """
    seen: Counter[str] = Counter()
    found = []
    for entry in entries:
        reference = _short(entry.reference) or _fingerprint(entry)
        seen[reference] += 1
        if seen[reference] > 1:
            reference = f"{reference}#{seen[reference]}"
        found.append(replace(entry, reference=reference, text=entry.text[:_LONGEST_TEXT]))
    return found


def _short(reference: str) -> str:
    """In full, as a rule; a longer one is told from its neighbours by all of it."""
    if len(reference) <= _LONGEST_REFERENCE:
        return reference
    return f"{reference[:_HEAD]}~{hashlib.sha256(reference.encode()).hexdigest()[:40]}"


def _fingerprint(entry: Entry) -> str:
    parts = (
        entry.booked_on.isoformat(),
        entry.kind,
        str(entry.amount.units),
        entry.amount.currency,
        entry.item_key,
        entry.part or entry.message_id,
        entry.account,
        entry.text,
    )
    return f"~{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:40]}"


def _masked(account: str) -> str:
    return f"•••• {account[-4:]}"
