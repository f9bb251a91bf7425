"""The file: what the published schema says of it, what stands in it, and that the CSV says the same."""

from __future__ import annotations

import csv
import io
import uuid
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as runs
from hypothesis import strategies as st

from marketplace_payouts.lib.money import Money
from payouts.providers.bank_file import csv_file, pain001
from payouts.providers.bank_file.identifiers import batch_key, file_in, item_key_in, message_id
from payouts.providers.bank_file.provider import BankFile
from payouts.providers.base import BadItem, Item, Progress, ProviderError
from tests.providers.bank_file.papers import ANNA, LINH, MADE_AT, file_of, item, schema, settings

US = {"country": "US", "holder": "Ann Lee", "account": "123456789", "clearing": "021000021", "city": "Boise"}


def read(*items: Item, **changes: str) -> Any:
    """Hold a file against the schema, and give what it holds."""
    body = file_of(*items, **changes).body.decode()
    schema().validate(body)
    found: Any = schema().to_dict(body)
    return found["CstmrCdtTrfInitn"]


def test_the_file_is_as_its_schema_has_it():
    first, second = item(ANNA, units=1234), item(LINH, units=99)
    found = read(first, second)
    header = found["GrpHdr"]
    assert (header["NbOfTxs"], header["CtrlSum"]) == ("2", Decimal("13.33"))
    assert header["CreDtTm"] == "2026-11-26T15:30:00Z"
    inside, outside = found["PmtInf"]
    assert (inside["NbOfTxs"], inside["CtrlSum"]) == ("1", Decimal("12.34"))
    assert inside["PmtTpInf"] == {"SvcLvl": [{"Cd": "SEPA"}]}
    assert (inside["ChrgBr"], outside["ChrgBr"]) == ("SLEV", "SHAR")
    assert inside["DbtrAcct"]["Id"] == {"IBAN": "DE89370400440532013000"}
    (paid,) = inside["CdtTrfTxInf"]
    assert paid["PmtId"]["EndToEndId"] == uuid.UUID(first.key).hex
    assert paid["Amt"]["InstdAmt"] == {"@Ccy": "EUR", "$": Decimal("12.34")}
    assert paid["Cdtr"] == {"Nm": "Anna Mueller"}
    assert paid["RmtInf"] == {"Ustrd": ["PO-1"]}
    (abroad,) = outside["CdtTrfTxInf"]
    assert abroad["CdtrAgt"]["FinInstnId"] == {"BICFI": "BFTVVNVX"}
    assert abroad["Cdtr"] == {"Nm": "Nguyen Thi Linh", "PstlAdr": {"TwnNm": "Da Nang", "Ctry": "VN"}}
    assert abroad["CdtrAcct"] == {"Id": {"Othr": {"Id": "0071000123456"}}}


def test_a_bank_is_named_by_its_clearing_code_where_the_country_has_one():
    (part,) = read(item(US, currency="USD"), BANK_FILE_CURRENCY="USD")["PmtInf"]
    member = part["CdtTrfTxInf"][0]["CdtrAgt"]["FinInstnId"]["ClrSysMmbId"]
    assert member == {"ClrSysId": {"Cd": "USABA"}, "MmbId": "021000021"}


@pytest.mark.parametrize(("currency", "units", "text"), [("VND", 150_000, "150000"), ("TND", 1_005, "1.005")])
def test_amounts_have_the_currencys_decimals(currency: str, units: int, text: str):
    body = file_of(item(LINH, units=units, currency=currency), BANK_FILE_CURRENCY=currency).body.decode()
    assert f'<InstdAmt Ccy="{currency}">{text}</InstdAmt>' in body
    assert f"<CtrlSum>{text}</CtrlSum>" in body


@pytest.mark.parametrize(
    ("made", "days", "on"),
    [
        (MADE_AT, "1", date(2026, 11, 27)),
        (MADE_AT, "2", date(2026, 11, 30)),
        (MADE_AT, "0", date(2026, 11, 26)),
        (datetime(2026, 11, 28, 9, tzinfo=UTC), "0", date(2026, 11, 30)),
        (datetime(2026, 11, 26, 23, 30, tzinfo=UTC), "0", date(2026, 11, 27)),
    ],
)
def test_it_is_carried_out_so_many_weekdays_later(made: datetime, days: str, on: date):
    found = settings(BANK_FILE_EXECUTION_DAYS=days, TIME_ZONE="Europe/Berlin")
    assert pain001.execution_date(found, made) == on


def test_batch_booking_is_what_the_setting_says():
    for word, wanted in (("on", True), ("off", False)):
        (part,) = read(item(), BANK_FILE_BATCH_BOOKING=word)["PmtInf"]
        assert part["BtchBookg"] is wanted


def test_no_id_is_longer_than_banks_take():
    found = read(item(ANNA), item(LINH))
    ids = [found["GrpHdr"]["MsgId"], *(part["PmtInfId"] for part in found["PmtInf"])]
    ids += [
        one["PmtId"][name] for part in found["PmtInf"] for one in part["CdtTrfTxInf"] for name in one["PmtId"]
    ]
    assert max(map(len, ids)) == 35
    assert len(set(ids)) == 5


def test_ids_are_found_again_however_a_bank_writes_them():
    key, batch = str(uuid.uuid4()), str(uuid.uuid4())
    hexed = uuid.UUID(key).hex
    assert item_key_in(f"EREF+{hexed.upper()} SVWZ+PO-1") == key
    assert item_key_in(hexed, hexed) == key
    assert item_key_in(hexed, uuid.uuid4().hex) == "", "Two of them name nobody."
    assert item_key_in(f"x{hexed}", message_id(batch)) == ""
    file = message_id(batch)
    assert file_in(f"PII {file}2") == (file, f"{file}2")
    assert file_in(file.upper(), f"{file}1") == (file, f"{file}1")
    assert file_in(file, message_id(key)) == ("", "")
    assert batch_key(message_id(batch)) == batch
    assert batch_key("PAYROLL-1") == ""


def test_what_is_read_back_is_what_was_written():
    items = [item(ANNA, units=5), item(LINH, units=7, note="PO-2"), item(ANNA, units=9)]
    step = file_of(*items)
    found = pain001.read(step.body)
    provider = BankFile(settings())
    assert found.message_id == step.key
    assert found.execution_date == date(2026, 11, 27)
    written = {one.key: (one.amount, one.account, one.note) for one in found.payments}
    assert written == {
        one.key: (one.amount, provider.destination_echo(one.destination), one.note) for one in items
    }


def test_a_file_that_is_not_ours_is_not_read():
    for body in (b"", b"<x/>", b"<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>"):
        with pytest.raises(ProviderError):
            pain001.read(body)


def test_what_cannot_be_expressed_steps_aside_alone():
    provider = BankFile(settings(BANK_FILE_COUNTRIES="DE"))
    for bad in (item(LINH), replace(item(), amount=Money(1, "USD"))):
        with pytest.raises(BadItem) as refused:
            provider.next_step(Progress(str(uuid.uuid4()), "EUR", [item(), bad], at=MADE_AT))
        assert refused.value.item_key == bad.key


# CSV -------------------------------------------------------------------------------------------------------------


def rows(body: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(csv_file.write(body).decode())))


def test_the_csv_says_what_the_xml_says():
    items = [item(ANNA), item(LINH, units=99, note="PO-2")]
    step = file_of(*items)
    first, second = rows(step.body)
    assert first == {
        "end_to_end_id": uuid.UUID(items[0].key).hex,
        "amount": "12.34",
        "currency": "EUR",
        "name": "Anna Mueller",
        "account": "DE75512108001245126199",
        "bank": "",
        "text": "PO-1",
        "execution_date": "2026-11-27",
        "file_id": step.key,
    }
    assert (second["account"], second["bank"], second["amount"]) == ("0071000123456", "BFTVVNVX", "0.99")


@given(st.text(max_size=80))
@runs(max_examples=200)
def test_no_cell_is_a_formula_whatever_payees_call_themselves(holder: str):
    provider = BankFile(settings())
    try:
        payment = Item(
            str(uuid.uuid4()), Money(1, "EUR"), provider.read_destination({**ANNA, "holder": holder}), "PO-1"
        )
    except ProviderError:
        return
    body = file_of(payment).body
    schema().validate(body.decode())
    for row in rows(body):
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row.values())
