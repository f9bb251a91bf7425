"""Ends the process groups that it was told of, once whoever told it is gone, however that one died.

A cluster's workers outlive their master, and the storm wants them to; so nobody else would end them.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys


def main() -> None:
    """Take in one number per line until the pipe ends; a group that was ended properly comes with a minus."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line)
        if group > 0:
            groups.add(group)
        else:
            groups.discard(-group)
    for group in groups:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
