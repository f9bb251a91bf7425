"""Who runs here already, and which ports are taken. Standard library only."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from marketplace_payouts.lib.launch.environment import CHECKOUT, CannotStart

VAR: Final = CHECKOUT / "var"
_LOCK: Final = VAR / "serving.lock"


@contextlib.contextmanager
def only_one_here() -> Iterator[None]:
    """Refuse to run the product twice from one checkout.

    :raises CannotStart: when it runs already.
    """
    VAR.mkdir(exist_ok=True)
    with _LOCK.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise CannotStart(f"It runs already, as process {lock.read()}: stop that first.") from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def stop_the_one_here(*, patience_s: float = 60.0) -> None:
    """Stop what runs from this checkout, if anything does.

    :raises CannotStart: when it does not stop.
    """
    if not _is_held(_LOCK):
        return
    pid = int(_LOCK.read_text())
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + patience_s
    while _is_held(_LOCK):
        if time.monotonic() > deadline:
            raise CannotStart(f"Process {pid} does not stop: end it first.")
        time.sleep(0.1)


def is_taken(host: str, port: int) -> bool:
    """Say whether somebody listens on a port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def _is_held(path: Path) -> bool:
    try:
        with path.open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
