"""The proofs can fail: all ends well with the product as it is, and each safeguard is missed once it is taken away."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from pytest_django.plugin import DjangoDbBlocker

from payouts.models import SourceCheck
from tests.chaos.lives import AS_IS, Product
from tests.chaos.miniature import Ground, ground
from tests.chaos.mutants import MUTANTS, Call, Mutant
from tests.chaos.test_state_machine import Machine
from tests.database import CHECKOUT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory, superuser_url: str) -> dict[str, Any]:
    """What came of the sweep's cases, in a process of its own, since pytest's has threads."""
    report: Path = tmp_path_factory.mktemp("mutants") / "mutants.json"
    command = [sys.executable, "-m", "tests.chaos", "--mutants", "--report", str(report)]
    ended = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert report.exists(), f"{ended.stdout[-2000:]}{ended.stderr[-4000:]}"
    told: dict[str, Any] = json.loads(report.read_text())
    return told


@pytest.fixture(scope="module")
def here(django_db_blocker: DjangoDbBlocker) -> Iterator[Ground]:
    """The ground of the state machine."""
    with django_db_blocker.unblock(), ground() as made:
        yield made


@pytest.mark.parametrize("mutant", [one for one in MUTANTS if one.cases], ids=str)
def test_the_sweep_catches_it(mutant: Mutant, tried: dict[str, Any]) -> None:
    assert tried[mutant.name]["faults"] == []
    assert all(tried[mutant.name]["caught"].values())


@pytest.mark.parametrize(
    ("mutant", "history"), [pytest.param(one, told, id=one.name) for one in MUTANTS for told in one.histories]
)
def test_the_state_machine_catches_it(mutant: Mutant, history: Sequence[Call], here: Ground) -> None:
    go_through(history, AS_IS, here)
    with pytest.raises(AssertionError, match=mutant.sentence):
        go_through(history, mutant.product, here)


class WrittenMachine(Machine):
    """The machine, to which one thing more happens where its history is written down."""

    def put_the_disk_back(self) -> None:
        """A snapshot of the disk looks like the same database; what was read before is out of date by then."""
        self.world.put_back(looks_the_same=True)
        SourceCheck.objects.update(checked_at=None)
        self.announce()


def go_through(history: Sequence[Call], product: Product, here: Ground) -> None:
    """Have the machine go through a history, as Hypothesis would."""
    machine = type("GroundedMachine", (WrittenMachine,), {"ground": here})()
    with product.altered():
        try:
            for call in history:
                call(machine)
                machine.the_promises_hold()
            machine.teardown()
        finally:
            machine.world.leave()
