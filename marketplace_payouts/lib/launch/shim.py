"""Runs one command for `./run` and leaves nothing of it behind. Standard library only.

A cluster's workers survive the death of its master, and a stop may hang for ever. So each service has a shim around
it, which stops it when told to or when `./run` dies, however it dies: politely, then its whole process group by force.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from types import FrameType
from typing import Final

GRACE_S: Final = 20.0
_PR_SET_PDEATHSIG: Final = 1


def die_with_parent(number: int) -> None:
    """Have the system send us a signal when the process that started us is gone."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)


def main(arguments: list[str]) -> int:
    """Run a command until it ends or we are told to stop it."""
    parent, command = int(arguments[0]), arguments[1:]

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise SystemExit(0)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    die_with_parent(signal.SIGTERM)
    if os.getppid() != parent:  # it died before the line above
        return 1
    child = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, process_group=0, preexec_fn=lambda: die_with_parent(signal.SIGKILL)
    )
    try:
        return child.wait()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        _end(child)


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(GRACE_S)
    # What it started and left behind, and itself if it did not go.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
