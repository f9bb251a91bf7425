"""Letting a payout go before any money moved: its lines are released and may be gathered again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from accounts.models import Payee
from marketplace_payouts.lib.money import Money
from payouts import deferring, ledger
from payouts.actors import Actor
from payouts.ledger import Draft, PayoutLineMoney
from payouts.lifecycle import Move, Moved, move
from payouts.models import BEFORE_SENDING, Payable, Payout, PayoutLine, State

DISSOLVABLE = frozenset({*BEFORE_SENDING, State.FAILED})


def dissolve(payouts: Sequence[Payout], *, actor: Actor, reason: str, now: datetime) -> Moved:
    """This will cancel payouts from which no money moved, and release what they covered.

    The rows must be locked, in the order of their ids, and stand in a state of `DISSOLVABLE`.
    """
    deferring.withdraw(payouts, now=now)
    lines = live_lines([payout.pk for payout in payouts])
    drafts = release_drafts(lines)
    moved = move(
        [
            Move(payout=p, to=State.CANCELLED, reason=reason, kind="dissolved", drafts=drafts.get(p.pk, ()))
            for p in payouts
        ],
        actor=actor,
        now=now,
    )
    release([line for p in moved.moved for line in lines.get(p.pk, ())], now=now)
    return moved


def live_lines(payout_ids: Sequence[UUID]) -> dict[UUID, list[PayoutLine]]:
    """This will load the live lines of payouts with their payables."""
    found: dict[UUID, list[PayoutLine]] = defaultdict(list)
    rows = PayoutLine.objects.filter(payout_id__in=payout_ids, released_at__isnull=True).select_related(
        "payable"
    )
    for line in rows.order_by("payable__created_at", "id"):
        found[line.payout_id].append(line)
    return found


def line_money(line: PayoutLine) -> PayoutLineMoney:
    """This will say what a line moves between books."""
    payable = line.payable
    return PayoutLineMoney(
        line_id=line.pk,
        payable_id=payable.pk,
        payee_id=payable.payee_id,
        payout_id=line.payout_id,
        amount=Money(int(line.units), payable.currency),
        is_clawback=payable.decided.startswith("net"),
    )


def release_drafts(lines: dict[UUID, list[PayoutLine]]) -> dict[UUID, list[Draft]]:
    """This will draft the postings that undo the gathering, per payout."""
    return {
        payout_id: ledger.dissolve(line_money(line) for line in rows) for payout_id, rows in lines.items()
    }


def release(lines: Sequence[PayoutLine], *, now: datetime) -> None:
    """This will release lines and open their payables for the next gathering."""
    if not lines:
        return
    PayoutLine.objects.filter(pk__in=[line.pk for line in lines]).update(released_at=now)
    Payable.objects.filter(pk__in=[line.payable_id for line in lines]).update(settled=Payable.Settled.NOT)
    payees = sorted({line.payable.payee_id for line in lines})
    Payee.objects.filter(pk__in=payees).update(next_gather_at=now)
