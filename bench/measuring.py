"""One row after the other, each for itself: one that breaks does not keep the others from being measured."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import requests
from django.db import Error

from bench import results
from bench.results import NotAsPromised, Row
from bench.rows import ROWS
from bench.setting import Setting


class Unheard(Exception):
    """No row has this name."""


def measure_all(setting: Setting, *, only: Sequence[str]) -> list[Row]:
    """This will measure the named rows, or all, and say how each came out.

    :raises Unheard: when a name is none of a row.
    :raises CannotPrepare: when the migrations do not run.
    """
    unknown = [name for name in only if name not in ROWS]
    if unknown:
        raise Unheard(f"There is no row {unknown[0]}. There are: {', '.join(ROWS)}.")
    setting.databases.empty()
    found: list[Row] = []
    for name in only or ROWS:
        began = time.monotonic()
        setting.say(f"measuring {name}")
        rows = _measure(setting, name)
        for row in rows:
            setting.say(
                f"{row.name}: {row.ours:,.0f} against {row.baseline:,.0f} {row.unit}, {row.ratio:.2f} times"
            )
        setting.say(f"{name} took {time.monotonic() - began:.0f} s")
        found += rows
    return found


def report(setting: Setting, rows: Sequence[Row], *, seconds: float, output: Path) -> int:
    """This will write and show what was measured; 1 when a target was missed."""
    results.write(output, rows, seconds=seconds, postgres=setting.databases.version)
    setting.say(f"{seconds:.0f} s, written to {output}\n\n{results.table(rows)}\n")
    return 0 if all(row.met for row in rows) else 1


def _measure(setting: Setting, name: str) -> Sequence[Row]:
    try:
        return ROWS[name](setting)
    except (NotAsPromised, Error, requests.RequestException) as problem:
        broken = f"{type(problem).__name__}: {problem}"
        setting.say(broken)
        return [Row(name, "", "higher", "", [], broken=broken)]
