"""What a storm's record says: whether it was survived, a table for people, a file for whoever publishes it."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from marketplace_payouts.lib.crash_points import POINTS
from tests.chaos import doom, mix, oracle
from tests.chaos.ground import VAR
from tests.chaos.storm import Record


def wrong(record: Record) -> list[str]:
    """This will say what was broken."""
    found = [*record.verdict.wrong, *(f"invariant: {one}" for one in record.invariants)]
    if not record.is_drained:
        found.append(f"not everything came to its end in {record.order.drain_s * record.slow:.0f} s of calm")
    return found


def vacuous(record: Record) -> list[str]:
    """This will say what happened too rarely."""
    order = record.order
    return mix.too_little(
        record.injected,
        record.visits,
        record.strikes,
        payouts=order.payouts,
        seconds=record.raged_s / record.slow,
        services=("flex", *order.providers),
    )


def strikes_by_act(record: Record) -> dict[str, int]:
    """This will count what struck at crash points, by its kind."""
    return {
        act: sum(n for name, n in record.strikes.items() if name.endswith(f":{act}")) for act in doom.ACTS
    }


def to_json(record: Record) -> dict[str, Any]:
    """This will give all figures as they are written down."""
    broken, order = wrong(record), record.order
    injected = dict(sorted(record.injected.items()))
    injected |= {f"{act} at a crash point": n for act, n in strikes_by_act(record).items()}
    return {
        "ok": not broken and not vacuous(record),
        "seed": order.seed,
        "providers": order.providers,
        "payouts": order.payouts,
        "fault_seconds": round(record.raged_s, 1),
        # A run in which something broke cannot tell which of all that was injected it did not survive.
        "faults": {name: {"injected": n, "survived": None if broken else n} for name, n in injected.items()},
        "crash_points": {
            "registered": len(POINTS),
            "visited": len(record.visits),
            "visits": record.visits,
            "strikes": record.strikes,
        },
        "when_calm_began": record.when_calm_began,
        "figures": asdict(record.verdict.figures),
        "drain_s": round(record.drain_s, 1),
        "seconds": round(record.seconds, 1),
        "wrong": broken,
        "not_enough_chaos": vacuous(record),
        "slowed_down_by": round(record.slow, 1),
        "load_average": os.getloadavg()[0],
        "commit": commit(),
        "machine": machine(),
        "python": platform.python_version(),
        "command": " ".join(["./run", "chaos", *sys.argv[1:]]),
    }


def table(record: Record) -> str:
    """This will draw what happened and what came of it."""
    told = to_json(record)
    lines = [f"seed {record.order.seed}, {record.order.payouts} payouts, {', '.join(record.order.providers)}"]
    lines += [f"  {'what went wrong':<38}{'injected':>9}{'survived':>9}"]
    for name, one in told["faults"].items():
        lines.append(
            f"  {name:<38}{one['injected']:>9}{'?' if one['survived'] is None else one['survived']:>9}"
        )
    figures = told["figures"]
    points = told["crash_points"]
    lines += [f"  crash points visited {points['visited']} of {points['registered']}"]
    lines += [f"  {name.replace('_', ' '):<38}{_shown(value):>9}" for name, value in figures.items()]
    lines += [f"  {'everything went wrong for (s)':<38}{told['fault_seconds']:>9}"]
    shown = ", ".join(f"{n} {name}".strip() for name, n in told["when_calm_began"].items())
    lines += [f"  then there were: {shown}"]
    lines += [f"  {'drained after (s)':<38}{told['drain_s']:>9}"]
    lines += [f"  WRONG: {sentence}" for sentence in told["wrong"]]
    lines += [f"  NOT ENOUGH CHAOS: {sentence}" for sentence in told["not_enough_chaos"]]
    broken = {name: figures[name] for name in oracle.BROKEN if figures[name]}
    lines += [f"  {'survived' if told['ok'] else 'FAILED'} {broken or ''}".rstrip()]
    return "\n".join(lines)


def write(record: Record) -> Path:
    """This will write the figures down."""
    path = VAR / f"chaos-{record.order.seed}.json"
    path.write_text(json.dumps(to_json(record), indent=1) + "\n")
    return path


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{n} {name}" for name, n in sorted(value.items())) or "0"
    return f"{value:.0f}" if isinstance(value, float) else str(value)


def commit() -> str:
    """This will name the state of the code, with a plus where it was changed since."""
    head = _told(["git", "rev-parse", "--short=12", "HEAD"])
    return head + ("+" if _told(["git", "status", "--porcelain", "--untracked-files=no"]) else "")


def machine() -> str:
    """This will say on what it ran."""
    models = [line for line in _lines(Path("/proc/cpuinfo")) if line.startswith("model name")]
    model = models[0].partition(":")[2].strip() if models else platform.processor()
    return f"{os.cpu_count()} × {model}, {platform.system()} {platform.release()}"


def _told(command: Sequence[str]) -> str:
    ended = subprocess.run(command, cwd=VAR.parent, capture_output=True, text=True, check=False)
    return ended.stdout.strip()


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []
