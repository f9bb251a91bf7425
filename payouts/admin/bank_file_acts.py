"""What staff may do with bank files: take their bytes, and say that the bank has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.http import HttpResponse

from accounts.backoffice.acting import Doing, Result
from accounts.models import User
from payouts.admin.domain_act import DomainAct, count
from payouts.bank_files import handing_out
from payouts.models import BankFile, BankFileAct


class _Download(DomainAct):
    """Gives a file's bytes out."""

    needs, done_word = handing_out.NEEDS, "Downloaded"
    for_many = False
    # Whoever has the file can have it paid, and reads every payee's account in it.
    fresh = True
    format: ClassVar[str]

    def fits(self, row: BankFile) -> str:
        return f"It was withdrawn: {row.withdrawn_reason}" if row.withdrawn_at is not None else ""

    def will(self, rows: Sequence[BankFile]) -> list[str]:
        again = [row for row in rows if row.downloaded_at is not None]
        told = [
            "Give you the file, with the names and accounts of its payees, and write down that you have it.",
            "Have you upload it at the bank. Another person then looks whether the bank has it, and confirms that.",
        ]
        if again:
            told.append("Give out the same bytes as before: upload it only if the bank does not have it yet.")
        return told

    def perform(self, doing: Doing) -> Result:
        return handing_out.download(
            by=doing.by, file_id=doing.ids[0], form=self.format, reason=doing.reason, now=doing.now
        )

    def answer(self, doing: Doing, result: Any) -> HttpResponse:
        response = HttpResponse(result.body, content_type=result.content_type)
        response["Content-Disposition"] = f'attachment; filename="{result.name}"'
        response["Cache-Control"] = "no-store"
        return response


class DownloadXml(_Download):
    """As ISO 20022."""

    name, label, format = "download_xml", "Download (pain.001)", BankFileAct.Act.XML


class DownloadCsv(_Download):
    """As CSV."""

    name, label, format = "download_csv", "Download (CSV)", BankFileAct.Act.CSV


class Confirm(DomainAct):
    """Says that the bank has files."""

    name, label, needs, done_word = (
        "confirm",
        "Confirm that the bank has it",
        handing_out.NEEDS,
        "Confirmed",
    )
    for_many = False

    def fits_for(self, row: BankFile, user: User) -> str:
        return handing_out.why_not_confirmed(row, user)

    def will(self, rows: Sequence[BankFile]) -> list[str]:
        return [
            f"Write down that you saw {count(rows, 'file')} at the bank, with the control sum below, once.",
            "Leave the payouts as they are: the bank's statement says what was paid.",
        ]

    def perform(self, doing: Doing) -> Result:
        return handing_out.confirm(by=doing.by, file_id=doing.ids[0], reason=doing.reason, now=doing.now)
