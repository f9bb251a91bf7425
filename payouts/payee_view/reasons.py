"""Why a payee's money is not there yet: the gates of a payout that waits, and of what is in no payout."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Count, Sum

from marketplace_payouts.lib.money import Money
from payouts import blocks, gates
from payouts.blocks import Reason
from payouts.gates import GATES, GateAnswer, Stage
from payouts.models import Attempt, AttemptState, Payable, Payout, State
from payouts.payee_view.finding import find
from payouts.payee_view.lines import line_of
from payouts.payee_view.shapes import PHASES, Obstacle, Phase, Waiting, WaitingLine
from payouts.providers.base import RefusalClass, Status

MOST: Final = 300
"""How many of the things that wait are shown, and explained, at once."""

GATHERING: Final[Mapping[str, Reason]] = {"minimum": Reason.MINIMUM, "negative": Reason.DEDUCTIONS}
"""What a gathering found of several payables together, that is the gate of none of them alone."""

REFUSED: Final[Mapping[str, Reason]] = {
    RefusalClass.PAYEE: Reason.NOT_ACCEPTED_METHOD,
    RefusalClass.FINAL: Reason.NOT_ACCEPTED_METHOD,
    RefusalClass.OURS: Reason.NOT_ACCEPTED,
    RefusalClass.WAIT: Reason.NOT_ACCEPTED,
    RefusalClass.NEIGHBOUR: Reason.NOT_ACCEPTED,
    RefusalClass.UNCLASSIFIED: Reason.NOT_ACCEPTED,
}
ON_ITS_WAY: Final[Mapping[str, Reason]] = {
    Status.AWAITING_PAYEE: Reason.TO_CLAIM,
    Status.ON_HOLD: Reason.SERVICE_CHECKS,
}
_SENDING: Final = frozenset(gate.name for gate in GATES if gate.stage is Stage.SEND)


def why(*, payee_id: UUID, payout_id: UUID, now: datetime) -> list[Obstacle]:
    """This will say why a payout of the payee's is not paid yet; nothing where it was, or where nobody need know more.

    :raises NoSuchPayout: when the payee has none of that id.
    """
    return obstacles(find(payee_id=payee_id, payout_id=payout_id), now=now)


def obstacles(payout: Payout, *, now: datetime) -> list[Obstacle]:
    """This will say why a payout is not paid yet."""
    match PHASES[State(payout.state)]:
        case Phase.PREPARING:
            return _before_sending(payout, now=now)
        case Phase.ON_ITS_WAY:
            attempt = _newest(payout, AttemptState.ACCEPTED)
            reason = ON_ITS_WAY.get(attempt.status) if attempt is not None else None
            return told([(reason, None, None)] if reason is not None else [])
        case Phase.FAILED:
            attempt = _newest(payout, AttemptState.REFUSED)
            refusal = attempt.refusal_class if attempt is not None else ""
            return told([(REFUSED.get(refusal, Reason.NOT_ACCEPTED), None, None)])
        case _:
            return []


def waiting(*, payee_id: UUID, now: datetime) -> list[Waiting]:
    """This will say, by currency, what is owed to a payee and in no payout yet, and why."""
    opened = Payable.objects.filter(payee=payee_id, settled=Payable.Settled.NOT)
    totals = {
        row["currency"]: row
        for row in opened.order_by().values("currency").annotate(n=Count("pk"), units=Sum("units"))
    }
    rows = list(opened.select_related("source").order_by("became_due_at", "pk")[:MOST])
    answers = gates.explain_payables([row.pk for row in rows], now=now)
    shown: dict[str, list[WaitingLine]] = defaultdict(list)
    reasons: dict[str, list[Reasoned]] = defaultdict(list)
    for row in rows:
        found = reasons_of(row, answers[row.pk])
        reasons[row.currency] += found
        shown[row.currency].append(WaitingLine(line=line_of(row, row.units), why=told(found)))
    return [
        Waiting(
            total=Money(int(row["units"]), currency),
            lines=shown[currency],
            why=told(reasons[currency]),
            more=row["n"] - len(shown[currency]),
        )
        for currency, row in sorted(totals.items())
    ]


Reasoned = tuple[Reason, datetime | None, Money | None]
"""A reason, until when it stands, and the amount that it speaks of."""


def reasons_of(row: Payable, answers: Iterable[GateAnswer]) -> list[Reasoned]:
    """This will give what stands in the way of a payable that is in no payout."""
    found = [reasoned(one) for one in answers if not one.passed]
    if not found and row.blocked_by in GATHERING:
        found.append((GATHERING[row.blocked_by], None, Money(int(row.minimum_units), row.currency)))
    # Whatever is due, and ready as far as anybody knows, is being worked on like everything else.
    return found or [(Reason.CHECKS, None, None)]


def reasoned(answer: GateAnswer) -> Reasoned:
    """This will give the reason of a gate that does not pass."""
    assert answer.reason is not None
    return answer.reason, answer.until, answer.amount


def told(found: Iterable[Reasoned]) -> list[Obstacle]:
    """This will write reasons out, each once, and until its latest moment.

    The usual checks are told where nothing else is: beside another reason they would betray that something is held.
    """
    latest: dict[tuple[Reason, Money | None], datetime | None] = {}
    for reason, until, amount in found:
        before = latest.get((reason, amount))
        latest[reason, amount] = until if before is None or until is None else max(before, until)
    if any(reason is not Reason.CHECKS for reason, _ in latest):
        latest.pop((Reason.CHECKS, None), None)
    return [
        Obstacle(code=reason.value, sentence=blocks.tell(reason, until=until, amount=amount), until=until)
        for (reason, amount), until in latest.items()
    ]


def _before_sending(payout: Payout, *, now: datetime) -> list[Obstacle]:
    failing = [one for one in gates.explain([payout.pk], now=now)[payout.pk] if not one.passed]
    found = [reasoned(one) for one in failing if one.gate not in _SENDING]
    # What comes after approval is done after it, and so never passes before it.
    last = next((one for one in failing if one.gate in _SENDING), None)
    if last is not None:
        is_first = last.gate == "approved" and not _was_paid_to(payout)
        found.append((Reason.FIRST_PAYOUT, None, None) if is_first else reasoned(last))
    return told(found or [(Reason.CHECKS, None, None)])


def _was_paid_to(payout: Payout) -> bool:
    return Payout.objects.filter(payee=payout.payee_id, method=payout.method_id, state=State.PAID).exists()


def _newest(payout: Payout, state: AttemptState) -> Attempt | None:
    return Attempt.objects.filter(payout=payout, state=state).order_by("-n").first()
