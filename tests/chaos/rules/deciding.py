"""What staff decide, and payees."""

from __future__ import annotations

import contextlib
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from payouts import approval, holding, intervention
from payouts.errors import Refused
from payouts.models import Payable, Payout, State
from tests.chaos import tills
from tests.chaos.rules.base import NTH, PERSON, SELLER, History, pick


class Deciding(History):
    """The people inside, and what they are asked."""

    @rule()
    def gather(self) -> None:
        """Gather, and bring before people."""
        self.world.gather()
        self.world.let_decide()

    @rule(person=PERSON)
    def approve(self, person: str) -> None:
        """Approve whatever waits."""
        self.world.approve(by=getattr(self.world, person))

    @rule(nth=NTH, person=PERSON)
    def revoke(self, nth: int, person: str) -> None:
        """Take an approval back."""
        if payout := pick(Payout.objects.filter(state__in=(State.APPROVED, State.AWAITING_APPROVAL)), nth):
            by = getattr(self.world, person)
            approval.revoke(by=by, payout_ids=[payout.pk], reason="No.", now=self.world.now)

    @rule(seller=SELLER, provider=st.sampled_from(tills.NAMES))
    def change_method(self, seller: str, provider: str) -> None:
        """Be paid elsewhere from now on."""
        self.accounts += 1
        payee = self.world.payee_called(seller)
        self.world.paid_through(payee, provider, f"{seller}-{self.accounts}")

    @rule(nth=NTH, what=st.sampled_from(["payout", "payee", "method", "provider", "everything"]))
    def hold(self, nth: int, what: str) -> None:
        """Put a hold on something."""
        payout = pick(Payout.objects.all(), nth)
        if payout is None:
            return
        kinds: dict[str, dict[str, Any]] = {
            "payout": {"payouts": [payout.pk]},
            "payee": {"payees": [payout.payee_id]},
            "method": {"methods": [payout.method_id]},
            "provider": {"rails": [f"provider:{payout.provider}"]},
            "everything": {"rails": [holding.EVERYTHING]},
        }
        holding.hold(by=self.world.alice, reason="Wait.", now=self.world.now, **kinds[what])

    @rule()
    def release(self) -> None:
        """Lift every hold that stands on nothing."""
        self.world.release_holds()
        self.world.look_after_holds()

    @rule(seller=SELLER)
    def freeze(self, seller: str) -> None:
        """Freeze a seller, or thaw the one who is frozen."""
        payee = self.world.payee_called(seller)
        if payee.frozen_at is None:
            holding.freeze(by=self.world.alice, payee_id=payee.pk, reason="Wait.", now=self.world.now)
        else:
            holding.thaw(by=self.world.bob, payee_id=payee.pk, reason="Go.", now=self.world.now)

    @rule(units=st.sampled_from([900, 9_000, 100_000]))
    def set_threshold(self, units: int) -> None:
        """Say above which amount two people must approve."""
        self.world.second("threshold_set", {"currency": "EUR", "units": str(units)})

    @rule(
        units=st.sampled_from([900, 9_000, 100_000]),
        enabled=st.sampled_from([True, True, False]),
        paid_before=st.booleans(),
        age=st.sampled_from([0, 2]),
    )
    def set_policy(self, units: int, enabled: bool, paid_before: bool, age: int) -> None:
        """Let a rule approve, or do so no more; never above the threshold."""
        fields = {"currency": "EUR", "units": str(units), "enabled": enabled}
        fields |= {"payee_paid_before": paid_before, "method_age_days": str(age)}
        with contextlib.suppress(Refused):
            self.world.second("policy_set", fields)

    @rule(nth=NTH)
    def cancel(self, nth: int) -> None:
        """Let a payout go, or ask for what nobody claims."""
        if payout := pick(Payout.objects.all(), nth):
            intervention.cancel(by=self.world.bob, payout_ids=[payout.pk], reason="No.", now=self.world.now)

    @rule(nth=NTH)
    def retry(self, nth: int) -> None:
        """Send what failed again."""
        if payout := pick(Payout.objects.filter(state__in=(State.FAILED, State.UNKNOWN)), nth):
            intervention.retry(by=self.world.bob, payout_ids=[payout.pk], reason="Again.", now=self.world.now)

    @rule(nth=NTH)
    def resolve(self, nth: int) -> None:
        """Two people say what became of it, where they can know."""
        if payout := pick(Payout.objects.filter(state=State.UNKNOWN), nth):
            self.world.resolve(payout)

    @rule(nth=NTH)
    def pay_by_hand(self, nth: int) -> None:
        """Somebody pays one that is approved themselves."""
        if payout := pick(Payout.objects.filter(state=State.APPROVED), nth):
            self.world.pay_by_hand(payout)

    @precondition(lambda self: Payable.objects.filter(settled="").exclude(waits_for="").exists())
    @rule(decision=st.sampled_from(["net", "write_off", "repaid"]))
    def decide_clawbacks(self, decision: str) -> None:
        """Decide what was paid too much, and what came back."""
        self.world.decide_clawbacks(decision)

    @rule()
    def close_incidents(self) -> None:
        """Close what is open."""
        self.world.close_incidents()
