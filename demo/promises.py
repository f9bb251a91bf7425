"""Whether every seller ended as the cast promises: the states of payouts, what is still owed, what Sharetribe says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from demo.cast import Promise, Seller
from demo.scene import Scene
from marketplace_payouts.lib.clock import utc_now
from payouts.models import Payable, Payout, State
from payouts.stages import backlog

_TOLD = {
    "": "",
    State.PAID: "paid",
    State.SUBMITTED: "sent",
    State.FAILED: "failed",
    State.RETURNED: "returned",
}


def broken(scene: Scene) -> list[str]:
    """Name every promise that does not hold, or does not hold yet."""
    if not scene.is_seeded:
        return ["Nothing is seeded yet."]
    return [
        f"{seller.first}: {sentence}"
        for seller in scene.sellers.values()
        for sentence in _broken(scene, seller)
    ]


def is_quiet() -> bool:
    """Say whether no stage has anything left to do now."""
    return not any(backlog(most=1).values())


def _broken(scene: Scene, seller: Seller) -> Iterator[str]:
    promise, payouts = seller.promise, list(scene.payouts(seller.first))
    states = tuple(sorted(payout.state for payout in payouts))
    wanted = (State.PAID.value,) * max(len(states), 1) if promise.payouts is None else promise.payouts
    if states != wanted:
        yield f"payouts are {', '.join(states) or 'none'}, not {', '.join(wanted) or 'none'}"
        return
    owed = _open(scene, seller.first)
    if owed != dict(promise.open):
        yield f"still owed is {owed or 'nothing'}, not {dict(promise.open) or 'nothing'}"
    yield from _wrongly_approved(promise, payouts)


def _open(scene: Scene, name: str) -> dict[str, int]:
    found: Counter[str] = Counter()
    for row in scene.payables(name).filter(settled=""):
        found[_reason(row)] += int(row.units)
    return dict(found)


def _reason(row: Payable) -> str:
    """Name what it waits for; what is not due is not looked at before, so no gate has stopped it yet."""
    is_due = max(row.hold_until, row.due_at) <= utc_now()
    return row.waits_for or (row.blocked_by if is_due else "due")


def _wrongly_approved(promise: Promise, payouts: list[Payout]) -> Iterator[str]:
    for payout in payouts:
        if payout.state != State.PAID or not promise.approvals:
            continue
        people = payout.approvals.filter(result="given", revoked_at__isnull=True, by__isnull=False).count()
        if people != promise.approvals:
            yield f"{payout.number} was approved by {people} people, not {promise.approvals}"


def untold(scene: Scene) -> list[str]:
    """Name every seller whose transactions do not say what they should of their payouts."""
    return [
        f"{seller.first}: Sharetribe says {', '.join(told) or 'nothing'}, not {', '.join(wanted)}"
        for seller in scene.sellers.values()
        if (told := _told(scene, seller.first)) != (wanted := _wanted(seller.promise))
    ]


def _told(scene: Scene, name: str) -> tuple[str, ...]:
    truths = (scene.flex.truth(transaction) for transaction in scene.sales[name])
    return tuple(sorted({(truth["metadata"].get("payout") or {}).get("status", "") for truth in truths}))


def _wanted(promise: Promise) -> tuple[str, ...]:
    if promise.told is not None:
        return promise.told
    states = promise.payouts or (State.PAID,)
    return tuple(sorted({_TOLD[State(state)] for state in states if state != State.CANCELLED}))
