"""What a statement of the bank would bring, and taking it in once it is seconded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Final

from accounts.models import User
from marketplace_payouts.lib import crypto, rowsets
from marketplace_payouts.lib.currencies import format_amount
from marketplace_payouts.lib.ids import uuid7
from marketplace_payouts.lib.money import Money
from payouts import kicks, reconciliation
from payouts.bank_files.desk import PROVIDER, seal_details
from payouts.errors import Refused
from payouts.models import Attempt, BankEntry, BankFile, BankStatement, Request
from payouts.providers import registry
from payouts.providers.bank_file.bank_statements import BadStatement, Entry, EntryKind
from payouts.providers.bank_file.bank_statements import BankStatement as Read
from payouts.providers.bank_file.provider import BankFile as Provider
from payouts.providers.bank_file.reading import read_statement
from payouts.providers.base import ProviderError

ACT: Final = "bank_statement_take"
_LONGEST_REASON: Final = 60
_NAMES: Final = {
    EntryKind.DEBIT: ("debit", "debits"),
    EntryKind.RETURN: ("return", "returns"),
    EntryKind.FEE: ("fee", "fees"),
    EntryKind.CREDIT: ("other credit", "other credits"),
    EntryKind.OTHER: ("movement that needs a person", "movements that need a person"),
}


def waits(row: BankStatement) -> bool:
    """This will tell whether somebody was asked to second a statement, and has not answered."""
    return Request.objects.filter(act=ACT, subject=str(row.pk), state=Request.State.OPEN).exists()


def body_of(row: BankStatement) -> bytes:
    """This will open a statement as it was uploaded."""
    return crypto.open(bytes(row.sealed), aad=row.pk.bytes)


def summary(row: BankStatement) -> str:
    """This will say what a statement that waits would bring.

    :raises Refused: when it was taken already, or can no longer be read.
    """
    if row.taken_at is not None:
        raise Refused("The statement was taken already.")
    statement = read(body_of(row), row.first_day, row.last_day)
    new = _new(row, statement.entries)
    told = [
        f"{_count(some, *_NAMES[kind])} of {_sum(some)}"
        for kind in EntryKind
        if (some := [entry for entry in new if entry.kind is kind])
    ]
    strangers = [one for one in new if one.kind is EntryKind.DEBIT and not _is_ours(one)]
    warning = f" Of no file of ours: {_count(strangers, 'debit', 'debits')}." if strangers else ""
    known = len(statement.entries) - len(new)
    return (
        f"Take in the bank's statement of {row.first_day} to {row.last_day}: {', '.join(told) or 'nothing new'}"
        f"{f'; known already: {known}' if known else ''}.{warning}"
    )


def take(row: BankStatement, *, by: User, now: datetime) -> int:
    """This will take a locked statement inside the caller's transaction; gives how many entries were new.

    Then the files that it speaks of are read again, and both lists compared.

    :raises Refused: when it was taken already, or they uploaded it themselves.
    """
    if row.taken_at is not None:
        raise Refused("The statement was taken already.")
    if row.imported_by_id == by.pk:
        raise Refused("You uploaded this statement; another person must second it.")
    statement = read(body_of(row), row.first_day, row.last_day)
    rows = [_entry(row, entry) for entry in statement.entries]
    made = rowsets.insert(BankEntry, rows, on_conflict="(account, reference) DO NOTHING", returning="id")
    row.taken_by, row.taken_at = by, now
    row.save(update_fields=["taken_by", "taken_at"])
    _have_read(statement.entries, now=now)
    kicks.kick("ask")
    kicks.reconcile()
    return len(made)


def provider() -> Provider:
    """This will give the provider.

    :raises Refused: when it is not set up.
    """
    try:
        found = registry.get(PROVIDER)
    except ProviderError as error:
        raise Refused(str(error)) from error
    assert isinstance(found, Provider)
    return found


def read(body: bytes, first_day: date | None, last_day: date | None) -> Read:
    """This will read a statement; days are named where a CSV covers more of them than its entries show.

    :raises Refused: when it cannot be taken.
    """
    try:
        statement = read_statement(body, provider().settings)
    except BadStatement as error:
        raise Refused(f"The statement cannot be taken. {error}") from error
    if statement.closing is not None:
        return statement  # its own balances say which days it covers
    first = min(statement.first_day, first_day or statement.first_day)
    return replace(
        statement, first_day=first, last_day=max(statement.last_day, last_day or statement.last_day)
    )


def _new(row: BankStatement, entries: Sequence[Entry]) -> list[Entry]:
    references = [entry.reference for entry in entries]
    rows = BankEntry.objects.filter(account=row.account, reference__in=references)
    known = set(rows.values_list("reference", flat=True))
    return [entry for entry in entries if entry.reference not in known]


def _is_ours(entry: Entry) -> bool:
    if entry.item_key:
        return Attempt.objects.filter(provider=PROVIDER, key=entry.item_key).exists()
    return bool(entry.message_id) and BankFile.objects.filter(message_id=entry.message_id).exists()


def _count(entries: Sequence[Entry], one: str, many: str) -> str:
    return f"{len(entries):,} {one if len(entries) == 1 else many}"


def _sum(entries: Sequence[Entry]) -> str:
    return format_amount(Money.total([entry.amount for entry in entries], entries[0].amount.currency))


def _entry(row: BankStatement, entry: Entry) -> BankEntry:
    made = BankEntry(
        id=uuid7(),
        statement=row,
        account=row.account,
        reference=entry.reference,
        kind=entry.kind,
        units=entry.amount.units,
        currency=entry.amount.currency,
        booked_on=entry.booked_on,
        item_key=entry.item_key,
        message_id=entry.message_id,
        part=entry.part,
        reason=entry.reason[:_LONGEST_REASON],
    )
    made.details = seal_details(made, entry)
    return made


def _have_read(entries: Sequence[Entry], *, now: datetime) -> None:
    keys = {entry.item_key for entry in entries} - {""}
    files = {entry.message_id for entry in entries} - {""}
    batches = set(
        Attempt.objects.filter(provider=PROVIDER, key__in=keys).values_list("batch_id", flat=True)
    ) | set(BankFile.objects.filter(message_id__in=files).values_list("batch_id", flat=True))
    reconciliation.hurry(sorted(batches), now=now)
