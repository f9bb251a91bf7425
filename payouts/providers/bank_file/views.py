"""What became of the payments of a file, from its own bytes and the statements' entries that name them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from marketplace_payouts.lib.money import Money
from payouts.providers.bank_file import pain001
from payouts.providers.bank_file.bank_statements import Entry, EntryKind
from payouts.providers.bank_file.desk import DeskFile
from payouts.providers.bank_file.iban import is_iban
from payouts.providers.bank_file.identifiers import batch_key, end_to_end_id
from payouts.providers.bank_file.pain001 import Contents, Payment
from payouts.providers.base import BatchView, Observation, StatementLine, Status

# What a statement's entries are on a provider's list. Money that came and is nobody's return is the owner's.
LINE_KINDS: Final[Mapping[EntryKind, str]] = {
    EntryKind.DEBIT: "debit",
    EntryKind.RETURN: "return",
    EntryKind.FEE: "account_fee",
    EntryKind.CREDIT: "top_up",
    EntryKind.OTHER: "other",
}
_OVER: Final = frozenset({Status.PAID, Status.RETURNED, Status.FAILED, Status.CANCELLED})


def batch_view(file: DeskFile, entries: Sequence[Entry]) -> BatchView:
    """This will say what became of each payment of a file."""
    contents = pain001.read(file.body)
    by_key: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        for part in parts_of(entry, contents):
            by_key[part.item_key].append(part)
    seen = [_observation(file, payment, by_key[payment.key]) for payment in contents.payments]
    return BatchView(
        reference=file.message_id,
        batch_key=batch_key(file.message_id),
        raw_status="withdrawn" if file.withdrawn else file.standing,
        closed=all(one.status in _OVER for one in seen),
        denied=None,
        observations=seen,
    )


def parts_of(entry: Entry, contents: Contents | None) -> list[Entry]:
    """This will give an entry as debits of single payments, where it is the debit of a file, or of a part of it.

    Where it is not exactly their sum, the bank left something out, and nobody can say what: it stays one entry.
    """
    if entry.item_key or not entry.message_id or contents is None or contents.message_id != entry.message_id:
        return [entry]
    parts: dict[str, list[Payment]] = defaultdict(list)
    for one in contents.payments:
        parts[one.part].append(one)
    named = [parts[entry.part]] if entry.part in parts else [list(contents.payments), *parts.values()]
    wholes = {tuple(some) for some in named}
    fitting = [some for some in wholes if _sum(some) == entry.amount]
    if len(fitting) != 1:
        return [entry]
    return [
        Entry(
            reference=f"{entry.reference}/{end_to_end_id(one.key)}",
            kind=EntryKind.DEBIT,
            amount=one.amount,
            booked_on=entry.booked_on,
            item_key=one.key,
            text=entry.text,
        )
        for one in fitting[0]
    ]


def _sum(payments: Sequence[Payment]) -> Money:
    return Money.total([one.amount for one in payments], payments[0].amount.currency)


def _observation(file: DeskFile, payment: Payment, entries: Sequence[Entry]) -> Observation:
    debits = [entry for entry in entries if entry.kind is EntryKind.DEBIT]
    returns = [entry for entry in entries if entry.kind is EntryKind.RETURN]
    back = _back(payment, debits, returns)
    status, word = _status(file, payment, debits, returns if back else ())
    newest = returns[-1] if back else debits[0] if debits else None
    return Observation(
        item_key=payment.key,
        reference=end_to_end_id(payment.key),
        status=status,
        raw_status=word,
        # The first debit is compared with what was sent; a second one is what the comparison of both lists is for.
        amount=debits[0].amount if debits else payment.amount,
        # Only IBANs are compared: other account numbers are written in too many ways.
        destination=debits[0].account if debits and is_iban(debits[0].account) else "",
        returned=back or None,
        return_reference=returns[-1].reference if back else "",
        refusal=file.refused.get(payment.key) if status is Status.FAILED else None,
        movement_reference=debits[0].reference if debits else "",
        provider_time=None if newest is None else end_of(newest.booked_on),
        batch_reference=file.message_id,
    )


def _back(payment: Payment, debits: Sequence[Entry], returns: Sequence[Entry]) -> Money:
    """What came back of this payment: where it left twice, what came back first makes good for the second time."""
    out, back = (sum(entry.amount.units for entry in some) for some in (debits, returns))
    return Money(max(0, back - max(0, out - payment.amount.units)), payment.amount.currency)


def _status(
    file: DeskFile, payment: Payment, debits: Sequence[Entry], returns: Sequence[Entry]
) -> tuple[Status, str]:
    """The bank's word counts before ours: what was debited was debited, whatever people had said of it."""
    if returns:
        reason = returns[-1].reason
        return Status.RETURNED, f"returned {reason}".strip()
    if debits:
        return Status.PAID, "booked"
    if payment.key in file.refused:
        return Status.FAILED, "not carried out"
    if file.withdrawn:
        return Status.CANCELLED, "withdrawn"
    return Status.PROCESSING, file.standing


def line(entry: Entry) -> StatementLine:
    """This will give an entry as a line of a provider's list.

    A debit without any id of ours keeps its account to itself: it stands before people, and is matched with nothing.
    """
    return StatementLine(
        reference=entry.reference,
        item_key=entry.item_key,
        item_reference="",
        kind=LINE_KINDS[entry.kind],
        amount=entry.amount,
        at=end_of(entry.booked_on),
        destination=entry.account if entry.item_key else "",
    )


def end_of(day: date) -> datetime:
    """This will give the end of a day, in UTC whatever the bank's zone: banks say no more than the day."""
    return datetime.combine(day + timedelta(days=1), time(0), tzinfo=UTC)
