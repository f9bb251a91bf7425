"""Tries the proofs out on mutants: in what concerns each, which without it must end well."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tests import network
from tests.chaos import sweep
from tests.chaos.cases import Case
from tests.chaos.lives import AS_IS, Product
from tests.chaos.machine import Machine
from tests.chaos.miniature import Ground, ground
from tests.chaos.mutants import MUTANTS, Call, Mutant
from tests.chaos.results import Result

Key = tuple[Case, Product]
_TRIES: Final = 4


@dataclass(slots=True)
class Trial:
    """What came of the cases and then of the histories of one mutant, with its safeguard and without."""

    mutant: Mutant
    beside: list[Result]
    without: list[Result]

    @property
    def uncaught(self) -> list[Key]:
        """The cases that went well without the safeguard."""
        cases = zip(self.mutant.cases, self.without, strict=False)
        return [(case, self.mutant.product) for case, came in cases if not self._reasons(came)]

    @property
    def faults(self) -> list[str]:
        """Where the proof failed: what was wrong with the safeguard, and what was not found out without it."""
        found = [f"{one.case}: {sentence}" for one in self.beside for sentence in one.wrong]
        return found + [
            f"{one.case}: not caught: nothing says {self.mutant.sentence!r} among {one.wrong}"
            for one in self.without
            if not self._reasons(one)
        ]

    def _reasons(self, result: Result) -> list[str]:
        hits = (re.search(self.mutant.sentence, sentence) for sentence in result.wrong)
        return [hit[0] for hit in hits if hit]

    def to_json(self) -> dict[str, Any]:
        """Give it as it is written down."""
        return {
            "faults": self.faults,
            "caught": {one.case: self._reasons(one) for one in self.without},
            "seconds": round(sum(one.seconds for one in self.without), 1),
        }


def try_out(*, only: str = "", jobs: int = 2, say: sweep.Say = lambda line: None) -> list[Trial]:
    """This will try every mutant, or those whose name contains `only`; to be called in a warmed parent."""
    mutants = [one for one in MUTANTS if only in one.name]
    trials = _sweep(mutants, jobs, say)
    # Last, since they leave connections behind: the sweep forks.
    with network.guarded(), ground() as here:
        for trial in trials:
            for n, history in enumerate(trial.mutant.histories, start=1):
                name = f"history {n} of {trial.mutant}"
                trial.beside.append(go_through(f"{name}, as the product is", history, AS_IS, here, say))
                trial.without.append(go_through(name, history, trial.mutant.product, here, say))
    return trials


def _sweep(mutants: Sequence[Mutant], jobs: int, say: sweep.Say) -> list[Trial]:
    # Several mutants share a case, which is run once as the product is.
    beside = {(case, one.beside): None for one in mutants for case in one.cases}
    without = {(case, one.product): None for one in mutants for case in one.cases}
    work = [*beside, *without]
    with sweep.prepared({case.scenario.provider for case, _ in work}) as made:
        came = dict(zip(work, sweep.in_parallel(work, made, jobs, say), strict=True))
        trials = [_trial(one, came) for one in mutants]
        for _ in range(_TRIES):
            # What goes wrong without a safeguard may be healed in time, by chance.
            if not (again := [key for one in trials for key in one.uncaught]):
                break
            came |= zip(again, sweep.in_parallel(again, made, jobs, say), strict=True)
            trials = [_trial(one, came) for one in mutants]
    return trials


def _trial(mutant: Mutant, came: Mapping[Key, Result]) -> Trial:
    return Trial(
        mutant,
        [came[case, mutant.beside] for case in mutant.cases],
        [came[case, mutant.product] for case in mutant.cases],
    )


def go_through(name: str, history: Sequence[Call], product: Product, here: Ground, say: sweep.Say) -> Result:
    """This will have the state machine go through a history, as Hypothesis would, and note what it says."""
    result, begun = Result(name, "state machine"), time.monotonic()
    machine = type("GroundedMachine", (Machine,), {"ground": here})()
    with product.altered():
        try:
            for call in history:
                call(machine)
                machine.the_promises_hold()
            machine.teardown()
        except AssertionError as error:
            result.wrong += str(error).splitlines()
        finally:
            machine.world.leave()
    result.seconds = time.monotonic() - begun
    say(sweep.line(result))
    return result
