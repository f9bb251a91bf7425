"""What a look at the whole found, in the one shape that commands, monitors and people read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

ROWS_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Check:
    """One question: how many answers contradict it, and the first of them. Rows without violations inform."""

    name: str
    violations: int = 0
    rows: Sequence[Mapping[str, Any]] = ()

    def to_json(self) -> dict[str, Any]:
        """This will give the check as the commands print it."""
        return {"name": self.name, "violations": self.violations, "rows": list(self.rows[:ROWS_SHOWN])}


@dataclass(slots=True)
class Report:
    """Several questions and whether all of them were answered well."""

    checks: list[Check] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing was violated."""
        return not any(check.violations for check in self.checks)

    def to_json(self) -> str:
        """This will give `{"ok", "checks": [{"name", "violations", "rows"}]}`."""
        shown = {"ok": self.ok, "checks": [check.to_json() for check in self.checks]}
        return json.dumps(shown, indent=2, default=str, ensure_ascii=False)


def violation(name: str, **row: Any) -> Check:
    """This will make a check that was violated once."""
    return Check(name, 1, [row])
