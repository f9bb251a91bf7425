"""Statements as the bank makes them: camt.053.001.08, and its CSV."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Final
from xml.etree.ElementTree import Element, SubElement, tostring

from sandbox.bank.books import DECIMALS, Books, Entry

NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
_CODES: Final = {
    "payment": ("ICDT", "ESCT"),
    "file": ("ICDT", "ESCT"),
    "return": ("RCDT", "RRTN"),
    "fee": ("MDOP", "CHRG"),
    "owner": ("RCDT", "OTHR"),
}
_CSV: Final = (
    "account",
    "booked_on",
    "amount",
    "currency",
    "reference",
    "end_to_end_id",
    "counterparty",
    "kind",
    "reason",
    "text",
)


def camt(books: Books, *, account: str, first: date, last: date) -> bytes:
    """Write the statement of some days."""
    root = Element("Document", xmlns=NAMESPACE)
    message = SubElement(root, "BkToCstmrStmt")
    header = SubElement(message, "GrpHdr")
    _text(header, "MsgId", f"STMT{first:%Y%m%d}{last:%Y%m%d}")
    _text(header, "CreDtTm", f"{last.isoformat()}T23:59:59Z")
    statement = SubElement(message, "Stmt")
    _text(statement, "Id", f"{first:%Y%m%d}-{last:%Y%m%d}")
    period = SubElement(statement, "FrToDt")
    _text(period, "FrDtTm", f"{first.isoformat()}T00:00:00Z")
    _text(period, "ToDtTm", f"{last.isoformat()}T23:59:59Z")
    own = SubElement(statement, "Acct")
    _text(SubElement(own, "Id"), "IBAN", account)
    _text(own, "Ccy", books.currency)
    entries = books.between(first, last)
    opening = books.balance_before(first)
    _balance(statement, "OPBD", opening, first, books.currency)
    _balance(statement, "CLBD", opening + sum(one.units for one in entries), last, books.currency)
    for entry in entries:
        _entry(statement, entry, books.currency)
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True))


def csv(books: Books, *, account: str, first: date, last: date) -> bytes:
    """Write the CSV of some days."""
    lines = [";".join(_CSV)]
    lines += [";".join(_row(one, account, books.currency)) for one in books.between(first, last)]
    return ("\r\n".join(lines) + "\r\n").encode()


def _row(entry: Entry, account: str, currency: str) -> Sequence[str]:
    amount = ("-" if entry.units < 0 else "") + _amount(entry.units, currency)
    text = f"{entry.text} {entry.file}".strip() if entry.kind == "file" else entry.text
    kind = "fee" if entry.kind == "fee" else ""
    return (
        account,
        entry.day.isoformat(),
        amount,
        currency,
        entry.reference,
        entry.end_to_end,
        entry.account,
        kind,
        entry.reason,
        text,
    )


def _entry(statement: Element, entry: Entry, currency: str) -> None:
    one = SubElement(statement, "Ntry")
    SubElement(one, "Amt", Ccy=currency).text = _amount(entry.units, currency)
    _text(one, "CdtDbtInd", "DBIT" if entry.units < 0 else "CRDT")
    _text(SubElement(one, "Sts"), "Cd", "BOOK")
    _text(SubElement(one, "BookgDt"), "Dt", entry.day.isoformat())
    _text(SubElement(one, "ValDt"), "Dt", entry.day.isoformat())
    _text(one, "AcctSvcrRef", entry.reference)
    domain = SubElement(SubElement(one, "BkTxCd"), "Domn")
    _text(domain, "Cd", "PMNT")
    family = SubElement(domain, "Fmly")
    _text(family, "Cd", _CODES[entry.kind][0])
    _text(family, "SubFmlyCd", _CODES[entry.kind][1])
    details = SubElement(one, "NtryDtls")
    if entry.kind == "file":
        _text(SubElement(details, "Btch"), "PmtInfId", entry.file)
        return
    part = SubElement(details, "TxDtls")
    if entry.end_to_end:
        _text(SubElement(part, "Refs"), "EndToEndId", entry.end_to_end)
    if entry.account and entry.kind == "payment":
        payee = SubElement(SubElement(SubElement(part, "RltdPties"), "CdtrAcct"), "Id")
        if entry.account[:2].isalpha():
            _text(payee, "IBAN", entry.account)
        else:
            _text(SubElement(payee, "Othr"), "Id", entry.account)
    if entry.text:
        _text(SubElement(part, "RmtInf"), "Ustrd", entry.text)
    if entry.reason:
        _text(SubElement(SubElement(part, "RtrInf"), "Rsn"), "Cd", entry.reason)


def _balance(statement: Element, code: str, units: int, day: date, currency: str) -> None:
    one = SubElement(statement, "Bal")
    _text(SubElement(SubElement(one, "Tp"), "CdOrPrtry"), "Cd", code)
    SubElement(one, "Amt", Ccy=currency).text = _amount(units, currency)
    _text(one, "CdtDbtInd", "DBIT" if units < 0 else "CRDT")
    _text(SubElement(one, "Dt"), "Dt", day.isoformat())


def _amount(units: int, currency: str) -> str:
    places = DECIMALS[currency]
    return f"{Decimal(abs(units)).scaleb(-places):.{places}f}"


def _text(parent: Element, name: str, text: str) -> None:
    SubElement(parent, name).text = text
