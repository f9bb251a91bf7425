"""The oracle sees what it is there to see: each kind of harm, done to books in which all is well."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from payouts.gates import GATES, Stage
from payouts.models import Payable
from tests.chaos import debts, oracle, verdicts, waits, witnesses
from tests.chaos.witnesses import Books

NOW: Final = datetime(2026, 11, 30, 12, tzinfo=UTC)
EARLIER: Final = NOW - timedelta(minutes=5)
LATER: Final = NOW + timedelta(minutes=5)
SALE: Final = {
    "id": "s", "provider": "anna", "state": "state/received", "payout_total": {"amount": 90, "currency": "EUR"},
}  # fmt: skip
PAYABLE: Final = {
    "id": "b", "family": "b", "payee_id": "a", "sale": "s", "reference": "s", "purpose": "sale", "units": 90,
    "currency": "EUR", "settled": "gathered", "decided": "", "waits_for": "", "blocked_by": "",
    "became_due_at": EARLIER, "hold_until": EARLIER, "due_at": EARLIER, "minimum_units": 0, "next_gather_at": NOW,
    "went_live_at": EARLIER, "has_method": True, "is_shut_out": False, "is_unpaid": False,
    "may_be_paid_by_stripe": False,
}  # fmt: skip
LINE: Final = {"payout_id": "p", "payable_id": "b", "units": 90, "released_at": None}
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
APPROVAL: Final = {
    "payout_id": "p", "digest": b"d", "units": 90, "currency": "EUR", "at": EARLIER, "revoked_at": None,
}  # fmt: skip
POSTING: Final = {
    "debit": "in_transit:paypal", "credit": "provider_cash:paypal", "currency": "EUR", "units": 90,
    "kind": "debit", "payout_id": "p",
}  # fmt: skip
FORGED: Final = {"kind": "webhook_forge", "provider": "paypal", "about": ["k"], "answer": 400}
FALSIFIED: Final = {"kind": "wrong_echo", "provider": "paypal", "about": ["/v1", "k"], "answer": None}


@pytest.fixture
def books() -> Books:
    """One sale, paid once."""
    return Books(
        now=NOW,
        sales=[dict(SALE)],
        told={"s": {"status": "paid", "reference": "PO-1"}},
        entries=[dict(ENTRY)],
        lies=[dict(FORGED)],
        destinations={"anna": "anna@example.com"},
        sources=[{"reference": "s", "parked_at": None}],
        payables=[dict(PAYABLE)],
        payouts=[dict(PAYOUT)],
        lines=[dict(LINE)],
        attempts=[dict(ATTEMPT)],
        approvals=[dict(APPROVAL)],
        postings=[dict(POSTING)],
        messages=[],
        incidents=[],
    )


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


def pay_less(books: Books) -> None:
    """All agree with each other, and not with what is owed."""
    for part in ("lines", "attempts", "approvals", "entries", "postings"):
        getattr(books, part)[0]["units"] = 80
    books.payouts[0].update(debt_units=80, sent_units=80)


def send_less(books: Books) -> None:
    for part in ("attempts", "entries", "postings"):
        getattr(books, part)[0]["units"] = 80
    books.payouts[0]["sent_units"] = 80


def sell_again(books: Books) -> None:
    """Another sale, whose payout's outcome is unknown: the provider took the money, and our books do not know."""
    books.sales.append({**SALE, "id": "z"})
    books.sources.append({"reference": "z", "parked_at": None})
    books.told["z"] = {"status": "sent", "reference": "PO-2"}
    books.payables.append({**PAYABLE, "id": "c", "family": "c", "sale": "z"})
    books.payouts.append({**PAYOUT, "id": "q", "number": "PO-2", "state": "unknown"})
    books.lines.append({**LINE, "payout_id": "q", "payable_id": "c"})
    books.attempts.append({**ATTEMPT, "id": "u", "payout_id": "q", "key": "l", "state": "unknown"})
    books.approvals.append({**APPROVAL, "payout_id": "q"})
    books.entries.append({**ENTRY, "reference": "l"})


def post_short_beside_an_unknown(books: Books) -> None:
    sell_again(books)
    books.postings[0]["units"] = 80


def suspend_beside_an_unknown(books: Books) -> None:
    sell_again(books)
    books.postings.append({**POSTING, "debit": "suspense:paypal", "kind": "suspense", "payout_id": None})


def come_back(books: Books, *owed_again: int) -> None:
    """The money came back, and so much is owed again."""
    books.payouts[0]["state"] = books.told["s"]["status"] = "returned"
    books.entries.append({**ENTRY, "kind": "return"})
    books.postings.append(
        {**POSTING, "debit": "provider_cash:paypal", "credit": "owed:a", "kind": "return_cash"}
    )
    for units in owed_again:
        books.payables.append({**waiting("returned", purpose="returned", units=units), "reference": "k"})


def waiting(reason: str, **facts: Any) -> dict[str, Any]:
    """A payable beside all others, in no payout, that waits."""
    column = "waits_for" if reason in waits.DECIDED else "blocked_by"
    apart = {"id": "w", "family": "w", "sale": None, "reference": "w", "purpose": "bonus"}
    return {**PAYABLE, **apart, "settled": "", column: reason, **facts}


def have_wait(reason: str, **facts: Any) -> Callable[[Books], None]:
    return lambda books: books.payables.append(waiting(reason, **facts))


def settle(settled: str) -> Callable[[Books], None]:
    return lambda books: books.payables.append(waiting("", settled=settled))


def believe(books: Books) -> None:
    books.lies[0]["answer"] = 200


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
    "less than is owed, throughout": ("wrong_amount", pay_less),
    "less sent than is owed": ("wrong_amount", send_less),
    "too much accrued": ("wrong_amount", change("payables", units=100)),
    "another destination": ("wrong_destination", change("entries", destination="eve@example.com")),
    "another's sale": ("wrong_destination", change("sales", provider="eve")),
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
    "a posting short, beside an unknown": ("unbalanced", post_short_beside_an_unknown),
    "suspense beside an unknown": ("unbalanced", suspend_beside_an_unknown),
    "came back, and is owed no more": ("lost", lambda books: come_back(books)),
    "came back, and is owed twice": ("duplicates", lambda books: come_back(books, 90, 90)),
    "in a payout, and settled without": ("duplicates", change("payables", settled="repaid", decided="So.")),
    "written off by nobody": ("lost", settle("written_off")),
    "settled as if it came to nothing": ("lost", settle("zero")),
    "waits for what nobody sees": ("stuck", have_wait("go_live")),
    "waits, and nobody looks again": ("stuck", have_wait("due", due_at=LATER, next_gather_at=None)),
    "a forged webhook believed": ("believed", believe),
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
    verdict = oracle.weigh(replace(harmed))
    assert getattr(verdict.figures, figure) > 0, verdict.wrong
    assert figure in oracle.BROKEN


def test_an_unknown_outcome_is_seen_and_its_age_told(books: Books) -> None:
    books.payouts[0]["state"] = "unknown"
    books.told["s"]["status"] = "sent"
    verdict = oracle.weigh(books)
    assert verdict.wrong == []
    assert (verdict.figures.unknown, verdict.figures.oldest_unknown_s) == (1, 300)


def test_what_is_known_of_an_unknown_payout_to_the_provider_alone_is_left_out(books: Books) -> None:
    sell_again(books)
    assert oracle.weigh(replace(books)).wrong == []


def test_what_came_back_is_owed_again_once(books: Books) -> None:
    come_back(books, 60, 30)
    verdict = oracle.weigh(replace(books))
    assert verdict.wrong == []
    assert verdict.figures.waiting == {"returned": 2}


SO: Final[dict[str, dict[str, Any]]] = {
    "opening": {"went_live_at": NOW},
    "returned": {"purpose": "returned"},
    "clawback": {"units": -10},
    "due": {"hold_until": LATER},
    "minimum": {"minimum_units": 100},
    "negative": {"units": -10},
    "method_present": {"has_method": False},
    "payment_received": {"is_unpaid": True},
    "not_paid_by_stripe": {"may_be_paid_by_stripe": True},
    "payee_active": {"is_shut_out": True},
    "not_compensated": {"family": "b"},
}
"""What bears each reason out."""


@pytest.mark.parametrize("reason", [*waits.DECIDED, *waits.FOUND])
def test_a_payable_waits_only_for_what_is_so(books: Books, reason: str) -> None:
    if reason == "not_compensated":
        books.payables.append(waiting("clawback", family="b", id="c", units=-10))
    others = dict(oracle.weigh(replace(books)).figures.waiting)
    books.payables.append(waiting(reason, **SO[reason]))
    verdict = oracle.weigh(replace(books))
    assert verdict.wrong == []
    assert verdict.figures.waiting == {**others, reason: 1}
    books.payables[-1] = waiting(reason)
    assert oracle.weigh(replace(books)).wrong == [
        f"stuck: bonus 90 EUR of w waits for {reason}, which is not so"
    ]


def test_a_sale_is_not_kept_back_by_what_keeps_another_back(books: Books) -> None:
    books.payables += [waiting("due", due_at=LATER), waiting("due", id="v", family="v")]
    assert oracle.weigh(replace(books)).figures.stuck == 1


def test_every_reason_is_one_of_the_products() -> None:
    assert waits.DECIDED.keys() == {value for value in Payable.Waits.values if value}
    # Whether a person has to decide is asked before it is gathered.
    asked = {gate.name for gate in GATES if gate.stage == Stage.OWED} - {"go_live", "decided"}
    assert waits.FOUND.keys() == asked | {"minimum", "negative"}


def test_says_why_what_was_not_debited_was_not(books: Books) -> None:
    refused = {**PAYOUT, "state": "failed", "reason": "No."}
    books.payouts += [{**refused, "id": "q"}, {**refused, "id": "r", "is_held": True}, {**refused, "id": "t"}]
    assert oracle.weigh(replace(books)).figures.not_debited == {"failed": 2, "held": 1}


def test_figures_of_several_runs_add_up() -> None:
    one = oracle.Figures(payouts=2, oldest_unknown_s=5, waiting={"due": 1})
    total = oracle.add(
        [one, oracle.Figures(payouts=3, oldest_unknown_s=4, waiting={"due": 2, "returned": 1})]
    )
    assert (total.payouts, total.oldest_unknown_s, total.waiting) == (5, 5, {"due": 3, "returned": 1})


@pytest.mark.parametrize(
    ("incident", "lie", "is_excused"),
    [
        ({}, FALSIFIED, True),
        ({}, {**FALSIFIED, "about": ["another"]}, False),
        ({}, {**FALSIFIED, "provider": "two_step"}, False),
        ({"key": None}, FALSIFIED, False),
        ({"kind": "contradiction"}, FALSIFIED, False),
        ({}, {**FORGED, "answer": 400}, False),
    ],
)
def test_an_incident_is_excused_by_what_was_told_of_its_payment(
    books: Books, incident: dict[str, Any], lie: dict[str, Any], is_excused: bool
) -> None:
    books.lies = [lie]
    books.incidents = [
        {"kind": "wrong_echo", "sentence": "Another.", "provider": "paypal", "key": "k", **incident}
    ]
    assert (oracle.weigh(books, odd={"wrong_echo"}).wrong == []) is is_excused
    assert oracle.weigh(replace(books)).wrong != [], "Where nothing odd is to happen, nothing is excused."


def test_counts_the_forged_webhooks_that_were_answered(books: Books) -> None:
    books.lies.append({**FORGED, "answer": None})
    assert oracle.weigh(books).figures.forged == 1


@pytest.mark.parametrize("module", [oracle, debts, verdicts, waits, witnesses])
def test_imports_nothing_of_the_product(module: Any) -> None:
    tree = ast.parse(Path(module.__file__).read_text())
    names = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names += [one.name for node in ast.walk(tree) if isinstance(node, ast.Import) for one in node.names]
    product = {"accounts", "flexsync", "marketplace_payouts", "payments", "payouts", "django"}
    assert not product & {name.partition(".")[0] for name in names}
