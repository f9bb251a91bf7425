"""The proofs can fail: all ends well with the product as it is, and each safeguard is missed once it is taken away."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.mutants import MUTANTS, Mutant
from tests.database import CHECKOUT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory, superuser_url: str) -> dict[str, Any]:
    """What came of each, in a process of its own, since pytest's has threads."""
    report: Path = tmp_path_factory.mktemp("mutants") / "mutants.json"
    command = [sys.executable, "-m", "tests.chaos", "--mutants", "--report", str(report)]
    ended = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert report.exists(), f"{ended.stdout[-2000:]}{ended.stderr[-4000:]}"
    told: dict[str, Any] = json.loads(report.read_text())
    return told


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_it_is_caught(mutant: Mutant, tried: dict[str, Any]) -> None:
    assert tried[mutant.name]["faults"] == []
    caught = tried[mutant.name]["caught"]
    assert len(caught) == len(mutant.cases) + len(mutant.histories) > 0
    assert all(caught.values())
