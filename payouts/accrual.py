"""Stage 3, owe: what a Sharetribe transaction makes us owe becomes payables, and its changes compensating ones.

Everything runs inside the transaction in which the interpreter holds the sources locked, for a set at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet

from accounts.models import Marketplace, Payee
from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.ids import uuid7
from marketplace_payouts.lib.money import Money
from payments import recording, standing
from payments.standing import Fact, Payments
from payments.words import SHARETRIBE, Kind, PaymentWord
from payouts import dissolving, due, holding, ledger, losses
from payouts.actors import Actor
from payouts.compensating import Books, Change, Part, change_of, parts
from payouts.ledger import Draft
from payouts.models import Payable, Payout, PayoutLine
from payouts.understanding import PaymentSeen, Understanding

_INTERPRETER = Actor.rule("interpreter")
_BY_SALE = (Payable.Purpose.SALE, Payable.Purpose.CHANGE, Payable.Purpose.LOSS)


def accrue(understandings: Sequence[Understanding], *, now: datetime) -> None:
    """This will make the difference between what is owed and what is accrued into payables and postings.

    The result rests on the sum alone: hearing the same transaction again, or in another order, changes nothing.
    """
    if not understandings:
        return
    payments = _payments(understandings, now=now)
    owing = [one for one in understandings if one.owed is not None and one.became_due_at is not None]
    books = _load(owing)
    books.payments = payments
    changes = [change for one in owing if (change := change_of(one, books)).is_any]
    if not changes:
        return
    payees = _payees([change.one for change in changes])
    _dissolve([change for change in changes if change.touches_payouts], books, now=now)
    rows = [row for change in changes for row in _payables(change, books, payees, now=now)]
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


def _payments(understandings: Sequence[Understanding], *, now: datetime) -> dict[UUID, Payments]:
    """How the buyers' payments stand, with what Sharetribe itself shows of them.

    That is taken into account right here, and Sharetribe need not be told of it. What it showed before, stays.
    """
    facts = standing.facts_of([one.source.reference for one in understandings])
    words: dict[UUID, list[PaymentWord]] = defaultdict(list)
    for one in understandings:
        known = {fact.reference for fact in facts.get(one.source.reference, ()) if fact.origin == SHARETRIBE}
        for seen in one.payments:
            if seen.reference not in known:
                words[one.source.marketplace_id].append(_word(one, seen))
                facts[one.source.reference].append(_fact(one, seen))
    for marketplace_id, said in words.items():
        recording.record(said, marketplace_id=marketplace_id, now=now, counted=True)
    return {reference: standing.stand(some) for reference, some in facts.items()}


def _word(one: Understanding, seen: PaymentSeen) -> PaymentWord:
    return PaymentWord(
        transaction_id=one.source.reference,
        kind=Kind.RECEIVED,
        amount=seen.amount,
        origin=SHARETRIBE,
        reference=seen.reference,
        happened_at=seen.at,
    )


def _fact(one: Understanding, seen: PaymentSeen) -> Fact:
    amount = seen.amount
    return Fact(
        one.source.reference,
        Kind.RECEIVED,
        amount.units,
        amount.currency,
        SHARETRIBE,
        seen.reference,
        seen.at,
    )


def _load(owing: Sequence[Understanding]) -> Books:
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
    books = Books(payouts={payable: payouts[payout] for payable, payout in lines.items()})
    for row in payables:
        assert row.source_id is not None
        books.payables[row.source_id].append(row)
    return books


def _lines(payables: QuerySet[Payable]) -> dict[UUID, UUID]:
    live = PayoutLine.objects.filter(payable__in=payables, released_at__isnull=True)
    return dict(live.values_list("payable_id", "payout_id"))


def _payees(changed: Sequence[Understanding]) -> dict[tuple[UUID, UUID], Payee]:
    wanted = {(one.source.marketplace_id, one.payee_reference): one for one in changed}
    rows = [
        Payee(id=uuid7(), marketplace_id=market, flex_user_id=user, name=one.payee_name[:200])
        for (market, user), one in sorted(wanted.items())
    ]
    rowsets.insert(Payee, rows, on_conflict="(marketplace_id, flex_user_id) DO NOTHING")
    found = Payee.objects.filter(flex_user_id__in=[user for _, user in wanted]).select_related("marketplace")
    return {(payee.marketplace_id, payee.flex_user_id): payee for payee in found}


def _dissolve(changes: Sequence[Change], books: Books, *, now: datetime) -> None:
    """A changed amount voids what was decided: the payout is let go and gathered anew."""
    for reason, some in (
        ("The amount of a transaction changed in Sharetribe.", [c for c in changes if c.units]),
        ("Money of a buyer went back.", [c for c in changes if not c.units]),
    ):
        touched = {
            books.payouts[row.pk].pk: books.payouts[row.pk]
            for change in some
            for row in books.payables[change.one.source.pk]
            if row.pk in books.payouts and books.payouts[row.pk].state in dissolving.DISSOLVABLE
        }
        if touched:
            payouts = [touched[pk] for pk in sorted(touched)]
            dissolving.dissolve(payouts, actor=_INTERPRETER, reason=reason, now=now)
            holding.carry_over(payouts, now=now)


def _settle_taken_back(books: Books) -> None:
    rowsets.update(Payable, [{"id": row.pk, "settled": Payable.Settled.ZERO} for row in books.taken_back])


def _payables(
    change: Change, books: Books, payees: dict[tuple[UUID, UUID], Payee], *, now: datetime
) -> list[Payable]:
    """Make the rows of one transaction; what belongs to a sale made right now refers to it."""
    rows = books.payables[change.one.source.pk]
    new = []
    for part in parts(change, books):
        row = _payable(change.one, part, books, payees, now=now)
        rows.append(row)
        new.append(row)
    return new


def _payable(
    one: Understanding,
    part: Part,
    books: Books,
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
    is_loss = part.purpose == Payable.Purpose.LOSS
    return Payable(
        id=uuid7(),
        marketplace_id=one.source.marketplace_id,
        payee=original.payee if original else payee,
        origin=Payable.Origin.SHARETRIBE,
        reference=str(one.source.reference),
        purpose=part.purpose if original else Payable.Purpose.SALE,
        source_event=_event(one, part, books) if original else "due",
        units=part.units,
        currency=one.owed.currency,
        original=original,
        source=one.source,
        trigger=one.trigger,
        lines={} if is_loss else one.lines,
        reason=_why_lost(one, books) if is_loss else "",
        became_due_at=one.became_due_at,
        created_at=now,
        hold_until=hold_until,
        due_at=due.due_at(
            schedule=one.trigger.schedule, business=due.calendar_of(payee.marketplace), ready_at=hold_until
        ),
        minimum_units=int(one.trigger.minimums.get(one.owed.currency, 0)),
        waits_for=part.waits_for if original else _first_waits_for(one.became_due_at, payee.marketplace),
        decided="written off before, and regained" if part.settled == Payable.Settled.WRITTEN_OFF else "",
        settled=part.settled,
    )


def _event(one: Understanding, part: Part, books: Books) -> str:
    """Name the change by what it follows from; what is lost, by how many words there are, and rows because of them.

    Of both there are only ever more.
    """
    lost = sum(row.purpose == Payable.Purpose.LOSS for row in books.payables[one.source.pk])
    words = books.payments_of(one).count
    if part.purpose == Payable.Purpose.LOSS:
        return f"loss {lost + 1}, {words} words"
    # Where the seller bore a loss, a word about the payment alone may change what is owed.
    event = f"{words} words: {one.source_event}" if lost else one.source_event
    if part.settled == Payable.Settled.ZERO:
        return f"taken back: {event}"[:120]
    return f"clawback: {event}"[:120] if part.waits_for == Payable.Waits.CLAWBACK else event[:120]


def _why_lost(one: Understanding, books: Books) -> str:
    assert one.owed is not None
    return losses.sentence(books.payments_of(one).of(one.owed.currency), one.owed.currency)


def _first_waits_for(became_due_at: datetime, marketplace: Marketplace) -> str:
    is_opening = marketplace.go_live_at is None or became_due_at < marketplace.go_live_at
    return Payable.Waits.OPENING if is_opening else Payable.Waits.NOTHING


def _draft(row: Payable) -> Draft:
    amount = Money(int(row.units), row.currency)
    if row.settled == Payable.Settled.WRITTEN_OFF:
        return Draft("recover", row.pk, ledger.DUE, "write_off", amount, payable_id=row.pk)
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
