"""The books: every posting once, positive, between two accounts, and never changed."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketplace_payouts.lib.clock import utc_now
from marketplace_payouts.lib.ids import uuid7
from marketplace_payouts.lib.money import Money
from payouts import ledger
from payouts.ledger import Draft, PayoutLineMoney
from payouts.models import Posting
from tests.stories.books import balances

CURRENCIES = st.sampled_from(["EUR", "USD", "JPY", "USDC@solana", "NEAR"])
ACCOUNTS = st.sampled_from(["due_from_marketplace", "owed:a", "allocated:b", "committed:paypal", "write_off"])


def draft(units: int = 1, **changes: object) -> Draft:
    """Some posting."""
    fields: dict[str, object] = {
        "kind": "accrue",
        "subject": uuid7(),
        "debit": ledger.DUE,
        "credit": f"owed:{uuid.uuid4()}",
        "amount": Money(units, "EUR"),
    }
    return Draft(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.mark.django_db
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(ACCOUNTS, ACCOUNTS, st.integers(1, 10**39), CURRENCIES).filter(
            lambda row: row[0] != row[1]
        ),
        max_size=30,
    )
)
def test_whatever_is_posted_balances_per_currency_and_to_the_last_unit(
    rows: list[tuple[str, str, int, str]],
) -> None:
    with transaction.atomic():
        point = transaction.savepoint()
        ledger.post(
            [draft(debit=d, credit=c, amount=Money(units, code)) for d, c, units, code in rows], now=utc_now()
        )
        sums: dict[str, int] = {}
        for (_, currency), units in balances().items():
            sums[currency] = sums.get(currency, 0) + units
        assert not any(sums.values())
        assert sum(int(u) for u in Posting.objects.values_list("units", flat=True)) == sum(r[2] for r in rows)
        transaction.savepoint_rollback(point)


@settings(max_examples=100, deadline=None)
@given(
    lines=st.lists(
        st.tuples(st.integers(-(10**30), 10**30).filter(bool), st.booleans()), min_size=1, max_size=10
    )
)
def test_letting_go_is_the_mirror_of_gathering(lines: list[tuple[int, bool]]) -> None:
    payout, payee = uuid7(), uuid7()
    money = [
        PayoutLineMoney(
            uuid7(), uuid7(), payee, payout, Money(units, "EUR"), is_clawback=clawback and units < 0
        )
        for units, clawback in lines
    ]
    there, back = ledger.allocate(money), ledger.dissolve(money)
    sums: dict[str, int] = {}
    for one in (*there, *back):
        assert one.amount.units > 0
        sums[one.debit] = sums.get(one.debit, 0) + one.amount.units
        sums[one.credit] = sums.get(one.credit, 0) - one.amount.units
    assert not any(sums.values())
    allocated = sum(
        (one.credit == ledger.allocated(payout)) * one.amount.units
        - (one.debit == ledger.allocated(payout)) * one.amount.units
        for one in there
    )
    assert allocated == sum(units for units, _ in lines)
    names = {(one.kind, one.subject) for one in (*there, *back)}
    assert len(names) == 2 * len(lines)


@pytest.mark.django_db
def test_nothing_is_posted_twice() -> None:
    one = draft()
    ledger.post([one], now=utc_now())
    with pytest.raises(IntegrityError), transaction.atomic():
        ledger.post([one], now=utc_now())


@pytest.mark.django_db
@pytest.mark.parametrize(
    "bad", [{"amount": Money(0, "EUR")}, {"amount": Money(-1, "EUR")}, {"credit": ledger.DUE}]
)
def test_nothing_negative_and_nothing_to_itself(bad: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        ledger.post([draft(**bad)], now=utc_now())


@pytest.mark.django_db
def test_an_unknown_kind_is_refused_before_anything_is_written() -> None:
    with pytest.raises(AssertionError):
        ledger.post([draft(), draft(kind="generosity")], now=utc_now())
    assert not Posting.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "act",
    [
        lambda: Posting.objects.update(units=2),
        lambda: Posting.objects.all().delete(),
        lambda: Posting.objects.update(debit="write_off"),
    ],
)
def test_what_is_posted_stays_posted(act: Callable[[], object]) -> None:
    ledger.post([draft()], now=utc_now())
    with pytest.raises(DatabaseError), transaction.atomic():
        act()
    assert Posting.objects.get().units == 1
