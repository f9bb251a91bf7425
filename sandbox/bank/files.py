"""Payment files as a bank reads them: pain.001.001.09, or CSV, with the checks that it makes before it takes one."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final, NamedTuple
from xml.etree.ElementTree import Element

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
_NS: Final = {"p": NAMESPACE}
_TEXT: Final = re.compile(r"[A-Za-z0-9/\-?:().,'+ ]+", re.ASCII)
_IBAN: Final = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}", re.ASCII)
_CSV: Final = ("end_to_end_id", "amount", "currency", "name", "account", "execution_date", "file_id")


class BadFile(Exception):
    """A file is refused as a whole; says why."""


class Payment(NamedTuple):
    """One payment that was asked for."""

    end_to_end: str
    currency: str
    units: int
    name: str
    account: str
    part: str
    """The part of the file that it stands in; booked as one sum where the file asks for that."""


class File(NamedTuple):
    """One file."""

    id: str
    debtor: str
    day: date
    payments: list[Payment]
    as_one: bool


def read(body: bytes, *, units_of: Callable[[str, Decimal], int]) -> File:
    """Read a file of either kind.

    :raises BadFile: when the bank would refuse it.
    """
    try:
        file = _xml(body, units_of) if body.lstrip().startswith(b"<") else _csv(body, units_of)
    except (ParseError, DefusedXmlException, ValueError, KeyError, InvalidOperation) as error:
        raise BadFile(f"The file cannot be read: {error}") from error
    _check(file)
    return file


def _xml(body: bytes, units_of: Callable[[str, Decimal], int]) -> File:
    root = fromstring(body, forbid_dtd=True)
    if root.tag != f"{{{NAMESPACE}}}Document":
        raise BadFile("The file is no pain.001.001.09.")
    header = _at(root, "p:CstmrCdtTrfInitn/p:GrpHdr")
    parts = root.findall("p:CstmrCdtTrfInitn/p:PmtInf", _NS)
    payments = [one for part in parts for one in _payments(part, units_of)]
    _sums(header, payments, units_of)
    for part in parts:
        name = _text(part, "p:PmtInfId")
        _sums(part, [one for one in payments if one.part == name], units_of)
    return File(
        id=_text(header, "p:MsgId"),
        debtor=_account(parts[0], "p:DbtrAcct"),
        day=min(date.fromisoformat(_text(part, "p:ReqdExctnDt/p:Dt")) for part in parts),
        payments=payments,
        as_one=any(part.findtext("p:BtchBookg", namespaces=_NS) == "true" for part in parts),
    )


def _payments(part: Element, units_of: Callable[[str, Decimal], int]) -> Iterator[Payment]:
    if _text(part, "p:PmtMtd") != "TRF":
        raise BadFile("Only transfers are carried out.")
    for one in part.iterfind("p:CdtTrfTxInf", _NS):
        amount = _at(one, "p:Amt/p:InstdAmt")
        currency = amount.get("Ccy", "")
        yield Payment(
            end_to_end=_text(one, "p:PmtId/p:EndToEndId"),
            currency=currency,
            units=units_of(currency, Decimal(amount.text or "")),
            name=_text(one, "p:Cdtr/p:Nm"),
            account=_account(one, "p:CdtrAcct"),
            part=_text(part, "p:PmtInfId"),
        )


def _sums(element: Element, payments: list[Payment], units_of: Callable[[str, Decimal], int]) -> None:
    if _text(element, "p:NbOfTxs") != str(len(payments)):
        raise BadFile("The number of payments is not what the file says.")
    total = units_of(payments[0].currency, Decimal(_text(element, "p:CtrlSum")))
    if total != sum(one.units for one in payments):
        raise BadFile("The control sum does not fit.")


def _csv(body: bytes, units_of: Callable[[str, Decimal], int]) -> File:
    rows = list(csv.DictReader(io.StringIO(body.decode())))
    if not rows or not set(_CSV) <= set(rows[0]):
        raise BadFile(f"The CSV needs the columns {', '.join(_CSV)}.")
    ids = {row["file_id"] for row in rows}
    if len(ids) != 1:
        raise BadFile("The CSV holds several files.")
    payments = [
        Payment(
            row["end_to_end_id"],
            row["currency"],
            units_of(row["currency"], Decimal(row["amount"])),
            row["name"],
            row["account"],
            row["file_id"],
        )
        for row in rows
    ]
    return File(ids.pop(), "", date.fromisoformat(rows[0]["execution_date"]), payments, as_one=False)


def _check(file: File) -> None:
    if not file.payments:
        raise BadFile("The file holds no payment.")
    if len({one.end_to_end for one in file.payments}) != len(file.payments):
        raise BadFile("Two payments have the same end-to-end id.")
    for text in (file.id, *(text for one in file.payments for text in (one.end_to_end, one.part))):
        if not 1 <= len(text) <= 35 or not _TEXT.fullmatch(text):
            raise BadFile(f"{text!r} is no id: at most 35 characters.")
    for one in file.payments:
        if not 1 <= len(one.name) <= 70 or not _TEXT.fullmatch(one.name):
            raise BadFile(f"{one.name!r} is no name that banks take.")
        if one.units <= 0:
            raise BadFile("An amount must be above zero.")


def _account(element: Element, path: str) -> str:
    iban = element.findtext(f"{path}/p:Id/p:IBAN", namespaces=_NS)
    if iban is not None and not _IBAN.fullmatch(iban):
        raise BadFile(f"{iban!r} is no IBAN.")
    return iban or _text(element, f"{path}/p:Id/p:Othr/p:Id")


def _at(element: Element, path: str) -> Element:
    found = element.find(path, _NS)
    if found is None:
        raise BadFile(f"The file lacks {path.replace('p:', '')}.")
    return found


def _text(element: Element, path: str) -> str:
    text = _at(element, path).text
    if not text:
        raise BadFile(f"The file lacks {path.replace('p:', '')}.")
    return text
