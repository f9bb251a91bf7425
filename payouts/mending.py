"""Payouts to a method that is no more, which nobody is sending: let go, so that the next gathering takes the new one.

Whoever changes a method lets go of what has not been sent at that moment (`methods.retire`). What was being sent just
then, and failed or was put off afterwards, is let go here.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from marketplace_payouts.lib.crash_points import crash_point
from payouts import dissolving
from payouts.actors import Actor
from payouts.models import BEFORE_SENDING, OPEN_ATTEMPTS, Attempt, AttemptState, Hold, Payout, State


def mend(*, limit: int, now: datetime) -> int:
    """This will let go of up to `limit` payouts whose method was replaced or given up; gives how many.

    What a hold stands on of its own is left to whoever lifts the hold.
    """
    being_sent = Attempt.objects.filter(payout=OuterRef("pk"), state__in=OPEN_ATTEMPTS).exclude(
        state=AttemptState.DEFERRED  # withdrawn by whoever lets the payout go
    )
    held = Hold.objects.filter(payout=OuterRef("pk"), lifted_at__isnull=True)
    with transaction.atomic():
        payouts = list(
            Payout.objects.filter(
                Q(state=State.FAILED) | Q(state__in=BEFORE_SENDING, blocked_by="method_present"),
                ~Exists(being_sent),
                ~Exists(held),
                method__retired_at__isnull=False,
            )
            .order_by("pk")
            .select_for_update(skip_locked=True, of=("self",))[:limit]
        )
        if not payouts:
            return 0
        done = dissolving.dissolve(
            payouts,
            actor=Actor.rule("method replaced"),
            reason="The payee's payout method was replaced.",
            now=now,
        )
        crash_point("mend.before_commit")
    crash_point("mend.after_commit")
    return len(done.moved)
