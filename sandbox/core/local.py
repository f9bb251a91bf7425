"""Starts a service of the sandbox beside the caller, for tests, the demo and the benchmark."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Running:
    """A running service: where it is, and what opens it."""

    service: str
    url: str
    credentials: dict[str, str]
    process: subprocess.Popen[str]

    def stop(self) -> None:
        """End it, politely and then not."""
        self.process.terminate()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


def launch(
    service: str,
    *,
    port: int = 0,
    seed: int | None = None,
    state: Path | None = None,
    webhook_url: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> Running:
    """Start a service that dies with the caller, and wait for its first line.

    :raises RuntimeError: when it does not start.
    """
    words: Sequence[object] = [sys.executable, "-m", "sandbox", service, "--port", port, "--with-parent"]
    options = {"--seed": seed, "--state": state, "--webhook-url": webhook_url}
    words = [
        *words,
        *(word for name, value in options.items() if value is not None for word in (name, value)),
    ]
    process = subprocess.Popen(
        [str(word) for word in words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environment or {})},
    )
    line = process.stdout.readline() if process.stdout is not None else ""
    if not line:
        raise RuntimeError(f"The sandbox's {service} did not start: exit status {process.wait()}")
    first: dict[str, Any] = json.loads(line)
    return Running(service, first["url"], first["credentials"], process)


@contextmanager
def running(service: str, **options: Any) -> Iterator[Running]:
    """Give a running service for the length of a `with` block; options as for `launch`."""
    started = launch(service, **options)
    try:
        yield started
    finally:
        started.stop()
