"""What the approvers do all day: look at the queue, approve what is in it; above the threshold two of them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID

from demo.browser import Refused
from demo.cast import SECOND_SALES, THRESHOLD, regulars
from demo.scene import Scene, Story, Until
from marketplace_payouts.lib.clock import utc_now
from payouts.models import Approval, Payable, Payout, State

_QUEUE = "state=awaiting_approval"
_A_FEW = 12
_FINE = "Amounts and payees are as they should be."


def approve(scene: Scene) -> Story:
    """Anna approves everything that awaits approval and that no story wants to itself, as long as the demo runs."""
    while True:
        ids: list[UUID] = yield Until("something to approve", lambda: _queue(scene))
        # What she saw may be let go meanwhile, as when a payee's next sale comes in: then she looks again.
        with suppress(Refused):
            done = scene.staff.anna.desk.act(
                "payouts/payout", "approve", ids, query=_QUEUE, reason=_FINE, may_be_gone=True
            )
            scene.say(f"Anna approves {done} payouts in the admin's queue.")


def _queue(scene: Scene) -> list[UUID]:
    """Wait until the queue has filled, so that one look at it is worth it, or until nothing more comes."""
    kept_back = [scene.users[name] for name in scene.reserved]
    waiting = Payout.objects.filter(state=State.AWAITING_APPROVAL, blocked_by__in=("", "approved")).exclude(
        payee__flex_user_id__in=kept_back
    )
    seen = Approval.objects.filter(by=scene.staff.anna.user, result="given", revoked_at__isnull=True)
    ids = list(waiting.exclude(pk__in=seen.values("payout")).values_list("pk", flat=True))
    is_filling = Payout.objects.filter(state=State.PENDING, blocked_by="").exists() or _is_gathering()
    return [] if is_filling and len(ids) < _A_FEW else ids


def _is_gathering() -> bool:
    return Payable.objects.filter(settled="", waits_for="", blocked_by="", due_at__lte=utc_now()).exists()


def approve_alone(scene: Scene, names: Sequence[str], *, reason: str) -> int:
    """Have Anna approve what awaits approval of these sellers alone; gives how many."""
    ids = [
        payout.pk for name in names for payout in scene.payouts(name).filter(state=State.AWAITING_APPROVAL)
    ]
    scene.staff.anna.desk.act("payouts/payout", "approve", ids, query=_QUEUE, reason=reason)
    return len(ids)


def above_the_threshold(scene: Scene) -> Story:
    """Bella's payout needs a second approver, who logs in with a second factor."""
    yield scene.stands("Bella", State.AWAITING_APPROVAL)
    payout: Payout = yield Until(
        "Anna to have approved Bella's payout",
        lambda: (
            scene.payouts("Bella").filter(approvals__result="given", state=State.AWAITING_APPROVAL).first()
        ),
    )
    scene.staff.greta.desk.act(
        "payouts/payout", "approve", [payout.pk], query=_QUEUE, reason="Checked against the invoice."
    )
    limit = THRESHOLD["EUR"] // 100
    scene.say(f"Greta approves {payout.number} of Bella as the second person: it is above EUR {limit:,}.")
    yield scene.stands("Bella", State.PAID)


def second_sales(scene: Scene) -> Story:
    """Some of those who were paid sell again, for so little that the policy approves."""
    chosen = [seller.first for seller in regulars()[:SECOND_SALES]]

    def all_paid() -> bool:
        return all(scene.payouts(name).filter(state=State.PAID).exists() for name in chosen)

    yield Until("the regular sellers to be paid once", all_paid)
    for name in chosen:
        scene.sell(name, 3_000)
    scene.say(f"{len(chosen)} sellers who were paid sell again; the policy may approve that.")
    yield Until("the policy to have approved", lambda: _by_policy(scene, chosen) == len(chosen))
    scene.say(f"The policy approved {len(chosen)} payouts; nobody had to look.")


def _by_policy(scene: Scene, names: Sequence[str]) -> int:
    users = [scene.users[name] for name in names]
    given = Approval.objects.filter(policy__isnull=False, payout__payee__flex_user_id__in=users)
    return given.values("payout__payee").distinct().count()
