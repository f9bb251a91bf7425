"""What truly happened, judged from outside: the services' own ledgers against the rows of the database.

Neither it nor its witnesses import anything of the product, so that no mistake of the product can excuse itself here.
What is owed comes from Sharetribe's own truth, what was paid from the providers' ledgers, what staff can see from the
tables.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from tests.chaos import witnesses
from tests.chaos.witnesses import Books, Row

DUE_STATES: Final = frozenset({"state/received", "state/completed", "state/reviewed", "state/paid-out"})
"""Where a transaction of the stories' process stands once its seller is owed something."""

_WORDS: Final = {
    "submitting": "sent",
    "submitted": "sent",
    "unknown": "sent",
    "paid": "paid",
    "failed": "failed",
    "returned": "returned",
}
_FINAL: Final = frozenset({"paid", "returned", "cancelled"})
# Sums of what our account with a provider did for payouts; its owner's own moves are nobody's payout.
_OWN_MOVES: Final = ("fund", "withdraw", "convert")


@dataclass(slots=True)
class Figures:
    """What the judgement counts; everything in `broken` must be nought."""

    payables: int = 0
    payouts: int = 0
    paid: int = 0
    returned: int = 0
    under_way: int = 0
    """Known to the provider, and asked about again."""
    seen: int = 0
    """Not paid, and before a person: unknown, failed with a reason, held, awaiting approval, overdue."""
    held: int = 0
    held_with_money: int = 0
    """Of those that are held and not at their end, the ones whose money left."""
    unknown: int = 0
    oldest_unknown_s: float = 0.0
    debits: int = 0
    duplicates: int = 0
    lost: int = 0
    wrong_amount: int = 0
    wrong_destination: int = 0
    not_approved: int = 0
    stuck: int = 0
    mistold: int = 0
    unbalanced: int = 0
    incidents: int = 0


BROKEN: Final = (
    "duplicates",
    "lost",
    "wrong_amount",
    "wrong_destination",
    "not_approved",
    "stuck",
    "mistold",
    "unbalanced",
)
"""The figures that must be nought."""


@dataclass(slots=True)
class Verdict:
    """The figures, and a sentence for each thing that is wrong."""

    figures: Figures = field(default_factory=Figures)
    wrong: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.wrong

    def blame(self, figure: str, sentence: str) -> None:
        """Count something that is wrong."""
        setattr(self.figures, figure, getattr(self.figures, figure) + 1)
        self.wrong.append(f"{figure}: {sentence}")

    def to_json(self) -> dict[str, Any]:
        """Give it as it is written down."""
        return {"ok": self.ok, "figures": asdict(self.figures), "wrong": self.wrong}


def judge(
    *,
    database: str,
    flex: str,
    providers: Mapping[str, str],
    destinations: Mapping[str, str] | None = None,
    due_states: Collection[str] = DUE_STATES,
    odd: Collection[str] = (),
) -> Verdict:
    """This will judge an installation that has come to rest.

    `database` is a connection string (its `clock_timestamp()` is the present), `flex` the origin of Sharetribe's
    sandbox, `providers` the origin of each provider's by our name of it, `destinations` where each seller wants to
    be paid, by their id in Sharetribe; who is missing there is not looked at. Incidents of an `odd` kind were provoked.
    """
    books = witnesses.read(database=database, flex=flex, providers=providers, destinations=destinations or {})
    return weigh(books, due_states=due_states, odd=odd)


def weigh(books: Books, *, due_states: Collection[str] = DUE_STATES, odd: Collection[str] = ()) -> Verdict:
    """This will judge what was read."""
    verdict = Verdict()
    figures = verdict.figures
    figures.payables, figures.payouts = len(books.payables), len(books.payouts)
    figures.debits = sum(1 for one in books.entries if one["kind"] == "debit")
    figures.incidents = len(books.incidents)
    _judge_movements(books, verdict)
    _judge_payouts(books, verdict)
    _judge_payables(books, verdict)
    _judge_sales(books, verdict, due_states)
    _judge_telling(books, verdict)
    _judge_totals(books, verdict)
    verdict.wrong += [
        f"incident: {one['kind']} {one['sentence']}" for one in books.incidents if one["kind"] not in odd
    ]
    return verdict


# ---------------------------------------------------------------------------------------------------- money


def _judge_movements(books: Books, verdict: Verdict) -> None:
    """Each movement belongs to an attempt of ours, and is what it says, to where its payee wants it."""
    by_key = {(one["provider"], one["key"]): one for one in books.attempts}
    debits: Counter[Any] = Counter()
    for entry in books.entries:
        if entry["kind"] == "fee":
            continue
        attempt = by_key.get((entry["provider"], entry["reference"]))
        if attempt is None:
            verdict.blame("duplicates", f"{_named(entry)} is no attempt of ours")
            continue
        sign = 1 if entry["kind"] == "debit" else -1
        books.kept[attempt["payout_id"]] += sign * entry["units"]
        if sign > 0:
            debits[attempt["id"]] += 1
            _judge_debit(books, verdict, entry, attempt)
    for attempt in books.attempts:
        if attempt["state"] == "absent" and debits[attempt["id"]]:
            verdict.blame("duplicates", f"{_attempt(books, attempt)} counts as absent, and was debited")
        if debits[attempt["id"]] > 1:
            verdict.blame(
                "duplicates", f"{_attempt(books, attempt)} was debited {debits[attempt['id']]} times"
            )


def _judge_debit(books: Books, verdict: Verdict, entry: Row, attempt: Row) -> None:
    payout = books.payout_of[attempt["payout_id"]]
    asked = (attempt["units"], attempt["currency"])
    if (entry["units"], entry["currency"]) != asked or asked != (
        payout["sent_units"],
        payout["sent_currency"],
    ):
        verdict.blame("wrong_amount", f"{_named(entry)}, attempt {asked}, payout {payout['sent_units']}")
    wanted = books.destinations.get(payout["seller"])
    if wanted is not None and entry["destination"] != wanted:
        verdict.blame("wrong_destination", f"{_named(entry)}, but the payee wants {wanted}")
    if attempt["method_id"] != payout["method_id"] or payout["method_payee"] != payout["payee_id"]:
        verdict.blame("wrong_destination", f"{_named(entry)} went by another method than the payout's")
    if not any(_covers(approval, attempt, payout) for approval in books.approvals):
        verdict.blame("not_approved", f"{_named(entry)} for {payout['number']}")


def _covers(approval: Row, attempt: Row, payout: Row) -> bool:
    """Whether an approval that stood when the attempt was committed is for exactly this."""
    return (
        approval["payout_id"] == payout["id"]
        and bytes(approval["digest"]) == bytes(attempt["digest"])
        and (approval["units"], approval["currency"]) == (payout["debt_units"], payout["debt_currency"])
        and approval["at"] <= attempt["created_at"]
        and (approval["revoked_at"] is None or approval["revoked_at"] > attempt["created_at"])
    )


def _judge_payouts(books: Books, verdict: Verdict) -> None:
    sums: Counter[Any] = Counter()
    for line in books.lines:
        if line["released_at"] is None:
            sums[line["payout_id"]] += line["units"]
    for payout in books.payouts:
        state, kept = payout["state"], books.kept[payout["id"]]
        should = 0 if state == "cancelled" else payout["debt_units"]
        if sums[payout["id"]] != should:
            verdict.blame("wrong_amount", f"{payout['number']} is {should}, its lines {sums[payout['id']]}")
        if kept > payout["sent_units"]:
            verdict.blame("duplicates", f"{payout['number']} of {payout['sent_units']} was paid {kept}")
        for figure, sentence in _why_money_is_wrong(payout, kept):
            verdict.blame(figure, sentence)
        _count_payout(books, verdict, payout)


def _why_money_is_wrong(payout: Row, kept: int) -> Iterator[tuple[str, str]]:
    """A state that says where the money is must be right about it."""
    state, number = payout["state"], payout["number"]
    if state == "paid" and kept != payout["sent_units"] - payout["returned_units"]:
        yield ("lost" if kept < payout["sent_units"] else "duplicates"), f"{number} is paid, but {kept} left"
    if kept and state in ("returned", "cancelled", "failed", "pending", "awaiting_approval", "approved"):
        yield "duplicates", f"{number} is {state}, but {kept} left for it"


def _count_payout(books: Books, verdict: Verdict, payout: Row) -> None:
    figures, state = verdict.figures, payout["state"]
    if state in _FINAL:
        figures.paid += state == "paid"
        figures.returned += state == "returned"
        return
    if payout["is_held"]:
        figures.held += 1
        figures.held_with_money += books.kept[payout["id"]] > 0
    if state == "unknown":
        figures.unknown += 1
        since = min((one["sent_at"] for one in books.attempts_of[payout["id"]]), default=books.now)
        figures.oldest_unknown_s = max(figures.oldest_unknown_s, (books.now - since).total_seconds())
    if _is_before_a_person(books, payout):
        figures.seen += 1
    elif state == "submitted" and _is_asked_about(books, payout):
        figures.under_way += 1
    else:
        verdict.blame("stuck", f"{payout['number']} is {state} ({payout['reason']}; {payout['blocked_by']})")


def _is_before_a_person(books: Books, payout: Row) -> bool:
    if payout["state"] in ("unknown", "awaiting_approval") or payout["is_held"]:
        return True
    if payout["state"] == "failed":
        return bool(payout["reason"])
    moments = [payout["person_after"]]
    moments += [one["batch_person_after"] for one in books.attempts_of[payout["id"]][-1:]]
    return any(moment is not None and moment <= books.now for moment in moments)


def _is_asked_about(books: Books, payout: Row) -> bool:
    return any(one["asked_at"] is not None for one in books.attempts_of[payout["id"]][-1:])


# ---------------------------------------------------------------------------------------------------- debts


def _judge_payables(books: Books, verdict: Verdict) -> None:
    """No payable is in two payouts whose money left; each is in one, settled otherwise, or says what it waits for."""
    payouts_of: dict[Any, list[Row]] = defaultdict(list)
    live: set[Any] = set()
    for line in books.lines:
        payouts_of[line["payable_id"]].append(books.payout_of[line["payout_id"]])
        if line["released_at"] is None:
            live.add(line["payable_id"])
    for payable in books.payables:
        paid_by = [one["number"] for one in payouts_of[payable["id"]] if books.kept[one["id"]] > 0]
        if len(paid_by) > 1:
            verdict.blame("duplicates", f"{_payable(payable)} was paid by {', '.join(paid_by)}")
        if payable["settled"] == "gathered" and payable["id"] not in live:
            verdict.blame("lost", f"{_payable(payable)} counts as gathered, and no payout has it")
        waits = payable["waits_for"] or payable["blocked_by"]
        if payable["settled"] == "" and not waits:
            verdict.blame("stuck", f"{_payable(payable)} is neither gathered nor does it wait for anything")


def _judge_sales(books: Books, verdict: Verdict, due_states: Collection[str]) -> None:
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


def _judge_telling(books: Books, verdict: Verdict) -> None:
    """Each transaction says what became of the newest of its payouts, and nobody still has to be told anything."""
    sale_of = {one["id"]: one["sale"] for one in books.payables}
    covering: dict[str, dict[Any, Row]] = defaultdict(dict)
    for line in books.lines:
        sale = sale_of[line["payable_id"]]
        if sale is not None:
            covering[sale][line["payout_id"]] = books.payout_of[line["payout_id"]]
    for sale, payouts in covering.items():
        told = books.told.get(sale, {})
        wanted = _word(sorted(payouts.values(), key=lambda one: (one["created_at"], one["id"])), told)
        if wanted is not None and (told.get("status"), told.get("reference")) != wanted:
            verdict.blame("mistold", f"{sale} says {told}, and it is {wanted}")
    for message in books.messages:
        verdict.blame("stuck", f"{message['kind']} of {message['subject']} is not told: {message['error']}")


def _word(payouts: list[Row], told: Row) -> tuple[str, str] | None:
    for payout in reversed(payouts):
        state, number = payout["state"], payout["number"]
        if state == "cancelled":
            if told.get("reference") == number:
                return "cancelled", number
            continue
        # Before it is sent, a transaction may say that it is announced, or how the last try ended.
        return (_WORDS[state], number) if state in _WORDS else None
    return None


def _judge_totals(books: Books, verdict: Verdict) -> None:
    """What each account with a provider did, by its ledger and by our postings, is the same; nothing is in suspense."""
    ours: Counter[tuple[str, str]] = Counter()
    for posting in books.postings:
        for account, sign in ((posting["debit"], 1), (posting["credit"], -1)):
            if account.startswith("suspense:") or posting["kind"] not in _OWN_MOVES:
                ours[account, posting["currency"]] += sign * posting["units"]
    theirs: Counter[tuple[str, str]] = Counter()
    for entry in books.entries:
        sign = 1 if entry["kind"] == "return" else -1
        theirs[f"provider_cash:{entry['provider']}", entry["currency"]] += sign * entry["units"]
    for account, currency in sorted(ours.keys() | theirs.keys()):
        if account.startswith(("provider_cash:", "suspense:")) and not account.endswith(":manual"):
            has, wants = ours[account, currency], theirs[account, currency]
            if has != wants and not _is_undecided(books, account):
                verdict.blame("unbalanced", f"{account} holds {has} {currency}, the provider says {wants}")


def _is_undecided(books: Books, account: str) -> bool:
    """While an outcome is unknown, or still under way, the debit may be known to the provider alone."""
    provider = account.partition(":")[2]
    return any(
        one["provider"] == provider and one["state"] in ("unknown", "submitting", "submitted")
        for one in books.payouts
    )


# ---------------------------------------------------------------------------------------------------- sentences


def _named(entry: Row) -> str:
    return (
        f"{entry['provider']} {entry['kind']} {entry['units']} {entry['currency']} to {entry['destination']}"
    )


def _attempt(books: Books, attempt: Row) -> str:
    return f"{books.payout_of[attempt['payout_id']]['number']} attempt {attempt['n']}"


def _payable(payable: Row) -> str:
    return (
        f"{payable['purpose']} {payable['units']} {payable['currency']} of {payable['sale'] or payable['id']}"
    )


def add(figures: Iterable[Figures]) -> Figures:
    """This will add figures of several runs up; of the oldest unknown the oldest stays."""
    total = Figures()
    for one in figures:
        for name, value in asdict(one).items():
            have = getattr(total, name)
            setattr(total, name, max(have, value) if name == "oldest_unknown_s" else have + value)
    return total
