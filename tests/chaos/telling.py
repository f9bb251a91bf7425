"""`python -m tests.chaos.telling var/chaos-*.json`: the table of docs/reliability.md, from what storms wrote down."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.chaos import mix

Told = Mapping[str, Any]

_COLUMNS: Final = (
    "seed",
    "faults on calls, events and webhooks",
    "struck at crash points",
    "processes, queue, clocks",
    "of these stops of PostgreSQL",
    "debits",
    "paid twice",
    "lost",
    "wrong amount or place",
    "stuck",
    "unknown, before a person",
    "held",
    "all wrong for",
    "then at rest after",
    "the run itself",
)


def table(told: Sequence[Told]) -> str:
    """This will write one row for each storm, in Markdown."""
    rows = [_COLUMNS, ["---"] * len(_COLUMNS), *(_row(one) for one in told)]
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in rows)


def _row(one: Told) -> list[object]:
    figures, faults = one["figures"], _by_sort(one)
    return [
        one["seed"],
        faults["calls"],
        faults["points"],
        faults["processes"],
        one["faults"]["stop_postgres"]["injected"],
        figures["debits"],
        figures["duplicates"],
        figures["lost"],
        figures["wrong_amount"] + figures["wrong_destination"],
        figures["stuck"],
        figures["unknown"],
        figures["held"],
        f"{one['fault_seconds']:.0f} s",
        f"{one['drain_s']:.0f} s",
        "passed" if one["ok"] else "; ".join([*one["wrong"], *one["not_enough_chaos"]]),
    ]


def _by_sort(one: Told) -> Counter[str]:
    found: Counter[str] = Counter()
    for name, fault in one["faults"].items():
        found[_sort(name)] += fault["injected"]
    return found


def _sort(name: str) -> str:
    if name.partition(" ")[0] in mix.FAULTS:
        # What landed late, unasked, is what came of a fault that is counted already.
        return "outcomes" if " landed " in name else "calls"
    return "points" if name.endswith("at a crash point") else "processes"


def sums(told: Sequence[Told]) -> str:
    """This will say what all of them come to together."""
    figures: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    visited: set[str] = set()
    for one in told:
        figures.update({name: n for name, n in one["figures"].items() if isinstance(n, int)})
        faults.update({name: fault["injected"] for name, fault in one["faults"].items()})
        visited |= set(one["crash_points"]["visits"])
    oldest = max(one["figures"]["oldest_unknown_s"] for one in told)
    registered = max(one["crash_points"]["registered"] for one in told)
    commits = ", ".join(sorted({one["commit"] for one in told}))
    lines = [
        f"{len(told)} storms, {sum(one['ok'] for one in told)} passed, at {commits}",
        f"points visited: {len(visited)} of {registered}; the oldest unknown is {oldest:.0f} s old",
        *(f"{name.replace('_', ' ')}: {n}" for name, n in sorted(figures.items())),
        *(f"{name.replace('_', ' ')}: {n} injected" for name, n in sorted(faults.items())),
    ]
    return "\n".join(lines)


def main(paths: Sequence[str]) -> int:
    """Write the table and the sums."""
    told = sorted((json.loads(Path(path).read_text()) for path in paths), key=lambda one: int(one["seed"]))
    if not told:
        sys.stdout.write("Name the files of some storms: var/chaos-*.json\n")
        return 2
    sys.stdout.write(f"{table(told)}\n\n{sums(told)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
