"""`python -m bench`: run by `./run bench`, which has started PostgreSQL and says in BENCH_ADMIN_URL how to get in.

BENCH_DATABASE may name a migrated database there, for the tests, which have one.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from bench.start import start


def main() -> int:
    """Measure; 0 when every target is met, 1 when one is not, 2 when nothing could be measured."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="this row only; repeatable"
    )
    parser.add_argument("--scale", type=int, default=1, metavar="N", help="divide all sizes by N")
    parser.add_argument("--rounds", type=int, default=3, help="how often each row is measured")
    parser.add_argument("--output", type=Path, default=Path("var/bench.json"))
    options = parser.parse_args()
    if options.scale < 1 or options.rounds < 1:
        parser.error("--scale and --rounds are whole numbers from 1 on")
    start()

    from bench.databases import CannotPrepare, Databases
    from bench.measuring import Unheard, measure_all, report
    from bench.setting import Setting

    databases = Databases(os.environ["BENCH_ADMIN_URL"], os.environ.get("BENCH_DATABASE", ""))
    setting = Setting(databases, options.scale, options.rounds, say)
    began = time.monotonic()
    try:
        with databases.alone():
            rows = measure_all(setting, only=options.only)
    except (Unheard, CannotPrepare) as problem:
        say(str(problem))
        return 2
    return report(setting, rows, seconds=time.monotonic() - began, output=options.output)


def say(line: str) -> None:
    """Tell whoever watches."""
    print(f"bench: {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
