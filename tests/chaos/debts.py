"""What is owed, judged: it is all accrued, and each part of it is paid, on its way to that, or waits for what is so."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from typing import Any, Final

from tests.chaos import waits
from tests.chaos.verdicts import Verdict, count
from tests.chaos.witnesses import Books, Row

# How a payable ends without a payout because a person said so.
_SETTLED_BY_PEOPLE: Final = frozenset({"by_hand", "written_off", "repaid"})


def judge_payables(books: Books, verdict: Verdict) -> None:
    """No payable is in two payouts whose money left; each is in one, settled otherwise, or waits for what is so.

    With what is said of payouts, and of sales, this makes: what is owed for each sale was kept by its seller, or is
    under way, or stands before a person, or waits for a time that comes.
    """
    payouts_of: dict[Any, list[Row]] = defaultdict(list)
    live: set[Any] = set()
    for line in books.lines:
        payouts_of[line["payable_id"]].append(books.payout_of[line["payout_id"]])
        if line["released_at"] is None:
            live.add(line["payable_id"])
    for payable in books.payables:
        paid_by = [one["number"] for one in payouts_of[payable["id"]] if books.kept[one["id"]] > 0]
        if len(paid_by) > 1:
            verdict.blame("duplicates", f"{_named(payable)} was paid by {', '.join(paid_by)}")
        for figure, sentence in _why_its_end_is_wrong(payable, is_live=payable["id"] in live):
            verdict.blame(figure, f"{_named(payable)} {sentence}")
    _judge_lines(books, verdict)
    _judge_nothing(books, verdict)
    for payable, reason, objection in waits.open_payables(books):
        count(verdict.figures.waiting, reason or "nothing")
        if objection:
            verdict.blame("stuck", f"{_named(payable)} waits for {reason or 'nothing'}, {objection}")


def _why_its_end_is_wrong(payable: Row, *, is_live: bool) -> Iterator[tuple[str, str]]:
    """How it was settled must be right about whether it is in a payout."""
    settled = payable["settled"]
    if settled == "gathered" and not is_live:
        yield "lost", "counts as gathered, and no payout has it"
    if settled != "gathered" and is_live:
        yield "duplicates", "is in a payout, and does not count as gathered"
    if settled in _SETTLED_BY_PEOPLE and not payable["decided"]:
        yield "lost", f"is {settled}, and nobody decided that"


def _judge_lines(books: Books, verdict: Verdict) -> None:
    """Each payable is in its payouts with all that it comes to, and these are its seller's."""
    payables = {one["id"]: one for one in books.payables}
    seller_of = {one["id"]: one["provider"] for one in books.sales}
    for line in books.lines:
        payable, payout = payables[line["payable_id"]], books.payout_of[line["payout_id"]]
        covered, owed = (line["units"], payout["debt_currency"]), (payable["units"], payable["currency"])
        if covered != owed:
            verdict.blame("wrong_amount", f"{_named(payable)} is in {payout['number']} with {covered}")
        seller = seller_of.get(payable["sale"])
        if seller not in (None, payout["seller"]):
            verdict.blame(
                "wrong_destination", f"{payout['number']} is not of {seller}, who sold {payable['sale']}"
            )


def _judge_nothing(books: Books, verdict: Verdict) -> None:
    """What was settled because together it comes to nothing does."""
    sums: Counter[tuple[Any, str]] = Counter()
    for payable in books.payables:
        if payable["settled"] == "zero":
            sums[payable["payee_id"], payable["currency"]] += payable["units"]
    for (payee, currency), units in sums.items():
        if units:
            verdict.blame("lost", f"{units} {currency} of {payee} count as nothing")


def judge_sales(books: Books, verdict: Verdict, due_states: Collection[str]) -> None:
    """What Sharetribe says is owed is accrued, transaction by transaction, or stands before a person."""
    accrued: Counter[tuple[str, str]] = Counter()
    for payable in books.payables:
        if payable["sale"] is not None and payable["purpose"] in ("sale", "change"):
            accrued[payable["sale"], payable["currency"]] += payable["units"]
    sources = {one["reference"]: one for one in books.sources}
    for sale in books.sales:
        total = sale["payout_total"]
        if sale["state"] not in due_states or total is None:
            continue
        source = sources.get(sale["id"])
        has, wants = accrued[sale["id"], total["currency"]], total["amount"]
        if has == wants:
            continue
        if has > wants:
            verdict.blame("wrong_amount", f"{sale['id']} owes {wants}, {has} is accrued")
        elif source is None or source["parked_at"] is None:
            verdict.blame("lost", f"{sale['id']} owes {wants}, {has} is accrued, and nobody is told why")
        else:
            verdict.figures.seen += 1


def _named(payable: Row) -> str:
    return (
        f"{payable['purpose']} {payable['units']} {payable['currency']} of {payable['sale'] or payable['id']}"
    )
