"""What Wise says of a transfer, in our words: its states, its fee, and what came back of it."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from marketplace_payouts.lib.money import Money
from payouts.providers.base import (
    Absent,
    Accepted,
    Cancelled,
    CannotTell,
    Found,
    Item,
    NotCancellable,
    Observation,
    Progress,
    ProviderUnavailable,
    Status,
    Step,
)
from payouts.providers.wise import codes
from payouts.providers.wise.provider import Wise
from payouts.providers.wise.statements import Refund
from payouts.providers.wise.transfers import bare, returned
from tests.providers.contract import key_of, pay, progress_of
from tests.providers.wise_payments import FUND, TRANSFERS, payment, step_named
from tests.sandbox_services import SandboxService


def seen(wise: Wise, reference: str, good: Callable[[Observation], bool]) -> Observation:
    """Read a transfer until it is as wanted."""
    end = time.monotonic() + 10
    while not good(one := wise.fetch_item(reference)):
        assert time.monotonic() < end, one
        time.sleep(0.01)
    return one


def settled(status: Status) -> Callable[[Observation], bool]:
    return lambda one: one.status is status


def unfunded(wise: Wise, progress: Progress) -> str:
    step, _ = step_named(wise, progress, "transfer")
    made = wise.transmit(step)
    assert isinstance(made, Accepted)
    return made.reference


def test_every_state_has_its_place():
    assert {
        word: codes.STATUSES[word]
        for word in ("incoming_payment_waiting", "outgoing_payment_sent", "bounced_back", "funds_refunded")
    } == {
        "incoming_payment_waiting": Status.AWAITING_FUNDING,
        "outgoing_payment_sent": Status.PAID,
        "bounced_back": Status.ON_HOLD,
        "funds_refunded": Status.RETURNED,
    }
    paid = {word for word, status in codes.STATUSES.items() if status is Status.PAID}
    assert paid == {"outgoing_payment_sent"}, "nothing else, and no unknown word, means paid"


def test_what_nobody_has_funded_waits_for_us(wise: Wise, wise_sandbox: SandboxService):
    reference = unfunded(wise, payment(wise))
    waiting = wise.fetch_item(reference)
    assert (waiting.status, waiting.fee) == (Status.AWAITING_FUNDING, None)
    assert not wise.fetch(reference).closed
    wise_sandbox.post("/_sandbox/pay", {"reference": reference})
    seen(wise, reference, settled(Status.PAID))


def test_what_we_have_funded_waits_for_wise(wise: Wise, wise_sandbox: SandboxService):
    wise_sandbox.post("/_sandbox/simulate", {"manual": True})
    observed = wise.fetch_item(pay(wise, payment(wise)))
    assert (observed.raw_status, observed.status) == ("incoming_payment_waiting", Status.PROCESSING)


def test_paid_has_its_fee_from_the_quote(wise: Wise):
    observed = seen(wise, pay(wise, payment(wise)), settled(Status.PAID))
    assert observed.fee == Money(39, "EUR")
    assert observed.amount == Money(9000, "EUR")


@pytest.mark.parametrize(
    ("holder", "raw", "status"),
    [
        ("Held Hilda", "waiting_recipient_input_to_proceed", Status.ON_HOLD),
        ("Stuck Steve", "processing", Status.PROCESSING),
        ("Exotic Emma", "under_the_moon", Status.UNRECOGNISED),
    ],
)
def test_what_is_on_its_way(wise: Wise, holder: str, raw: str, status: Status):
    observed = seen(wise, pay(wise, payment(wise, holder)), lambda one: one.raw_status == raw)
    assert observed.status is status


def test_bounced_is_no_return(wise: Wise, wise_sandbox: SandboxService):
    progress = payment(wise)
    wise_sandbox.post("/_sandbox/fate", {"reference": progress.items[0].key, "status": "bounced_back"})
    observed = seen(wise, pay(wise, progress), lambda one: one.raw_status == "bounced_back")
    assert (observed.status, observed.returned) == (Status.ON_HOLD, None)


def test_a_bounced_one_that_is_sent_again_is_paid(wise: Wise):
    reference = pay(wise, payment(wise, "Resent Rita"))
    seen(wise, reference, settled(Status.PAID))
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        assert wise.fetch_item(reference).returned is None
    assert wise.fetch_item(reference).status is Status.PAID


@pytest.mark.parametrize(("holder", "units"), [("Bouncy Bert", 9000), ("Partly Bert", 4500)])
def test_what_came_back_is_read_from_the_statement(wise: Wise, holder: str, units: int):
    observed = seen(wise, pay(wise, payment(wise, holder)), settled(Status.RETURNED))
    assert observed.returned == Money(units, "EUR")
    assert observed.fee == Money(39, "EUR")


def test_returns_in_parts_are_cumulative(wise: Wise, wise_sandbox: SandboxService):
    progress = payment(wise)
    reference = pay(wise, progress)
    seen(wise, reference, settled(Status.PAID))
    for units, total in ((1000, 1000), (2000, 3000)):
        wise_sandbox.post("/_sandbox/return", {"reference": reference, "units": units})
        assert wise.fetch_item(reference).returned == Money(total, "EUR")


def test_where_the_statement_may_not_be_read_people_are_told(wise: Wise, wise_sandbox: SandboxService):
    wise_sandbox.fault("statement_forbidden")
    observed = seen(wise, pay(wise, payment(wise, "Bouncy Bert")), settled(Status.RETURNED))
    assert observed.returned == Money(9000, "EUR")
    assert observed.refusal is not None
    assert "wise.com" in observed.refusal.message


def test_what_is_not_in_the_balance_yet_is_not_back():
    sent = Observation("k", "1", Status.RETURNED, "funds_refunded", Money(9000, "EUR"))
    nothing = Refund(Money.zero("EUR"), None)
    assert returned(sent, nothing, fee=None).status is Status.ON_HOLD


def test_a_refund_with_its_fee_gives_the_fee_back():
    sent = Observation("k", "1", Status.RETURNED, "funds_refunded", Money(9000, "EUR"))
    whole = returned(sent, Refund(Money(9039, "EUR"), None), fee=Money(39, "EUR"))
    assert (whole.returned, whole.fee) == (Money(9000, "EUR"), Money.zero("EUR"))


def test_without_an_amount_nothing_is_concluded():
    transfer = {"id": 5, "status": "outgoing_payment_sent", "targetValue": Decimal("90.001")}
    assert bare({**transfer, "targetCurrency": "EUR"}).status is Status.UNRECOGNISED
    assert bare({**transfer, "targetValue": None, "targetCurrency": "EUR"}).status is Status.UNRECOGNISED


# Cancelling ------------------------------------------------------------------------------------------------------


def test_what_nobody_funded_can_be_taken_back(wise: Wise):
    reference = unfunded(wise, payment(wise))
    assert wise.cancel(reference) == Cancelled()
    assert wise.fetch_item(reference).status is Status.CANCELLED
    assert wise.fetch(reference).closed


def test_what_was_funded_and_cancelled_is_on_its_way_back(wise: Wise, wise_sandbox: SandboxService):
    progress = payment(wise)
    wise_sandbox.post("/_sandbox/fate", {"reference": progress.items[0].key, "status": "cancelled"})
    observed = seen(wise, pay(wise, progress), lambda one: one.raw_status == "cancelled")
    assert (observed.status, observed.returned) == (Status.ON_HOLD, None)


def test_a_cancelled_one_is_returned_once_the_money_is_back(wise: Wise, wise_sandbox: SandboxService):
    wise_sandbox.post("/_sandbox/simulate", {"manual": True})
    reference = pay(wise, payment(wise))
    assert wise.cancel(reference) == Cancelled()
    assert seen(wise, reference, settled(Status.RETURNED)).returned == Money(9000, "EUR")


def test_what_was_converted_cannot_be_cancelled(wise: Wise):
    reference = pay(wise, payment(wise))
    seen(wise, reference, settled(Status.PAID))
    assert isinstance(wise.cancel(reference), NotCancellable)
    assert isinstance(wise.cancel(""), NotCancellable)


# Looking up ------------------------------------------------------------------------------------------------------


def ago(**time_: float) -> datetime:
    return datetime.now(UTC) - timedelta(**time_)


@pytest.mark.parametrize("name", ["quote", "recipient", "requirements", "transfer"])
def test_what_was_never_made_is_absent_once_it_had_its_time(wise: Wise, name: str):
    progress = payment(wise)
    step, _ = step_named(wise, progress, name)
    early = wise.find(key_of(step, progress))
    assert isinstance(early, Absent)
    assert not early.authoritative
    late = wise.find(key_of(step, progress, sent_at=ago(minutes=20)))
    assert isinstance(late, Absent)
    assert late.authoritative


def test_a_transfer_whose_answer_was_lost_is_found(wise: Wise, wise_sandbox: SandboxService):
    progress = payment(wise)
    step, _ = step_named(wise, progress, "transfer")
    wise_sandbox.fault("drop_after", match={"path": TRANSFERS, "method": "POST"}, times=1)
    wise.transmit(step)
    found = wise.find(key_of(step, progress))
    assert isinstance(found, Found)
    assert found.view.observations[0].item_key == progress.items[0].key


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
def test_a_funding_whose_answer_was_lost_is_found_by_what_was_paid_in(
    wise: Wise, wise_sandbox: SandboxService, kind: str
):
    progress = payment(wise)
    step, _ = step_named(wise, progress, "fund")
    wise_sandbox.fault(kind, match={"path": FUND, "method": "POST"}, times=1)
    wise.transmit(step)
    found = wise.find(key_of(step, progress, sent_at=ago(minutes=20)))
    if kind == "drop_after":
        assert isinstance(found, Found)
    else:
        assert isinstance(found, Absent)
        assert found.authoritative


def test_a_funding_is_not_absent_because_its_transfer_is_not_listed(wise: Wise, wise_sandbox: SandboxService):
    progress = payment(wise)
    step, _ = step_named(wise, progress, "fund")
    wise_sandbox.fault("list_late", seconds=60)
    assert isinstance(wise.find(key_of(step, progress, sent_at=ago(minutes=20))), CannotTell)


def test_every_page_of_the_list_is_read(wise: Wise, wise_sandbox: SandboxService):
    """More than a hundred transfers were made since; the one that is looked for is the oldest."""
    progress = payment(wise)
    step, _ = step_named(wise, progress, "transfer")
    wise.transmit(step)
    account = progress.items[0].destination
    for _ in range(101):
        other = payment_to(account)
        quote = wise.next_step(other)
        assert isinstance(quote, Step)
        made = wise.transmit(quote)
        assert isinstance(made, Accepted)
        wise.transmit(transfer_of(step, quote=made.reference, key=other.items[0].key))
    found = wise.find(key_of(step, progress))
    assert isinstance(found, Found)
    pages = [one["target"] for one in wise_sandbox.requests()["requests"] if "offset=100" in one["target"]]
    assert pages


def payment_to(account: Mapping[str, str]) -> Progress:
    return progress_of(Item(str(uuid.uuid4()), Money(9000, "EUR"), account, "PO-1"))


def transfer_of(step: Step, *, quote: str, key: str) -> Step:
    body = json.loads(step.body) | {"quoteUuid": quote, "customerTransactionId": key}
    return replace(step, body=json.dumps(body).encode())


def test_a_list_that_cannot_be_read_tells_nothing(wise: Wise, wise_sandbox: SandboxService):
    progress = payment(wise)
    step, _ = step_named(wise, progress, "transfer")
    wise_sandbox.fault("html_body", match={"method": "GET"}, times=1)
    assert isinstance(wise.find(key_of(step, progress)), CannotTell)


# Statements ------------------------------------------------------------------------------------------------------


def lines(wise: Wise) -> list[tuple[str, int, str]]:
    statement = wise.statement(since=ago(days=1), until=datetime.now(UTC) + timedelta(hours=1))
    return [(one.kind, one.amount.units, one.item_key) for one in statement.lines]


def test_the_statement_tells_debits_fees_returns_and_our_own_moves(wise: Wise, wise_sandbox: SandboxService):
    progress = payment(wise, "Partly Bert")
    key = progress.items[0].key
    wise_sandbox.post("/_sandbox/funds", {"currency": "EUR", "units": 200_000_000})
    wise_sandbox.post("/_sandbox/funds", {"currency": "EUR", "units": 150_000_000})
    seen(wise, pay(wise, progress), settled(Status.RETURNED))
    assert lines(wise) == [
        ("top_up", 100_000_000, ""),
        ("withdrawal", 50_000_000, ""),
        ("debit", 9000, key),
        ("fee", 39, key),
        ("return", 4500, key),
    ]


def test_without_leave_to_read_statements_the_transfers_tell_what_is_ours(
    wise: Wise, wise_sandbox: SandboxService
):
    wise_sandbox.fault("statement_forbidden")
    paid, back, waits = payment(wise), payment(wise, "Bouncy Bert"), payment(wise)
    seen(wise, pay(wise, paid), settled(Status.PAID))
    seen(wise, pay(wise, back), settled(Status.RETURNED))
    unfunded(wise, waits)
    keys = [one.items[0].key for one in (paid, back)]
    assert sorted(lines(wise)) == sorted(
        [("debit", 9000, keys[0]), ("debit", 9000, keys[1]), ("return", 9000, keys[1])]
    )


def test_a_statement_is_complete_only_until_a_little_ago(wise: Wise):
    now = datetime.now(UTC)
    statement = wise.statement(since=now - timedelta(days=1), until=now)
    assert now - timedelta(minutes=10) < statement.complete_until < now - timedelta(minutes=4)


def test_a_statement_longer_than_wise_allows_is_read_in_parts(wise: Wise, wise_sandbox: SandboxService):
    pay(wise, payment(wise))
    statement = wise.statement(since=ago(days=1000), until=datetime.now(UTC) + timedelta(hours=1))
    assert [one.kind for one in statement.lines] == ["debit", "fee"]


def test_a_row_that_cannot_be_read_is_never_left_out(wise: Wise, wise_sandbox: SandboxService):
    pay(wise, payment(wise))
    wise_sandbox.fault("truncated_body", match={"path": r"/v1/profiles/\d+/balance-statements"}, times=1)
    with pytest.raises(ProviderUnavailable):
        lines(wise)


def test_balances_are_what_is_there_now(wise: Wise, wise_sandbox: SandboxService):
    wise_sandbox.post("/_sandbox/funds", {"currency": "EUR", "units": 12_345})
    held = {one.available.currency: one.available.units for one in wise.balances()}
    assert held["EUR"] == 12_345
    assert held["JPY"] == 1_000_000
