"""The sandbox's bank: what it refuses, what it books, and that it remembers after a restart."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from payouts.providers.bank_file import csv_file
from payouts.providers.bank_file.bank_statements import EntryKind
from payouts.providers.bank_file.identifiers import end_to_end_id
from payouts.providers.bank_file.reading import read_statement
from tests.providers.bank_file.courier import BankService, bank
from tests.providers.bank_file.papers import ANNA, file_of, item, settings
from tests.sandbox_services import running


@pytest.fixture(scope="module")
def _running() -> Iterator[BankService]:
    with bank() as service:
        yield service


@pytest.fixture
def service(_running: BankService) -> BankService:
    _running.reset()
    return _running


def made() -> bytes:
    return file_of(item(ANNA)).body


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b"<CtrlSum>12.34", b"<CtrlSum>12.35", "control sum"),
        (b"<NbOfTxs>1", b"<NbOfTxs>2", "number of payments"),
        (b"Anna Mueller", "Anna Müller".encode(), "no name"),
        (b"Anna Mueller", b"A" * 71, "no name"),
        (b"DE75512108001245126199", b"nonsense", "no IBAN"),
        (b'Ccy="EUR"', b'Ccy="USD"', "kept in EUR"),
        (b"DE89370400440532013000", b"GB29NWBK60161331926819", "another account"),
        (b"pain.001.001.09", b"pain.001.001.03", "no pain.001.001.09"),
        (b"<?xml", b"<xml", "cannot be read"),
        (b"<PmtMtd>TRF", b"<PmtMtd>CHK", "transfers"),
    ],
)
def test_a_bad_file_is_refused_as_a_whole(service: BankService, old: bytes, new: bytes, said: str):
    body = made()
    assert old in body
    answer = service.upload(body.replace(old, new))
    assert (answer.status_code, said in answer.json()["error"]) == (400, True), answer.text
    assert not service.ledger()


def test_a_file_is_taken_once_whatever_its_form(service: BankService):
    body = made()
    assert service.upload(body).json()["payments"] == 1
    assert service.upload(body).status_code == 409
    assert service.upload(csv_file.write(body)).status_code == 409
    assert len(service.ledger()) == 1


def test_a_late_booking_happens_when_its_time_has_come(service: BankService):
    service.fault("book_late", times=1, seconds=3600)
    assert service.upload(made()).status_code == 201
    assert not service.ledger()
    service.advance(3600)
    assert len(service.ledger()) == 1


def test_statements_add_up_over_days_and_both_forms_agree(service: BankService):
    paid = item(ANNA)
    service.upload(file_of(paid).body)
    service.advance(86_400)
    service.post("/_sandbox/return", {"reference": end_to_end_id(paid.key), "units": 34})
    service.post("/_sandbox/fee", {"units": 25})
    whole, csv = (read_statement(service.statement(form), settings()) for form in ("camt053", "csv"))
    kinds = [EntryKind.DEBIT, EntryKind.RETURN, EntryKind.FEE]
    assert [one.kind for one in whole.entries] == [one.kind for one in csv.entries] == kinds
    assert [one.reference for one in whole.entries] == [one.reference for one in csv.entries]
    first = read_statement(service.statement(first=whole.first_day, last=whole.first_day), settings())
    second = read_statement(service.statement(first=whole.last_day, last=whole.last_day), settings())
    assert first.closing == second.opening
    assert (first.opening, second.closing) == (whole.opening, whole.closing)


def test_it_remembers_after_a_restart(tmp_path: Path):
    state = tmp_path / "bank.state"
    body = made()
    with running("bank", "--state", str(state)) as service:
        BankService.of(service).upload(body)
        before = service.ledger()
        shown = BankService.of(service).statement()
    with running("bank", "--state", str(state)) as service:
        assert service.ledger() == before
        assert BankService.of(service).statement() == shown
        assert BankService.of(service).upload(body).status_code == 409
        service.post("/_sandbox/fate", {"reference": str(uuid.uuid4()), "status": "returned"})
        service.post("/_sandbox/fate", {"reference": before[0]["reference"], "status": "returned"})
        assert [one["kind"] for one in service.ledger()] == ["debit", "return"]
