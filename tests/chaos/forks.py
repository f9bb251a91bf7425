"""Processes forked from a warmed parent: what a case runs in, and what it may do to itself.

The parent must have no threads and no connections of its own; each child reports by a pipe and leaves by `os._exit`,
so that nothing of the parent's is run twice.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None)


class DidNotEnd(Exception):
    """A child went on for longer than anybody waits; it was ended."""


@dataclass(slots=True)
class Ended:
    """How a child ended."""

    signal: int = 0
    """What killed it, or nought."""
    value: Any = None
    told: list[Any] = field(default_factory=list)
    """What it said before its end."""
    error: str = ""
    """The traceback of what it raised."""


Tell = Callable[[Any], None]
"""Tells the parent something, while the child goes on."""


class Child:
    """One forked process that does one thing; its work is given what tells the parent something."""

    def __init__(self, work: Callable[[Tell], Any], *, log: Path | None = None) -> None:
        reading, writing = os.pipe()
        self._told = bytearray()
        self._parent = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(reading)
            _be_a_child(work, writing, log)
        os.close(writing)
        self._reading = reading
        self._status: int | None = None

    def stopped(self, *, within_s: float) -> bool:
        """Wait until it has stopped itself; False where it ended instead."""
        end = time.monotonic() + within_s
        while time.monotonic() < end:
            self._listen(0.005)
            pid, status = os.waitpid(self.pid, os.WNOHANG | os.WUNTRACED)
            if pid and os.WIFSTOPPED(status):
                return True
            if pid:
                self._status = status
                return False
        self.kill()
        raise DidNotEnd(f"Process {self.pid} neither stopped nor ended in {within_s} s.")

    def go_on(self) -> None:
        """Let it go on after it stopped."""
        os.kill(self.pid, signal.SIGCONT)

    def end(self, *, within_s: float) -> Ended:
        """Wait for its end and give what it said."""
        end = time.monotonic() + within_s
        while self._listen(max(end - time.monotonic(), 0)):
            if time.monotonic() >= end:
                self.kill()
                raise DidNotEnd(f"Process {self.pid} did not end in {within_s} s.")
        if self._status is None:
            _, self._status = os.waitpid(self.pid, 0)
        os.close(self._reading)
        lines = [json.loads(line) for line in self._told.splitlines()]
        killed_by = os.WTERMSIG(self._status) if os.WIFSIGNALED(self._status) else 0
        last = lines.pop() if lines and not killed_by else {}
        return Ended(killed_by, last.get("value"), lines, last.get("error", ""))

    def first_line(self, *, within_s: float) -> Any:
        """Wait for a line of JSON that it tells while it goes on."""
        end = time.monotonic() + within_s
        while b"\n" not in self._told:
            if time.monotonic() >= end or not self._listen(0.1):
                self.kill()
                raise DidNotEnd(f"Process {self.pid} said nothing.")
        line, _, rest = bytes(self._told).partition(b"\n")
        self._told[:] = rest
        return json.loads(line)

    def kill(self) -> None:
        """End it at once."""
        if self._status is None:
            os.kill(self.pid, signal.SIGKILL)
            _, self._status = os.waitpid(self.pid, 0)

    def _listen(self, seconds: float) -> bool:
        """Take in what it says for at most so long; False once it has closed its end."""
        ready, _, _ = select.select([self._reading], [], [], seconds)
        if not ready:
            return True
        part = os.read(self._reading, 65536)
        self._told += part
        return bool(part)


def _be_a_child(work: Callable[[Tell], Any], writing: int, log: Path | None) -> None:
    def tell(value: Any) -> None:
        data = json.dumps(value).encode() + b"\n"
        while data:
            data = data[os.write(writing, data) :]

    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    try:
        if log is not None:
            file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.dup2(file, 2)
        told: dict[str, Any] = {"value": work(tell)}
    except BaseException:  # noqa: BLE001 - whatever it was, the parent is told
        told = {"error": traceback.format_exc()}
    tell(told)
    os._exit(0)
