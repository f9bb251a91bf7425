"""What a provider's words, in their order, do to one attempt and its payout; gathered here, written by settlement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from marketplace_payouts.lib.currencies import format_amount
from marketplace_payouts.lib.logs import logger
from marketplace_payouts.lib.money import Money
from payouts import ledger
from payouts.attempt_postings import commit_draft, debit_draft, let_go_drafts, pay_draft
from payouts.incidents import Evidence
from payouts.ledger import Draft
from payouts.lifecycle import MOVES
from payouts.models import Attempt, AttemptState, Observation, Payout, State
from payouts.providers import registry
from payouts.providers.base import Leg, Status
from payouts.returning import Back

log = logger(__name__)


@dataclass(slots=True)
class Change:
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
    onward: str = ""
    """Where the paid money stands on its way to the payee's bank, if that is news."""
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


def fold(change: Change, observations: Sequence[Observation]) -> Change:
    """This will fold observations in their order; what cannot be understood becomes evidence for a person instead."""
    pristine = dict(vars(change.attempt))
    try:
        for seen in observations:
            _fold(change, seen)
    except (ValueError, KeyError, ArithmeticError) as error:
        vars(change.attempt).update(pristine)
        log.exception("observation_not_folded", attempt=str(change.attempt.pk), folded=change.attempt.folded)
        return not_understood(change, error)
    return change


def not_understood(change: Change, error: Exception) -> Change:
    """This will give a change that moves nothing, and shows a person what could not be folded or written."""
    aside = Change(change.attempt, change.payout, change.now, is_newest=change.is_newest)
    aside.attempt.folded = aside.attempt.observed
    sentence = f"An observation cannot be understood: {error}"
    aside.evidence.append(_evidence(aside, "not_understood", sentence))
    return aside


def _fold(change: Change, seen: Observation) -> None:
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
    attempt.movement_reference = seen.movement_reference or attempt.movement_reference
    _RULES[Status(seen.status)](change, seen)
    _fold_onward(change, seen)
    if attempt.debited or attempt.fee_units is not None or _charges_for_failures(attempt.provider):
        # Before the debit a reported fee is an estimate of what may never be charged.
        _fold_fee(change, seen)


def _charges_for_failures(name: str) -> bool:
    provider = registry.find(name)
    return provider is not None and provider.capabilities.fee_on_failure


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


def _evidence(change: Change, kind: str, sentence: str) -> Evidence:
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


def _fold_onward(change: Change, seen: Observation) -> None:
    """What becomes of money that is the payee's already moves neither state nor books; people see where it stuck."""
    attempt = change.attempt
    if seen.onward and seen.onward != attempt.onward:
        attempt.onward, attempt.onward_message = seen.onward, seen.onward_message
        change.onward = seen.onward
        change.person |= seen.onward == Leg.FAILED


def _fold_fee(change: Change, seen: Observation) -> None:
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


def _post(change: Change, kind: str, debit: str, credit: str, amount: Money, *, ordinal: int) -> None:
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


def _go(change: Change, to: State, reason: str) -> bool:
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


def _under_way(change: Change, seen: Observation) -> None:
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


def _debit(change: Change) -> None:
    attempt = change.attempt
    if not attempt.debited:
        attempt.debited = True
        change.drafts.append(debit_draft(attempt, ordinal=attempt.postings_made))
        attempt.postings_made += 1


def _recommit(change: Change) -> None:
    """Later evidence revives an attempt that we had closed: what was let go is committed again."""
    attempt = change.attempt
    if attempt.state in (AttemptState.REFUSED, AttemptState.ABSENT):
        change.drafts.append(commit_draft(attempt, ordinal=attempt.postings_made))
        attempt.postings_made += 1
        attempt.closed_at = None


def _paid(change: Change, seen: Observation) -> None:
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


def _suspend(change: Change, seen: Observation) -> None:
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


def _unsuspend(change: Change, seen: Observation, back: Money) -> None:
    """What left unexpectedly came back as unexpectedly."""
    attempt = change.attempt
    if attempt.debited and attempt.state in (AttemptState.REFUSED, AttemptState.ABSENT):
        attempt.debited = False
        _post(change, "suspense", change.cash, f"suspense:{attempt.provider}", back, ordinal=seen.seq)


def _failed(change: Change, seen: Observation) -> None:
    attempt = change.attempt
    if attempt.state in (AttemptState.REFUSED, AttemptState.ABSENT):
        return
    if not _go(change, State.FAILED, f"{seen.refusal_code or seen.raw_status}: {seen.message}".rstrip(": ")):
        return
    _let_go(change, seen, AttemptState.REFUSED)


def _let_go(change: Change, seen: Observation, state: AttemptState) -> None:
    attempt = change.attempt
    change.drafts.extend(let_go_drafts(attempt))
    attempt.state, attempt.closed_at = state, change.now
    attempt.refusal_code, attempt.refusal_class = seen.refusal_code or seen.raw_status, seen.refusal_class
    attempt.message = seen.message


def _cancelled(change: Change, seen: Observation) -> None:
    if change.attempt.state in (AttemptState.REFUSED, AttemptState.ABSENT):
        return
    if _go(change, State.CANCELLED, "The provider withdrew it before any debit."):
        _let_go(change, seen, AttemptState.REFUSED)


def _not_started(change: Change, seen: Observation) -> None:
    """The provider denied a whole batch for a reason of ours: nothing was debited, and the payee did nothing wrong."""
    if change.attempt.state in (AttemptState.REFUSED, AttemptState.ABSENT):
        return
    reason = f"{seen.refusal_code}: {seen.message}".rstrip(": ")
    if change.state is State.UNKNOWN and not _go(change, State.FAILED, reason):
        return  # the table asks an unknown one to pass through failed on its way back to approved
    if _go(change, State.APPROVED, reason):
        _let_go(change, seen, AttemptState.REFUSED)
        change.alarm = f"{change.attempt.provider} denied a batch: {reason}"


def _returned(change: Change, seen: Observation) -> None:
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


def _unrecognised(change: Change, seen: Observation) -> None:
    """A word that we do not know changes nothing, and a person sees it."""
    change.person = True
    change.attempt.message = f"The provider says {seen.raw_status!r}, which we do not know."


_RULES: dict[Status, Callable[[Change, Observation], None]] = {
    Status.AWAITING_FUNDING: _under_way,
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
