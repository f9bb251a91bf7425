"""What came of a sweep: case by case, and as it is written down."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from marketplace_payouts.lib import crash_points
from tests.chaos import oracle
from tests.chaos.cases import Case


@dataclass(slots=True)
class Result:
    """What came of one case."""

    case: str
    scenario: str
    seconds: float = 0.0
    reached: list[str] = field(default_factory=list)
    hits: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Report:
    """What came of a sweep."""

    results: list[Result] = field(default_factory=list)
    unvisited: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def wrong(self) -> list[str]:
        """Everything that is wrong, in sentences."""
        found = [f"{one.case}: {sentence}" for one in self.results for sentence in one.wrong]
        return found + [f"{point} was never reached" for point in self.unvisited]

    def to_json(self) -> dict[str, Any]:
        """Give it as it is written down."""
        hits: Counter[str] = Counter()
        for one in self.results:
            hits.update(one.hits)
        total = oracle.add(oracle.Figures(**one.figures) for one in self.results if one.figures)
        return {
            "ok": not self.wrong,
            "cases": len(self.results),
            "seconds": round(self.seconds, 1),
            "points": len(crash_points.POINTS),
            "hits": dict(sorted(hits.items())),
            "figures": asdict(total),
            "wrong": self.wrong,
        }


def not_reached(cases: Iterable[Case], results: Iterable[Result]) -> list[Case]:
    """Give what did not happen, each point as a case of its own."""
    reached = {one.case: one.reached for one in results}
    return [
        Case(case.scenario, (point,), case.n, case.kind)
        for case in cases
        for point in case.points
        if point not in reached.get(str(case), case.points)
    ]


def write(told: Any, path: Path) -> None:
    """Write figures down."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(told, indent=1) + "\n")
