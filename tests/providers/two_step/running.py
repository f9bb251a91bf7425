"""Runs the service for tests, in a process of its own on loopback."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.sandbox_services import SandboxService

_CHECKOUT = Path(__file__).resolve().parents[3]
PROVIDER = "tests.providers.two_step.provider.TwoStep"
"""What EXTRA_PROVIDERS has to name."""


@contextmanager
def running(*options: str) -> Iterator[SandboxService]:
    """Run the service for the length of a `with` block; `environment()` gives what the provider needs."""
    command = [sys.executable, "-m", "tests.providers.two_step", "--with-parent", *options]
    with subprocess.Popen(command, cwd=_CHECKOUT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            told = json.loads(process.stdout.readline())
            service = SandboxService(name="two_step", url=told["url"], credentials=told["credentials"])
            try:
                yield service
            finally:
                service.close()
        finally:
            process.terminate()
            process.wait(5)
