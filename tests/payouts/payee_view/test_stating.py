"""A year's statement is the ledger's own, to the last unit, whatever happened."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db.models import Sum
from django.utils import timezone

from accounts.models import Payee
from marketplace_payouts.lib.money import Money
from payouts import intervention, ledger
from payouts.errors import Refused
from payouts.ledger import Draft
from payouts.models import Payable, Payout, Posting
from payouts.payee_view import statement, statement_csv
from payouts.payee_view.shapes import Account
from tests import factories
from tests.stories.world import World


def account(payee: Payee, *, now: datetime, year: int | None = None) -> Account:
    """The payee's one account of a year."""
    [found] = statement(payee_id=payee.pk, year=year or now.year, now=now).accounts
    return found


def held_for(payee: Payee, currency: str = "EUR") -> int:
    """What the books hold for a payee: owed, set aside and under way, less what is to be given back."""
    held = -ledger.balance(ledger.owed(payee.pk), currency)
    held -= ledger.balance(ledger.receivable(payee.pk), currency)
    for payout in Payout.objects.filter(payee=payee):
        held -= ledger.balance(ledger.allocated(payout.pk), currency)
        moved = Posting.objects.filter(payout=payout, currency=currency)
        into = moved.filter(credit__startswith="committed:").aggregate(n=Sum("units"))["n"] or 0
        out = moved.filter(debit__startswith="committed:").aggregate(n=Sum("units"))["n"] or 0
        held += int(into) - int(out)
    return held


def assert_agrees(payee: Payee, *, now: datetime) -> Account:
    """The statement closes with what the books hold, and its own sums and CSV agree."""
    one = account(payee, now=now)
    assert one.closing.units == held_for(payee)
    assert one.opening + one.owed - one.paid == one.closing
    assert one.owed.units == sum(entry.owed.units for entry in one.entries)
    assert one.paid.units == sum(entry.paid.units for entry in one.entries)
    content = statement_csv(statement(payee_id=payee.pk, year=now.year, now=now)).decode("utf-8-sig")
    head, opening, *rows, total = csv.reader(io.StringIO(content))
    assert head == ["Date", "What", "Number", "Owed to you", "Paid to you", "Balance", "Currency"]
    owed = sum(Decimal(row[3] or 0) for row in rows)
    paid = sum(Decimal(row[4] or 0) for row in rows)
    assert [Decimal(total[3]), Decimal(total[4])] == [owed, paid]
    assert Decimal(total[5]) == Decimal(opening[5]) + owed - paid == Decimal(one.closing.units) / 100
    assert [row[5] for row in [opening, *rows]][-1] == total[5]
    return one


def test_a_sale_that_was_paid(world: World) -> None:
    seller = world.seller()
    transaction, payout = world.sold_and_approved(seller)
    one = assert_agrees(seller, now=world.now)
    assert (one.owed.units, one.paid.units, one.closing.units) == (9_000, 0, 9_000)
    world.send()
    world.until("paid", of=payout)
    one = assert_agrees(seller, now=world.now)
    assert (one.owed.units, one.paid.units, one.closing.units) == (9_000, 9_000, 0)
    assert [(entry.what, entry.number) for entry in one.entries] == [
        ("Sale", transaction),
        ("Payout", payout.number),
    ]


def test_a_refund_after_it_was_paid_and_then_netted(world: World) -> None:
    seller = world.seller()
    transaction, payout = world.sold_and_approved(seller)
    world.send()
    world.until("paid", of=payout)
    world.refund(transaction, amount=3_000)
    world.hear()
    one = assert_agrees(seller, now=world.now)
    assert (one.owed.units, one.closing.units) == (6_300, -2_700)
    row = Payable.objects.get(waits_for="clawback")
    world.second("clawback_decide", {"payable": str(row.pk), "decision": "net"})
    _, second = world.sold_and_approved(seller)
    assert second.debt_units == 6_300
    assert_agrees(seller, now=world.now)
    world.send()
    world.until("paid", of=second)
    one = assert_agrees(seller, now=world.now)
    assert (one.owed.units, one.paid.units, one.closing.units) == (15_300, 15_300, 0)


@pytest.mark.parametrize(
    ("decision", "owed", "paid", "what"),
    [("repaid", 6_300, 6_300, "Repaid by you"), ("write_off", 9_000, 9_000, "Waived by us")],
)
def test_a_clawback_that_was_repaid_or_waived(world: World, decision, owed, paid, what) -> None:
    seller = world.seller()
    transaction, payout = world.sold_and_approved(seller)
    world.send()
    world.until("paid", of=payout)
    world.refund(transaction, amount=3_000)
    world.hear()
    row = Payable.objects.get(waits_for="clawback")
    world.second("clawback_decide", {"payable": str(row.pk), "decision": decision})
    one = assert_agrees(seller, now=world.now)
    assert (one.owed.units, one.paid.units, one.closing.units) == (owed, paid, 0)
    assert one.entries[-1].what == what


def test_money_that_came_back_is_owed_and_paid_again(world: World) -> None:
    seller = world.seller("returned+anna@example.com")
    _, payout = world.sold_and_approved(seller)
    world.send()
    world.until("paid", of=payout)
    world.let_pass(days=20)
    world.until("returned", of=payout)
    one = assert_agrees(seller, now=world.now)
    assert (one.owed.units, one.paid.units, one.closing.units) == (9_000, 0, 9_000)
    assert [(entry.what, entry.number) for entry in one.entries][1:] == [
        ("Payout", payout.number),
        ("Payout that came back", payout.number),
    ]


def test_what_never_arrived_was_never_paid(world: World) -> None:
    seller = world.seller("unclaimed+anna@example.com")
    _, payout = world.sold_and_approved(seller)
    world.send()
    world.until_true(lambda: world.attempt(payout).status == "awaiting_payee")
    assert account(seller, now=world.now).paid.units == 0
    world.let_pass(days=31)
    world.until("returned", of=payout)
    one = assert_agrees(seller, now=world.now)
    assert (one.owed.units, one.paid.units, one.closing.units) == (9_000, 0, 9_000)


def test_a_cancelled_payout_leaves_no_trace(world: World) -> None:
    seller = world.seller()
    _, payout = world.sold_and_approved(seller)
    intervention.cancel(by=world.bob, payout_ids=[payout.pk], reason="Wrong.", now=world.now)
    one = assert_agrees(seller, now=world.now)
    assert len(one.entries) == 1


@pytest.mark.django_db
def test_a_year_begins_and_ends_by_the_marketplaces_clock_and_carries_its_balance_over() -> None:
    payee = factories.PayeeFactory.create()
    just_before = datetime(2025, 12, 31, 16, 59, 59, tzinfo=UTC)  # still the old year in Ho Chi Minh City
    just_after = datetime(2025, 12, 31, 17, 0, 0, tzinfo=UTC)
    for at, units in ((just_before, 100), (just_after, 20)):
        row = factories.PayableFactory.create(payee=payee, units=units)
        amount = Money(units, "EUR")
        draft = Draft("accrue", row.pk, ledger.DUE, ledger.owed(payee.pk), amount, payable_id=row.pk)
        ledger.post([draft], now=at)
    now = datetime(2026, 6, 1, tzinfo=UTC)
    with timezone.override("Asia/Ho_Chi_Minh"):
        old, new = account(payee, now=now, year=2025), account(payee, now=now, year=2026)
        assert statement(payee_id=payee.pk, year=2024, now=now).accounts == []
    assert (old.opening.units, old.owed.units, old.closing.units) == (0, 100, 100)
    assert (new.opening.units, new.owed.units, new.closing.units) == (100, 20, 120)
    assert [entry.on.isoformat() for entry in (*old.entries, *new.entries)] == ["2025-12-31", "2026-01-01"]


@pytest.mark.django_db
@pytest.mark.parametrize("year", [0, 1999, 2027, 9999, 10**9])
def test_there_is_no_statement_of_a_year_that_has_not_begun(year: int) -> None:
    payee = factories.PayeeFactory.create()
    with pytest.raises(Refused, match="no statement of that year"):
        statement(payee_id=payee.pk, year=year, now=datetime(2026, 12, 31, tzinfo=UTC))
