"""A file as CSV, for banks and people who want one: made of the committed XML, so that both say the same.

No cell can be a formula: a name begins with a letter or a digit (`characters`), everything else is ours or was checked.
"""

from __future__ import annotations

import csv
import io
from typing import Final

from marketplace_payouts.lib.currencies import to_decimal_string
from payouts.providers.bank_file import pain001
from payouts.providers.bank_file.identifiers import end_to_end_id
from payouts.providers.bank_file.settings import DECIMALS

HEADER: Final = (
    "end_to_end_id",
    "amount",
    "currency",
    "name",
    "account",
    "bank",
    "text",
    "execution_date",
    "file_id",
)


def write(body: bytes) -> bytes:
    """This will write the CSV of a file, given its XML: a header, and a line for each payment.

    :raises ProviderError: when the XML is no file of ours.
    """
    contents = pain001.read(body)
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\r\n")
    rows.writerow(HEADER)
    for one in contents.payments:
        rows.writerow(
            [
                end_to_end_id(one.key),
                to_decimal_string(one.amount.units, DECIMALS[one.amount.currency]),
                one.amount.currency,
                one.name,
                one.account,
                one.bank,
                one.note,
                contents.execution_date.isoformat(),
                contents.message_id,
            ]
        )
    return out.getvalue().encode()
