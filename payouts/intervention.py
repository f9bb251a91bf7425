"""What staff do to payouts one by one or many at once: cancel, retry, refresh, pay now, note, release."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts.models import Payee, User
from accounts.roles import require
from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.ids import uuid7
from payouts import digests, dissolving, facts
from payouts.accrual import wake
from payouts.actors import Actor
from payouts.approval import locked
from payouts.errors import Refused
from payouts.holding import note_act
from payouts.lifecycle import Move, move, record
from payouts.models import (
    OPEN_ATTEMPTS,
    Attempt,
    AttemptState,
    Note,
    OutboxMessage,
    Payable,
    Payout,
    PayoutLine,
    SourceCheck,
    StaffAct,
    State,
)
from payouts.outcomes import Done
from payouts.providers import registry
from payouts.providers.base import CANCELLABLE
from payouts.reconciliation import hurry


def cancel(*, by: User, payout_ids: Sequence[UUID], reason: str, now: datetime) -> Done:
    """This will cancel payouts: before any sending by letting them go, unclaimed ones by asking the provider.

    What the provider was asked for is in `asked`: what came of it is read from the provider later.

    :raises NotAllowed: when the person's roles do not cover it.
    """
    require(by, "act_cancel")
    outcome = Done()
    with transaction.atomic():
        payouts = locked(payout_ids)
        going = [payout for payout in payouts if payout.state in dissolving.DISSOLVABLE]
        dissolving.dissolve(going, actor=Actor.staff(by), reason=reason, now=now)
        outcome.done += [payout.number for payout in going]
        asked, refused = _cancellable([payout for payout in payouts if payout not in going])
        record(asked, kind="cancel_asked", actor=Actor.staff(by), reason=reason, now=now)
        rowsets.insert(OutboxMessage, [_message("cancel", payout.pk, now=now) for payout in asked])
        outcome.asked += [payout.number for payout in asked]
        outcome.refused += refused
    return outcome


def retry(*, by: User, payout_ids: Sequence[UUID], reason: str, now: datetime) -> Done:
    """This will send failed payouts again: at once where the approval still covers them, else through approval.

    :raises NotAllowed: when the person's roles do not cover it.
    """
    require(by, "act_retry")
    outcome = Done()
    with transaction.atomic():
        payouts = locked(payout_ids)
        loaded = facts.for_payouts(payouts, now=now, lock=True)
        open_now = set(
            Attempt.objects.filter(payout__in=payouts, state__in=OPEN_ATTEMPTS).values_list(
                "payout_id", flat=True
            )
        )
        moves = []
        for payout in payouts:
            sentence = _why_no_retry(payout, has_open_attempt=payout.pk in open_now)
            if sentence:
                outcome.refuse(payout.number, sentence)
                continue
            to = State.APPROVED if digests.standing(loaded[payout.pk]).enough else State.AWAITING_APPROVAL
            moves.append(Move(payout=payout, to=to, reason=reason, kind="retried"))
            outcome.done.append(payout.number)
        move(moves, actor=Actor.staff(by), now=now)
    return outcome


def refresh(*, by: User, payout_ids: Sequence[UUID], now: datetime) -> Done:
    """This will have the provider asked, and the transactions read again, as soon as may be.

    :raises NotAllowed: when the person's roles do not cover it.
    """
    require(by, "act_refresh")
    with transaction.atomic():
        # Batches before payouts, as whoever records an answer takes them.
        batches = Attempt.objects.filter(payout_id__in=payout_ids).values_list("batch_id", flat=True)
        hurry(list(batches), now=now)
        payouts = locked(payout_ids)
        sources = PayoutLine.objects.filter(payout__in=payouts, released_at__isnull=True).values(
            "payable__source"
        )
        SourceCheck.objects.filter(source__in=sources).update(checked_at=None, next_at=now, tries=0)
        Payout.objects.filter(pk__in=[payout.pk for payout in payouts]).update(next_at=now)
    return Done(done=[payout.number for payout in payouts])


def pay_now(*, by: User, payee_id: UUID, reason: str, now: datetime) -> Done:
    """This will gather what a payee is owed now, whatever the schedule and the minimum say; approval stays.

    :raises NotAllowed: when the person's roles do not cover it.
    """
    require(by, "act_request")
    with transaction.atomic():
        payee = Payee.objects.select_for_update().get(pk=payee_id)
        payee.pay_now_at, payee.next_gather_at = now, now
        payee.save(update_fields=["pay_now_at", "next_gather_at"])
        note_act(StaffAct.Act.PAY_NOW, payee, subject=str(payee.pk), by=by, reason=reason, now=now)
    return Done(done=[str(payee)])


def note(*, by: User, payout_id: UUID, text: str, now: datetime) -> Note:
    """This will write a note beside a payout.

    :raises NotAllowed: when the person's roles do not cover it.
    :raises Refused: when the note is empty.
    """
    require(by, "act_note")
    if not text.strip():
        raise Refused("The note is empty.")
    return Note.objects.create(payout_id=payout_id, text=text.strip(), by=by, at=now)


def release_payables(*, by: User, payable_ids: Sequence[UUID], reason: str, now: datetime) -> Done:
    """This will let opening items and returned payouts be paid; clawbacks are decided by request instead.

    :raises NotAllowed: when the person's roles do not cover it.
    """
    require(by, "act_release")
    outcome = Done()
    releasable = (Payable.Waits.OPENING, Payable.Waits.RETURNED)
    with transaction.atomic():
        rows = list(
            Payable.objects.filter(pk__in=payable_ids)
            .select_related("payee")
            .order_by("pk")
            .select_for_update(of=("self",))
        )
        going = [row for row in rows if row.waits_for in releasable and not row.settled]
        for row in rows:
            if row not in going:
                outcome.refuse(row.reference, "It waits for nobody, or for another decision.")
        rowsets.update(
            Payable,
            [{"id": row.pk, "waits_for": "", "decided": "released", "decided_by": by.pk} for row in going],
        )
        for row in going:
            note_act(StaffAct.Act.RELEASE, row.payee, subject=str(row.pk), by=by, reason=reason, now=now)
        wake(going)
        outcome.done += [row.reference for row in going]
    return outcome


def _cancellable(payouts: Sequence[Payout]) -> tuple[list[Payout], list[tuple[str, str]]]:
    attempts = {
        a.payout_id: a for a in Attempt.objects.filter(payout__in=payouts, state=AttemptState.ACCEPTED)
    }
    asked, refused = [], []
    for payout in payouts:
        attempt = attempts.get(payout.pk)
        if attempt is None or attempt.status not in CANCELLABLE or not _can_cancel(payout.provider):
            state = payout.get_state_display().lower()
            refused.append(
                (payout.number, f"It is {state}; only what the payee has not claimed can be taken back.")
            )
        else:
            asked.append(payout)
    return asked, refused


def _can_cancel(provider: str) -> bool:
    offered = registry.find(provider)
    return offered is not None and offered.capabilities.can_cancel


def _why_no_retry(payout: Payout, *, has_open_attempt: bool) -> str:
    if payout.state == State.UNKNOWN:
        return "Nobody knows yet whether it was paid: resolve it, do not retry it."
    if payout.state != State.FAILED:
        return f"It is {payout.get_state_display().lower()}, not failed."
    if has_open_attempt:
        return "An attempt is still open; its outcome comes first."
    if payout.method.retired_at is not None:
        return "Its payout method was replaced: cancel it, and it is gathered for the new one."
    return ""


def _message(kind: str, subject: UUID, *, now: datetime) -> OutboxMessage:
    return OutboxMessage(id=uuid7(), kind=kind, subject=subject, facts={}, created_at=now, next_at=now)
