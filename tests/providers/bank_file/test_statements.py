"""Statements: what of a camt.053 or a CSV counts, what is refused, and that an entry is the same however often read."""

from __future__ import annotations

import uuid
from datetime import date

import pytest

from marketplace_payouts.lib.money import Money
from payouts.providers.bank_file.bank_statements import BadStatement, BankStatement, Entry, EntryKind
from payouts.providers.bank_file.identifiers import message_id
from payouts.providers.bank_file.reading import read_statement
from tests.providers.bank_file.papers import ACCOUNT, balance, camt, csv_of, entry, settings, statement

KEY = str(uuid.uuid4())
E2E = uuid.UUID(KEY).hex
BACK = "<RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf>"
FEE = "<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>MDOP</Cd><SubFmlyCd>CHRG</SubFmlyCd></Fmly></Domn></BkTxCd>"


def read(body: bytes) -> BankStatement:
    return read_statement(body, settings())


def only(body: bytes) -> Entry:
    (found,) = read(body).entries
    return found


def test_a_debit_under_our_id():
    payee = "<RltdPties><CdtrAcct><Id><IBAN>DE75512108001245126199</IBAN></Id></CdtrAcct></RltdPties>"
    found = read(
        camt(
            statement(
                entry("12.34", end_to_end=E2E, reference="B1", detail=payee),
                opening="100.00",
                closing="87.66",
            )
        )
    )
    (debit,) = found.entries
    assert (debit.kind, debit.amount, debit.item_key) == (EntryKind.DEBIT, Money(1234, "EUR"), KEY)
    assert (debit.reference, debit.booked_on) == ("B1", date(2026, 11, 27))
    assert debit.account == "DE75512108001245126199"
    assert (found.opening, found.closing) == (Money(10_000, "EUR"), Money(8766, "EUR"))
    assert (found.first_day, found.last_day) == (date(2026, 11, 27), date(2026, 11, 27))


@pytest.mark.parametrize("version", ["02", "04", "08", "10"])
def test_every_version_is_read(version: str):
    status = "<Sts>BOOK</Sts>" if version < "07" else "<Sts><Cd>BOOK</Cd></Sts>"
    body = camt(
        statement(entry("1.00", end_to_end=E2E, status=status), opening="1.00", closing="0.00"),
        version=version,
    )
    assert only(body).item_key == KEY


@pytest.mark.parametrize(
    ("text", "opening", "closing", "kind", "units", "key"),
    [
        (
            entry("12.34", out=False, end_to_end=E2E, detail=BACK),
            "0.00",
            "12.34",
            EntryKind.RETURN,
            1234,
            KEY,
        ),
        (entry("12.34", out=False, end_to_end=E2E), "0.00", "12.34", EntryKind.RETURN, 1234, KEY),
        (
            entry("1.00", out=False, detail=f"<RmtInf><Ustrd>RETOURE EREF {E2E.upper()}</Ustrd></RmtInf>"),
            "0.00",
            "1.00",
            EntryKind.RETURN,
            100,
            KEY,
        ),
        (entry("5.00", out=False), "0.00", "5.00", EntryKind.CREDIT, 500, ""),
        (entry("5.00", out=False, detail=BACK), "0.00", "5.00", EntryKind.OTHER, 500, ""),
        (entry("5.00"), "5.00", "0.00", EntryKind.DEBIT, 500, ""),
        (entry("0.25", more=FEE), "1.00", "0.75", EntryKind.FEE, 25, ""),
        (
            entry("5.00", more="<RvslInd>true</RvslInd>", end_to_end=E2E),
            "5.00",
            "0.00",
            EntryKind.OTHER,
            -500,
            KEY,
        ),
        (
            entry("5.00", out=False, more="<RvslInd>true</RvslInd>", end_to_end=E2E),
            "-5.00",
            "0.00",
            EntryKind.RETURN,
            500,
            KEY,
        ),
    ],
    ids=[
        "return",
        "credit of ours",
        "by text",
        "credit",
        "strange return",
        "foreign",
        "fee",
        "undone",
        "reversed",
    ],
)
def test_each_kind_of_entry(text: str, opening: str, closing: str, kind: EntryKind, units: int, key: str):
    found = only(camt(statement(text, opening=opening, closing=closing)))
    assert (found.kind, found.amount.units, found.item_key) == (kind, units, key)


def test_the_reason_of_a_return_is_kept():
    found = only(
        camt(statement(entry("1.00", out=False, end_to_end=E2E, detail=BACK), opening="0.00", closing="1.00"))
    )
    assert found.reason == "AC04"


def test_what_is_only_pending_does_not_count():
    body = camt(
        statement(
            entry("12.34", end_to_end=E2E, status="<Sts><Cd>PDNG</Cd></Sts>"),
            opening="100.00",
            closing="100.00",
        )
    )
    assert read(body).entries == []


def test_a_file_booked_as_one_sum_names_its_file():
    file = message_id(str(uuid.uuid4()))
    batch = f"<NtryDtls><Btch><PmtInfId>{file}1</PmtInfId></Btch></NtryDtls>"
    found = only(camt(statement(entry("9.00", more=batch), opening="9.00", closing="0.00")))
    assert (found.kind, found.item_key) == (EntryKind.DEBIT, "")
    assert (found.message_id, found.part) == (file, f"{file}1")


def several(*amounts: str) -> str:
    parts = "".join(
        f'<TxDtls><Refs><EndToEndId>{uuid.uuid4().hex}</EndToEndId></Refs><Amt Ccy="EUR">{amount}</Amt></TxDtls>'
        for amount in amounts
    )
    return entry("10.00", reference="B7", more=f"<NtryDtls>{parts}</NtryDtls>")


def test_an_entry_of_several_parts_is_several_entries():
    found = read(camt(statement(several("4.00", "6.00"), opening="10.00", closing="0.00"))).entries
    assert [(one.reference, one.amount.units) for one in found] == [("B7/1", 400), ("B7/2", 600)]
    with pytest.raises(BadStatement, match="do not add up"):
        read(camt(statement(several("4.00", "5.00"), opening="10.00", closing="0.00")))


def test_several_days_must_join():
    first = statement(entry("1.00"), opening="5.00", closing="4.00")
    second = statement(
        entry("1.00", day="2026-11-30"), opening="4.00", closing="3.00", first="2026-11-28", last="2026-11-30"
    )
    found = read(camt(second, first))
    assert (found.first_day, found.last_day) == (date(2026, 11, 27), date(2026, 11, 30))
    assert (found.opening, found.closing) == (Money(500, "EUR"), Money(300, "EUR"))
    other = statement(
        entry("1.00", day="2026-11-28"), opening="9.00", closing="8.00", first="2026-11-28", last="2026-11-28"
    )
    with pytest.raises(BadStatement, match="missing"):
        read(camt(first, other))


def test_an_entry_is_the_same_however_often_it_is_read():
    twice = [entry("1.00", end_to_end=E2E), entry("1.00", end_to_end=E2E)]
    one_day = read(camt(statement(*twice, opening="2.00", closing="0.00")))
    week = statement(
        entry("3.00", day="2026-11-26"),
        *twice,
        opening="5.00",
        closing="0.00",
        first="2026-11-26",
        last="2026-11-27",
    )
    longer = {one.reference for one in read(camt(week)).entries}
    assert len({one.reference for one in one_day.entries}) == 2, "Two that say the same are two."
    assert {one.reference for one in one_day.entries} <= longer


def test_long_references_stay_apart_and_short_enough_to_be_kept():
    long = "R" * 200
    rows = [{"amount": "-1.00", "reference": one} for one in (long, f"{long}2", long, "B" * 80)]
    found = [one.reference for one in read(csv_of(rows)).entries]
    assert len(set(found)) == 4
    assert max(map(len, found)) + len("/") + 32 <= 120
    assert found[3] == "B" * 80


# Refused ---------------------------------------------------------------------------------------------------------

BOMB = b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">
<!ENTITY lol1 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">
<!ENTITY lol2 "&lol1;&lol1;&lol1;&lol1;&lol1;&lol1;&lol1;&lol1;&lol1;&lol1;">]>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>&lol2;</BkToCstmrStmt></Document>"""
OUTSIDE = b"""<?xml version="1.0"?><!DOCTYPE d [<!ENTITY secret SYSTEM "file:///etc/passwd">]>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>&secret;</BkToCstmrStmt></Document>"""
BALANCES = balance("OPBD", "1.00", "2026-11-27") + balance("CLBD", "1.00", "2026-11-27")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (BOMB, "document type or entities"),
        (OUTSIDE, "document type or entities"),
        (b"<Document>", "no XML"),
        (b"<html></html>", "no camt.053"),
        (camt(), "no statement"),
        (b"PK\x03\x04zip", "archive"),
        (b"%PDF-1.7", "PDF"),
        (b"\xff\xfe\x00", "UTF-8"),
        (csv_of([{"amount": "-1.00", "reference": "B\x001"}]), "UTF-8"),
        (b"a" * (20 * 1024 * 1024 + 1), "20 MB"),
        (camt(statement(opening="1.00", closing="1.00", account="DE75512108001245126199")), "6199"),
        (camt(statement(opening="1.00", closing="1.00", currency="USD")), "not in EUR"),
        (camt(statement(entry("1.00", currency="USD"), opening="1.00", closing="0.00")), "USD"),
        (camt(statement(entry("1.00", currency="XXX"), opening="1.00", closing="0.00")), "XXX"),
        (camt(statement(entry("1.00"), opening="9.00", closing="9.00")), "does not add up"),
        (camt(statement(entry("-1.00"), opening="9.00", closing="10.00")), "negative"),
        (camt(statement(entry("1.001"), opening="9.00", closing="10.00")), "decimals"),
        (camt(statement(entry("1.00", day="2026-12-24"), opening="1.00", closing="0.00")), "outside"),
        (camt(statement(entry("1.00", day="27.11.2026"), opening="1.00", closing="0.00")), "understood"),
        (camt(f"<Stmt><Acct><Id><IBAN>{ACCOUNT}</IBAN></Id></Acct></Stmt>"), "balance"),
        (camt(f"<Stmt>{BALANCES}</Stmt>"), "Acct"),
        (
            camt(
                statement(opening="1.00", closing="1.00"),
                statement(opening="1.00", closing="1.00", account="DE75512108001245126199"),
            ),
            "several accounts",
        ),
        (csv_of([]), "no lines"),
        (b"date;amount\n2026-11-27;1\n", "account"),
        (csv_of([{"amount": "1.234,50"}]), "between thousands"),
        (csv_of([{"amount": "1.234"}]), "between thousands"),
        (csv_of([{"amount": "0.00"}]), "nothing"),
        (csv_of([{"amount": "-1.00", "booked_on": "11/27/2026"}]), "no day"),
        (csv_of([{"amount": "-1.00", "currency": "USD"}]), "USD"),
        (csv_of([{"amount": "-1.00", "currency": "XX"}]), "XX"),
        (csv_of([{"amount": "-1.00", "account": "DE75512108001245126199"}]), "6199"),
        (csv_of([{"amount": "-1.00"}, {"amount": "-1.00", "account": "1"}]), "several accounts"),
        (csv_of([{"amount": "-1.00", "kind": "gift"}]), "kind"),
        (b'account;booked_on;amount;currency\n"unclosed;;;\n', "CSV"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_what_is_wrong(body: bytes, said: str):
    with pytest.raises(BadStatement, match=said):
        read(body)


# CSV -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
def test_a_csv_says_the_same_as_a_camt(delimiter: str):
    rows = [
        {
            "amount": "-12.34",
            "end_to_end_id": E2E,
            "reference": "B1",
            "counterparty": "DE75 5121 0800 1245 1261 99",
        },
        {
            "amount": "+12.34",
            "end_to_end_id": E2E,
            "reference": "B2",
            "reason": "AC04",
            "booked_on": "2026-11-30",
        },
        {"amount": "-0.25", "kind": "fee", "reference": "B3"},
        {"amount": "500", "reference": "B4", "text": "Top-up"},
    ]
    found = read(csv_of(rows, delimiter=delimiter))
    assert [(one.kind, one.amount.units, one.item_key) for one in found.entries] == [
        (EntryKind.DEBIT, 1234, KEY),
        (EntryKind.RETURN, 1234, KEY),
        (EntryKind.FEE, 25, ""),
        (EntryKind.CREDIT, 50_000, ""),
    ]
    assert found.entries[0].account == "DE75512108001245126199"
    assert (found.first_day, found.last_day, found.closing) == (date(2026, 11, 27), date(2026, 11, 30), None)


def test_a_german_banks_own_export_is_read():
    body = (
        f"\ufeffIBAN Auftragskonto;Buchungstag;Betrag;Waehrung;Verwendungszweck\r\n"
        f"{ACCOUNT};27.11.2026;-1234,50;EUR;EREF+{E2E}\r\n"
    ).encode()
    found = only(body)
    assert (found.kind, found.amount, found.item_key) == (EntryKind.DEBIT, Money(123_450, "EUR"), KEY)


def test_a_payment_of_ours_is_no_fee_whatever_the_csv_calls_it():
    found = only(csv_of([{"amount": "-1.00", "kind": "fee", "end_to_end_id": E2E}]))
    assert found.kind is EntryKind.DEBIT
