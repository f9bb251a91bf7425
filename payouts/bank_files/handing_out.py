"""A file goes to the bank by hand: one person downloads it, another confirms that the bank has it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction

from accounts.models import User
from accounts.roles import require
from payouts import incarnation, reconciliation, transmission
from payouts.bank_files.desk import body_of
from payouts.errors import Refused
from payouts.models import BankFile, BankFileAct
from payouts.outcomes import Done
from payouts.providers.bank_file import csv_file
from payouts.providers.base import ProviderError

NEEDS: Final = "act_bank_file"


@dataclass(slots=True)
class Handed(Done):
    """A file that was given out: its name, its bytes, and what it is."""

    name: str = ""
    body: bytes = field(default=b"", repr=False)
    content_type: str = ""


_FORMATS: Final[Mapping[str, tuple[str, Callable[[bytes], bytes]]]] = {
    BankFileAct.Act.XML: ("application/xml", bytes),
    BankFileAct.Act.CSV: ("text/csv; charset=utf-8", csv_file.write),
}


def download(*, by: User, file_id: UUID, form: str, reason: str, now: datetime) -> Handed:
    """This will give out a file's bytes, for ever the same, and write down who took them and why.

    :raises NotAllowed: when the person's roles do not cover it.
    :raises Refused: when the file was withdrawn, is stopped, or its bytes are not there any more.
    """
    require(by, NEEDS)
    content_type, written = _FORMATS[form]
    with transaction.atomic():
        file = locked(file_id)
        if file.withdrawn_at is not None:
            raise Refused(f"{file} was withdrawn, and is never given out again: {file.withdrawn_reason}")
        if file.uploaded_at is None:
            _may_still_go(file)
        try:
            body = written(body_of(file))
        except ProviderError as error:
            raise Refused(str(error)) from error
        _note(file, form, by=by, reason=reason, now=now)
        if file.downloaded_at is None:
            file.downloaded_by, file.downloaded_at = by, now
            file.save(update_fields=["downloaded_by", "downloaded_at"])
    reconciliation.hurry([file.batch_id], now=now)
    name = f"{file.message_id}.{form}"
    return Handed(
        done=[f"{file} ({hashlib.sha256(body).hexdigest()[:16]})"],
        name=name,
        body=body,
        content_type=content_type,
    )


def confirm(*, by: User, file_id: UUID, reason: str, now: datetime) -> Done:
    """This will write down that the bank has a file, as somebody says who did not download it.

    :raises NotAllowed: when the person's roles do not cover it.
    :raises Refused: when nobody downloaded it, they did so themselves, or it is confirmed or withdrawn already.
    """
    require(by, NEEDS)
    with transaction.atomic():
        file = locked(file_id)
        if sentence := why_not_confirmed(file, by):
            raise Refused(sentence)
        _note(file, BankFileAct.Act.UPLOADED, by=by, reason=reason, now=now)
        file.uploaded_by, file.uploaded_at = by, now
        file.save(update_fields=["uploaded_by", "uploaded_at"])
    reconciliation.hurry([file.batch_id], now=now)
    return Done(done=[str(file)])


def why_not_confirmed(file: BankFile, by: User) -> str:
    """This will say why a person cannot confirm a file, or nothing where they can."""
    if file.withdrawn_at is not None:
        return f"{file} was withdrawn."
    if file.uploaded_at is not None:
        return f"{file} is confirmed already."
    if file.downloaded_at is None:
        return f"Nobody has downloaded {file}."
    taken = file.acts.filter(act__in=(BankFileAct.Act.XML, BankFileAct.Act.CSV), by=by)
    if taken.exists():
        return "You downloaded it yourself; another person must look at the bank whether it has it."
    return ""


def locked(file_id: UUID) -> BankFile:
    """This will lock a file.

    :raises Refused: when there is none.
    """
    file = BankFile.objects.select_for_update().filter(pk=file_id).first()
    if file is None:
        raise Refused("There is no such bank file.")
    return file


def _may_still_go(file: BankFile) -> None:
    """What the bank does not have yet is held back like anything else that is not sent yet."""
    if not incarnation.is_accepted():
        raise Refused(
            "The database was restored, and files may be at the bank already: run after_restore first."
        )
    if was_restored_since(file):
        raise Refused(
            f"The database was restored since {file} was made: in the time that was lost it may have been uploaded, or"
            " withdrawn and paid by another file. Withdraw it, with what proves that the bank does not have it."
        )
    hold = transmission.holds_on(file.batch).order_by("set_at").first()
    if hold is not None:
        raise Refused(f"{file} is stopped: {hold.reason} Release it, or withdraw the file.")
    if transmission.is_wanted_no_more(file.batch):
        raise Refused(
            f"Since {file} was made a payee in it gave another account, or a sale in it was taken back: withdraw the"
            " file. What is still wanted is gathered anew."
        )


def was_restored_since(file: BankFile) -> bool:
    """This will tell whether this database may have forgotten what people did with a file."""
    return incarnation.was_restored_since(file.batch_id)


def _note(file: BankFile, act: str, *, by: User, reason: str, now: datetime) -> None:
    if not reason.strip():
        raise Refused("Say why.")
    BankFileAct.objects.create(file=file, act=act, by=by, reason=reason.strip(), at=now)
