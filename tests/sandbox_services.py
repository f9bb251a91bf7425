"""Sandbox services for tests: real processes on loopback, one of each per test process, reset between tests."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

_CHECKOUT = Path(__file__).resolve().parents[1]
# The name that dj-stripe reads, and the one that chains have.
_ORIGINS = {"stripe": "STRIPE_API_HOST", "solana": "SOLANA_RPC_URL"}


class SandboxService:
    """One running service and its steering."""

    def __init__(self, *, name: str, url: str, credentials: Mapping[str, str]) -> None:
        self.name = name
        self.url = url
        self.credentials = credentials
        self._session = requests.Session()
        self._session.trust_env = False

    def get(self, path: str) -> Any:
        """Ask for something of the steering (`/_sandbox/…`)."""
        return self._call("GET", path)

    def post(self, path: str, body: Any = None) -> Any:
        """Tell the steering something."""
        return self._call("POST", path, body)

    def delete(self, path: str) -> Any:
        """Take something back, such as a fault."""
        return self._call("DELETE", path)

    def reset(self) -> None:
        """Forget everything that happened."""
        self.post("/_sandbox/reset")

    def ledger(self) -> list[dict[str, Any]]:
        """List the money that really moved."""
        entries: list[dict[str, Any]] = self.get("/_sandbox/ledger")["entries"]
        return entries

    def requests(self) -> Any:
        """List what was asked of the service."""
        return self.get("/_sandbox/requests")

    def fault(self, kind: str, **terms: Any) -> str:
        """Have something go wrong from now on, and give the fault's id."""
        return str(self.post("/_sandbox/faults", {"kind": kind, **terms})["id"])

    def advance(self, seconds: float) -> None:
        """Move the service's clock."""
        self.post("/_sandbox/clock", {"advance_s": seconds})

    def environment(self) -> dict[str, str]:
        """Name what the product needs to use it, as its environment variables."""
        prefix = self.name.upper()
        variables = {_ORIGINS.get(self.name, f"{prefix}_BASE_URL"): self.url}
        if self.name == "flex":
            variables["FLEX_MARKETPLACE_BASE_URL"] = self.url
        return variables | {f"{prefix}_{key.upper()}": value for key, value in self.credentials.items()}

    def close(self) -> None:
        """Close our connections to it."""
        self._session.close()

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._session.request(method, self.url + path, json=body, timeout=10)
        if not answer.ok:
            raise RuntimeError(f"{method} {path} of the sandbox: {answer.status_code} {answer.text[:500]}")
        return answer.json() if answer.content else None


@contextmanager
def running(name: str, *options: str) -> Iterator[SandboxService]:
    """Run a service of the sandbox for as long as needed."""
    command = [sys.executable, "-m", "sandbox", name, "--port", "0", "--with-parent", *options]
    with subprocess.Popen(command, cwd=_CHECKOUT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"The sandbox service {name} did not start.")
            service = SandboxService(
                name=name, url=(told := json.loads(line))["url"], credentials=told["credentials"]
            )
            try:
                yield service
            finally:
                service.close()
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
