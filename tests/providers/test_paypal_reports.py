"""PayPal's statement and balances: every window, every page, and what each row is."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from marketplace_payouts.lib.http import HttpClient
from marketplace_payouts.lib.money import Money
from payouts.providers.base import Absent, CannotTell, Key, ProviderUnavailable
from payouts.providers.paypal.client import PayPalClient
from payouts.providers.paypal.lookup import find_batch
from payouts.providers.paypal.reports import LONGEST_WINDOW, read_balances, read_statement
from tests.lib.raw_server import RawServer, plain, raw_server

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TOKEN = plain(json.dumps({"access_token": "t", "expires_in": 900, "scope": ""}).encode())
HOUR = timedelta(hours=1)


@pytest.fixture
def server() -> Iterator[RawServer]:
    with raw_server() as running:
        yield running


def served(server: RawServer, *answers: Any) -> PayPalClient:
    written = [plain(json.dumps(answer).encode()) for answer in answers]
    server.scripts.append(server.answering(TOKEN, *written))
    http = HttpClient(base_url=server.url, allow_loopback_http=True)
    return PayPalClient(http=http, client_id="id", client_secret="secret")


def asked(server: RawServer) -> list[dict[str, str]]:
    lines = [request.split(b" ")[1].decode() for request in server.received[1:]]
    return [{name: values[0] for name, values in parse_qs(urlsplit(line).query).items()} for line in lines]


def row(code: str, value: str, **info: Any) -> dict[str, Any]:
    own = {
        "transaction_id": "T1",
        "transaction_event_code": code,
        "transaction_initiation_date": "2026-11-20T10:00:00+0100",
        "transaction_amount": {"currency_code": "EUR", "value": value},
        "transaction_status": "S",
        "custom_field": "k1",
    }
    return {"transaction_info": {**own, **info}, "payer_info": {"email_address": "Anna@Example.com"}}


def report(*rows: Any, pages: int = 1, refreshed: str = "2026-11-23T10:00:00Z") -> dict[str, Any]:
    return {"transaction_details": list(rows), "total_pages": pages, "last_refreshed_datetime": refreshed}


def key(*, sent: datetime) -> Key:
    return Key("mp-b1", "b1", ["k1", "k2"], sent, sent)


# The statement ---------------------------------------------------------------------------------------------------


def test_long_times_are_asked_for_in_windows_that_join(server: RawServer):
    client = served(server, report(), report(), report())
    since = NOW - timedelta(days=75)
    read_statement(client, since=since, until=NOW, now=NOW)
    windows = [
        (datetime.fromisoformat(one["start_date"]), datetime.fromisoformat(one["end_date"]))
        for one in asked(server)
    ]
    assert windows[0][0] == since
    assert windows[-1][1] == NOW
    assert all(end == start for (_, end), (start, _) in itertools.pairwise(windows))
    assert all(end - start <= LONGEST_WINDOW for start, end in windows)


def test_every_page_is_read_and_a_row_of_two_windows_counts_once(server: RawServer):
    seam = row("T0001", "-1.00")
    client = served(
        server,
        report(seam, pages=2),
        report(row("T0001", "-2.00", transaction_id="T2"), pages=2),
        report(seam),
    )
    statement = read_statement(client, since=NOW - timedelta(days=40), until=NOW, now=NOW)
    assert sorted(line.amount.units for line in statement.lines) == [100, 200]
    assert [one["page"] for one in asked(server)] == ["1", "2", "1"]


@pytest.mark.parametrize(
    ("code", "value", "kind", "units"),
    [
        ("T0001", "-12.34", "debit", 1234),
        ("T0001", "12.34", "other", 1234),
        ("T0104", "-0.25", "fee", 25),
        ("T0104", "0.25", "fee", -25),
        ("T1114", "12.34", "return", 1234),
        ("T1115", "1.00", "return", 100),
        ("T0300", "50.00", "top_up", 5000),
        ("T0400", "-50.00", "withdrawal", 5000),
        ("T0403", "50.00", "withdrawal", -5000),
        ("T0200", "-12.34", "conversion", -1234),
        ("T0202", "12.34", "conversion", 1234),
        ("T9999", "-1.00", "other", -100),
    ],
)
def test_each_row_has_its_kind_and_direction(server: RawServer, code: str, value: str, kind: str, units: int):
    statement = read_statement(served(server, report(row(code, value))), since=NOW - HOUR, until=NOW, now=NOW)
    (line,) = statement.lines
    assert (line.kind, line.amount) == (kind, Money(units, "EUR"))
    assert (line.reference, line.item_key, line.destination) == ("T1", "k1", "anna@example.com")
    assert line.at == datetime(2026, 11, 20, 9, tzinfo=UTC)


def test_holds_and_what_was_denied_moved_nothing(server: RawServer):
    rows = [row("T1503", "-5.00"), row("T1105", "5.00"), row("T0001", "-1.00", transaction_status="D")]
    assert not read_statement(served(server, report(*rows)), since=NOW - HOUR, until=NOW, now=NOW).lines


def test_a_fee_within_a_row_is_a_line_of_its_own(server: RawServer):
    fee = {"currency_code": "USD", "value": "-0.25"}
    client = served(server, report(row("T0001", "-1.00", fee_amount=fee)))
    lines = read_statement(client, since=NOW - HOUR, until=NOW, now=NOW).lines
    assert [(line.kind, line.amount) for line in lines] == [
        ("debit", Money(100, "EUR")),
        ("fee", Money(25, "USD")),
    ]


def test_the_list_is_complete_up_to_its_last_refreshing(server: RawServer):
    refreshed = datetime(2026, 11, 23, 10, tzinfo=UTC)
    assert (
        read_statement(served(server, report()), since=NOW - HOUR, until=NOW, now=NOW).complete_until
        == refreshed
    )
    with raw_server() as other:
        early = NOW - 30 * HOUR
        client = served(other, report())
        assert read_statement(client, since=early - HOUR, until=early, now=NOW).complete_until == early


def test_a_list_that_does_not_say_is_taken_for_three_hours_old(server: RawServer):
    client = served(server, {"total_pages": 0})
    assert read_statement(client, since=NOW - HOUR, until=NOW, now=NOW).complete_until == NOW - 3 * HOUR


@pytest.mark.parametrize(
    "bad", ["text", {"transaction_info": None}, row("T0001", "-1", transaction_initiation_date="x")]
)
def test_a_row_that_cannot_be_read_makes_the_list_worthless(server: RawServer, bad: Any):
    with pytest.raises(ProviderUnavailable):
        read_statement(served(server, report(bad)), since=NOW - HOUR, until=NOW, now=NOW)


def test_a_row_in_a_strange_currency_costs_nothing_else(server: RawServer):
    strange = row("T0001", "-1.00", transaction_amount={"currency_code": "XTS", "value": "-1.00"})
    client = served(server, report(strange, row("T0001", "-1.00")))
    assert len(read_statement(client, since=NOW - HOUR, until=NOW, now=NOW).lines) == 1


# Absence ---------------------------------------------------------------------------------------------------------


SENT = NOW - timedelta(hours=30)
DAY = timedelta(days=1)


def test_a_list_that_covers_the_settle_time_proves_absence(server: RawServer):
    absent = find_batch(served(server, report()), key(sent=SENT), settle_time=DAY, now=NOW)
    assert isinstance(absent, Absent)
    assert absent.authoritative
    assert absent.as_of == datetime(2026, 11, 23, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "rows",
    [
        [row("T0001", "-1.00", custom_field=None)],
        [row("T1503", "-5.00", custom_field=None, paypal_reference_id="B9")],
    ],
)
def test_what_may_be_ours_leaves_a_doubt(server: RawServer, rows: list[Any]):
    absent = find_batch(served(server, report(*rows)), key(sent=SENT), settle_time=DAY, now=NOW)
    assert isinstance(absent, Absent)
    assert not absent.authoritative


def test_what_is_surely_not_ours_leaves_none(server: RawServer):
    about = {"custom_field": None, "paypal_reference_id": "B9"}
    held = [row("T1503", "-5.00", **about), row("T1105", "5.00", **about)]
    rows = [*held, row("T0001", "-1.00", custom_field="somebody's"), row("T0001", "1.00", custom_field=None)]
    absent = find_batch(served(server, report(*rows)), key(sent=SENT), settle_time=DAY, now=NOW)
    assert isinstance(absent, Absent)
    assert absent.authoritative


def test_a_list_that_is_too_old_proves_nothing(server: RawServer):
    absent = find_batch(served(server, report()), key(sent=NOW - HOUR), settle_time=DAY, now=NOW)
    assert isinstance(absent, Absent)
    assert not absent.authoritative


def test_a_row_with_our_key_is_never_an_absence(server: RawServer):
    wrong = {
        "batch_header": {"payout_batch_id": "B9", "sender_batch_header": {"sender_batch_id": "x"}},
        "items": [],
    }
    client = served(server, report(row("T0001", "-1.00", paypal_reference_id="B9")), wrong)
    found = find_batch(client, key(sent=SENT), settle_time=DAY, now=NOW)
    assert isinstance(found, CannotTell)
    assert "same step" in found.reason


# Balances --------------------------------------------------------------------------------------------------------


def test_balances_say_as_of_when(server: RawServer):
    value = {
        "last_refresh_time": "2026-11-23T09:30:00Z",
        "balances": [
            {"currency": "EUR", "available_balance": {"currency_code": "EUR", "value": "12.34"}},
            {"currency": "JPY", "total_balance": {"currency_code": "JPY", "value": "500"}},
            {"currency": "XTS", "available_balance": {"currency_code": "XTS", "value": "1"}},
            "nonsense",
        ],
    }
    balances = read_balances(served(server, value), now=NOW)
    assert [balance.available for balance in balances] == [Money(1234, "EUR"), Money(500, "JPY")]
    assert {balance.as_of for balance in balances} == {datetime(2026, 11, 23, 9, 30, tzinfo=UTC)}


def test_balances_that_are_none_are_unavailable(server: RawServer):
    with pytest.raises(ProviderUnavailable):
        read_balances(served(server, {}), now=NOW)
