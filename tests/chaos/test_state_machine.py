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
from hypothesis.stateful import run_state_machine_as_test
from pytest_django.plugin import DjangoDbBlocker

from tests.chaos.machine import Machine
from tests.chaos.miniature import ground


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
