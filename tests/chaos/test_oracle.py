"""The oracle sees what it is there to see: each kind of harm, done to books in which all is well."""

from __future__ import annotations

import ast
import copy
import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from tests.chaos import oracle, witnesses
from tests.chaos.witnesses import Books

NOW: Final = datetime(2026, 11, 30, 12, tzinfo=UTC)
EARLIER: Final = NOW - timedelta(minutes=5)
PAYOUT: Final = {
    "id": "p", "number": "PO-1", "state": "paid", "payee_id": "a", "method_id": "m", "method_payee": "a",
    "seller": "anna", "debt_units": 90, "debt_currency": "EUR", "sent_units": 90, "sent_currency": "EUR",
    "returned_units": 0, "reason": "", "blocked_by": "", "is_held": False, "person_after": None,
    "provider": "paypal", "created_at": EARLIER,
}  # fmt: skip
ATTEMPT: Final = {
    "id": "t", "payout_id": "p", "n": 1, "provider": "paypal", "key": "k", "method_id": "m", "units": 90,
    "currency": "EUR", "digest": b"d", "created_at": EARLIER, "asked_at": None, "batch_person_after": None,
    "sent_at": EARLIER, "state": "settled",
}  # fmt: skip
ENTRY: Final = {
    "provider": "paypal", "kind": "debit", "reference": "k", "destination": "anna@example.com", "units": 90,
    "currency": "EUR",
}  # fmt: skip


@pytest.fixture
def books() -> Books:
    """One sale, paid once."""
    payable = {"id": "b", "sale": "s", "purpose": "sale", "units": 90, "currency": "EUR"}
    return Books(
        now=NOW,
        sales=[{"id": "s", "state": "state/received", "payout_total": {"amount": 90, "currency": "EUR"}}],
        told={"s": {"status": "paid", "reference": "PO-1"}},
        entries=[dict(ENTRY)],
        destinations={"anna": "anna@example.com"},
        sources=[{"reference": "s", "parked_at": None}],
        payables=[{**payable, "settled": "gathered", "waits_for": "", "blocked_by": ""}],
        payouts=[dict(PAYOUT)],
        lines=[{"payout_id": "p", "payable_id": "b", "units": 90, "released_at": None}],
        attempts=[dict(ATTEMPT)],
        approvals=[
            {"payout_id": "p", "digest": b"d", "units": 90, "currency": "EUR", "at": EARLIER, "revoked_at": None}
        ],
        postings=[
            {"debit": "in_transit:paypal", "credit": "provider_cash:paypal", "currency": "EUR", "units": 90,
             "kind": "debit"},
        ],
        messages=[],
        incidents=[],
    )  # fmt: skip


def change(part: str, **values: Any) -> Callable[[Books], None]:
    def harm(books: Books) -> None:
        getattr(books, part)[0].update(values)

    return harm


def take_away(part: str) -> Callable[[Books], None]:
    return lambda books: getattr(books, part).clear()


def move_again(books: Books) -> None:
    books.entries.append(dict(ENTRY))


def pay_by_another(books: Books) -> None:
    """The same sale in a second payout, whose money left as well."""
    books.payouts.append({**PAYOUT, "id": "q", "number": "PO-2"})
    books.lines.append({"payout_id": "q", "payable_id": "b", "units": 90, "released_at": NOW})
    books.attempts.append({**ATTEMPT, "id": "u", "payout_id": "q", "key": "l"})
    books.entries.append({**ENTRY, "reference": "l"})


def hear_nothing(books: Books) -> None:
    books.payables.clear()
    books.lines.clear()


def leave_untold(books: Books) -> None:
    books.messages.append({"kind": "notice", "subject": "p", "error": "No."})


def move_by_stranger(books: Books) -> None:
    books.entries.append({**ENTRY, "reference": "whose?"})


HARMS: Final = {
    "a second debit": ("duplicates", move_again),
    "a sale paid by two payouts": ("duplicates", pay_by_another),
    "more than was sent": ("duplicates", change("payouts", sent_units=80)),
    "a debit of nobody's": ("duplicates", move_by_stranger),
    "a debit of what counts as absent": ("duplicates", change("attempts", state="absent")),
    "money out for what failed": ("duplicates", change("payouts", state="failed", reason="No.")),
    "another amount": ("wrong_amount", change("entries", units=91)),
    "another currency": ("wrong_amount", change("entries", currency="USD")),
    "lines that do not add up": ("wrong_amount", change("lines", units=80)),
    "too much accrued": ("wrong_amount", change("payables", units=100)),
    "another destination": ("wrong_destination", change("entries", destination="eve@example.com")),
    "another's method": ("wrong_destination", change("payouts", method_payee="e")),
    "another method than the payout's": ("wrong_destination", change("attempts", method_id="n")),
    "no approval": ("not_approved", take_away("approvals")),
    "an approval revoked before": ("not_approved", change("approvals", revoked_at=EARLIER)),
    "an approval of something else": ("not_approved", change("approvals", digest=b"e")),
    "paid, and nothing left": ("lost", take_away("entries")),
    "a sale nobody heard of": ("lost", hear_nothing),
    "gathered into nothing": ("lost", change("lines", released_at=NOW)),
    "submitting for ever": ("stuck", change("payouts", state="submitting")),
    "submitted, and never asked about": ("stuck", change("payouts", state="submitted")),
    "approved, and nobody looks": ("stuck", change("payouts", state="approved")),
    "failed without a reason": ("stuck", change("payouts", state="failed")),
    "somebody is not told": ("stuck", leave_untold),
    "a payable that waits for nothing": ("stuck", change("payables", settled="")),
    "Sharetribe told otherwise": ("mistold", lambda books: books.told["s"].update(status="sent")),
    "a posting short": ("unbalanced", change("postings", units=80)),
}


def test_sees_nothing_where_all_is_well(books: Books) -> None:
    verdict = oracle.weigh(books)
    assert verdict.wrong == []
    assert (verdict.figures.paid, verdict.figures.debits) == (1, 1)


@pytest.mark.parametrize("harm", HARMS)
def test_sees_harm(books: Books, harm: str) -> None:
    figure, do = HARMS[harm]
    harmed = copy.deepcopy(books)
    do(harmed)
    verdict = oracle.weigh(dataclasses.replace(harmed))
    assert getattr(verdict.figures, figure) > 0, verdict.wrong
    assert figure in oracle.BROKEN


def test_an_unknown_outcome_is_seen_and_its_age_told(books: Books) -> None:
    books.payouts[0]["state"] = "unknown"
    books.told["s"]["status"] = "sent"
    verdict = oracle.weigh(books)
    assert verdict.wrong == []
    assert (verdict.figures.unknown, verdict.figures.oldest_unknown_s) == (1, 300)


@pytest.mark.parametrize("module", [oracle, witnesses])
def test_imports_nothing_of_the_product(module: Any) -> None:
    tree = ast.parse(Path(module.__file__).read_text())
    names = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names += [one.name for node in ast.walk(tree) if isinstance(node, ast.Import) for one in node.names]
    product = {"accounts", "flexsync", "marketplace_payouts", "payments", "payouts", "django"}
    assert not product & {name.partition(".")[0] for name in names}
