"""Letting a payout go before any money moved: its lines are released and may be gathered again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import F

from accounts.models import Payee
from marketplace_payouts.lib.money import Money
from payouts import ledger
from payouts.actors import Actor
from payouts.ledger import Draft, PayoutLineMoney
from payouts.lifecycle import Move, Moved, move
from payouts.models import Attempt, AttemptState, Batch, BatchState, Payable, Payout, PayoutLine, State

DISSOLVABLE = frozenset({State.PENDING, State.AWAITING_APPROVAL, State.APPROVED, State.FAILED})


def dissolve(payouts: Sequence[Payout], *, actor: Actor, reason: str, now: datetime) -> Moved:
    """This will cancel payouts from which no money moved, and release what they covered.

    The rows must be locked, in the order of their ids, and stand in a state of `DISSOLVABLE`.
    """
    withdraw_deferred(payouts, now=now)
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


def withdraw_deferred(payouts: Sequence[Payout], *, now: datetime) -> None:
    """This will close deferred batches that carry one of these payouts, since they cannot go out as they are.

    A deferred batch was certainly not processed, and nobody can be sending it: it is sent only after its payouts
    were claimed under the locks that the caller holds. Its attempts end as refused; the next sending makes new ones.
    """
    attempts = Attempt.objects.filter(payout__in=payouts, state=AttemptState.DEFERRED)
    batches = list(Batch.objects.filter(pk__in=attempts.values("batch")).select_for_update().order_by("pk"))
    if not batches:
        return
    Attempt.objects.filter(batch__in=batches, state=AttemptState.DEFERRED).update(
        state=AttemptState.REFUSED,
        refusal_code="withdrawn",
        refusal_class="ours",
        message="Withdrawn before it was processed.",
        closed_at=now,
    )
    Batch.objects.filter(pk__in=[batch.pk for batch in batches]).update(
        state=BatchState.REFUSED,
        reason="Withdrawn before it was processed.",
        next_at=None,
        answers=F("transmissions"),
    )
