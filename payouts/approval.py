"""Stage 5, decide: pending payouts come before people or a policy, and what they decide binds a digest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from accounts.models import User
from accounts.roles import require
from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.crash_points import crash_point
from marketplace_payouts.lib.ids import uuid7
from payouts import digests, facts
from payouts.actors import Actor
from payouts.digests import digests as digests_of
from payouts.facts import Facts
from payouts.gates import Stage, first_block
from payouts.lifecycle import Move, move, record
from payouts.limits import Budget
from payouts.models import Approval, ApprovalPolicy, Hold, Payout, State
from payouts.outcomes import Done

__all__ = ["approve", "decide", "digests_of", "locked", "refusals", "revoke"]

_LOOK_AGAIN = timedelta(minutes=5)
_WAIT_FOR_PEOPLE = timedelta(hours=1)
_RULE = Actor.rule("approval policy")


def decide(*, limit: int, now: datetime) -> int:
    """This will bring pending payouts before people, and let policies approve what they may; gives how many moved."""
    with transaction.atomic():
        payouts = list(
            Payout.objects.filter(state__in=(State.PENDING, State.AWAITING_APPROVAL), next_at__lte=now)
            .select_related("payee__marketplace", "method")
            .order_by("next_at", "id")
            .select_for_update(skip_locked=True, of=("self",))[:limit]
        )
        if not payouts:
            return 0
        loaded = facts.for_payouts(payouts, now=now)
        ready, blocked = _sort(payouts, loaded)
        pending = [payout for payout in ready if payout.state == State.PENDING]
        moved = move(
            [Move(payout=p, to=State.AWAITING_APPROVAL, reason="Waiting for approval.") for p in pending],
            actor=Actor.rule("gates"),
            now=now,
        )
        approved = _by_policy(ready, loaded, now=now)
        waiting = [p for p in ready if p.state == State.AWAITING_APPROVAL]
        _look_later([*blocked, *((p, "approved") for p in waiting)], now=now)
        crash_point("decide.before_commit")
    crash_point("decide.after_commit")
    return len(moved.moved) + approved


def approve(*, by: User, wanted: Sequence[tuple[UUID, bytes]], reason: str, now: datetime) -> Done:
    """This will approve payouts for exactly the digests that the approver saw; each refusal is kept as a row.

    :raises NotAllowed: when the person's roles do not cover approving.
    """
    require(by, "act_approve")
    seen = dict(wanted)
    outcome = Done()
    with transaction.atomic():
        payouts = locked(seen)
        loaded = facts.for_payouts(payouts, now=now, lock=True)
        _drop_void(loaded.values(), now=now)
        makers = _makers(payouts, loaded)
        budget = Budget.of(by, {p.debt_currency for p in payouts}, now=now)
        rows: list[Approval] = []
        complete: list[Payout] = []
        partial: list[Payout] = []
        for payout in payouts:
            one = loaded[payout.pk]
            sentence = _why_not(one, seen[payout.pk], by, makers[payout.pk]) or budget.why_not(payout)
            row = _approval(one, by=by, policy=None, reason=reason, sentence=sentence, budget=budget, now=now)
            rows.append(row)
            if sentence:
                outcome.refuse(payout.number, sentence)
                continue
            one.approvals.append(row)
            (complete if digests.standing(one).enough else partial).append(payout)
            outcome.done.append(payout.number)
        rowsets.insert(Approval, rows)
        actor = Actor.staff(by)
        record(partial, kind="first_approval", actor=actor, reason=reason, now=now)
        move([_approval_move(p, reason) for p in complete], actor=actor, now=now)
        crash_point("approve.before_commit")
    crash_point("approve.after_commit")
    return outcome


def refusals(*, by: User, payout_ids: Sequence[UUID], now: datetime) -> dict[UUID, str]:
    """This will say for which payouts an approval of this person would be refused now, and why.

    Limits are counted when the approval is given: how much fits depends on what else is approved with it.
    """
    payouts = list(Payout.objects.filter(pk__in=payout_ids).select_related("payee__marketplace", "method"))
    loaded = facts.for_payouts(payouts, now=now)
    makers = _makers(payouts, loaded)
    found = {}
    for payout in payouts:
        one = loaded[payout.pk]
        void = digests.standing(one).void
        one.approvals = [row for row in one.approvals if row not in void]
        if sentence := _why_not(one, digests.digest_of(one), by, makers[payout.pk]):
            found[payout.pk] = sentence
    return found


def revoke(*, by: User, payout_ids: Sequence[UUID], reason: str, now: datetime) -> Done:
    """This will take back the approvals of payouts that are not being sent yet.

    :raises NotAllowed: when the person's roles do not cover approving.
    """
    require(by, "act_approve")
    outcome = Done()
    with transaction.atomic():
        for payout in locked(payout_ids):
            if payout.state not in (State.APPROVED, State.AWAITING_APPROVAL):
                outcome.refuse(
                    payout.number, f"It is {payout.get_state_display().lower()}; nothing can be revoked."
                )
                continue
            withdraw([payout], actor=Actor.staff(by), reason=reason, now=now)
            outcome.done.append(payout.number)
    return outcome


def withdraw(payouts: Sequence[Payout], *, actor: Actor, reason: str, now: datetime) -> None:
    """This will end the live approvals of locked payouts and send approved ones back before people."""
    ids = [payout.pk for payout in payouts]
    Approval.objects.filter(payout_id__in=ids, result=Approval.Result.GIVEN, revoked_at__isnull=True).update(
        revoked_at=now, revoked_reason=reason[:200]
    )
    back = [payout for payout in payouts if payout.state == State.APPROVED]
    move([Move(payout=p, to=State.AWAITING_APPROVAL, reason=reason) for p in back], actor=actor, now=now)
    others = [payout for payout in payouts if payout not in back]
    record(others, kind="approval_revoked", actor=actor, reason=reason, now=now)


def locked(payout_ids: Iterable[UUID]) -> list[Payout]:
    """This will lock payouts in the order of their ids, with payee and method."""
    return list(
        Payout.objects.filter(pk__in=list(payout_ids))
        .select_related("payee__marketplace", "method")
        .order_by("pk")
        .select_for_update(of=("self",))
    )


def _drop_void(loaded: Iterable[Facts], *, now: datetime) -> None:
    """What expired, or was given for something else, must not keep its author from approving what is there now."""
    void: list[UUID] = []
    for one in loaded:
        no_longer = digests.standing(one).void
        void += [approval.pk for approval in no_longer]
        one.approvals = [approval for approval in one.approvals if approval not in no_longer]
    Approval.objects.filter(pk__in=void).update(revoked_at=now, revoked_reason="It no longer bound anything.")


def _approval_move(payout: Payout, reason: str) -> Move:
    return Move(payout=payout, to=State.APPROVED, reason=reason or "Approved.")


def _why_not(one: Facts, seen: bytes, by: User, makers: set[UUID]) -> str:
    payout = one.payout
    assert payout is not None
    if payout.state != State.AWAITING_APPROVAL:
        return f"It is {payout.get_state_display().lower()}, not awaiting approval."
    if digests.digest_of(one) != seen:
        return "It changed since you looked at it; open it again."
    if by.pk in makers:
        return (
            "You made part of it (the method, a line, a hold, the trigger, or the record of the buyer's payment);"
            " another person must approve it."
        )
    if any(approval.by_id == by.pk for approval in one.approvals):
        return "You approved it already; another person must."
    blocked = first_block(one, up_to=Stage.DECIDE)
    return f"{blocked[1].sentence}" if blocked else ""


def _makers(payouts: Sequence[Payout], loaded: dict[UUID, Facts]) -> dict[UUID, set[UUID]]:
    """Whoever last touched the method, the amount, a line, a hold or the trigger; a rule is no maker."""
    makers: dict[UUID, set[UUID | None]] = defaultdict(set)
    for payout in payouts:
        one = loaded[payout.pk]
        makers[payout.pk] |= {payout.method.made_by_id, payout.method.verified_by_id}
        makers[payout.pk] |= {row.made_by_id for row in one.payables}
        makers[payout.pk] |= {row.trigger.changed_by_id for row in one.payables if row.trigger is not None}
        makers[payout.pk] |= {row.decided_by_id for row in one.payables}
        makers[payout.pk] |= {maker for payments in one.payments.values() for maker in payments.made_by}
    touched = Q(payout__in=payouts) | Q(payee__in=[p.payee_id for p in payouts])
    touched |= Q(method__in=[p.method_id for p in payouts])
    last = {
        h.payout_id or h.payee_id or h.method_id: h for h in Hold.objects.filter(touched).order_by("set_at")
    }
    for payout in payouts:
        for target in (payout.pk, payout.payee_id, payout.method_id):
            if target in last:
                makers[payout.pk] |= {last[target].set_by_id, last[target].lifted_by_id}
    return {payout.pk: {pk for pk in makers[payout.pk] if pk is not None} for payout in payouts}


def _approval(
    one: Facts,
    *,
    by: User | None,
    policy: ApprovalPolicy | None,
    reason: str,
    sentence: str,
    budget: Budget | None,
    now: datetime,
) -> Approval:
    payout = one.payout
    assert payout is not None
    return Approval(
        id=uuid7(),
        payout=payout,
        result=Approval.Result.REFUSED if sentence else Approval.Result.GIVEN,
        digest=digests.digest_of(one),
        units=payout.debt_units,
        currency=payout.debt_currency,
        by=by,
        policy=policy,
        reason=sentence or reason,
        limit_snapshot=budget.snapshot(payout.debt_currency) if budget else {},
        at=now,
        expires_at=now + settings.APPROVAL_VALID_FOR,
    )


def _by_policy(ready: Sequence[Payout], loaded: dict[UUID, Facts], *, now: datetime) -> int:
    policies = {
        policy.currency: policy
        for policy in ApprovalPolicy.objects.filter(enabled=True, retired_at__isnull=True).select_for_update()
    }
    if not policies:
        return 0
    waiting = [p for p in ready if p.state == State.AWAITING_APPROVAL and p.debt_currency in policies]
    # Whatever took an approval back, a rule must not give it again behind the back of whoever looks at it.
    judged = set(
        Approval.objects.filter(payout__in=waiting, result=Approval.Result.GIVEN).values_list(
            "payout_id", flat=True
        )
    )
    waiting = [payout for payout in waiting if payout.pk not in judged]
    payees = {payout.payee_id for payout in waiting}
    paid_before = set(
        Payout.objects.filter(payee_id__in=payees, state=State.PAID)
        .values_list("payee_id", flat=True)
        .distinct()
    )
    chosen = [
        (payout, policies[payout.debt_currency])
        for payout in waiting
        if _policy_covers(
            policies[payout.debt_currency], loaded[payout.pk], payout.payee_id in paid_before, now=now
        )
    ]
    rows = [
        _approval(
            loaded[payout.pk],
            by=None,
            policy=policy,
            reason=f"{policy} covers it.",
            sentence="",
            budget=None,
            now=now,
        )
        for payout, policy in chosen
    ]
    rowsets.insert(Approval, rows)
    moved = move([_approval_move(p, f"{policy} covers it.") for p, policy in chosen], actor=_RULE, now=now)
    return len(moved.moved)


def _policy_covers(policy: ApprovalPolicy, one: Facts, paid_before: bool, *, now: datetime) -> bool:
    payout, method = one.payout, one.method
    assert payout is not None
    assert method is not None
    return (
        payout.debt_units <= policy.maximum_units
        and digests.people_needed(one) == 1
        and (paid_before or not (policy.payee_paid_before or method.first_for_payee))
        and method.created_at <= now - timedelta(days=policy.method_age_days)
    )


def _sort(
    payouts: Sequence[Payout], loaded: dict[UUID, Facts]
) -> tuple[list[Payout], list[tuple[Payout, str]]]:
    ready, blocked = [], []
    for payout in payouts:
        found = first_block(loaded[payout.pk], up_to=Stage.DECIDE)
        if found is None:
            ready.append(payout)
        else:
            blocked.append((payout, found[0].name))
    return ready, blocked


def _look_later(waiting: Sequence[tuple[Payout, str]], *, now: datetime) -> None:
    rowsets.update(
        Payout,
        [
            {
                "id": payout.pk,
                "next_at": now + (_WAIT_FOR_PEOPLE if gate == "approved" else _LOOK_AGAIN),
                "blocked_by": gate,
            }
            for payout, gate in waiting
        ],
    )
