"""The people of a storm, as a process of their own: staff who set up and decide, and impatience.

`python -m tests.chaos.people prepare --payouts N --providers paypal` opens for business and prints where each seller
wants to be paid; `… live` approves, cancels and tries again for ever, and says to the queue that there may be work.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import sys
import time
from collections.abc import Iterable, Mapping
from typing import Final
from uuid import UUID

import django
from django.db.models import OuterRef, Subquery

from tests.chaos.mix import ODD

FATES: Final[Mapping[str, tuple[str, ...]]] = {
    "paypal": ("failed+", "returned+", "unclaimed+", "claimed+"),
    "two_step": ("bad+", "bounce+"),
}
"""What becomes of some sellers' money, by the beginning of their address."""
FATED: Final = 0.05
"""The share of each of them."""
_CHORES: Final = (
    "payouts.tasks.reconcile",
    "payouts.tasks.read_funds",
    "flexsync.tasks.daily_resync",
    "payouts.tasks.check_changed",
    "flexsync.tasks.read_profiles",
    "payouts.tasks.beat",
    "payouts.tasks.sweep",
)
# Without those that are being worked on, or that nobody acknowledges any more and that lie about for minutes.
_ENOUGH: Final = 80
_PATIENCE_S: Final = 4.0


def place(provider: str, n: int, *, rng: random.Random) -> str:
    """Make up where a seller wants to be paid, with the fate that it brings."""
    name = f"seller-{n}"
    for fate in FATES[provider]:
        if rng.random() < FATED:
            name = f"{fate}{name}"
            break
    return f"{name}@example.com" if provider == "paypal" else name


def prepare(*, payouts: int, providers: list[str], seed: int) -> dict[str, str]:
    """Open for business; gives where each seller wants to be paid."""
    from tests.sandbox_services import SandboxService
    from tests.stories.world import World

    flex = SandboxService(name="flex", url=os.environ["FLEX_BASE_URL"], credentials={})
    world = World(flex, flex)
    world.open_for_business(currencies=("EUR",))
    rng, wanted = random.Random(seed), {}
    for n, provider in zip(range(payouts), itertools.cycle(providers), strict=False):
        where = place(provider, n, rng=rng)
        payee = world.seller(where if "@" in where else f"{where}@example.com", method=False)
        fields = {"payee": str(payee.pk), "provider": provider, "checked": "Called the payee."}
        secret = {"email": where} if provider == "paypal" else {"account": where}
        world.second("method_add", fields, secret=secret)
        wanted[str(payee.flex_user_id)] = where
    return wanted


class Staff:
    """Those who decide, and who cannot wait."""

    def __init__(self) -> None:
        from tests.chaos.story import Installation
        from tests.sandbox_services import SandboxService

        flex = SandboxService(name="flex", url=os.environ["FLEX_BASE_URL"], credentials={})
        # Whom they call is the product's business; they only decide.
        self._installation = Installation("flex", {"flex": flex}, is_new=False)
        self._chores = itertools.cycle(_CHORES)
        self._starts = itertools.cycle(("understand", "reread", "send", "ask"))
        self._chore_at = 0.0
        self._decided: dict[UUID, float] = {}

    def decide(self) -> None:
        """Approve, cancel what nobody claims, try again, and say that a cause of ours, or an oddity, is gone."""
        from payouts import holding, intervention
        from payouts.models import Attempt, AttemptState, Hold, Incident, Payout, State
        from payouts.providers.base import Status

        world, now = self._installation, self._installation.now
        if Payout.objects.filter(state=State.AWAITING_APPROVAL).exists():
            world.approve()
        unclaimed = Attempt.objects.filter(state=AttemptState.ACCEPTED, status=Status.AWAITING_PAYEE)
        if found := self._not_lately(unclaimed.values_list("payout_id", flat=True)):
            intervention.cancel(by=world.bob, payout_ids=found, reason="Nobody claims it.", now=now)
        newest = Attempt.objects.filter(payout=OuterRef("pk")).order_by("-n").values("state")[:1]
        failed = Payout.objects.annotate(newest=Subquery(newest)).filter(state=State.FAILED)
        if found := self._not_lately(failed.filter(newest=AttemptState.ABSENT).values_list("pk", flat=True)):
            intervention.retry(by=world.bob, payout_ids=found, reason="It never arrived.", now=now)
        ours = Hold.objects.filter(lifted_at__isnull=True, rule__in=("ours", "rounds"))
        if found := self._not_lately(ours.values_list("pk", flat=True)):
            holding.lift(by=world.carol, hold_ids=found, reason="Mended.", now=now)
        odd = Incident.objects.filter(closed_at__isnull=True, kind__in=ODD)
        for incident in self._not_lately(odd.values_list("pk", flat=True)):
            fields = {"incident": str(incident), "explanation": "Asked again: it is as it was sent."}
            world.second("incident_close", fields, by=world.carol)

    def _not_lately(self, ids: Iterable[UUID]) -> list[UUID]:
        """Of these, give those about which nothing was decided in the last seconds."""
        now = time.monotonic()
        found = [one for one in ids if now - self._decided.get(one, -100.0) > _PATIENCE_S]
        self._decided |= dict.fromkeys(found, now)
        return found

    def hurry(self) -> None:
        """Say that there may be work, more often than the schedule does, while the queue is not full of it."""
        from django.utils import timezone
        from django_q.models import OrmQ
        from django_q.tasks import async_task

        if OrmQ.objects.filter(lock__lte=timezone.now()).count() >= _ENOUGH:
            return
        # A sweep that stands still keeps other sweeps out, but not those who were told where to start.
        start = next(self._starts)
        async_task("payouts.tasks.work", start, q_options={"task_name": f"kick {start}", "group": "chaos"})
        async_task("flexsync.tasks.poll", q_options={"task_name": "poll", "group": "chaos"})
        if time.monotonic() - self._chore_at > 1.5:
            self._chore_at = time.monotonic()
            chore = next(self._chores)
            async_task(chore, q_options={"task_name": chore, "group": "chaos"})


def live() -> None:
    """Do what people do, whatever happens to the machines."""
    from django.db import connections

    from marketplace_payouts.lib.logs import logger

    log = logger(__name__)
    staff = None
    while True:
        try:
            staff = staff or Staff()
            staff.decide()
            staff.hurry()
        except Exception as error:  # noqa: BLE001 - people look at an error page, and come back
            log.warning("people_wait", reason=f"{type(error).__name__}: {error}")
            connections.close_all()
            time.sleep(0.5)
        time.sleep(0.3)


def main() -> None:
    """Prepare, or live."""
    parser = argparse.ArgumentParser(prog="people")
    parser.add_argument("what", choices=("prepare", "live"))
    parser.add_argument("--payouts", type=int, default=30)
    parser.add_argument("--providers", default="paypal")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    django.setup()
    if options.what == "live":
        live()
    told = prepare(payouts=options.payouts, providers=options.providers.split(","), seed=options.seed)
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
