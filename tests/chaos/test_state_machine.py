"""Whatever happens, in whatever order: after every step the promises hold, and in the end everything comes to rest.

Hypothesis thinks up the histories, of the services' own functions on a real PostgreSQL, and shortens the one that
breaks a promise. `CHAOS_EXAMPLES` and `CHAOS_STEPS` make it go on for longer, `CHAOS_SEED` makes it differ, and with
`CHAOS_NO_SHRINK` the first one found is shown as it is.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule, run_state_machine_as_test
from pytest_django.plugin import DjangoDbBlocker

from tests.chaos.miniature import ground
from tests.chaos.rules.deciding import Deciding
from tests.chaos.rules.hearing import Hearing
from tests.chaos.rules.selling import Selling
from tests.chaos.rules.sending import Sending


class Machine(Selling, Deciding, Sending, Hearing):
    """Everything that may happen, and what holds all the while."""

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
