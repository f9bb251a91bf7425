"""At every crash point, once, the process is killed; the other ways to die are for `./run chaos --sweep`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from marketplace_payouts.lib.crash_points import POINTS
from tests.chaos import oracle
from tests.chaos.cases import ELSEWHERE
from tests.database import CHECKOUT


def test_whoever_is_killed_anywhere_is_taken_over(tmp_path: Path, superuser_url: str) -> None:
    """In a process of its own, since pytest's has threads; `superuser_url` keeps the server running meanwhile."""
    report = tmp_path / "sweep.json"
    command = [sys.executable, "-m", "tests.chaos", "--sweep", "--kinds", "kill", "--chain", "12"]
    ended = subprocess.run(
        [*command, "--report", str(report)], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, f"{ended.stdout[-6000:]}{ended.stderr[-2000:]}"
    told = json.loads(report.read_text())
    assert told["ok"]
    assert told["hits"].keys() == POINTS.keys() - ELSEWHERE.keys()
    assert [told["figures"][name] for name in oracle.BROKEN] == [0] * len(oracle.BROKEN)
