"""docs/money.md names every posting of the ledger, and its examples add up."""

from __future__ import annotations

import re
import uuid
from collections import defaultdict
from decimal import Decimal

import pytest

from marketplace_payouts.lib.money import Money
from payouts import attempt_postings, ledger
from payouts.ledger import KINDS, PayoutLineMoney
from payouts.models import Attempt
from tests.docs.pages import bare, column, table, text_of

PAGE = "docs/money.md"
POSTINGS = ("kind", "when", "debit", "credit")
EXAMPLES = [part for part in re.split(r"^### ", text_of(PAGE), flags=re.MULTILINE) if "| EUR |" in part]

Row = tuple[str, str, str, Decimal]


def _rows(example: str) -> list[Row]:
    found = re.findall(r"^\| `(\w+)` \| `(\S+)` \| `(\S+)` \| ([\d.]+) \|$", example, re.MULTILINE)
    return [(kind, debit, credit, Decimal(amount)) for kind, debit, credit, amount in found]


def _told_balances(example: str) -> dict[str, Decimal]:
    found = re.findall(r"^\| `(\S+)` \| (-?[\d.]+) \|$", example, re.MULTILINE)
    return {account: Decimal(balance) for account, balance in found}


def _accounts() -> dict[str, tuple[str, str]]:
    return {bare(kind): (bare(debit), bare(credit)) for kind, _, debit, credit in table(PAGE, *POSTINGS)}


def _named(pattern: str, account: str) -> bool:
    return bool(re.fullmatch(re.sub(r"<\w+>", r"[^:<>]+", pattern), account))


def test_every_kind_of_posting_is_explained():
    assert column(PAGE, POSTINGS, "kind") == list(KINDS)


def test_every_account_of_a_posting_is_explained():
    explained = set(column(PAGE, ("account", "what its balance is"), "account"))
    for pair in _accounts().values():
        for account in pair:
            assert any(_named(pattern, account) or pattern == account for pattern in explained), account


def test_there_are_examples_of_every_kind():
    assert {kind for example in EXAMPLES for kind, *_ in _rows(example)} == set(KINDS)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.splitlines()[0])
def test_the_postings_of_an_example_are_those_of_the_table(example: str):
    accounts = _accounts()
    for kind, debit, credit, amount in _rows(example):
        assert amount > 0
        ways = [accounts[kind]]
        if kind in {"allocate", "dissolve", "by_hand", "convert", "suspense"}:
            ways.append((ways[0][1], ways[0][0]))
        assert any(_named(one, debit) and _named(other, credit) for one, other in ways), (kind, debit, credit)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.splitlines()[0])
def test_the_balances_of_an_example_are_what_its_postings_sum_to(example: str):
    balances: dict[str, Decimal] = defaultdict(Decimal)
    for _, debit, credit, amount in _rows(example):
        balances[debit] += amount
        balances[credit] -= amount
    assert {account: balance for account, balance in balances.items() if balance} == _told_balances(example)
    assert sum(_told_balances(example).values()) == 0


def test_the_postings_of_the_code_use_these_accounts():
    payee, payout = uuid.uuid4(), uuid.uuid4()
    attempt = Attempt(payout_id=payout, provider="paypal", units=1, currency="EUR")

    def line(units: int, *, is_clawback: bool) -> list[PayoutLineMoney]:
        money = Money(units, "EUR")
        return [PayoutLineMoney(uuid.uuid4(), uuid.uuid4(), payee, payout, money, is_clawback=is_clawback)]

    drafts = [
        *ledger.allocate(line(5, is_clawback=False)),
        *ledger.allocate(line(-5, is_clawback=True)),
        *ledger.dissolve(line(5, is_clawback=False)),
        *ledger.dissolve(line(-5, is_clawback=True)),
        attempt_postings.commit_draft(attempt, ordinal=0),
        attempt_postings.uncommit_draft(attempt),
        attempt_postings.debit_draft(attempt),
        attempt_postings.pay_draft(attempt),
    ]
    accounts = _accounts()
    for draft in drafts:
        assert _named(accounts[draft.kind][0], draft.debit), draft
        assert _named(accounts[draft.kind][1], draft.credit), draft


def test_a_negative_line_is_posted_the_other_way_round():
    payee, payout = uuid.uuid4(), uuid.uuid4()
    line = PayoutLineMoney(uuid.uuid4(), uuid.uuid4(), payee, payout, Money(-5, "EUR"), is_clawback=False)
    (draft,) = ledger.allocate([line])
    assert (draft.debit, draft.credit) == (ledger.allocated(payout), ledger.owed(payee))
    assert draft.amount == Money(5, "EUR")
