"""Stage 3, owe: what a Sharetribe transaction makes us owe becomes payables, and its changes compensating ones.

Everything runs inside the transaction in which the interpreter holds the sources locked, for a set at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet

from accounts.models import Marketplace, Payee
from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.ids import uuid7
from marketplace_payouts.lib.money import Money
from payments.models import PaymentIn
from payouts import dissolving, due, ledger
from payouts.actors import Actor
from payouts.ledger import Draft
from payouts.models import Payable, Payout, PayoutLine, Source, State, Trigger

_INTERPRETER = Actor.rule("interpreter")
_BY_SALE = (Payable.Purpose.SALE, Payable.Purpose.CHANGE)


@dataclass(frozen=True, slots=True)
class PaymentSeen:
    """A payment of the buyer that the transaction itself shows."""

    reference: str
    kind: str
    amount: Money
    at: datetime


@dataclass(frozen=True, slots=True)
class Understanding:
    """What one transaction means now; `owed` is None while nothing is due by any enabled trigger."""

    source: Source
    payee_reference: UUID
    payee_name: str
    trigger: Trigger | None
    owed: Money | None
    became_due_at: datetime | None
    source_event: str
    lines: dict[str, Any] = field(default_factory=dict)
    payments: Sequence[PaymentSeen] = ()


@dataclass(slots=True)
class _Books:
    """What is accrued already, per source."""

    payables: dict[UUID, list[Payable]] = field(default_factory=lambda: defaultdict(list))
    payouts: dict[UUID, Payout] = field(default_factory=dict)
    """Payable id → the payout that its live line is in."""
    taken_back: list[Payable] = field(default_factory=list)
    """Undecided clawbacks that turned out to be none."""

    def is_open(self, row: Payable) -> bool:
        """Whether it is in no payout, or in one that was just let go."""
        payout = self.payouts.get(row.pk)
        was_let_go = payout is None or payout.state == State.CANCELLED
        return was_let_go and row.settled in (Payable.Settled.NOT, Payable.Settled.GATHERED)


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a change: what it does to what is open, to what was paid, or to what was to be clawed back."""

    units: int
    waits_for: str
    takes_back: bool = False


def accrue(understandings: Sequence[Understanding], *, now: datetime) -> None:
    """This will make the difference between what is owed and what is accrued into payables and postings.

    The result rests on the sum alone: hearing the same transaction again, or in another order, changes nothing.
    """
    if not understandings:
        return
    _record_payments(understandings)
    owing = [one for one in understandings if one.owed is not None and one.became_due_at is not None]
    books = _load(owing)
    changed = [(one, _difference(one, books)) for one in owing]
    changed = [(one, units) for one, units in changed if units]
    if not changed:
        return
    payees = _payees([one for one, _ in changed])
    _dissolve(changed, books, now=now)
    rows = [
        _payable(one, part, books, payees, now=now)
        for one, units in changed
        for part in _parts(one, units, books)
    ]
    rowsets.insert(Payable, rows)
    ledger.post([_draft(row) for row in rows], now=now)
    _settle_taken_back(books)
    wake(rows)


def wake(rows: Sequence[Payable]) -> None:
    """This will let the payees be looked at when these payables are due: one statement, locking in the order of ids."""
    earliest: dict[UUID, datetime] = {}
    for row in rows:
        earliest[row.payee_id] = min(row.due_at, earliest.get(row.payee_id, row.due_at))
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH d AS (SELECT * FROM unnest(%s::uuid[], %s::timestamptz[]) AS d(id, at)),"
            " locked AS (SELECT p.id FROM accounts_payee p JOIN d USING (id) ORDER BY p.id FOR NO KEY UPDATE OF p)"
            " UPDATE accounts_payee p SET next_gather_at = least(coalesce(p.next_gather_at, d.at), d.at)"
            " FROM d JOIN locked USING (id) WHERE p.id = d.id",
            [list(earliest), list(earliest.values())],
        )


def _record_payments(understandings: Sequence[Understanding]) -> None:
    rows = [
        PaymentIn(
            id=uuid7(),
            marketplace_id=one.source.marketplace_id,
            transaction_id=one.source.reference,
            kind=seen.kind,
            units=seen.amount.units,
            currency=seen.amount.currency,
            origin="sharetribe",
            reference=seen.reference,
            happened_at=seen.at,
        )
        for one in understandings
        for seen in one.payments
        if seen.amount.units > 0
    ]
    rowsets.insert(PaymentIn, rows, on_conflict="DO NOTHING")


def _load(owing: Sequence[Understanding]) -> _Books:
    """Payouts are locked before what they cover, as everybody does who lets one go.

    Where something was gathered while we waited, the locks are taken anew, in the same order.
    """
    found = Payable.objects.filter(source_id__in=[one.source.pk for one in owing], purpose__in=_BY_SALE)
    while True:
        point = transaction.savepoint()
        locked = Payout.objects.filter(pk__in=set(_lines(found).values())).order_by("pk").select_for_update()
        payouts = {payout.pk: payout for payout in locked}
        payables = list(found.order_by("id").select_for_update())
        lines = _lines(found)
        if payouts.keys() >= set(lines.values()):
            transaction.savepoint_commit(point)
            break
        transaction.savepoint_rollback(point)
    books = _Books(payouts={payable: payouts[payout] for payable, payout in lines.items()})
    for row in payables:
        assert row.source_id is not None
        books.payables[row.source_id].append(row)
    return books


def _lines(payables: QuerySet[Payable]) -> dict[UUID, UUID]:
    live = PayoutLine.objects.filter(payable__in=payables, released_at__isnull=True)
    return dict(live.values_list("payable_id", "payout_id"))


def _difference(one: Understanding, books: _Books) -> int:
    assert one.owed is not None
    rows = books.payables[one.source.pk]
    other = {row.currency for row in rows} - {one.owed.currency}
    if other:
        raise ValueError(f"The transaction changed its currency from {other.pop()} to {one.owed.currency}.")
    return one.owed.units - sum(int(row.units) for row in rows)


def _payees(changed: Sequence[Understanding]) -> dict[tuple[UUID, UUID], Payee]:
    wanted = {(one.source.marketplace_id, one.payee_reference): one for one in changed}
    rows = [
        Payee(id=uuid7(), marketplace_id=market, flex_user_id=user, name=one.payee_name[:200])
        for (market, user), one in sorted(wanted.items())
    ]
    rowsets.insert(Payee, rows, on_conflict="(marketplace_id, flex_user_id) DO NOTHING")
    found = Payee.objects.filter(flex_user_id__in=[user for _, user in wanted]).select_related("marketplace")
    return {(payee.marketplace_id, payee.flex_user_id): payee for payee in found}


def _dissolve(changed: Sequence[tuple[Understanding, int]], books: _Books, *, now: datetime) -> None:
    """A changed amount voids what was decided: the payout is let go and gathered anew."""
    touched = {
        books.payouts[row.pk].pk: books.payouts[row.pk]
        for one, _ in changed
        for row in books.payables[one.source.pk]
        if row.pk in books.payouts and books.payouts[row.pk].state in dissolving.DISSOLVABLE
    }
    if touched:
        dissolving.dissolve(
            [touched[pk] for pk in sorted(touched)],
            actor=_INTERPRETER,
            reason="The amount of a transaction changed in Sharetribe.",
            now=now,
        )


def _parts(one: Understanding, units: int, books: _Books) -> list[_Part]:
    """A change first meets what is open of the same transaction; only the rest is paid, or clawed back."""
    rows = books.payables[one.source.pk]
    original = rows[0] if rows else None
    if original is None:
        return [
            _Part(units, Payable.Waits.NOTHING)
        ]  # whether it is an opening item, its payee's marketplace says
    if books.is_open(original):
        # The original is open again, or still: the two are gathered together.
        return [_Part(units, original.waits_for)]
    if units > 0:
        return _raise(units, rows, books)
    open_units = sum(
        int(row.units)
        for row in rows
        if books.is_open(row) and not row.waits_for and not row.decided.startswith("net")
    )
    lowered = max(units, -max(open_units, 0))
    parts = [_Part(lowered, Payable.Waits.NOTHING), _Part(units - lowered, Payable.Waits.CLAWBACK)]
    return [part for part in parts if part.units]


def _raise(units: int, rows: Sequence[Payable], books: _Books) -> list[_Part]:
    """More is owed than before: what was to be clawed back for the same transaction, and is undecided, goes first."""
    undecided = [row for row in rows if row.waits_for == Payable.Waits.CLAWBACK and not row.settled]
    clawed = -sum(int(row.units) for row in undecided)
    if not clawed:
        return [_Part(units, Payable.Waits.NOTHING)]
    books.taken_back += undecided
    rest = units - clawed
    waits_for = Payable.Waits.CLAWBACK if rest < 0 else Payable.Waits.NOTHING
    return [
        _Part(clawed, Payable.Waits.NOTHING, takes_back=True),
        *([_Part(rest, waits_for)] if rest else []),
    ]


def _settle_taken_back(books: _Books) -> None:
    rowsets.update(Payable, [{"id": row.pk, "settled": Payable.Settled.ZERO} for row in books.taken_back])


def _payable(
    one: Understanding,
    part: _Part,
    books: _Books,
    payees: dict[tuple[UUID, UUID], Payee],
    *,
    now: datetime,
) -> Payable:
    assert one.owed is not None
    assert one.became_due_at is not None
    assert one.trigger is not None
    payee = payees[one.source.marketplace_id, one.payee_reference]
    rows = books.payables[one.source.pk]
    original = rows[0] if rows else None
    hold_until = one.became_due_at + timedelta(days=one.trigger.hold_days)
    return Payable(
        id=uuid7(),
        marketplace_id=one.source.marketplace_id,
        payee=original.payee if original else payee,
        origin=Payable.Origin.SHARETRIBE,
        reference=str(one.source.reference),
        purpose=Payable.Purpose.CHANGE if original else Payable.Purpose.SALE,
        source_event=_event(one, part) if original else "due",
        units=part.units,
        currency=one.owed.currency,
        original=original,
        source=one.source,
        trigger=one.trigger,
        lines=one.lines,
        became_due_at=one.became_due_at,
        created_at=now,
        hold_until=hold_until,
        due_at=due.due_at(
            schedule=one.trigger.schedule, business=due.calendar_of(payee.marketplace), ready_at=hold_until
        ),
        minimum_units=int(one.trigger.minimums.get(one.owed.currency, 0)),
        waits_for=part.waits_for if original else _first_waits_for(one.became_due_at, payee.marketplace),
        settled=Payable.Settled.ZERO if part.takes_back else Payable.Settled.NOT,
    )


def _event(one: Understanding, part: _Part) -> str:
    if part.takes_back:
        return f"taken back: {one.source_event}"[:120]
    return (
        f"clawback: {one.source_event}"[:120]
        if part.waits_for == Payable.Waits.CLAWBACK
        else one.source_event
    )


def _first_waits_for(became_due_at: datetime, marketplace: Marketplace) -> str:
    is_opening = marketplace.go_live_at is None or became_due_at < marketplace.go_live_at
    return Payable.Waits.OPENING if is_opening else Payable.Waits.NOTHING


def _draft(row: Payable) -> Draft:
    amount = Money(int(row.units), row.currency)
    if row.settled == Payable.Settled.ZERO:
        return Draft(
            "clawback", row.pk, ledger.DUE, ledger.receivable(row.payee_id), amount, payable_id=row.pk
        )
    if amount.units > 0:
        return Draft("accrue", row.pk, ledger.DUE, ledger.owed(row.payee_id), amount, payable_id=row.pk)
    if row.waits_for == Payable.Waits.CLAWBACK:
        return Draft(
            "clawback", row.pk, ledger.receivable(row.payee_id), ledger.DUE, -amount, payable_id=row.pk
        )
    return Draft("compensate", row.pk, ledger.owed(row.payee_id), ledger.DUE, -amount, payable_id=row.pk)
