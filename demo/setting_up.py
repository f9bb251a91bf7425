"""Setting the marketplace up as an operator would before going live, through the product's own services."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from accounts.models import Marketplace
from demo.cast import MINIMUM, POLICY, THRESHOLD
from demo.staff import Member, Staff
from flexsync import identity
from marketplace_payouts.lib.clock import utc_now
from payouts import opening, requests
from payouts.models import Trigger

_PROCESS = "payout-process"
_TOLD_BY = {
    "sent": "transition/operator-mark-payout-sent",
    "paid": "transition/operator-mark-payout-paid",
    "failed": "transition/operator-mark-payout-failed",
}
_TRIGGERS: Mapping[tuple[str, str], Mapping[str, Any]] = {
    (_PROCESS, "transition/mark-received"): {"minimums": MINIMUM},
    (_PROCESS, "transition/mark-received-from-disputed"): {"hold_days": 7},
    (_PROCESS, "transition/auto-mark-received"): {
        "write_back": "transition",
        "write_back_transitions": _TOLD_BY,
    },
    # Switched on by mistake: Sharetribe itself pays the sellers here, and a gate keeps us from paying them twice.
    ("default-purchase", "transition/mark-received-from-purchased"): {},
}
_PLENTY = 1_000


def open_for_business(staff: Staff) -> Marketplace:
    """Confirm what Sharetribe says, switch triggers on, and say who may approve how much."""
    marketplace = identity.confirm()
    decide(staff, "exponents_confirm", {"exponents": marketplace.exponents})
    for (process, transition), terms in _TRIGGERS.items():
        trigger = Trigger.objects.get(process__name=process, transition=transition)
        decide(staff, "trigger_change", {"trigger": trigger.pk, "enabled": True, **terms})
    for currency, units in THRESHOLD.items():
        decide(staff, "threshold_set", {"currency": currency, "units": str(units)})
        for approver in (staff.anna, staff.greta):
            _limit(staff, approver, currency, units * _PLENTY)
    for currency, units in POLICY.items():
        terms = {"enabled": True, "payee_paid_before": True, "method_age_days": 0}
        decide(staff, "policy_set", {"currency": currency, "units": str(units), **terms})
    return marketplace


def go_live(*, at: datetime) -> None:
    """Draw the line: what became due before it is paid only when a person says so."""
    opening.choose_go_live(at=at, now=utc_now())


def decide(staff: Staff, act: str, payload: dict[str, Any]) -> None:
    """Have one administrator ask for something and the other second it."""
    made = requests.make(
        act=act, by=staff.ada.user, payload=payload, reason="Setting up the demo.", now=utc_now()
    )
    requests.second(request_id=made.pk, by=staff.boris.user, note="As agreed.", now=utc_now())


def _limit(staff: Staff, approver: Member, currency: str, units: int) -> None:
    limit = {"user": str(approver.user.pk), "currency": currency, "units": str(units), "window_hours": 24}
    decide(staff, "limit_set", limit)
