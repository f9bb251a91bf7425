"""One payout proved from what is stored: its record, its approvals, its attempts, its postings, its bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from marketplace_payouts.lib.crypto import CryptoError
from marketplace_payouts.lib.ids import BadNumber, check_number
from payouts import chains, digests, facts
from payouts.errors import Refused
from payouts.invariants.base import ask, only_about
from payouts.invariants.running import all_invariants
from payouts.models import Approval, Attempt, Payout, PayoutEvent, State
from payouts.reports import Check, Report
from payouts.steps import stored_body

Row = Mapping[str, Any]


def find(number: str) -> Payout:
    """This will find a payout by its number.

    :raises Refused: when there is none, or it was mistyped.
    """
    try:
        known = check_number(number, prefix="PO")
    except BadNumber as error:
        raise Refused(str(error)) from error
    payout = Payout.objects.filter(number=known).select_related("payee__marketplace", "method").first()
    if payout is None:
        raise Refused(f"There is no payout {known}.")
    return payout


def prove(*, number: str, now: datetime) -> Report:
    """This will recompute everything about a payout that can be recomputed.

    :raises Refused: when there is no such payout.
    """
    payout = find(number)
    return Report(
        [_check(name, proof(payout)) for name, proof in _PROOFS.items()] + _invariants(payout, now=now)
    )


def _check(name: str, wrong: Iterator[Row]) -> Check:
    rows = list(wrong)
    return Check(name, len(rows), rows)


def _record(payout: Payout) -> Iterator[Row]:
    events = list(PayoutEvent.objects.filter(payout=payout).order_by("n"))
    if wrong := chains.first_wrong(events):
        yield {"event": wrong, "problem": "Its hash does not follow from its content and the one before."}
    if [event.n for event in events] != list(range(1, payout.chain_length + 1)):
        yield {"events": len(events), "problem": f"{payout.chain_length} were expected, without a gap."}
    if events and bytes(events[-1].hash) != bytes(payout.chain_hash):
        yield {"event": events[-1].n, "problem": "The payout remembers another last hash."}
    if events and events[-1].to_state != payout.state:
        yield {"state": payout.state, "problem": f"The record ends in {events[-1].to_state}."}


def _present_digest(payout: Payout) -> bytes | None:
    """What an approver would bind now; None once its lines are released, since they were part of it."""
    if payout.state == State.CANCELLED:
        return None
    loaded = facts.for_payouts([payout], now=payout.state_since)
    return digests.digest_of(loaded[payout.pk])


def _approvals(payout: Payout) -> Iterator[Row]:
    """The digests that attempts were sent under are those that live approvals bind, and those of the payout now."""
    present = _present_digest(payout)
    given = payout.approvals.filter(result=Approval.Result.GIVEN)
    for approval in given.filter(revoked_at__isnull=True):
        if present is not None and bytes(approval.digest) != present:
            yield {"approval": approval.pk, "problem": "It binds something else than the payout is now."}
    bound = {bytes(approval.digest) for approval in given}
    for attempt in payout.attempts.all():
        if bytes(attempt.digest) not in bound:
            yield {"attempt": attempt.n, "problem": "Nobody approved what it was sent under."}
        elif present is not None and bytes(attempt.digest) != present:
            yield {
                "attempt": attempt.n,
                "problem": "It was sent under something else than the payout is now.",
            }


def _bytes(payout: Payout) -> Iterator[Row]:
    """The bytes of each step that are still kept are the ones whose digest was committed before the call."""
    for attempt in payout.attempts.select_related("batch"):
        yield from _bytes_of(attempt)


def _bytes_of(attempt: Attempt) -> Iterator[Row]:
    for step in attempt.batch.steps.all():
        if not step.bodies.filter(kind="request").exists():
            continue  # purged after the return window
        try:
            body = stored_body(step)
        except CryptoError as error:
            yield {"attempt": attempt.n, "step": step.name, "problem": str(error)}
            continue
        if hashlib.sha256(body).digest() != bytes(step.digest):
            yield {
                "attempt": attempt.n,
                "step": step.name,
                "problem": "Its bytes are not those of its digest.",
            }


def _postings(payout: Payout) -> Iterator[Row]:
    """Each entry stands on the payout's own accounts, and those of one attempt in its own currency."""
    for posting in payout.postings.select_related("attempt"):
        attempt = posting.attempt
        if attempt is not None and attempt.payout_id != payout.pk:
            yield {"posting": posting.pk, "problem": "It belongs to an attempt of another payout."}
        allocated = {
            account for account in (posting.debit, posting.credit) if account.startswith("allocated:")
        }
        if allocated - {f"allocated:{payout.pk}"}:
            yield {"posting": posting.pk, "problem": "It moves what is set aside for another payout."}
        if posting.currency not in (payout.debt_currency, payout.sent_currency) and posting.kind not in _FEES:
            yield {"posting": posting.pk, "problem": f"It is in {posting.currency}."}


_FEES: Final = ("fee", "fee_back")
_PROOFS: Final[dict[str, Callable[[Payout], Iterator[Row]]]] = {
    "record": _record,
    "approvals": _approvals,
    "bytes": _bytes,
    "postings": _postings,
}


def _invariants(payout: Payout, *, now: datetime) -> list[Check]:
    """The invariants that speak of single payouts, each reduced to this one."""
    about = [one for one in all_invariants() if one.is_of_payouts]
    return [answer.to_check() for answer in ask(about, only_about(payout), now=now)]
