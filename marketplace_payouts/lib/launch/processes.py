"""The processes that `./run` starts and looks after. Standard library only."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Final

from marketplace_payouts.lib.launch.environment import CHECKOUT, CannotStart, say
from marketplace_payouts.lib.launch.shim import GRACE_S, die_with_parent

_TICK_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 30.0
_SETTLED_AFTER_S: Final = 60.0


class Stopped(Exception):
    """We were told to stop, by a signal."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


@contextlib.contextmanager
def stopping_on_signals() -> Iterator[None]:
    """Turn Ctrl-C and its like into `Stopped`; while we stop, more of them change nothing."""

    def stop(told: int, _frame: FrameType | None) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise Stopped(told)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass(kw_only=True)
class Service:
    """One long-running command, in a process group of its own that does not outlive us."""

    name: str
    command: list[str]
    environ: Mapping[str, str]
    log: Path | None = None
    pipe: bool = False
    _process: subprocess.Popen[str] | None = field(default=None, repr=False)
    _started: float = 0.0
    _pause_s: float = 1.0

    def start(self) -> None:
        """Start it."""
        with contextlib.ExitStack() as stack:
            output = stack.enter_context(self.log.open("a")) if self.log else None
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "marketplace_payouts.lib.launch.shim",
                    str(os.getpid()),
                    *self.command,
                ],
                cwd=CHECKOUT,
                env=dict(self.environ),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if self.pipe else output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for us, who stop them in order
                text=True,
            )
        self._started = time.monotonic()

    def first_line(self) -> dict[str, Any]:
        """Read the JSON line by which a service of the sandbox says where it is.

        :raises CannotStart: when it ended instead.
        """
        assert self._process is not None and self._process.stdout is not None  # noqa: PT018 - made with pipe
        line = self._process.stdout.readline()
        if not line.startswith("{"):
            raise CannotStart(f"{self.name} did not start" + (f": see {self.log}" if self.log else "."))
        told: dict[str, Any] = json.loads(line)
        return told

    @property
    def age_s(self) -> float:
        """Say how long ago it was started."""
        return time.monotonic() - self._started

    def exit_status(self) -> int | None:
        """Give the status that it ended with, or None while it runs."""
        return None if self._process is None else self._process.poll()

    def ask_to_stop(self) -> None:
        """Begin to stop it."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def stop(self) -> None:
        """Stop it, by force where it does not go by itself."""
        self.ask_to_stop()
        if self._process is not None:
            try:
                self._process.wait(GRACE_S + 5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()

    def revive(self) -> None:
        """Start it again if it ended, the later the oftener it does."""
        status = self.exit_status()
        if status is None or self.age_s < self._pause_s:
            return
        self._pause_s = 1.0 if self.age_s > _SETTLED_AFTER_S else min(self._pause_s * 2, _LONGEST_PAUSE_S)
        say(f"{self.name} ended with status {status}; starting it again")
        self.start()


@dataclass
class Heartbeat:
    """Restarts the cluster when it stands still: its processes may all be alive and yet do nothing."""

    cluster: Service
    question: list[str]  # a command: 0 is alive, 1 is stale
    environ: Mapping[str, str]
    every_s: float = 60.0
    patience_s: float = 180.0  # the first beats come only after it has settled
    _asked: float = 0.0
    _asking: subprocess.Popen[bytes] | None = None

    def look(self) -> None:
        """Ask now and then, without waiting for the answer, and act on it."""
        if self._asking is not None:
            status = self._asking.poll()
            if status is not None:
                self._asking = None
                self._judge(status)
        elif time.monotonic() - self._asked > self.every_s and self.cluster.age_s > self.patience_s:
            self._asked = time.monotonic()
            self._asking = subprocess.Popen(
                self.question,
                cwd=CHECKOUT,
                env=dict(self.environ),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )

    def stop(self) -> None:
        """Drop an open question."""
        if self._asking is not None:
            self._asking.kill()
            self._asking.wait()

    def _judge(self, status: int) -> None:
        if status == 1:
            say(f"the heartbeat is stale; restarting {self.cluster.name}")
            self.cluster.stop()
            self.cluster.start()
        elif status:
            say(f"the heartbeat could not be asked (status {status})")


def look_after(services: list[Service], *, besides: list[Callable[[], None]]) -> None:
    """Keep services running until we are told to stop."""
    while True:
        for service in services:
            service.revive()
        for look in besides:
            look()
        time.sleep(_TICK_S)


def stop_all(services: list[Service]) -> None:
    """Stop services all at once."""
    for service in services:
        service.ask_to_stop()
    for service in services:
        service.stop()


def run_to_end(command: list[str], *, environ: Mapping[str, str] | None = None) -> int:
    """Run a command in the foreground and give its status; when we are told to stop, so is it."""
    with subprocess.Popen(
        command,
        cwd=CHECKOUT,
        env=None if environ is None else dict(environ),
        preexec_fn=lambda: die_with_parent(signal.SIGTERM),
    ) as process:
        try:
            return process.wait()
        except Stopped as stopped:
            _interrupt(process, told_already=stopped.number == signal.SIGINT)
            raise


def _interrupt(process: subprocess.Popen[bytes], *, told_already: bool) -> None:
    # Ctrl-C reaches every process of the terminal: a second one would break off how it tidies up.
    if told_already:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_S / 4)
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()
