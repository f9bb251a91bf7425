"""Stage 8, settle: observations, folded per attempt in the order of their counter, become states and postings.

Both ears end here: what a webhook made us re-read and what a poll read are the same rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import DataError, IntegrityError, transaction
from django.db.models import F

from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.crash_points import crash_point
from marketplace_payouts.lib.ids import uuid7
from marketplace_payouts.lib.logs import logger
from payouts import dissolving, ledger, returning
from payouts.actors import Actor
from payouts.errors import ForbiddenMove
from payouts.folding import Change, fold, not_understood
from payouts.holding import alarm_ours
from payouts.incidents import open_incidents
from payouts.lifecycle import NEWS, Move, move, record
from payouts.models import Attempt, Observation, OutboxMessage, Payout, State
from payouts.providers.base import Leg

log = logger(__name__)

# What a single row can make the database, or the table of moves, refuse for the whole set.
_POISON: Final = (IntegrityError, DataError, ForbiddenMove)


ONWARD: Final[Mapping[Leg, tuple[str, str]]] = {
    Leg.ARRIVED: ("at_the_bank", "It arrived at the payee's bank."),
    Leg.FAILED: ("bank_failed", "The payee's bank did not take it: it is in their account at the provider."),
}
"""What is written into a payout's record when paid money arrived, or did not: its kind, and the sentence."""


def settle(*, limit: int, now: datetime) -> int:
    """This will fold the observations of up to `limit` attempts; gives how many attempts it folded."""
    with transaction.atomic():
        claimed = list(
            Attempt.objects.filter(observed__gt=F("folded"))
            .order_by("observed", "id")
            .select_for_update(skip_locked=True)
            .values_list("pk", flat=True)[:limit]
        )
        if not claimed:
            return 0
        _settle_together(sorted(claimed), now=now)
        crash_point("settle.before_commit")
    crash_point("settle.after_commit")
    return len(claimed)


def _settle_together(claimed: Sequence[UUID], *, now: datetime) -> None:
    """By halves, where the writing is refused: whoever makes it fail steps aside alone, and the others go on."""
    try:
        with transaction.atomic():
            _write(
                [fold(change, observations) for change, observations in _changes(claimed, now=now)], now=now
            )
    except _POISON as error:
        if len(claimed) == 1:
            [(change, _)] = _changes(claimed, now=now)
            log.exception("attempt_not_settled", attempt=str(change.attempt.pk))
            _write([not_understood(change, error)], now=now)
            return
        half = len(claimed) // 2
        _settle_together(claimed[:half], now=now)
        _settle_together(claimed[half:], now=now)


def _changes(claimed: Sequence[UUID], *, now: datetime) -> list[tuple[Change, list[Observation]]]:
    attempts = list(Attempt.objects.filter(pk__among=claimed).order_by("pk"))
    locked = (
        Payout.objects.filter(pk__among=[a.payout_id for a in attempts]).order_by("pk").select_for_update()
    )
    payouts = {payout.pk: payout for payout in locked}
    newest: dict[UUID, int] = defaultdict(int)
    for payout_id, n in Attempt.objects.filter(payout__among=payouts).values_list("payout_id", "n"):
        newest[payout_id] = max(n, newest[payout_id])
    oldest = {attempt.pk: attempt.folded for attempt in attempts}
    observations: dict[UUID, list[Observation]] = defaultdict(list)
    rows = Observation.objects.filter(attempt__among=oldest, seq__gt=min(oldest.values())).order_by(
        "seq", "id"
    )
    for row in rows:
        if row.seq > oldest[row.attempt_id]:
            observations[row.attempt_id].append(row)
    return [
        (
            Change(a, payouts[a.payout_id], now, is_newest=a.n == newest[a.payout_id]),
            observations[a.pk],
        )
        for a in attempts
    ]


_FOLDED = (
    "state",
    "status",
    "raw_status",
    "reference",
    "movement_reference",
    "onward",
    "onward_message",
    "refusal_code",
    "refusal_class",
    "message",
    "debited",
    "returned_units",
    "fee_units",
    "fee_currency",
    "folded",
    "postings_made",
    "closed_at",
)


def _write(changes: Sequence[Change], *, now: datetime) -> None:
    rowsets.update(
        Attempt,
        [{"id": c.attempt.pk, **{name: getattr(c.attempt, name) for name in _FOLDED}} for c in changes],
    )
    cancelled = {c.payout.pk: c for c in changes if c.path and c.state is State.CANCELLED}
    lines = dissolving.live_lines(list(cancelled))
    for payout_id, drafts in dissolving.release_drafts(lines).items():
        cancelled[payout_id].drafts.extend(drafts)
    _move_all([c for c in changes if c.path], now=now)
    dissolving.release([line for rows in lines.values() for line in rows], now=now)
    # Fees, partial returns and suspense move no state; their postings stand by themselves.
    ledger.post([draft for c in changes if not c.path for draft in c.drafts], now=now)
    returning.owe_again([back for c in changes for back in c.returned], now=now)
    _note_returns([c for c in changes if c.partial_return and c.state is not State.RETURNED], now=now)
    _note_onward(changes, now=now)
    _show_people([c for c in changes if c.person], now=now)
    open_incidents([one for c in changes for one in c.evidence], now=now)
    for provider, alarm in {c.attempt.provider: c.alarm for c in changes if c.alarm}.items():
        alarm_ours(provider, alarm, now=now)


def _move_all(changes: Sequence[Change], *, now: datetime) -> None:
    """Hop by hop, each hop for the whole set; the postings go with the last one, of which alone others are told."""
    for hop in range(max((len(c.path) for c in changes), default=0)):
        by_provider: dict[str, list[Move]] = defaultdict(list)
        for change in changes:
            if hop < len(change.path):
                by_provider[change.attempt.provider].append(_hop(change, hop, now=now))
        for provider, moves in by_provider.items():
            moved = move(moves, actor=Actor.provider(provider), now=now)
            if moved.refused:
                raise RuntimeError(
                    "A payout changed under its own lock."
                )  # cannot happen; nothing is committed


def _hop(change: Change, hop: int, *, now: datetime) -> Move:
    to, reason = change.path[hop]
    is_last = hop == len(change.path) - 1
    return Move(
        payout=change.payout,
        to=to,
        reason=reason,
        drafts=change.drafts if is_last else (),
        changes={
            "paid_at": now if to is State.PAID else change.payout.paid_at,
            "returned_units": int(change.attempt.returned_units)
            if change.returned
            else change.payout.returned_units,
        },
        quiet=not is_last or to is State.APPROVED,
    )


def _note_returns(partial: Sequence[Change], *, now: datetime) -> None:
    """A payout that came back in part stays paid, with how much came back; Sharetribe and the payee are told."""
    rowsets.update(
        Payout,
        [
            {"id": c.payout.pk, "returned_units": int(c.attempt.returned_units), "person_after": now}
            for c in partial
        ],
    )
    for change in partial:
        change.payout.returned_units = change.attempt.returned_units
    record(
        [c.payout for c in partial],
        kind="partly_returned",
        actor=Actor.rule("settlement"),
        reason="Part of it came back.",
        news=NEWS[State.RETURNED],
        now=now,
    )
    rowsets.insert(
        OutboxMessage,
        [
            OutboxMessage(
                id=uuid7(),
                kind=kind,
                subject=c.payout.pk,
                facts={
                    "state": "partly_returned",
                    "number": c.payout.number,
                    "turn": f"returned {c.payout.returned_units}",
                },
                created_at=now,
                next_at=now,
            )
            for c in partial
            for kind in ("write_back", "notice")
        ],
    )


def _note_onward(changes: Sequence[Change], *, now: datetime) -> None:
    """That it reached the payee's bank, or did not, stands in the payout's record, as its payee reads it too."""
    for leg, (kind, reason) in ONWARD.items():
        payouts = [c.payout for c in changes if c.onward == leg]
        record(payouts, kind=kind, actor=Actor.rule("settlement"), reason=reason, now=now)


def _show_people(changes: Sequence[Change], *, now: datetime) -> None:
    rowsets.update(Payout, [{"id": c.payout.pk, "person_after": now} for c in changes])
