"""Runs the chaos: `python -m tests.chaos --sweep [--kinds kill,stall,raise,cut] [--only TEXT]`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

_VAR = Path(__file__).resolve().parents[2] / "var"


def main() -> int:
    """Run what is asked for; 0 where nothing was wrong."""
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--sweep", action="store_true", help="die at every crash point")
    parser.add_argument("--kinds", default="kill,stall,raise,cut", help="the ways to die")
    parser.add_argument("--most", type=int, default=1, help="how many times over each point is visited")
    parser.add_argument("--chain", type=int, default=0, help="how many die in turn in each case; 0: one")
    parser.add_argument("--only", default="", help="only cases whose name contains this")
    parser.add_argument("--jobs", type=int, default=2, help="how many cases at once")
    parser.add_argument("--report", type=Path, default=_VAR / "sweep.json")
    options = parser.parse_args()
    _warm_up()
    from tests.chaos import sweep

    report = sweep.sweep(
        kinds=options.kinds.split(","),
        most=options.most,
        chain=options.chain,
        only=options.only,
        jobs=options.jobs,
        say=_say,
    )
    sweep.write(report, options.report)
    for sentence in report.wrong:
        _say(sentence)
    _say(f"{len(report.results)} cases in {report.seconds:.1f} s, {len(report.wrong)} wrong")
    return 1 if report.wrong else 0


def _warm_up() -> None:
    """Import what every case needs, before anything is forked."""
    import importlib

    import django
    from django.conf import settings
    from django.urls import get_resolver

    django.setup()
    get_resolver().url_patterns  # noqa: B018 - imports all views
    for path in (*settings.STAGES.values(), *settings.OUTBOX_HANDLERS.values(), *settings.INVARIANTS):
        importlib.import_module(path.rpartition(".")[0])


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
