"""What truly happened, judged from outside: the services' own ledgers against the rows of the database.

Neither it nor its witnesses import anything of the product, so that no mistake of the product can excuse itself here.
What is owed comes from Sharetribe's own truth, what was paid from the providers' ledgers, what staff can see from the
tables.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from tests.chaos import debts, witnesses
from tests.chaos.verdicts import BROKEN, Figures, Verdict, add, count
from tests.chaos.witnesses import Books, Row

__all__ = ["BROKEN", "DUE_STATES", "Figures", "Verdict", "add", "judge", "weigh"]

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
_UNDECIDED: Final = frozenset({"submitting", "submitted", "unknown"})
# Sums of what our account with a provider did for payouts; its owner's own moves are nobody's payout.
_OWN_MOVES: Final = ("fund", "withdraw", "convert")


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
    be paid, by their id in Sharetribe; who is missing there is not looked at. Incidents of an `odd` kind were provoked,
    if they are about a payment of which something untrue was told.
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
    debts.judge_payables(books, verdict)
    debts.judge_sales(books, verdict, due_states)
    _judge_telling(books, verdict)
    _judge_totals(books, verdict)
    _judge_lies(books, verdict, odd)
    return verdict


# ---------------------------------------------------------------------------------------------------- money


def _judge_movements(books: Books, verdict: Verdict) -> None:
    """Each movement belongs to an attempt of ours, and is what it says, to where its payee wants it."""
    debits: Counter[Any] = Counter()
    for entry in books.entries:
        if entry["kind"] == "fee":
            continue
        attempt = books.attempt_by_key.get((entry["provider"], entry["reference"]))
        if attempt is None:
            verdict.blame("duplicates", f"{_named(entry)} is no attempt of ours")
            continue
        sign = 1 if entry["kind"] == "debit" else -1
        books.kept[attempt["payout_id"]] += sign * entry["units"]
        if sign > 0:
            debits[attempt["id"]] += 1
            books.debited.add(attempt["payout_id"])
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
        for figure, sentence in _why_money_is_wrong(payout, kept, books.owed_again[payout["id"]]):
            verdict.blame(figure, sentence)
        _count_payout(books, verdict, payout)


def _why_money_is_wrong(payout: Row, kept: int, again: int) -> Iterator[tuple[str, str]]:
    """A state that says where the money is must be right about it."""
    state, number = payout["state"], payout["number"]
    if state == "paid" and kept != payout["sent_units"] - payout["returned_units"]:
        yield ("lost" if kept < payout["sent_units"] else "duplicates"), f"{number} is paid, but {kept} left"
    if kept and state in ("returned", "cancelled", "failed", "pending", "awaiting_approval", "approved"):
        yield "duplicates", f"{number} is {state}, but {kept} left for it"
    sent = payout["sent_units"]
    if payout["sent_currency"] == payout["debt_currency"] and sent != payout["debt_units"]:
        yield "wrong_amount", f"{number} of {payout['debt_units']} sends {sent}"
    if state in ("paid", "returned") and kept + again != sent:
        figure = "lost" if kept + again < sent else "duplicates"
        yield figure, f"{number} of {sent}: {kept} stayed there, and {again} is owed again"


def _count_payout(books: Books, verdict: Verdict, payout: Row) -> None:
    figures, state = verdict.figures, payout["state"]
    if payout["id"] not in books.debited:
        count(figures.not_debited, "held" if payout["is_held"] and state not in _FINAL else state)
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


# ---------------------------------------------------------------------------------------------------- news


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
    """What each account with a provider did, by its ledger and by our postings, is the same; nothing is in suspense.

    All but what it did for the very payouts that are under way or unknown: that may be known to the provider alone.
    """
    undecided = {one["id"] for one in books.payouts if one["state"] in _UNDECIDED}
    ours = _moved_by_our_books(books, beside=undecided)
    theirs = _moved_by_ledgers(books, beside=undecided)
    for account, currency in sorted(ours.keys() | theirs.keys()):
        has, wants = ours[account, currency], theirs[account, currency]
        if has != wants and not account.endswith(":manual"):
            verdict.blame("unbalanced", f"{account} holds {has} {currency}, the provider says {wants}")


def _moved_by_our_books(books: Books, *, beside: Collection[Any]) -> Counter[tuple[str, str]]:
    sums: Counter[tuple[str, str]] = Counter()
    for posting in books.postings:
        if posting["payout_id"] in beside:
            continue
        for account, sign in ((posting["debit"], 1), (posting["credit"], -1)):
            is_cash = account.startswith("provider_cash:") and posting["kind"] not in _OWN_MOVES
            if is_cash or account.startswith("suspense:"):
                sums[account, posting["currency"]] += sign * posting["units"]
    return sums


def _moved_by_ledgers(books: Books, *, beside: Collection[Any]) -> Counter[tuple[str, str]]:
    sums: Counter[tuple[str, str]] = Counter()
    for entry in books.entries:
        attempt = books.attempt_by_key.get((entry["provider"], entry["reference"]))
        if attempt is None or attempt["payout_id"] not in beside:
            sign = 1 if entry["kind"] == "return" else -1
            sums[f"provider_cash:{entry['provider']}", entry["currency"]] += sign * entry["units"]
    return sums


# ---------------------------------------------------------------------------------------------------- lies


def _judge_lies(books: Books, verdict: Verdict, odd: Collection[str]) -> None:
    """No forged webhook was believed, and nothing surprised anybody but what was told about that very payment."""
    falsified = set()
    for lie in books.lies:
        if lie["kind"] == "wrong_echo":
            falsified |= {(lie["provider"], name) for name in lie["about"]}
        elif lie["answer"] is not None:
            verdict.figures.forged += 1
            if 200 <= lie["answer"] < 300:
                sentence = f"a forged webhook of {lie['provider']} about {lie['about']}: {lie['answer']}"
                verdict.blame("believed", sentence)
    verdict.wrong += [
        f"incident: {one['kind']} {one['sentence']}"
        for one in books.incidents
        if one["kind"] not in odd or (one["provider"], one["key"]) not in falsified
    ]


# ---------------------------------------------------------------------------------------------------- sentences


def _named(entry: Row) -> str:
    return (
        f"{entry['provider']} {entry['kind']} {entry['units']} {entry['currency']} to {entry['destination']}"
    )


def _attempt(books: Books, attempt: Row) -> str:
    return f"{books.payout_of[attempt['payout_id']]['number']} attempt {attempt['n']}"
