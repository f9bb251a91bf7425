"""Holds: rows that say why something may not be paid; set and lifted under the lock that the sender shares."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import reduce
from operator import or_
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q

from accounts.models import Payee, User
from accounts.roles import require
from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.clock import database_now
from marketplace_payouts.lib.ids import uuid7
from payouts.actors import Actor
from payouts.alerts import raise_alert
from payouts.errors import Refused
from payouts.lifecycle import record
from payouts.models import BEFORE_SENDING, Hold, Payout, PayoutMethod, Rail, StaffAct
from payouts.outcomes import Done

EVERYTHING = "everything"
RESTORED = "restore"
"""The rule that holds what may have been paid in the time that a restored database lost."""
LIFTED_BY_PEOPLE = frozenset({"staff", "ours", "rounds", "bad_item", RESTORED, "paid_already"})
"""Staff's own holds, and those of rules that leave it to people to say that the cause is gone."""


def hold(
    *,
    by: User,
    reason: str,
    now: datetime,
    payouts: Sequence[UUID] = (),
    payees: Sequence[UUID] = (),
    methods: Sequence[UUID] = (),
    rails: Sequence[str] = (),
) -> Done:
    """This will put a hold of staff on each of these.

    :raises NotAllowed: when the person's roles do not cover it.
    :raises Refused: when no reason is given.
    """
    require(by, "act_hold")
    if not reason.strip():
        raise Refused("Say why it is held.")
    outcome = Done()
    with transaction.atomic():
        rows = [Hold(payout=p) for p in _payouts(payouts, reason=reason, by=by, now=now)]
        rows += [
            Hold(payee=p) for p in Payee.objects.filter(pk__in=payees).order_by("pk").select_for_update()
        ]
        rows += [
            Hold(method=m)
            for m in PayoutMethod.objects.filter(pk__in=methods).order_by("pk").select_for_update()
        ]
        rows += [Hold(rail=rail) for rail in _rails(rails)]
        for row in rows:
            row.rule, row.reason, row.set_by, row.set_at = "staff", reason, by, now
            outcome.done.append(_name(row))
        rowsets.insert(Hold, rows)
    return outcome


def lift(*, by: User, hold_ids: Sequence[UUID], reason: str, now: datetime) -> Done:
    """This will lift holds of `LIFTED_BY_PEOPLE`; the others, their rule lifts, or the closing of their incident.

    :raises NotAllowed: when the person's roles do not cover it.
    """
    require(by, "act_release")
    outcome = Done()
    with transaction.atomic():
        for row in Hold.objects.filter(pk__in=hold_ids).order_by("pk").select_for_update(of=("self",)):
            if row.lifted_at is not None:
                outcome.refuse(_name(row), "It is lifted already.")
            elif sentence := not_for_people(row):
                outcome.refuse(_name(row), sentence)
            else:
                _lift(row, by=by, reason=reason, now=now)
                outcome.done.append(_name(row))
    return outcome


def not_for_people(row: Hold) -> str:
    """This will say who lifts a hold that people may not lift, or nothing where they may."""
    if row.rule in LIFTED_BY_PEOPLE:
        return ""
    if row.rule.startswith("incident:"):
        return "An incident set it, and closing its incident lifts it."
    return f"The rule {row.rule} set it, and lifts it when its cause is gone."


def stop(*, by: User, reason: str, now: datetime) -> Done:
    """This will press the stop switch: nothing is sent until it is lifted."""
    return hold(by=by, rails=[EVERYTHING], reason=reason, now=now)


def resume(*, by: User, reason: str, now: datetime) -> Done:
    """This will lift every hold of staff on everything."""
    ids = Hold.objects.filter(rail_id=EVERYTHING, lifted_at__isnull=True).values_list("pk", flat=True)
    return lift(by=by, hold_ids=list(ids), reason=reason, now=now)


def is_stopped() -> bool:
    """This will tell whether the stop switch is pressed."""
    return Hold.objects.filter(rail_id=EVERYTHING, lifted_at__isnull=True).exists()


def freeze(*, by: User, payee_id: UUID, reason: str, now: datetime) -> Done:
    """This will freeze a payee: nothing is gathered or sent."""
    require(by, "act_hold")
    with transaction.atomic():
        payee = Payee.objects.select_for_update().get(pk=payee_id)
        if payee.frozen_at is not None:
            raise Refused(f"{payee} is frozen already.")
        payee.frozen_at, payee.frozen_reason = now, reason
        payee.save(update_fields=["frozen_at", "frozen_reason"])
        note_act(StaffAct.Act.FREEZE, payee, subject=str(payee.pk), by=by, reason=reason, now=now)
    return Done(done=[str(payee)])


def thaw(*, by: User, payee_id: UUID, reason: str, now: datetime) -> Done:
    """This will let a frozen payee be paid again."""
    require(by, "act_release")
    with transaction.atomic():
        payee = Payee.objects.select_for_update().get(pk=payee_id)
        payee.frozen_at, payee.frozen_reason, payee.next_gather_at = None, "", now
        payee.save(update_fields=["frozen_at", "frozen_reason", "next_gather_at"])
        note_act(StaffAct.Act.THAW, payee, subject=str(payee.pk), by=by, reason=reason, now=now)
    return Done(done=[str(payee)])


def note_act(act: str, payee: Payee, *, subject: str, by: User, reason: str, now: datetime) -> None:
    """This will keep who did what and why, inside the caller's transaction.

    :raises Refused: when no reason is given.
    """
    if not reason.strip():
        raise Refused("Say why.")
    StaffAct.objects.create(act=act, payee=payee, subject=subject[:120], by=by, reason=reason.strip(), at=now)


def covered(holds: Iterable[Hold]) -> Q:
    """This will say which payouts any of the holds stands on."""
    names: dict[str, list[object]] = defaultdict(list)
    for row in holds:
        kind, _, name = (row.rail_id or "").partition(":")
        if kind not in ("", "provider", "currency"):
            return Q(pk__isnull=False)
        for column, value in (
            ("pk", row.payout_id),
            ("payee", row.payee_id),
            ("method", row.method_id),
            ("provider", name if kind == "provider" else None),
            ("sent_currency", name if kind == "currency" else None),
        ):
            if value is not None:
                names[column].append(value)
    # Nothing at first: an empty Q would let everything pass.
    return reduce(or_, (Q(**{f"{column}__in": some}) for column, some in names.items()), Q(pk__in=[]))


def hold_by_rule(
    *, rule: str, reason: str, now: datetime, rail: str = "", payouts: Iterable[UUID] = ()
) -> int:
    """This will set a rule's hold, once however often the rule fires, inside the caller's transaction.

    Gives how many holds are new.
    """
    rows = [Hold(rail=row) for row in _rails([rail] if rail else [])]
    rows += [Hold(payout_id=pk) for pk in payouts]
    moment = since(now)
    for row in rows:
        row.id, row.rule, row.reason, row.set_at = uuid7(), rule, reason, moment
    return len(rowsets.insert(Hold, rows, on_conflict="DO NOTHING", returning="id"))


def carry_over(payouts: Iterable[Payout], *, now: datetime) -> None:
    """This will put on the payees what stands on payouts that were let go, inside the caller's transaction.

    What they covered is gathered anew, and must not be rid of the doubts of staff, or whether it is paid already. What
    a rule found wrong with the payout itself went with it.
    """
    stood = Hold.objects.filter(payout__in=payouts, rule__in=("staff", RESTORED), lifted_at__isnull=True)
    rows = [
        Hold(
            id=uuid7(),
            payee_id=row.payout.payee_id,
            rule=row.rule,
            reason=f"{row.reason} It stood on {row.payout.number}, which was let go.",
            set_by_id=row.set_by_id,
            set_at=since(now),
        )
        for row in stood.select_related("payout")
        if row.payout is not None
    ]
    rowsets.insert(Hold, rows, on_conflict="DO NOTHING")


def follow(method: PayoutMethod) -> None:
    """This will have a hold on a payee's method stand on its new version, inside the transaction that makes it.

    It is the destination that somebody doubts, and the payee may give it up and choose it again.
    """
    same = PayoutMethod.objects.filter(payee_id=method.payee_id, fingerprint=method.fingerprint)
    Hold.objects.filter(method__in=same, lifted_at__isnull=True).update(method=method)


def since(now: datetime) -> datetime:
    """This will say since when a hold stands that is set now by a stage which began at `now`.

    A stage may be slow, or stand still, before it sets the hold: what was sent meanwhile was not sent in spite of it.
    """
    return max(now, database_now(connection))


def alarm_ours(provider: str, reason: str, *, now: datetime) -> None:
    """This will hold a provider for a shortage or a wrong setting of ours, and call the operators the first time.

    It is an operator's alarm and never the payee's error.
    """
    if hold_by_rule(rule="ours", rail=f"provider:{provider}", reason=reason, now=now):
        raise_alert(subject=uuid7(), title="A provider needs you", text=reason, now=now)


def lift_by_rule(*, rule: str, reason: str, now: datetime, rail: str = "") -> int:
    """This will lift what a rule set, when its cause is gone; gives how many."""
    rows = Hold.objects.filter(rule=rule, lifted_at__isnull=True)
    if rail:
        rows = rows.filter(rail_id=rail)
    lifted = list(rows.select_for_update())
    Hold.objects.filter(pk__in=[row.pk for row in lifted]).update(lifted_at=now, lift_reason=reason)
    for row in lifted:
        _wake(row, now=now)
    return len(lifted)


def _payouts(ids: Sequence[UUID], *, reason: str, by: User, now: datetime) -> list[Payout]:
    payouts = list(Payout.objects.filter(pk__in=ids).order_by("pk").select_for_update())
    if payouts:
        record(payouts, kind="held", actor=Actor.staff(by), reason=reason, now=now)
    return payouts


def _rails(names: Iterable[str]) -> list[Rail]:
    names = sorted(names)
    rowsets.insert(Rail, [Rail(name=name) for name in names], on_conflict="DO NOTHING")
    return list(Rail.objects.filter(name__in=names).order_by("name").select_for_update())


def _lift(row: Hold, *, by: User, reason: str, now: datetime) -> None:
    row.lifted_at, row.lifted_by, row.lift_reason = now, by, reason
    row.save(update_fields=["lifted_at", "lifted_by", "lift_reason"])
    if row.payout_id is not None:
        payouts = list(Payout.objects.filter(pk=row.payout_id).select_for_update())
        record(payouts, kind="released", actor=Actor.staff(by), reason=reason, now=now)
    _wake(row, now=now)


def _wake(row: Hold, *, now: datetime) -> None:
    """Let what it held be looked at now; what somebody else works on is looked at anyway."""
    held = Payout.objects.filter(covered([row]), state__in=BEFORE_SENDING, blocked_by__in=("held", "stopped"))
    awake = held.order_by("pk").select_for_update(skip_locked=True).values("pk")
    Payout.objects.filter(pk__in=awake).update(next_at=now)


def _name(row: Hold) -> str:
    if row.payout is not None:
        return row.payout.number
    if row.payee is not None:
        return str(row.payee)
    return str(row.method) if row.method is not None else str(row.rail_id)
