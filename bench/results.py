"""What was measured: rows with their rounds, as a table for people and as `var/bench.json`."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

CHECKOUT: Final = Path(__file__).resolve().parents[1]
Better = Literal["higher", "lower"]


class NotAsPromised(Exception):
    """A round did something else than it should have; its time means nothing."""


@dataclass(slots=True)
class Row:
    """One line of the report; `rounds` holds pairs of ours and baseline in the order in which they were measured."""

    name: str
    unit: str
    better: Better
    baseline_name: str
    rounds: list[tuple[float, float]]
    target: float | None = None
    notes: list[str] = field(default_factory=list)
    broken: str = ""
    """Why what was measured does not count; such a row never meets its target."""

    @property
    def ours(self) -> float:
        """The median of our rounds."""
        return statistics.median([ours for ours, _ in self.rounds] or [0.0])

    @property
    def baseline(self) -> float:
        """The median of the baseline's rounds."""
        return statistics.median([baseline for _, baseline in self.rounds] or [0.0])

    @property
    def ratio(self) -> float:
        """Ours divided by the baseline's."""
        return self.ours / self.baseline if self.baseline else 0.0

    @property
    def met(self) -> bool:
        """Whether the target was reached; a row without one only has to be correct."""
        if self.broken:
            return False
        if self.target is None:
            return True
        return self.ratio >= self.target if self.better == "higher" else self.ratio <= self.target

    def shown(self) -> dict[str, Any]:
        """This will give the row as it stands in `bench.json`."""
        return {
            "name": self.name,
            "unit": self.unit,
            "better": self.better,
            "ours": round(self.ours, 3),
            "baseline": round(self.baseline, 3),
            "baseline_name": self.baseline_name,
            "ratio": round(self.ratio, 3),
            "target": self.target,
            "met": self.met,
            "rounds": [[round(ours, 3), round(baseline, 3)] for ours, baseline in self.rounds],
            "notes": [*([self.broken] if self.broken else []), *self.notes],
        }


def interleave(
    rounds: int, ours: Callable[[], float], baseline: Callable[[], float]
) -> list[tuple[float, float]]:
    """This will measure both in turns, so that whatever else the machine does meets both alike.

    Who goes first changes from round to round.
    """
    found = []
    for n in range(rounds):
        if n % 2:
            theirs = baseline()
            found.append((ours(), theirs))
        else:
            mine = ours()
            found.append((mine, baseline()))
    return found


def document(rows: Sequence[Row], *, seconds: float, postgres: str) -> dict[str, Any]:
    """This will give everything that `bench.json` says."""
    return {
        "commit": _commit(),
        "machine": _machine(),
        "python": platform.python_version(),
        "postgres": postgres,
        "seconds": round(seconds, 1),
        "rows": [row.shown() for row in rows],
    }


def write(path: Path, rows: Sequence[Row], *, seconds: float, postgres: str) -> None:
    """This will write the report, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".new")
    unfinished.write_text(json.dumps(document(rows, seconds=seconds, postgres=postgres), indent=2) + "\n")
    unfinished.replace(path)


_HEAD: Final = ("row", "unit", "ours", "baseline", "ratio", "target", "", "against")


def table(rows: Sequence[Row]) -> str:
    """This will set the rows out for people."""
    lines = [_HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(line[n]) for line in lines) for n in range(len(_HEAD))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if 2 <= n <= 4 else cell.ljust(width)
            for n, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _cells(row: Row) -> tuple[str, ...]:
    sign = "≥" if row.better == "higher" else "≤"
    return (
        row.name,
        row.unit,
        _number(row.ours),
        _number(row.baseline),
        f"{row.ratio:.2f}",
        "" if row.target is None else f"{sign} {row.target}",
        "ok" if row.met else "MISSED",
        row.broken or row.baseline_name,
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.2f}"


def _commit() -> str:
    command = ["git", "-C", str(CHECKOUT), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return told.stdout.strip()


def _machine() -> str:
    model = ""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} x {model or platform.machine()}, load {load:.1f} at the end"
