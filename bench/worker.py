"""`python -m bench.worker WORK`: one real process, whose memory is its own and who shares the database with others.

It says that it is ready, waits for a line, does its work, and writes what there is to say as one line of JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from bench.start import start


def main() -> int:
    """Do one piece of work."""
    start()
    work = _WORK[sys.argv[1]]
    print("ready", flush=True)
    sys.stdin.readline()
    moved = work()
    print(json.dumps({"moved": moved, "peak_kb": _peak_kb()}), flush=True)
    return 0


def _peak_kb() -> int:
    """Of this program alone: `getrusage` would also count what it was forked from."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def _poll() -> int:
    from flexsync import poller
    from marketplace_payouts.lib.clock import utc_now

    return poller.poll(limit_seconds=0, now=utc_now())


def _send() -> int:
    from bench import memory, stages

    return stages.send_all(most=memory.SENT)


def _pay() -> int:
    from bench import stages

    return stages.pay_all()


_WORK: Final[Mapping[str, Callable[[], int]]] = {"poll": _poll, "send": _send, "pay": _pay}

if __name__ == "__main__":
    sys.exit(main())
