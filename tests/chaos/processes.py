"""The product's real processes, each command in a process group of its own, to be killed in part or as a whole."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]


class Guard:
    """Somebody else who ends what we started, should we be killed ourselves."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.guard"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )

    def tell(self, group: int) -> None:
        """Tell of a group that was started, or with a minus of one that was ended."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{group}\n")
        self._process.stdin.flush()

    def close(self) -> None:
        """Let it go."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


@contextmanager
def guarded() -> Iterator[Guard]:
    """Have a guard for as long as needed."""
    guard = Guard()
    try:
        yield guard
    finally:
        guard.close()


class Group:
    """One command, all that it started, and all that its former lives left behind."""

    def __init__(self, name: str, command: Sequence[str], *, log: Path, guard: Guard) -> None:
        self.name = name
        self._command, self._log, self._guard = [sys.executable, *command], log, guard
        self._process: subprocess.Popen[bytes] | None = None
        self._groups: list[int] = []
        self.started = 0.0

    def start(self, environ: Mapping[str, str]) -> None:
        """Start it; whatever is left of its former life goes on."""
        with self._log.open("a") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=dict(environ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._guard.tell(self._process.pid)
        self._groups.append(self._process.pid)
        self.started = time.monotonic()

    @property
    def leader(self) -> int:
        """The process that was started."""
        assert self._process is not None
        return self._process.pid

    def has_ended(self) -> bool:
        """Whether the process that was started is gone."""
        return self._process is None or self._process.poll() is not None

    def members(self, *, depth: int) -> list[int]:
        """Give the leader's children (depth 1), or their children (depth 2)."""
        parents = _parents(self._groups)
        level = {self.leader}
        for _ in range(depth):
            level = {pid for pid, parent in parents.items() if parent in level}
        return sorted(level)

    def left_behind(self) -> list[int]:
        """Give whatever is alive of its former lives."""
        former = [group for group in self._groups if self.has_ended() or group != self.leader]
        return sorted(_parents(former))

    def kill(self) -> None:
        """Kill the leader alone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def end(self) -> None:
        """End it and all that is left behind; returns once they are gone."""
        deadline = time.monotonic() + 20
        while pids := _parents(self._groups):
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if self._process is not None:
                self._process.poll()
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} does not end: {sorted(pids)}")
            time.sleep(0.02)
        for group in self._groups:
            self._guard.tell(-group)
        self._groups = []


def is_stopped(pid: int) -> bool:
    """Whether a process lives, and stands still."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    return False


def _parents(groups: Sequence[int]) -> dict[int, int]:
    """Find the living processes of some groups, each with its parent."""
    found = {}
    for path in [one for one in Path("/proc").iterdir() if one.name.isdecimal()]:
        with contextlib.suppress(OSError):
            # The name of the program, in brackets, may itself hold brackets and blanks.
            state, parent, group = (path / "stat").read_text().rpartition(")")[2].split()[:3]
            if int(group) in groups and state not in "ZX":
                found[int(path.name)] = int(parent)
    return found
