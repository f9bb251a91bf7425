"""A statement as staff upload it: which format it is, and whether it is ours."""

from __future__ import annotations

from payouts.providers.bank_file import camt053, csv_statement
from payouts.providers.bank_file.bank_statements import LARGEST, BadStatement, BankStatement, checked
from payouts.providers.bank_file.settings import BankFileSettings

_ARCHIVES = (b"PK\x03\x04", b"\x1f\x8b", b"%PDF")


def read_statement(body: bytes, settings: BankFileSettings) -> BankStatement:
    """This will read a camt.053 or a CSV of our account.

    :raises BadStatement: when it cannot be taken; the sentence says why, and what to do.
    """
    if not body.strip():
        raise BadStatement("The file is empty.")
    if len(body) > LARGEST:
        raise BadStatement("It is larger than 20 MB: have the bank make one for fewer days.")
    if body.startswith(_ARCHIVES):
        raise BadStatement("It is an archive or a PDF: unpack it, or have the bank make a camt.053 or a CSV.")
    is_xml = body.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<")
    return checked((camt053 if is_xml else csv_statement).read(body), settings)
