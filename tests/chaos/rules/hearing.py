"""How payments go on at the providers, what is heard of it, and who is told."""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from payouts import outbox, reconciliation, reconciling, settlement, webhooks
from payouts.providers.base import Status
from tests.chaos import tills
from tests.chaos.rules.base import NTH, History

ENDS: Final = st.sampled_from(
    [Status.PAID, Status.PAID, Status.FAILED, Status.AWAITING_PAYEE, Status.ON_HOLD]
)


class Hearing(History):
    """The tills after they took something, and our ears."""

    @precondition(lambda self: self.world.paid_items)
    @rule(nth=NTH, status=ENDS)
    def go_on(self, nth: int, status: Status) -> None:
        """Let a payment go on at its service."""
        items = self.world.paid_items
        item = items[-1 - nth % len(items)]
        next(till for till in self.world.tills if item in till.items).turn(item, status)

    @precondition(lambda self: any(item.debited for item in self.world.paid_items))
    @rule(nth=NTH, part=st.sampled_from([100, 400, None]))
    def come_back(self, nth: int, part: int | None) -> None:
        """Let money come back, in part or all of it."""
        items = [item for item in self.world.paid_items if item.debited]
        item = items[-1 - nth % len(items)]
        till = next(till for till in self.world.tills if item in till.items)
        back = None if part is None else min(item.returned + part, item.units)
        till.turn(item, Status.RETURNED, back=back)

    @precondition(lambda self: any(till.taken for till in self.world.tills))
    @rule(
        nth=st.integers(0, 30),
        event=st.integers(0, 2),
        named=st.sampled_from(["batch", "item", "key", "stranger"]),
        at_once=st.booleans(),
    )
    def webhook(self, nth: int, event: int, named: str, at_once: bool) -> None:
        """Have a provider tell something: of any age, again, or of what is not ours; look into it now or later."""
        told = [(till, one) for till in self.world.tills for one in till.taken]
        till, batch = told[-1 - nth % len(told)]
        names = {
            "batch": {"batch_reference": batch.reference, "batch_key": batch.key},
            "item": {"batch_reference": batch.reference, "item_reference": batch.items[0].reference},
            "key": {"item_key": batch.items[0].key},
            "stranger": {"batch_reference": "somebody else's"},
        }
        self.world.webhook(till.name, event_id=f"{batch.reference}-{event}", **names[named])
        if at_once:
            self.work_off()

    @rule()
    def work_off(self) -> None:
        """Look into what the providers told."""
        webhooks.work_off(limit=100, now=self.world.now)

    @precondition(lambda self: any(till.taken for till in self.world.tills))
    @rule(nth=NTH)
    def forget(self, nth: int) -> None:
        """Have a till forget what it took, or find it again."""
        told = [(till, one) for till in self.world.tills for one in till.taken]
        till, batch = told[-1 - nth % len(told)]
        till.forgotten ^= {batch.reference}

    @precondition(lambda self: self.world.paid_items)
    @rule(nth=NTH)
    def misread(self, nth: int) -> None:
        """Have a till show another amount than it moved, or the right one again."""
        items = self.world.paid_items
        item = items[-1 - nth % len(items)]
        till = next(till for till in self.world.tills if item in till.items)
        self.world.promises.allow("wrong_echo", till.name, item.key)
        till.misread ^= {item.reference}

    @rule(blind=st.sampled_from([0, 0, 1]))
    def ask(self, blind: int) -> None:
        """Ask about what is due; a till may not answer."""
        for till in self.world.tills:
            till.blind = blind
        reconciliation.ask(limit=100, now=self.world.now)
        for till in self.world.tills:
            till.blind = 0

    @rule()
    def settle(self) -> None:
        """Fold what was heard."""
        settlement.settle(limit=100, now=self.world.now)

    @rule()
    def hear_back(self) -> None:
        """Ask about everything, fold it, and tell everybody."""
        self.world.hear_back()

    @rule()
    def tell(self) -> None:
        """Tell everybody what there is to tell."""
        outbox.tell(limit=100, now=self.world.now)

    @rule()
    def reconcile(self) -> None:
        """Hold the tills' lists against our attempts."""
        reconciling.reconcile_all(now=self.world.now)

    @rule(nameless=st.booleans())
    def be_nameless(self, nameless: bool) -> None:
        """The bank says under which reference it knows a key, or does not."""
        tills.TILLS["bank"].nameless = nameless
