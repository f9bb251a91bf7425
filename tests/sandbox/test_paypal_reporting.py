"""Balances and the statement: complete, paged, and hours old."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from tests.sandbox.paypal_api import Caller, item
from tests.sandbox_services import SandboxService

ROWS = "/v1/reporting/transactions"


def window(**more: object) -> str:
    """Give the query for the last day."""
    now = datetime.now(UTC) + timedelta(hours=4)
    ends = {"start_date": now - timedelta(days=1), "end_date": now}
    query = "&".join(f"{name}={quote(end.isoformat(timespec='seconds'))}" for name, end in ends.items())
    return query + "".join(f"&{name}={value}" for name, value in more.items())


def rows(paypal: Caller, **more: object) -> list[dict[str, Any]]:
    """Read the statement."""
    body = paypal.call("GET", f"{ROWS}?{window(**more)}").json()
    return [row["transaction_info"] for row in body.get("transaction_details", [])]


def test_is_hours_old_until_the_clock_moves_or_it_is_told_to(paypal: Caller, paypal_sandbox: SandboxService):
    paypal.settled(item("a@example.com", "10.00", key="i"))
    stale = paypal.call("GET", "/v1/reporting/balances?currency_code=USD").json()
    assert stale["balances"][0]["total_balance"]["value"] == "1000000.00"
    refreshed = datetime.fromisoformat(stale["last_refresh_time"])
    assert datetime.now(UTC) - refreshed > timedelta(hours=1)
    assert rows(paypal) == []
    paypal_sandbox.advance(3 * 3600)
    assert [row["custom_field"] for row in rows(paypal, transaction_type="T0001")] == ["i"]
    paypal.settled(item("b@example.com", key="j"))
    assert len(rows(paypal, transaction_type="T0001")) == 1
    paypal_sandbox.post("/_sandbox/fresh", {"always": True})
    assert len(rows(paypal, transaction_type="T0001")) == 2
    fresh = paypal.call("GET", "/v1/reporting/balances?currency_code=USD").json()
    assert fresh["balances"][0]["total_balance"]["value"] == "999979.60"


def test_knows_balances_of_the_past_and_of_every_currency(paypal: Caller, paypal_sandbox: SandboxService):
    before = datetime.now(UTC) - timedelta(minutes=1)
    paypal.settled(item("a@example.com", "100", currency="JPY"))
    paypal_sandbox.post("/_sandbox/fresh")
    now = paypal.call("GET", "/v1/reporting/balances").json()["balances"]
    then = paypal.call(
        "GET",
        f"/v1/reporting/balances?currency_code=JPY&as_of_time={quote(before.isoformat(timespec='seconds'))}",
    ).json()["balances"]
    assert next(b for b in now if b["currency"] == "JPY")["total_balance"]["value"] == "999898"
    assert then[0]["total_balance"]["value"] == "1000000"
    assert len(now) > 20


def test_states_every_movement_with_its_code(paypal: Caller, paypal_sandbox: SandboxService):
    batch = paypal.settled(
        item("a@example.com", "10.00", key="i"), item("returned+b@example.com", "5.00", key="j"),
        item("refunded+c@example.com", "2.00", key="k"),
    )  # fmt: skip
    paypal_sandbox.advance(10)
    paypal_sandbox.post("/_sandbox/fresh")
    stated = [(row["transaction_event_code"], row["transaction_amount"]["value"]) for row in rows(paypal)]
    assert sorted(stated) == [
        ("T0001", "-10.00"),
        ("T0001", "-2.00"),
        ("T0001", "-5.00"),
        ("T0104", "-0.34"),
        ("T1105", "17.34"),
        ("T1114", "5.00"),
        ("T1115", "2.00"),
        ("T1503", "-17.34"),
    ]
    (paid,) = [row for row in rows(paypal, transaction_type="T0001") if row["custom_field"] == "i"]
    assert paid["transaction_id"] == batch["items"][0]["transaction_id"]
    assert paid["paypal_reference_id"] == batch["batch_header"]["payout_batch_id"]
    assert [row["transaction_id"] for row in rows(paypal, transaction_id=paid["transaction_id"])] == [
        paid["transaction_id"]
    ]
    assert rows(paypal, transaction_currency="EUR") == []


def test_gives_the_receiver_when_asked_for_all_fields(paypal: Caller, paypal_sandbox: SandboxService):
    paypal.settled(item("a@example.com"))
    paypal_sandbox.post("/_sandbox/fresh")
    body = paypal.call("GET", f"{ROWS}?{window(fields='all', transaction_type='T0001')}").json()
    assert body["transaction_details"][0]["payer_info"]["email_address"] == "a@example.com"


def test_gives_pages(paypal: Caller, paypal_sandbox: SandboxService):
    paypal.settled(*(item(f"p{n}@example.com", key=f"i{n}") for n in range(7)))
    paypal_sandbox.post("/_sandbox/fresh")
    seen = []
    for page in (1, 2, 3):
        body = paypal.call("GET", f"{ROWS}?{window(transaction_type='T0001', page_size=3, page=page)}").json()
        assert (body["total_items"], body["total_pages"], body["page"]) == (7, 3, page)
        seen += [row["transaction_info"]["custom_field"] for row in body["transaction_details"]]
    assert seen == [f"i{n}" for n in range(7)]
    following = paypal.call("GET", f"{ROWS}?{window(transaction_type='T0001', page_size=3)}").json()["links"]
    (after,) = [link["href"] for link in following if link["rel"] == "next"]
    assert paypal.call("GET", after).json()["page"] == 2


@pytest.mark.parametrize(
    "query",
    [
        "",
        "start_date=2026-01-01&end_date=2026-01-02",
        "start_date=2026-01-01T00:00:00Z&end_date=2026-02-02T00:00:00Z",
        "start_date=2026-01-02T00:00:00Z&end_date=2026-01-01T00:00:00Z",
        "start_date=2026-01-01T00:00:00Z&end_date=2026-01-02T00:00:00Z&page_size=501",
        "start_date=2026-01-01T00:00:00Z&end_date=2026-01-02T00:00:00Z&page=0",
        "start_date=2026-01-01T00:00:00Z&end_date=2026-01-02T00:00:00Z&transaction_id=short",
    ],
)
def test_refuses_a_window_beyond_its_limits(paypal: Caller, query: str):
    answer = paypal.call("GET", f"{ROWS}?{query}")
    assert (answer.status_code, answer.json()["name"]) == (400, "INVALID_REQUEST")


def test_refuses_more_rows_than_it_gives_at_once(paypal: Caller, paypal_sandbox: SandboxService):
    paypal.settled(*(item(f"p{n}@example.com") for n in range(7)))
    paypal_sandbox.post("/_sandbox/fresh")
    paypal_sandbox.fault("result_limit", value=6)
    answer = paypal.call("GET", f"{ROWS}?{window()}")
    assert (answer.status_code, answer.json()["details"][0]["issue"]) == (400, "RESULTSET_TOO_LARGE")
    assert rows(paypal, transaction_type="T0104")


def test_loses_no_row_between_two_windows_of_whole_seconds(paypal: Caller, paypal_sandbox: SandboxService):
    paypal.settled(item("a@example.com"))
    paypal_sandbox.post("/_sandbox/fresh")
    (row,) = rows(paypal, transaction_type="T0001")
    moment = row["transaction_initiation_date"]
    body = paypal.call("GET", f"{ROWS}?start_date={moment}&end_date={moment}&transaction_type=T0001").json()
    assert body["total_items"] == 1


def test_states_what_was_put_in_and_taken_out(paypal: Caller, paypal_sandbox: SandboxService):
    paypal_sandbox.post("/_sandbox/funds", {"currency": "EUR", "units": 100_000_100})
    paypal_sandbox.post("/_sandbox/funds", {"currency": "EUR", "units": 100})
    paypal_sandbox.post("/_sandbox/fresh")
    stated = [(row["transaction_event_code"], row["transaction_amount"]["value"]) for row in rows(paypal)]
    assert stated == [("T0300", "1.00"), ("T0400", "-1000000.00")]
