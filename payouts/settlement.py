"""Stage 8, settle: observations, folded per attempt in the order of their counter, become states and postings.

Both ears end here: what a webhook made us re-read and what a poll read are the same rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F

from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.crash_points import crash_point
from marketplace_payouts.lib.currencies import format_amount
from marketplace_payouts.lib.ids import uuid7
from marketplace_payouts.lib.logs import logger
from marketplace_payouts.lib.money import Money
from payouts import dissolving, ledger, returning
from payouts.actors import Actor
from payouts.holding import alarm_ours
from payouts.incidents import Evidence, open_incidents
from payouts.ledger import Draft
from payouts.lifecycle import MOVES, Move, move, record
from payouts.models import Attempt, AttemptState, Observation, OutboxMessage, Payout, State
from payouts.providers.base import Status
from payouts.recording import debit_draft, let_go_drafts, pay_draft
from payouts.returning import Back

log = logger(__name__)


@dataclass(slots=True)
class _Change:
    """What folding does to one attempt and its payout; gathered first, written for the whole set afterwards."""

    attempt: Attempt
    payout: Payout
    now: datetime
    is_newest: bool
    drafts: list[Draft] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    path: list[tuple[State, str]] = field(default_factory=list)
    """The moves that the evidence asks for, one after the other, each with its reason."""
    returned: list[Back] = field(default_factory=list)
    partial_return: bool = False
    alarm: str = ""
    person: bool = False

    @property
    def state(self) -> State:
        """Where the payout stands after what was folded so far."""
        return self.path[-1][0] if self.path else State(self.payout.state)

    @property
    def sent(self) -> Money:
        """What the attempt sent."""
        return Money(int(self.attempt.units), self.attempt.currency)

    @property
    def cash(self) -> str:
        """The account of what the provider holds for us."""
        return f"provider_cash:{self.attempt.provider}"


def settle(*, limit: int, now: datetime) -> int:
    """This will fold the observations of up to `limit` attempts; gives how many attempts it folded."""
    with transaction.atomic():
        attempts = list(
            Attempt.objects.filter(observed__gt=F("folded"))
            .order_by("observed", "id")
            .select_for_update(skip_locked=True)[:limit]
        )
        if not attempts:
            return 0
        attempts.sort(key=lambda attempt: attempt.pk)
        changes = _changes(attempts, now=now)
        _write([_folded(change, observations) for change, observations in changes], now=now)
        crash_point("settle.before_commit")
    crash_point("settle.after_commit")
    return len(attempts)


def _changes(attempts: Sequence[Attempt], *, now: datetime) -> list[tuple[_Change, list[Observation]]]:
    locked = Payout.objects.filter(pk__in=[a.payout_id for a in attempts]).order_by("pk").select_for_update()
    payouts = {payout.pk: payout for payout in locked}
    newest: dict[UUID, int] = defaultdict(int)
    for payout_id, n in Attempt.objects.filter(payout_id__in=list(payouts)).values_list("payout_id", "n"):
        newest[payout_id] = max(n, newest[payout_id])
    oldest = {attempt.pk: attempt.folded for attempt in attempts}
    observations: dict[UUID, list[Observation]] = defaultdict(list)
    rows = Observation.objects.filter(attempt_id__in=list(oldest), seq__gt=min(oldest.values())).order_by(
        "seq", "id"
    )
    for row in rows:
        if row.seq > oldest[row.attempt_id]:
            observations[row.attempt_id].append(row)
    return [
        (
            _Change(a, payouts[a.payout_id], now, is_newest=a.n == newest[a.payout_id]),
            observations[a.pk],
        )
        for a in attempts
    ]


def _folded(change: _Change, observations: Sequence[Observation]) -> _Change:
    """A poison observation steps aside as evidence that a person must look at; the others go on."""
    pristine, was_at = copy(change.attempt), change.attempt.folded
    try:
        for seen in observations:
            _fold(change, seen)
    except (ValueError, KeyError, ArithmeticError) as error:
        log.exception("observation_not_folded", attempt=str(change.attempt.pk), folded=was_at)
        change = _Change(pristine, change.payout, change.now, is_newest=change.is_newest)
        pristine.folded = pristine.observed
        change.evidence.append(
            _evidence(change, "not_understood", f"An observation cannot be understood: {error}")
        )
    return change


def _fold(change: _Change, seen: Observation) -> None:
    attempt = change.attempt
    attempt.folded = max(attempt.folded, seen.seq)
    difference = _wrong_echo(attempt, seen)
    if difference:
        # What it says of something else than we sent is not the newest word about what we sent.
        change.evidence.append(_evidence(change, "wrong_echo", difference))
        return
    attempt.raw_status, attempt.status = seen.raw_status, seen.status
    if seen.reference and not attempt.reference:
        attempt.reference = seen.reference
    _RULES[Status(seen.status)](change, seen)
    if attempt.debited or attempt.fee_units is not None:
        # Before the debit a reported fee is an estimate of what may never be charged.
        _fold_fee(change, seen)


def _wrong_echo(attempt: Attempt, seen: Observation) -> str:
    if seen.units is not None and (int(seen.units), seen.currency) != (int(attempt.units), attempt.currency):
        sent = format_amount(Money(int(attempt.units), attempt.currency))
        echoed = format_amount(Money(int(seen.units), seen.currency))
        return f"We sent {sent}, the provider speaks of {echoed}."
    if seen.destination and seen.destination != attempt.destination:
        return "The provider names another destination than the one we sent to."
    if seen.reference and attempt.reference and seen.reference != attempt.reference:
        return f"The item was known as {attempt.reference}, now it is {seen.reference}."
    return ""


def _evidence(change: _Change, kind: str, sentence: str) -> Evidence:
    attempt, payout = change.attempt, change.payout
    return Evidence(
        kind=kind,
        subject=f"attempt {attempt.pk}",
        sentence=f"{payout.number}: {sentence}",
        provider=attempt.provider,
        facts={"payout": payout.number, "attempt": attempt.key, "raw_status": attempt.raw_status},
        payout=payout,
        attempt=attempt,
    )


def _fold_fee(change: _Change, seen: Observation) -> None:
    """Fees are posted as reported, and again by the difference when the provider changes them."""
    attempt = change.attempt
    if seen.fee_units is None or (seen.fee_units, seen.fee_currency) == (
        attempt.fee_units,
        attempt.fee_currency,
    ):
        return
    fees = f"fees:{attempt.provider}"
    before = Money(int(attempt.fee_units or 0), attempt.fee_currency or seen.fee_currency)
    after = Money(int(seen.fee_units), seen.fee_currency)
    if before.currency == after.currency:
        parts = [after - before]
    else:
        parts = [-before, after]
    for n, part in enumerate(part for part in parts if part.units):
        amount, debit, credit = ledger.flipped(part, fees, change.cash)
        kind = "fee" if part.units > 0 else "fee_back"
        _post(change, kind, debit, credit, amount, ordinal=seen.seq * 2 + n)
    attempt.fee_units, attempt.fee_currency = seen.fee_units, seen.fee_currency


def _post(change: _Change, kind: str, debit: str, credit: str, amount: Money, *, ordinal: int) -> None:
    change.drafts.append(
        Draft(
            kind=kind,
            subject=change.attempt.pk,
            ordinal=ordinal,
            debit=debit,
            credit=credit,
            amount=amount,
            payout_id=change.payout.pk,
            attempt_id=change.attempt.pk,
        )
    )


def _go(change: _Change, to: State, reason: str) -> bool:
    """Moves if the table allows it from here and no newer attempt exists; else it is evidence against the books."""
    here = change.state
    if change.is_newest and here is to:
        return True
    if not change.is_newest or to not in MOVES[here]:
        sentence = f"The provider says {change.attempt.raw_status}, but the payout is {here.label.lower()}."
        evidence = _evidence(change, "contradiction", sentence)
        if to in (State.SUBMITTED, State.PAID):
            evidence = replace(evidence, payee_id=change.payout.payee_id)
        change.evidence.append(evidence)
        return False
    change.path.append((to, reason))
    return True


def _under_way(change: _Change, seen: Observation) -> None:
    attempt = change.attempt
    is_out = seen.status in (Status.AWAITING_PAYEE, Status.ON_HOLD)
    if attempt.state in (AttemptState.SETTLED, AttemptState.RETURNED):
        change.person |= is_out  # it is over by our books: an older word, or one that somebody must look at
        return
    if attempt.state in (
        AttemptState.COMMITTED,
        AttemptState.UNKNOWN,
        AttemptState.REFUSED,
        AttemptState.ABSENT,
    ):
        if not _go(change, State.SUBMITTED, f"The provider has it: {seen.raw_status}."):
            if is_out:
                _suspend(change, seen)
            return
        _recommit(change)
    if is_out:
        _debit(change)
    attempt.state = AttemptState.ACCEPTED
    attempt.refusal_code, attempt.message = seen.refusal_code, seen.message
    change.person |= seen.status == Status.ON_HOLD


def _debit(change: _Change) -> None:
    attempt = change.attempt
    if not attempt.debited:
        attempt.debited = True
        change.drafts.append(debit_draft(attempt, ordinal=attempt.postings_made))
        attempt.postings_made += 1


def _recommit(change: _Change) -> None:
    """Later evidence revives an attempt that we had closed: what was let go is committed again."""
    attempt = change.attempt
    if attempt.state in (AttemptState.REFUSED, AttemptState.ABSENT):
        amount = change.sent
        _post(
            change,
            "commit",
            ledger.allocated(attempt.payout_id),
            f"committed:{attempt.provider}",
            amount,
            ordinal=attempt.postings_made,
        )
        attempt.postings_made += 1
        attempt.closed_at = None


def _paid(change: _Change, seen: Observation) -> None:
    attempt = change.attempt
    if attempt.state in (AttemptState.SETTLED, AttemptState.RETURNED):
        if attempt.state == AttemptState.RETURNED:
            evidence = _evidence(change, "contradiction", "It came back, and now is said to be paid.")
            change.evidence.append(replace(evidence, payee_id=change.payout.payee_id))
        return
    if not _go(change, State.PAID, "The provider says that it arrived."):
        _suspend(change, seen)
        return
    _recommit(change)
    _debit(change)
    change.drafts.append(pay_draft(attempt))
    attempt.state, attempt.closed_at = AttemptState.SETTLED, change.now
    attempt.refusal_code = attempt.message = ""


def _suspend(change: _Change, seen: Observation) -> None:
    """Money left that our books do not expect: it is posted all the same, to suspense."""
    attempt = change.attempt
    if not attempt.debited:
        attempt.debited = True
        provider = attempt.provider
        _post(
            change,
            "suspense",
            f"suspense:{provider}",
            f"provider_cash:{provider}",
            change.sent,
            ordinal=seen.seq,
        )


def _unsuspend(change: _Change, seen: Observation, back: Money) -> None:
    """What left unexpectedly came back as unexpectedly."""
    attempt = change.attempt
    if attempt.debited and attempt.state in (AttemptState.REFUSED, AttemptState.ABSENT):
        attempt.debited = False
        _post(change, "suspense", change.cash, f"suspense:{attempt.provider}", back, ordinal=seen.seq)


def _failed(change: _Change, seen: Observation) -> None:
    attempt = change.attempt
    if attempt.state in (AttemptState.REFUSED, AttemptState.ABSENT):
        return
    if not _go(change, State.FAILED, f"{seen.refusal_code or seen.raw_status}: {seen.message}".rstrip(": ")):
        return
    _let_go(change, seen, AttemptState.REFUSED)


def _let_go(change: _Change, seen: Observation, state: AttemptState) -> None:
    attempt = change.attempt
    change.drafts.extend(let_go_drafts(attempt))
    attempt.state, attempt.closed_at = state, change.now
    attempt.refusal_code, attempt.refusal_class = seen.refusal_code or seen.raw_status, seen.refusal_class
    attempt.message = seen.message


def _cancelled(change: _Change, seen: Observation) -> None:
    if change.attempt.state in (AttemptState.REFUSED, AttemptState.ABSENT):
        return
    if _go(change, State.CANCELLED, "The provider withdrew it before any debit."):
        _let_go(change, seen, AttemptState.REFUSED)


def _not_started(change: _Change, seen: Observation) -> None:
    """The provider denied a whole batch for a reason of ours: nothing was debited, and the payee did nothing wrong."""
    if change.attempt.state in (AttemptState.REFUSED, AttemptState.ABSENT):
        return
    reason = f"{seen.refusal_code}: {seen.message}".rstrip(": ")
    if change.state is State.UNKNOWN and not _go(change, State.FAILED, reason):
        return  # the table asks an unknown one to pass through failed on its way back to approved
    if _go(change, State.APPROVED, reason):
        _let_go(change, seen, AttemptState.REFUSED)
        change.alarm = f"{change.attempt.provider} denied a batch: {reason}"


def _returned(change: _Change, seen: Observation) -> None:
    """Returns are cumulative: the difference to what is posted already is posted now, and owed again."""
    attempt = change.attempt
    total = int(attempt.units) if seen.returned_units is None else int(seen.returned_units)
    back = Money(total - int(attempt.returned_units), attempt.currency)
    if back.units <= 0:
        return
    whole = total >= int(attempt.units)
    was_paid = attempt.state == AttemptState.SETTLED
    if not was_paid and not whole:
        _paid(change, seen)
        was_paid = attempt.state == AttemptState.SETTLED
        if not was_paid:
            return  # it stands in suspense, and people sort out what is whose
    if whole and not _go(change, State.RETURNED, f"It came back: {seen.raw_status}."):
        _unsuspend(change, seen, back)
        return
    owed = ledger.owed(change.payout.payee_id)
    if was_paid:
        _post(change, "return_cash", change.cash, owed, back, ordinal=seen.seq)
    else:
        _recommit(change)
        _debit(change)
        provider = attempt.provider
        _post(change, "undebit", change.cash, f"in_transit:{provider}", back, ordinal=attempt.postings_made)
        attempt.postings_made += 1
        _post(change, "return_owed", f"committed:{provider}", owed, back, ordinal=seen.seq)
    attempt.returned_units = total
    if whole:
        attempt.state, attempt.closed_at = AttemptState.RETURNED, change.now
    change.partial_return |= not whole
    change.returned.append(
        Back(
            payout=change.payout,
            key=attempt.key,
            units=back.units,
            before=total - back.units,
            currency=back.currency,
            reference=seen.return_reference,
            raw_status=seen.raw_status,
        )
    )


def _unrecognised(change: _Change, seen: Observation) -> None:
    """A word that we do not know changes nothing, and a person sees it."""
    change.person = True
    change.attempt.message = f"The provider says {seen.raw_status!r}, which we do not know."


_RULES: dict[Status, Callable[[_Change, Observation], None]] = {
    Status.PROCESSING: _under_way,
    Status.AWAITING_PAYEE: _under_way,
    Status.ON_HOLD: _under_way,
    Status.PAID: _paid,
    Status.FAILED: _failed,
    Status.RETURNED: _returned,
    Status.CANCELLED: _cancelled,
    Status.NOT_STARTED: _not_started,
    Status.UNRECOGNISED: _unrecognised,
}

_FOLDED = (
    "state",
    "status",
    "raw_status",
    "reference",
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


def _write(changes: Sequence[_Change], *, now: datetime) -> None:
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
    _show_people([c for c in changes if c.person], now=now)
    open_incidents([one for c in changes for one in c.evidence], now=now)
    for provider, alarm in {c.attempt.provider: c.alarm for c in changes if c.alarm}.items():
        alarm_ours(provider, alarm, now=now)


def _move_all(changes: Sequence[_Change], *, now: datetime) -> None:
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


def _hop(change: _Change, hop: int, *, now: datetime) -> Move:
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


def _note_returns(partial: Sequence[_Change], *, now: datetime) -> None:
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
        now=now,
    )
    rowsets.insert(
        OutboxMessage,
        [
            OutboxMessage(
                id=uuid7(),
                kind=kind,
                subject=c.payout.pk,
                facts={"state": "partly_returned", "number": c.payout.number},
                created_at=now,
                next_at=now,
            )
            for c in partial
            for kind in ("write_back", "notice")
        ],
    )


def _show_people(changes: Sequence[_Change], *, now: datetime) -> None:
    rowsets.update(Payout, [{"id": c.payout.pk, "person_after": now} for c in changes])
