"""What became of a file's payments, as its statements say."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from marketplace_payouts.lib.money import Money
from payouts.providers.bank_file import pain001
from payouts.providers.bank_file.bank_statements import Entry, EntryKind
from payouts.providers.bank_file.desk import DeskFile
from payouts.providers.bank_file.views import batch_view, parts_of
from payouts.providers.base import ItemRefusal, Observation, RefusalClass, Status
from tests.providers.bank_file.papers import ANNA, LINH, file_of, item

DAY = date(2026, 11, 27)
PAID, OTHER = item(ANNA, units=1000), item(LINH, units=500)
STEP = file_of(PAID, OTHER)
REFUSED = ItemRefusal("not_carried_out", RefusalClass.PAYEE, "The account is closed.")


def said(kind: EntryKind, units: int = 1000, *, key: str = PAID.key, **more: Any) -> Entry:
    return Entry(uuid.uuid4().hex, kind, Money(units, "EUR"), DAY, item_key=key, **more)


def of(*entries: Entry, **file: Any) -> Observation:
    made = DeskFile(message_id=STEP.key, number=1, body=STEP.body, standing="made", **file)
    return next(one for one in batch_view(made, entries).observations if one.item_key == PAID.key)


def test_what_no_statement_shows_is_under_way():
    found = of()
    assert (found.status, found.raw_status) == (Status.PROCESSING, "made")
    assert found.reference == uuid.UUID(PAID.key).hex


def test_a_booked_debit_is_paid():
    found = of(said(EntryKind.DEBIT, account="DE75512108001245126199"))
    assert (found.status, found.amount) == (Status.PAID, Money(1000, "EUR"))
    assert found.destination == "DE75512108001245126199"
    assert found.provider_time == datetime(2026, 11, 28, tzinfo=UTC)


def test_another_amount_or_account_is_told_as_it_is():
    assert of(said(EntryKind.DEBIT, 999)).amount == Money(999, "EUR")
    assert of(said(EntryKind.DEBIT, account="GB29NWBK60161331926819")).destination == "GB29NWBK60161331926819"


def test_an_account_number_that_is_no_iban_is_not_compared():
    assert of(said(EntryKind.DEBIT, account="0000123")).destination == ""


def test_returns_are_cumulative():
    debit = said(EntryKind.DEBIT)
    parts = [said(EntryKind.RETURN, 300, reason="AC04"), said(EntryKind.RETURN, 700, reason="MD07")]
    assert of(debit, parts[0]).returned == Money(300, "EUR")
    whole = of(debit, *parts)
    assert (whole.status, whole.raw_status, whole.returned) == (Status.RETURNED, "returned MD07", PAID.amount)
    assert whole.return_reference == parts[1].reference


@pytest.mark.parametrize(
    ("back", "status", "returned"), [(1000, Status.PAID, 0), (1200, Status.RETURNED, 200)]
)
def test_what_left_twice_and_came_back_once_is_paid(back: int, status: Status, returned: int):
    found = of(said(EntryKind.DEBIT), said(EntryKind.DEBIT), said(EntryKind.RETURN, back))
    assert found.status is status
    assert (found.returned.units if found.returned else 0) == returned


def test_withdrawn_and_refused_are_told_only_while_no_statement_says_otherwise():
    assert of(withdrawn="Never uploaded.").status is Status.CANCELLED
    refused = of(refused={PAID.key: REFUSED})
    assert (refused.status, refused.refusal) == (Status.FAILED, REFUSED)
    for file in ({"withdrawn": "Never uploaded."}, {"refused": {PAID.key: REFUSED}}):
        assert of(said(EntryKind.DEBIT), **file).status is Status.PAID


def test_a_file_booked_as_one_sum_is_each_of_its_payments():
    contents = pain001.read(STEP.body)
    whole = Entry("B1", EntryKind.DEBIT, Money(1500, "EUR"), DAY, message_id=STEP.key)
    assert {part.item_key: part.amount.units for part in parts_of(whole, contents)} == {
        PAID.key: 1000,
        OTHER.key: 500,
    }
    first = replace(whole, amount=Money(1000, "EUR"))
    assert [part.item_key for part in parts_of(first, contents)] == [PAID.key], "One part of the file."
    assert of(whole).status is Status.PAID


def test_a_sum_that_is_not_the_files_is_nobodys():
    contents = pain001.read(STEP.body)
    short = Entry("B1", EntryKind.DEBIT, Money(1499, "EUR"), DAY, message_id=STEP.key)
    assert parts_of(short, contents) == [short]
    same = file_of(item(ANNA, units=7), item(LINH, units=7))
    either = Entry("B1", EntryKind.DEBIT, Money(7, "EUR"), DAY, message_id=same.key)
    assert parts_of(either, pain001.read(same.body)) == [either], "It may be either part."
    named = replace(either, part=f"{same.key}2")
    (paid,) = parts_of(named, pain001.read(same.body))
    assert paid.amount == Money(7, "EUR")
