"""The sandbox's services as the measurements use them: processes of their own, their steering, and what they cost."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import requests
from django.conf import settings

from bench.results import CHECKOUT
from payouts.providers import registry

_TICKS: Final = os.sysconf("SC_CLK_TCK")
PLENTY: Final = 10**15


@dataclass(slots=True)
class Sandbox:
    """One running service of the sandbox."""

    name: str
    url: str
    credentials: Mapping[str, str]
    pid: int
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        """Without the environment's proxies: it is on loopback."""
        self.session.trust_env = False

    def get(self, path: str) -> Any:
        """This will ask something of the steering."""
        return self._call("GET", path)

    def post(self, path: str, body: Any = None) -> Any:
        """This will tell the steering something."""
        return self._call("POST", path, body)

    def reset(self) -> None:
        """This will make it forget everything that happened, and fill its account."""
        self.post("reset")
        if self.name == "paypal":
            self.post("funds", {"currency": "EUR", "units": str(PLENTY)})

    def slow_down(self, seconds: float, *, path: str) -> None:
        """This will have each call to a path take so long."""
        self.post("faults", {"kind": "delay", "match": {"path": path}, "seconds": seconds, "times": None})

    def wait_for_debits(self, count: int) -> None:
        """This will wait until it has paid so many, or a minute is over: whoever counts them will say so."""
        end = time.monotonic() + 60
        while len(self.debits()) < count and time.monotonic() < end:
            time.sleep(0.02)

    def debits(self) -> list[tuple[str, int]]:
        """This will give what it really paid, payment by payment: our key, and units."""
        entries = self.get("ledger")["entries"]
        return [(one["reference"], int(one["units"])) for one in entries if one["kind"] == "debit"]

    def cpu_s(self) -> float:
        """This will give the processor time that it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def environ(self) -> dict[str, str]:
        """This will name what the product needs to use it, as environment variables."""
        prefix = self.name.upper()
        found = {f"{prefix}_BASE_URL": self.url}
        if self.name == "flex":
            found["FLEX_MARKETPLACE_BASE_URL"] = self.url
        return found | {f"{prefix}_{key.upper()}": value for key, value in self.credentials.items()}

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.session.request(method, f"{self.url}/_sandbox/{path}", json=body, timeout=300)
        answer.raise_for_status()
        return answer.json() if answer.content else None


@contextmanager
def running(name: str) -> Iterator[Sandbox]:
    """This will run a service, with nothing in it, and point the product at it."""
    command = [sys.executable, "-m", "sandbox", name, "--port", "0", "--with-parent"]
    # PayPal takes its time on purpose; here nothing but the work itself is to be seen.
    environ = os.environ | {"SANDBOX_PAYPAL_PACE_S": "0"}
    with subprocess.Popen(
        command, cwd=CHECKOUT, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            told = json.loads(process.stdout.readline())
            service = Sandbox(name, told["url"], told["credentials"], process.pid)
            with _pointed_at(service), service.session:
                yield service
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
            process.kill()


@contextmanager
def _pointed_at(service: Sandbox) -> Iterator[None]:
    for name, value in service.environ().items():
        os.environ[name] = value
        if hasattr(settings, name):
            setattr(settings, name, value)
    registry.reset()
    service.reset()
    try:
        yield
    finally:
        for name in service.environ():
            os.environ.pop(name, None)
        registry.reset()
