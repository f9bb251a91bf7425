"""Whatever happens, in whatever order: after every step the promises hold, and in the end everything comes to rest.

Hypothesis thinks up the histories, of the services' own functions on a real PostgreSQL, and shortens the one that
breaks a promise. `CHAOS_EXAMPLES` and `CHAOS_STEPS` make it go on for longer, `CHAOS_SEED` makes it differ, and with
`CHAOS_NO_SHRINK` the first one found is shown as it is.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, ClassVar, TypeVar

import pytest
from django.db.models import QuerySet
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from pytest_django.plugin import DjangoDbBlocker

from flexsync import poller, replaying
from marketplace_payouts.lib import crash_points
from payouts import (
    approval,
    holding,
    incarnation,
    intervention,
    outbox,
    reconciliation,
    reconciling,
    settlement,
    submission,
    webhooks,
)
from payouts.models import Hold, Payable, Payout, Source, State
from payouts.providers.base import Status
from tests.chaos import bank
from tests.chaos.miniature import LARGE, SELLERS, Ground, Installation, ground

SELLER = st.sampled_from([name for name, *_ in SELLERS])
NTH = st.integers(0, 5)
"""Which of several: counted from the newest, round and round."""
PERSON = st.sampled_from(["bob", "carol", "dave"])
EVENT_FAULTS = st.sampled_from(["", "", "event_duplicate", "event_late_visible", "event_unknown_type"])
ENDS = st.sampled_from([Status.PAID, Status.PAID, Status.FAILED, Status.AWAITING_PAYEE, Status.ON_HOLD])
DEATHS = st.sampled_from(
    [point for point in crash_points.POINTS if point.split(".")[1] not in ("before_call", "after_learning")]
)

Row = TypeVar("Row", bound=Any)


def pick(rows: QuerySet[Row], nth: int) -> Row | None:
    """Choose one of some rows, or none where there are none."""
    found = list(rows.order_by("-pk")[:6])
    return found[nth % len(found)] if found else None


class Machine(RuleBasedStateMachine):
    """One installation, to which anything may happen."""

    ground: ClassVar[Ground]

    def __init__(self) -> None:
        super().__init__()
        self.world: Installation = self.ground.restart()
        self.sales: list[str] = []
        self.accounts = 0

    # Sharetribe ----------------------------------------------------------------------------------------------

    @initialize(seller=SELLER, price=st.sampled_from([10_000, LARGE]), sent=st.integers(0, 3))
    def it_begins(self, seller: str, price: int, sent: int) -> None:
        """Somebody sold something; how far it has come differs."""
        self.sell(seller=seller, price=price, fault="")
        if sent:
            self.world.until_approved()
        if sent > 1:
            self.world.reread()

    @rule(seller=SELLER, price=st.sampled_from([1_000, 10_000, LARGE]), fault=EVENT_FAULTS)
    def sell(self, seller: str, price: int, fault: str) -> None:
        """Sell something; its event may come twice, late, or beside nonsense."""
        if fault:
            self.world.flex.fault(fault, times=1, seconds=1)
        self.sales.append(self.world.sale(self.world.payee_called(seller), price=price))

    @precondition(lambda self: self.sales)
    @rule(nth=NTH, part=st.sampled_from([500, 900, 0]))
    def refund(self, nth: int, part: int) -> None:
        """Give the buyer a part back, or everything."""
        sale = self.sales[nth % len(self.sales)]
        try:
            if part:
                self.world.refund(sale, amount=part)
            else:
                self.world.transition(sale, "operator-refund")
        except RuntimeError:
            return  # there is not so much left, or it is refunded already

    @rule()
    def hear(self) -> None:
        """Poll, without understanding what is heard."""
        poller.poll(limit_seconds=0, now=self.world.now)

    @rule()
    def understand(self) -> None:
        """Understand what was heard."""
        self.world.understand()

    @rule(nth=NTH)
    def replay(self, nth: int) -> None:
        """Understand a transaction anew."""
        if source := pick(Source.objects.all(), nth):
            replaying.replay(source_id=source.pk, now=self.world.now)

    # Deciding ------------------------------------------------------------------------------------------------

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

    @rule(seller=SELLER, provider=st.sampled_from(bank.NAMES))
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
        """Lift every hold of staff, and those of rules that stand on nothing."""
        ids = Hold.objects.filter(lifted_at__isnull=True, rule="staff").values_list("pk", flat=True)
        holding.lift(by=self.world.bob, hold_ids=list(ids), reason="Go.", now=self.world.now)
        self.world.look_after_holds()

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

    @precondition(lambda self: Payable.objects.filter(settled="").exclude(waits_for="").exists())
    @rule(decision=st.sampled_from(["net", "write_off", "repaid"]))
    def decide_clawbacks(self, decision: str) -> None:
        """Decide what was paid too much, and what came back."""
        self.world.decide_clawbacks(decision)

    @rule()
    def close_incidents(self) -> None:
        """Close what is open."""
        self.world.close_incidents()

    # Sending -------------------------------------------------------------------------------------------------

    @rule()
    def announce(self) -> None:
        """Read the transactions again, and announce."""
        self.world.reread()

    @rule(script=st.lists(st.sampled_from(bank.ANSWERS), min_size=1, max_size=3))
    def send(self, script: list[str]) -> None:
        """Send what may go; the tills answer so."""
        self.world.hand_in(*script)

    @rule(script=st.lists(st.sampled_from(bank.ANSWERS), min_size=1, max_size=3))
    def bring_out(self, script: list[str]) -> None:
        """Do all that is to be done until something is sent; the tills answer so."""
        if incarnation.is_accepted():
            self.world.until_sent(*script)

    @rule(point=DEATHS, nth=st.integers(1, 2))
    def die(self, point: str, nth: int) -> None:
        """A worker does its round, and dies at a crash point, if it comes there."""
        passed = 0

        def hook(name: str) -> None:
            nonlocal passed
            passed += name == point
            if name == point and passed == nth:
                raise bank.Died(point)

        crash_points.install(hook)
        try:
            self.world.dying(self._a_round)
        finally:
            crash_points.install(None)

    def _a_round(self) -> None:
        world = self.world
        world.hear()
        world.gather()
        world.let_decide()
        world.reread()
        submission.send(limit=15_000, now=world.now)
        webhooks.work_off(limit=100, now=world.now)
        world.ask()
        world.settle()
        outbox.tell(limit=100, now=world.now)

    # Hearing back --------------------------------------------------------------------------------------------

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
    @rule(nth=NTH, event=st.integers(0, 2), named=st.sampled_from(["batch", "item", "key", "stranger"]))
    def webhook(self, nth: int, event: int, named: str) -> None:
        """Have a provider tell something: late, again, or of what is not ours; and look into it."""
        till, batch = [(till, one) for till in self.world.tills for one in till.taken][
            -1 - nth % self._taken()
        ]
        names = {
            "batch": {"batch_reference": batch.reference, "batch_key": batch.key},
            "item": {"batch_reference": batch.reference, "item_reference": batch.items[0].reference},
            "key": {"item_key": batch.items[0].key},
            "stranger": {"batch_reference": "somebody else's"},
        }
        self.world.webhook(till.name, event_id=f"{batch.reference}-{event}", **names[named])
        webhooks.work_off(limit=100, now=self.world.now)

    def _taken(self) -> int:
        return sum(len(till.taken) for till in self.world.tills)

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
        bank.TILLS["bank"].nameless = nameless

    # Time and loss -------------------------------------------------------------------------------------------

    @rule(hours=st.sampled_from([0.01, 0.1, 1, 25, 80]))
    def time_goes_by(self, hours: float) -> None:
        """Leases end, what is late lands, approvals expire, keys are forgotten."""
        self.ground.pass_time(hours=hours)
        for till in self.world.tills:
            till.land()

    @precondition(lambda self: self.world.backup is None and not self.world.promises.is_restored)
    @rule()
    def back_up(self) -> None:
        """Keep the database as it is."""
        self.world.take_backup()

    @precondition(lambda self: self.world.backup is not None)
    @rule()
    def restore(self) -> None:
        """Put the backup back, in another database."""
        self.world.put_back()

    @precondition(lambda self: self.world.promises.is_restored)
    @rule()
    def after_restore(self) -> None:
        """Be the engineer."""
        self.world.after_restore()

    # What must hold ------------------------------------------------------------------------------------------

    @invariant()
    def the_promises_hold(self) -> None:
        """After every step."""
        broken = self.world.promises.broken(now=self.world.now, at_rest=False)
        assert not broken, "\n".join(broken)

    def teardown(self) -> None:
        """In the end, with nothing going wrong any more, everything comes to rest."""
        try:
            left = self.world.come_to_rest()
            assert not left, "\n".join(left)
            broken = self.world.promises.broken(now=self.world.now)
            assert not broken, "\n".join(broken)
        finally:
            self.world.leave()


def profile(*, examples: int, steps: int) -> settings:
    """Write the settings; the same histories each time, unless asked for others."""
    return settings(
        max_examples=int(os.environ.get("CHAOS_EXAMPLES", examples)),
        stateful_step_count=int(os.environ.get("CHAOS_STEPS", steps)),
        deadline=None,
        derandomize="CHAOS_SEED" not in os.environ,
        database=None,
        print_blob=True,
        # Shortening a history of minutes takes many of them.
        phases=[Phase.generate] if "CHAOS_NO_SHRINK" in os.environ else list(Phase),
        suppress_health_check=list(HealthCheck),
    )


@pytest.fixture(scope="module")
def machine(django_db_blocker: DjangoDbBlocker) -> Iterator[type[Machine]]:
    """The machine on a ground of its own."""
    with django_db_blocker.unblock(), ground() as made:
        yield type("GroundedMachine", (Machine,), {"ground": made})


def run(machine: type[Machine], wanted: settings) -> None:
    """Run the histories."""
    if chosen := os.environ.get("CHAOS_SEED"):
        machine = seed(int(chosen))(machine)
    run_state_machine_as_test(machine, settings=wanted)


@pytest.mark.slow
def test_the_promises_hold_whatever_happens(machine: type[Machine]) -> None:
    run(machine, profile(examples=50, steps=30))
