"""The desk for bank files in our own tables: where files lie, and what taken statements say of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import wraps
from typing import Final, ParamSpec, TypeVar

from django.db import DatabaseError, connection, transaction
from django.db.models import Max, Sum

from marketplace_payouts.lib import crypto
from marketplace_payouts.lib.crypto import CryptoError
from marketplace_payouts.lib.money import Money
from payouts.models import (
    Attempt,
    AttemptState,
    BankEntry,
    BankFile,
    BankRefusal,
    BankStatement,
    Batch,
    Step,
)
from payouts.providers import registry
from payouts.providers.bank_file import views
from payouts.providers.bank_file.bank_statements import Entry, EntryKind
from payouts.providers.bank_file.desk import Coverage, DeskFile
from payouts.providers.bank_file.identifiers import batch_key
from payouts.providers.bank_file.provider import BankFile as Provider
from payouts.providers.base import ItemRefusal, ProviderUnavailable, RefusalClass
from payouts.steps import stored_body

PROVIDER: Final = "bank_file"
NOT_CARRIED_OUT: Final = "not_carried_out"
"""The code under which a payment fails that the bank did not carry out."""
_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtext('bank file numbers'))"
_UNDER_WAY: Final = (AttemptState.COMMITTED, AttemptState.UNKNOWN, AttemptState.ACCEPTED)

Given = ParamSpec("Given")
Found = TypeVar("Found")


def _or_unavailable(method: Callable[Given, Found]) -> Callable[Given, Found]:
    """A desk that cannot be reached is a provider that cannot be reached; nothing is known of what was asked."""

    @wraps(method)
    def called(*args: Given.args, **kwargs: Given.kwargs) -> Found:
        try:
            return method(*args, **kwargs)
        except (DatabaseError, CryptoError) as error:
            raise ProviderUnavailable(f"The desk cannot be read: {error}") from error

    return called


class DatabaseDesk:
    """The desk of this installation."""

    @_or_unavailable
    def take(self, message_id: str) -> int:
        """This will number the file of a committed batch, once."""
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(_LOCK)  # numbers have no gaps
            known = BankFile.objects.filter(message_id=message_id).first()
            if known is not None:
                return known.number
            batch = Batch.objects.filter(provider=PROVIDER, key=batch_key(message_id)).first()
            if batch is None:
                raise ProviderUnavailable(f"No batch of ours is the file {message_id}.")
            last = BankFile.objects.aggregate(last=Max("number"))["last"] or 0
            made = BankFile.objects.create(
                number=last + 1, batch=batch, message_id=message_id, made_at=batch.created_at
            )
        return made.number

    @_or_unavailable
    def file(self, message_id: str) -> DeskFile | None:
        """This will give a file, also one that was withdrawn."""
        return _file(BankFile.objects.filter(message_id=message_id).first())

    @_or_unavailable
    def file_of(self, item_key: str) -> DeskFile | None:
        """This will give the file that a payment stands in."""
        return _file(BankFile.objects.filter(batch__attempts__key=item_key).first())

    @_or_unavailable
    def entries_of(self, item_keys: Collection[str], message_id: str) -> Sequence[Entry]:
        """This will give the entries that name these payments, or this file as a whole."""
        named = BankEntry.objects.filter(item_key__in=list(item_keys)).exclude(item_key="")
        whole = BankEntry.objects.filter(message_id=message_id).exclude(message_id="")
        return _entries(named.union(whole))

    @_or_unavailable
    def entries_since(self, day: date) -> Sequence[Entry]:
        """This will give every entry that was booked on or after a day."""
        return _entries(BankEntry.objects.filter(booked_on__gte=day))

    @_or_unavailable
    def coverage(self) -> Coverage | None:
        """This will say up to which day the taken statements follow each other without a gap."""
        rows = BankStatement.objects.filter(taken_at__isnull=False, account=_present_account())
        taken = list(rows.defer("sealed").order_by("first_day", "last_day"))
        if not taken:
            return None
        newest = max((row for row in taken if row.closing_units is not None), key=_last_day, default=None)
        closing = (
            None
            if newest is None or newest.closing_units is None
            else Money(int(newest.closing_units), newest.currency)
        )
        since, until = without_a_gap(taken)
        return Coverage(
            since=since,
            until=until,
            closing=closing,
            closing_on=None if newest is None else newest.last_day,
            open=0 if newest is None else _under_way_since(newest.last_day),
        )


def account_mark(number: str) -> str:
    """This will give the fingerprint by which an account of ours is known."""
    return crypto.fingerprint(f"{PROVIDER} account:{number}")


def _present_account() -> str:
    found = registry.find(PROVIDER)
    return account_mark(found.settings.account) if isinstance(found, Provider) else ""


def without_a_gap(taken: Sequence[BankStatement]) -> tuple[date, date]:
    """This will give the first and last of the newest days without a gap; statements in the order of their days.

    Where nothing was booked on some days, banks make no statement of them: then balances that meet close the gap.
    """
    first, reached = taken[0].first_day, taken[0]
    for row in taken[1:]:
        follows = row.first_day <= reached.last_day + timedelta(days=1)
        meets = row.opening_units is not None and row.opening_units == reached.closing_units
        if not (follows or meets):
            first = row.first_day
        reached = max(reached, row, key=_last_day)
    return first, reached.last_day


def seal_details(row: BankEntry, entry: Entry) -> bytes:
    """This will seal who was on the other side of an entry, and what it says."""
    details = {"account": entry.account, "text": entry.text}
    return crypto.seal(json.dumps(details).encode(), aad=row.pk.bytes)


def open_details(row: BankEntry) -> Mapping[str, str]:
    """This will give an entry's `account` and `text`.

    :raises CryptoError: when they were changed, or their key is missing.
    """
    found: dict[str, str] = json.loads(crypto.open(bytes(row.details), aad=row.pk.bytes))
    return found


def body_of(file: BankFile) -> bytes:
    """This will give a file's committed bytes.

    :raises ProviderUnavailable: when they were removed after the return window.
    """
    step = Step.objects.filter(batch=file.batch_id, bodies__kind="request").order_by("n").first()
    if step is None:
        raise ProviderUnavailable(
            f"The bytes of bank file {file.number} were removed after its return window."
        )
    return stored_body(step)


def _file(row: BankFile | None) -> DeskFile | None:
    if row is None:
        return None
    return DeskFile(
        message_id=row.message_id,
        number=row.number,
        body=body_of(row),
        standing=row.standing,
        withdrawn=row.withdrawn_reason,
        refused={
            refusal.attempt.key: ItemRefusal(
                NOT_CARRIED_OUT,
                RefusalClass(refusal.whose),
                f"The bank did not carry it out: {refusal.reason}",
            )
            for refusal in BankRefusal.objects.filter(file=row).select_related("attempt")
        },
    )


def _entries(rows: Iterable[BankEntry]) -> list[Entry]:
    found = [_entry(row) for row in rows]
    return sorted(found, key=lambda one: (one.booked_on, one.reference))


def _entry(row: BankEntry) -> Entry:
    details = open_details(row)
    return Entry(
        reference=row.reference,
        kind=EntryKind(row.kind),
        amount=Money(int(row.units), row.currency),
        booked_on=row.booked_on,
        item_key=row.item_key,
        message_id=row.message_id,
        part=row.part,
        account=details["account"],
        reason=row.reason,
        text=details["text"],
    )


def _under_way_since(day: date) -> int:
    """What live files of that day and before hold, and no statement shows; what came later is counted by others."""
    total = Attempt.objects.filter(
        provider=PROVIDER, state__in=_UNDER_WAY, debited=False, created_at__lte=views.end_of(day)
    ).aggregate(total=Sum("units"))["total"]
    return int(total or 0)


def _last_day(row: BankStatement) -> date:
    return row.last_day
