"""Stage 4, gather: a payee's due payables become payouts, one per currency."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from accounts.models import Payee
from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.crash_points import crash_point
from marketplace_payouts.lib.ids import public_number, uuid7
from marketplace_payouts.lib.money import Money
from payouts import carrying, facts, incarnation, ledger, lifecycle
from payouts.actors import Actor
from payouts.carrying import carry, grain
from payouts.dissolving import line_money
from payouts.gates import Stage, first_block
from payouts.models import Payable, Payout, PayoutLine, PayoutMethod, Rail

_RULE = Actor.rule("schedule")
_LOOK_AGAIN = timedelta(minutes=15)
# What is too little becomes enough when something else is owed, and that wakes the payee by itself.
_LOOK_SELDOM = timedelta(days=1)


@dataclass(slots=True)
class _Plan:
    """What a gathering does with the payables it looked at."""

    groups: list[tuple[Payee, PayoutMethod, list[Payable]]]
    zero: list[Payable]
    blocked: dict[UUID, str]
    """Payable → the gate that stopped it."""


def gather(*, limit: int, now: datetime) -> int:
    """This will gather what is due to up to `limit` payees into payouts; gives how many payouts it made."""
    incarnation.begin()
    with transaction.atomic():
        payees = list(
            Payee.objects.filter(next_gather_at__lte=now)
            .select_related("marketplace")
            .order_by("next_gather_at", "id")
            .select_for_update(skip_locked=True, of=("self",))[:limit]
        )
        rows, busy = _open(payees)
        payees = [payee for payee in payees if payee.pk not in busy]
        if not payees:
            return 0
        plan = _plan(rows, {payee.pk: payee for payee in payees}, now=now)
        payouts, carried = _make(plan.groups, now=now)
        ledger.post([_net(row) for row in plan.zero if row.decided.startswith("net")], now=now)
        _mark(plan, rows)
        _next_look(payees, rows, plan, carried, now=now)
        crash_point("gather.before_commit")
    crash_point("gather.after_commit")
    return len(payouts)


def _open(payees: Sequence[Payee]) -> tuple[list[Payable], set[UUID]]:
    """What is open for payees, locked; and those of whom something is being changed, who are looked at again later.

    Waiting for it would be waiting in a circle: whoever changes a payable wakes its payee, whom we have locked.
    """
    found = Payable.objects.filter(
        payee__in=payees, settled=Payable.Settled.NOT, waits_for=Payable.Waits.NOTHING
    )
    rows = list(
        found.select_related("payee", "source", "trigger__process")
        .order_by("id")
        .select_for_update(skip_locked=True, of=("self",))
    )
    locked = {row.pk for row in rows}
    busy = {payee for pk, payee in found.values_list("pk", "payee_id") if pk not in locked}
    return [row for row in rows if row.payee_id not in busy], busy


def _plan(rows: Sequence[Payable], payees: dict[UUID, Payee], *, now: datetime) -> _Plan:
    for row in rows:
        row.payee = payees[row.payee_id]
    loaded = facts.for_payables(rows, now=now)
    plan = _Plan([], [], {})
    for (payee_id, currency), families in _families(rows).items():
        ready: list[Payable] = []
        for family in families:
            if sum(row.units for row in family) == 0:
                # Nothing is left to pay, whoever could or could not be paid.
                plan.zero.extend(family)
            elif gate := _first_gate(family, loaded):
                plan.blocked.update({row.pk: gate for row in family})
            else:
                ready.extend(family)
        _place(ready, payees[payee_id], currency, loaded, plan)
    return plan


def _families(rows: Sequence[Payable]) -> dict[tuple[UUID, str], list[list[Payable]]]:
    """A payable and its open compensations are gathered together or not at all."""
    families: dict[UUID, list[Payable]] = defaultdict(list)
    for row in rows:
        families[row.original_id or row.pk].append(row)
    grouped: dict[tuple[UUID, str], list[list[Payable]]] = defaultdict(list)
    for family in families.values():
        grouped[family[0].payee_id, family[0].currency].append(family)
    return grouped


def _first_gate(family: Sequence[Payable], loaded: dict[UUID, facts.Facts]) -> str:
    for row in family:
        found = first_block(loaded[row.pk], up_to=Stage.OWED)
        if found is not None:
            return found[0].name
    return ""


def _place(
    ready: list[Payable], payee: Payee, currency: str, loaded: dict[UUID, facts.Facts], plan: _Plan
) -> None:
    if not ready:
        return
    total = sum(int(row.units) for row in ready)
    if total == 0:
        plan.zero.extend(ready)
        return
    least = 0 if payee.pay_now_at else max(int(row.minimum_units) for row in ready)
    method = loaded[ready[0].pk].method
    if method is None or total - total % grain(method.provider, currency) < max(least, 1):
        reason = "method_present" if method is None else "negative" if total < 0 else "minimum"
        plan.blocked.update({row.pk: reason for row in ready})
        return
    plan.groups.append((payee, method, ready))


def _make(
    groups: Sequence[tuple[Payee, PayoutMethod, list[Payable]]], *, now: datetime
) -> tuple[list[Payout], list[Payable]]:
    payouts, lines = [], []
    carried: list[tuple[Payable, Payable]] = []
    for payee, method, rows in groups:
        total = sum(int(row.units) for row in rows)
        rest = total % grain(method.provider, rows[0].currency)
        total -= rest
        payout = Payout(
            id=uuid7(),
            number=public_number(prefix="PO"),
            marketplace_id=payee.marketplace_id,
            payee=payee,
            method=method,
            provider=method.provider,
            state_since=now,
            reason="Gathered.",
            debt_units=total,
            debt_currency=rows[0].currency,
            sent_units=total,
            sent_currency=rows[0].currency,
            next_at=now,
            person_after=now + timedelta(hours=1),
            created_at=now,
        )
        payouts.append(payout)
        pair = carry(payout, payee, rest, now=now) if rest else None
        carried += [pair] if pair else []
        covered = [*rows, pair[0]] if pair else rows
        lines += [PayoutLine(id=uuid7(), payout=payout, payable=row, units=row.units) for row in covered]
    names = {name for p in payouts for name in facts.rails_of(p.provider, p.sent_currency)}
    rowsets.insert(Rail, [Rail(name=name) for name in sorted(names)], on_conflict="DO NOTHING")
    lifecycle.created(payouts, actor=_RULE, reason="Gathered from what was due.", now=now)
    # The kept half refers to the taken one.
    rowsets.insert(Payable, [taken for taken, _ in carried])
    rowsets.insert(Payable, [kept for _, kept in carried])
    rowsets.insert(PayoutLine, lines)
    ledger.post(
        [*carrying.drafts(carried), *ledger.allocate(line_money(line) for line in lines)],
        now=now,
    )
    return payouts, [kept for _, kept in carried]


def _net(row: Payable) -> ledger.Draft:
    """A clawback in a group that needs no payout is netted against what is owed itself."""
    amount = Money(-int(row.units), row.currency)
    owed, receivable = ledger.owed(row.payee_id), ledger.receivable(row.payee_id)
    return ledger.Draft("net", row.pk, owed, receivable, amount, payable_id=row.pk)


def _mark(plan: _Plan, rows: Sequence[Payable]) -> None:
    gathered = {row.pk for _, _, family in plan.groups for row in family}
    zero = {row.pk for row in plan.zero}
    changes = [
        {
            "id": row.pk,
            "settled": Payable.Settled.GATHERED
            if row.pk in gathered
            else Payable.Settled.ZERO
            if row.pk in zero
            else Payable.Settled.NOT,
            "blocked_by": plan.blocked.get(row.pk, ""),
        }
        for row in rows
        if row.pk in gathered or row.pk in zero or plan.blocked.get(row.pk, "") != row.blocked_by
    ]
    rowsets.update(Payable, changes)


def _next_look(
    payees: Sequence[Payee],
    rows: Sequence[Payable],
    plan: _Plan,
    carried: Sequence[Payable],
    *,
    now: datetime,
) -> None:
    """The next moment at which something of the payee's can become payable; nothing open: never."""
    moments: dict[UUID, datetime] = {}
    for row in rows:
        gate = plan.blocked.get(row.pk)
        if gate is None:
            continue
        ready_at = max(row.hold_until, row.due_at)
        at = now + (_LOOK_SELDOM if gate in ("minimum", "negative") else _LOOK_AGAIN)
        if gate == "due" and ready_at > now:
            at = ready_at
        moments[row.payee_id] = min(at, moments.get(row.payee_id, at))
    for row in carried:
        # Looked at like what is below the minimum.
        moments[row.payee_id] = min(now + _LOOK_AGAIN, moments.get(row.payee_id, now + _LOOK_AGAIN))
    rowsets.update(
        Payee,
        [{"id": payee.pk, "next_gather_at": moments.get(payee.pk), "pay_now_at": None} for payee in payees],
    )
