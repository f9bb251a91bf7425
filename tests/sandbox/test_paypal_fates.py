"""What becomes of a payment, and where its money is then."""

from __future__ import annotations

import pytest

from tests.sandbox.paypal_api import Caller, item, moved, statuses
from tests.sandbox_services import SandboxService

DAY = 86_400


@pytest.mark.parametrize(
    ("prefix", "status", "error", "out"),
    [
        ("anna", "SUCCESS", None, True),
        ("unclaimed", "UNCLAIMED", "RECEIVER_UNREGISTERED", True),
        ("unconfirmed", "UNCLAIMED", "RECEIVER_UNCONFIRMED", True),
        ("currency", "UNCLAIMED", "PENDING_RECIPIENT_NON_HOLDING_CURRENCY_PAYMENT_PREFERENCE", True),
        ("onhold", "ONHOLD", None, True),
        ("limited", "ONHOLD", "RECEIVER_ACCOUNT_LIMITATION", True),
        ("blocked", "BLOCKED", "RISK_DECLINE", False),
        ("failed", "FAILED", "RECEIVER_ACCOUNT_LOCKED", False),
        ("limit", "FAILED", "RECEIVING_LIMIT_EXCEEDED", False),
        ("denied", "DENIED", "RISK_DECLINE", False),
        ("pending", "PENDING", None, False),
    ],
)
def test_follows_the_receivers_local_part(
    paypal: Caller, paypal_sandbox: SandboxService, prefix: str, status: str, error: str | None, out: bool
):
    batch = paypal.settled(item(f"{prefix}+x@example.com", key="i"))
    (shown,) = batch["items"]
    assert batch["batch_header"]["batch_status"] == "SUCCESS"
    assert shown["transaction_status"] == status
    assert shown.get("errors", {}).get("name") == error
    assert ("transaction_id" in shown) is out
    assert moved(paypal_sandbox.ledger(), "debit") == ([("i", "1000")] if out else [])


@pytest.mark.parametrize(
    ("prefix", "first", "later"),
    [
        ("returned", "SUCCESS", "RETURNED"),
        ("refunded", "SUCCESS", "REFUNDED"),
        ("reversed", "SUCCESS", "REVERSED"),
        ("claimed", "UNCLAIMED", "SUCCESS"),
        ("released", "ONHOLD", "SUCCESS"),
    ],
)
def test_turns_later(paypal: Caller, paypal_sandbox: SandboxService, prefix: str, first: str, later: str):
    batch = paypal.settled(item(f"{prefix}+x@example.com", key="i"))
    assert statuses(batch) == [first]
    paypal_sandbox.advance(10)
    assert statuses(paypal.batch(batch["batch_header"]["payout_batch_id"])) == [later]
    assert moved(paypal_sandbox.ledger(), "debit") == [("i", "1000")]
    assert moved(paypal_sandbox.ledger(), "return") == ([] if later == "SUCCESS" else [("i", "1000")])


def test_returns_the_unclaimed_after_thirty_days(paypal: Caller, paypal_sandbox: SandboxService):
    batch = paypal.settled(item("unclaimed+x@example.com", key="i"))
    item_id = batch["items"][0]["payout_item_id"]
    paypal_sandbox.advance(29 * DAY)
    paypal.log_in()
    assert paypal.wait_item(item_id, "UNCLAIMED")
    paypal_sandbox.advance(DAY + 60)
    paypal.log_in()
    shown = paypal.wait_item(item_id, "RETURNED")
    assert "errors" not in shown
    assert moved(paypal_sandbox.ledger(), "return") == [("i", "1000")]


def test_a_claimed_payment_is_not_returned_after_thirty_days(paypal: Caller, paypal_sandbox: SandboxService):
    paypal.settled(item("unclaimed+x@example.com", key="i"))
    assert paypal_sandbox.post("/_sandbox/fate", {"reference": "i", "status": "SUCCESS"}) == {"changed": 1}
    paypal_sandbox.advance(31 * DAY)
    assert moved(paypal_sandbox.ledger(), "return") == []


@pytest.mark.parametrize(
    "name", ["payout_item_id", "sender_item_id", "receiver", "payout_batch_id", "sender_batch_id"]
)
def test_fate_is_decided_by_any_name(paypal: Caller, paypal_sandbox: SandboxService, name: str):
    batch = paypal.settled(item("unclaimed+x@example.com", key="the-item"), key="the-batch")
    (shown,) = batch["items"]
    names = {**shown, **shown["payout_item"], "sender_batch_id": "the-batch"}
    paypal_sandbox.post("/_sandbox/fate", {"reference": names[name], "status": "refunded"})
    assert paypal.wait_item(shown["payout_item_id"], "REFUNDED")
    assert moved(paypal_sandbox.ledger(), "return") == [("the-item", "1000")]


def test_fate_can_be_decided_before_the_payment_exists(paypal: Caller, paypal_sandbox: SandboxService):
    paypal_sandbox.post("/_sandbox/fate", {"reference": "to-come", "status": "BLOCKED"})
    paypal_sandbox.post("/_sandbox/fate", {"reference": "denied-batch", "status": "DENIED"})
    assert statuses(paypal.settled(item("a@example.com", key="to-come"))) == ["BLOCKED"]
    batch = paypal.settled(item("b@example.com"), key="denied-batch")
    assert batch["batch_header"]["batch_status"] == "DENIED"


def test_evidence_may_contradict_what_was_final(paypal: Caller, paypal_sandbox: SandboxService):
    batch = paypal.settled(item("failed+x@example.com", key="i"))
    paypal_sandbox.post("/_sandbox/fate", {"reference": "i", "status": "SUCCESS"})
    shown = paypal.wait_item(batch["items"][0]["payout_item_id"], "SUCCESS")
    assert "errors" not in shown
    assert moved(paypal_sandbox.ledger(), "debit") == [("i", "1000")]


def test_returns_by_fault_and_in_parts(paypal: Caller, paypal_sandbox: SandboxService):
    paypal_sandbox.fault("return", match={"reference": "whole"}, value="REVERSED", seconds=60)
    paypal_sandbox.fault("partial_return", match={"reference": "part"}, value=300)
    batch = paypal.settled(item("a@example.com", key="whole"), item("b@example.com", key="part"))
    paypal_sandbox.advance(61)
    assert statuses(paypal.batch(batch["batch_header"]["payout_batch_id"])) == ["REVERSED", "SUCCESS"]
    assert sorted(moved(paypal_sandbox.ledger(), "return")) == [("part", "300"), ("whole", "1000")]
    assert paypal_sandbox.post("/_sandbox/return", {"reference": "part", "units": 200}) == {"returned": "500"}
    paypal_sandbox.post("/_sandbox/fate", {"reference": "part", "status": "REFUNDED"})
    returned = [
        int(units) for reference, units in moved(paypal_sandbox.ledger(), "return") if reference == "part"
    ]
    assert returned == [300, 200, 500]


def test_fails_the_items_it_is_told_to(paypal: Caller, paypal_sandbox: SandboxService):
    paypal_sandbox.fault("fail_item", times=1)
    assert statuses(paypal.settled(item("a@example.com"), item("b@example.com"))) == ["FAILED", "SUCCESS"]


def test_stays_stuck_until_let_go(paypal: Caller, paypal_sandbox: SandboxService):
    stuck = paypal_sandbox.fault("stuck_pending", match={"reference": "stuck"}, times=1)
    batch = paypal.settled(item("a@example.com", key="stuck"), item("b@example.com"))
    assert statuses(batch) == ["PENDING", "SUCCESS"]
    paypal_sandbox.advance(3600)
    assert statuses(paypal.batch(batch["batch_header"]["payout_batch_id"])) == ["PENDING", "SUCCESS"]
    paypal_sandbox.delete(f"/_sandbox/faults/{stuck}")
    assert paypal.wait_item(batch["items"][0]["payout_item_id"], "SUCCESS")


def test_keeps_the_account_whole_through_every_fate(paypal: Caller, paypal_sandbox: SandboxService):
    prefixes = (
        "ok",
        "unclaimed",
        "failed",
        "blocked",
        "onhold",
        "returned",
        "refunded",
        "pending",
        "claimed",
    )
    paypal.settled(*(item(f"{prefix}+x@example.com", "33.33") for prefix in prefixes))
    paypal_sandbox.advance(10)
    paypal_sandbox.post("/_sandbox/fresh")
    balances = paypal.call("GET", "/v1/reporting/balances?currency_code=USD").json()["balances"][0]
    net = int(paypal_sandbox.get("/_sandbox/ledger")["totals"]["USD"]["net"])
    total = round(float(balances["total_balance"]["value"]) * 100)
    assert total == 100_000_000 - net
    assert balances["withheld_balance"]["value"] == "34.00"  # the pending one and its fee
