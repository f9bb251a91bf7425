"""The three books side by side: what Sharetribe says is owed, our ledger, and the money that really moved at PayPal.

Each payable, attempt and transaction is compared exactly, and the sums per currency on top. What Sharetribe and
PayPal say is read from the sandbox's own truth and not from what the product stored of it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from demo.sandboxes import PayPal, Sharetribe
from payouts import methods
from payouts.models import Attempt, Payable, Payout, PayoutLine, Posting, State, Trigger

_WORD: Mapping[str, str] = {
    State.SUBMITTING: "sent",
    State.SUBMITTED: "sent",
    State.UNKNOWN: "sent",
    State.PAID: "paid",
    State.FAILED: "failed",
    State.RETURNED: "returned",
}


@dataclass(slots=True)
class Sums:
    """One currency: what we owed, and where it is; in smallest units."""

    owed: int = 0
    paid: int = 0
    on_its_way: int = 0
    waiting: int = 0
    returned: int = 0
    fees: int = 0

    @property
    def adds_up(self) -> bool:
        """Whether nothing is lost or invented."""
        return self.owed == self.paid + self.on_its_way + self.waiting + self.returned


@dataclass(slots=True)
class Books:
    """What the comparison found."""

    sums: dict[str, Sums] = field(default_factory=dict)
    paypal: dict[str, dict[str, int]] = field(default_factory=dict)
    """Currency → kind of movement → units, as PayPal's own ledger has them."""
    told: Counter[str] = field(default_factory=Counter)
    """What transactions say of their payouts, by status."""
    compared: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)


def compare(*, flex: Sharetribe, paypal: PayPal) -> Books:
    """Read all three books and name every difference."""
    books = Books()
    balances = _balances()
    truths = {one["id"]: flex.truth(one["id"]) for one in flex.transactions()}
    entries = paypal.ledger()
    books.sums = _sums(balances)
    for entry in entries:
        kinds = books.paypal.setdefault(entry["currency"], Counter())
        kinds[entry["kind"]] += int(entry["units"])
    books.differences += _owed(truths, books)
    books.differences += _told(truths, books)
    books.differences += _moved(entries, books)
    books.differences += _cash(balances, books)
    books.differences += _accounts(balances)
    books.differences += [
        f"{code}: owed is not paid + on its way + waiting + returned"
        for code, sums in books.sums.items()
        if not sums.adds_up
    ]
    return books


def _balances() -> Counter[tuple[str, str]]:
    """Add all postings up: (account, currency) → debits less credits."""
    found: Counter[tuple[str, str]] = Counter()
    for debit, credit, code, units in Posting.objects.values_list("debit", "credit", "currency", "units"):
        found[debit, code] += int(units)
        found[credit, code] -= int(units)
    return found


def _sums(balances: Mapping[tuple[str, str], int]) -> dict[str, Sums]:
    """Sort the ledger's accounts into the five numbers; a clawback that waits lowers what waits."""
    found: dict[str, Sums] = defaultdict(Sums)
    for (account, code), units in balances.items():
        sums, kind = found[code], account.partition(":")[0]
        match kind:
            case "due_from_marketplace":
                sums.owed += units
            case "owed" | "allocated" | "receivable" | "suspense":
                sums.waiting -= units
            case "committed":
                sums.on_its_way -= units
            # What was moved to the provider and is still there belongs to us: the two together are what left.
            case "provider_cash" | "owner_funding" | "in_transit" | "fees":
                sums.paid -= units
        if kind == "fees":
            sums.fees += units
    for code, units in Payable.objects.filter(
        purpose=Payable.Purpose.RETURNED, waits_for=Payable.Waits.RETURNED, settled=""
    ).values_list("currency", "units"):
        found[code].returned += int(units)
        found[code].waiting -= int(units)
    return dict(sorted(found.items()))


# --- Sharetribe against the ledger --------------------------------------------------------------------------------


def _owed(truths: Mapping[str, dict[str, Any]], books: Books) -> Iterator[str]:
    """What each transaction makes us owe, against what is accrued for it."""
    accrued: Counter[str] = Counter()
    rows = Payable.objects.filter(origin=Payable.Origin.SHARETRIBE).values_list("reference", "units")
    for reference, units in rows:
        accrued[reference] += int(units)
    rules = {(t.process.name, t.transition): t for t in Trigger.objects.select_related("process")}
    for transaction, truth in truths.items():
        books.compared["transactions"] += 1
        wanted = _wanted(truth, rules)
        if accrued.pop(transaction, 0) != wanted:
            yield f"Transaction {transaction}: Sharetribe makes us owe {wanted}, and that is not accrued."
    for transaction in accrued:
        yield f"Transaction {transaction} is accrued, but Sharetribe does not have it."


def _wanted(truth: Mapping[str, Any], rules: Mapping[tuple[str, str], Trigger]) -> int:
    steps = [one["transition"] for one in truth["resource"]["attributes"]["transitions"]]
    hits = [rules[truth["process"], step] for step in steps if (truth["process"], step) in rules]
    if not any(rule.enabled for rule in hits):
        return 0
    return int(truth["payout_total"]["amount"])


def _told(truths: Mapping[str, dict[str, Any]], books: Books) -> Iterator[str]:
    """What each transaction says of its payout, against the payout's state."""
    newest: dict[str, Payout] = {}
    lines = PayoutLine.objects.filter(payable__source__isnull=False).select_related(
        "payout", "payable__source"
    )
    for line in lines.order_by("payout__created_at", "payout_id"):
        if line.payout.state in _WORD and line.payable.source is not None:
            newest[str(line.payable.source.reference)] = line.payout
    for transaction, truth in truths.items():
        value = truth["metadata"].get("payout") or {}
        status = value.get("status", "")
        books.told[status or "nothing"] += 1
        payout = newest.get(transaction)
        if payout is None:
            if status in _WORD.values():
                yield f"Transaction {transaction} says {status}, but no payout of it is."
        elif value.get("reference") != payout.number or status not in _words(payout):
            yield f"Transaction {transaction} says {value}, but {payout.number} is {payout.state}."


def _words(payout: Payout) -> tuple[str, ...]:
    """While nobody knows whether it went out, the announcement that it would is still true."""
    word = _WORD[payout.state]
    return (word, "announced") if payout.state in (State.SUBMITTING, State.UNKNOWN) else (word,)


# --- PayPal against the ledger ------------------------------------------------------------------------------------


def _moved(entries: list[dict[str, Any]], books: Books) -> Iterator[str]:
    """Each movement at PayPal against an attempt of ours: amount, currency, and to whom."""
    moved: dict[str, Counter[str]] = defaultdict(Counter)
    receivers: dict[str, str] = {}
    for entry in entries:
        moved[entry["reference"]][f"{entry['kind']} {entry['currency']}"] += int(entry["units"])
        if entry["kind"] == "debit":
            receivers[entry["reference"]] = entry["destination"]
    attempts = Attempt.objects.filter(provider="paypal").select_related("payout", "method")
    for attempt in attempts:
        books.compared["attempts"] += 1
        theirs, ours = moved.pop(attempt.key, Counter()), _ours(attempt)
        if theirs != ours:
            yield f"{attempt.payout.number}: PayPal moved {dict(theirs)}, we booked {dict(ours)}."
        receiver = receivers.get(attempt.key)
        if receiver is not None and methods.echo_fingerprint("paypal", receiver) != attempt.destination:
            yield f"{attempt.payout.number}: PayPal paid somebody else than was approved."
    for reference in moved:
        yield f"PayPal moved money under {reference}, which is no attempt of ours."


def _ours(attempt: Attempt) -> Counter[str]:
    """Add up what is posted for an attempt, as PayPal would count it."""
    cash, fees = f"provider_cash:{attempt.provider}", f"fees:{attempt.provider}"
    found: Counter[str] = Counter()
    for row in Posting.objects.filter(attempt=attempt):
        is_fee = fees in (row.debit, row.credit)
        if row.credit == cash:
            found[f"{'fee' if is_fee else 'debit'} {row.currency}"] += int(row.units)
        elif row.debit == cash:
            found[f"{'fee' if is_fee else 'return'} {row.currency}"] += (
                -int(row.units) if is_fee else int(row.units)
            )
    return +found


def _cash(balances: Mapping[tuple[str, str], int], books: Books) -> Iterator[str]:
    """The account as a whole: what left PayPal, with fees and less what came back."""
    codes = {code for account, code in balances if account == "provider_cash:paypal"} | books.paypal.keys()
    for code in sorted(codes):
        theirs = books.paypal.get(code, {})
        net = theirs.get("debit", 0) + theirs.get("fee", 0) - theirs.get("return", 0)
        ours = -balances.get(("provider_cash:paypal", code), 0) - balances.get(("owner_funding", code), 0)
        if net != ours:
            yield f"{code}: {net} left PayPal, by our ledger {ours}."


# --- the ledger against the tables --------------------------------------------------------------------------------


def _accounts(balances: Mapping[tuple[str, str], int]) -> Iterator[str]:
    """What each payee is owed and each payout holds, payable by payable."""
    open_: Counter[tuple[str, str]] = Counter()
    for row in Payable.objects.filter(settled=""):
        is_clawback = row.waits_for == Payable.Waits.CLAWBACK or row.decided.startswith("net")
        account = f"receivable:{row.payee_id}" if is_clawback else f"owed:{row.payee_id}"
        open_[account, row.currency] -= int(row.units)
    for payout in Payout.objects.filter(
        state__in=(State.PENDING, State.AWAITING_APPROVAL, State.APPROVED, State.FAILED)
    ):
        open_[f"allocated:{payout.pk}", payout.debt_currency] -= int(payout.debt_units)
    kinds = ("owed:", "receivable:", "allocated:")
    booked = {key: units for key, units in balances.items() if key[0].startswith(kinds) and units}
    wanted = {key: units for key, units in open_.items() if units}
    for account, code in sorted(booked.keys() | wanted.keys()):
        if booked.get((account, code), 0) != wanted.get((account, code), 0):
            yield f"{account} holds {booked.get((account, code), 0)} {code}, not {wanted.get((account, code), 0)}."
