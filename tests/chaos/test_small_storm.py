"""A storm of the smallest size, as `./run chaos --seed N` runs it: whatever goes wrong, nothing is wrong in the end."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Final

import pytest

from tests.chaos.ground import VAR
from tests.database import CHECKOUT

SEED: Final = 7


@pytest.mark.slow
def test_a_small_storm_is_survived() -> None:
    words = ("--seed", str(SEED), "--payouts", "40", "--seconds", "8", "--drain", "600")
    path = VAR / f"chaos-{SEED}.json"
    path.unlink(missing_ok=True)
    ended = subprocess.run(
        [sys.executable, "-m", "tests.chaos", *words],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert path.exists(), ended.stderr[-2000:]
    told = json.loads(path.read_text())
    # That so short a storm has too little of everything is no fault.
    assert told["wrong"] == [], ended.stdout[-4000:]
    assert told["figures"]["debits"] > 0
    assert sum(fault["injected"] for fault in told["faults"].values()) > 100
