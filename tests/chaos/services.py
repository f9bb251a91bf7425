"""The sandbox's services as forks of the warmed parent, each beginning with a copy of a prepared state file."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from sandbox.core.process import serve, service_class, stop_event
from sandbox.core.service import Service
from tests.chaos.forks import Child, Tell
from tests.providers.two_step.service import TwoStepService
from tests.sandbox_services import SandboxService


def kind_of(name: str) -> type[Service]:
    """Give the class of a service by our name of its provider."""
    return TwoStepService if name == "two_step" else service_class(name)


def _serve(tell: Tell, *, name: str, state: Path, webhook_url: str | None) -> None:
    async def run() -> None:
        await serve(
            kind_of(name),
            port=0,
            state=state,
            webhook_url=webhook_url,
            until=stop_event(with_parent=True),
            announce=tell,
        )

    asyncio.run(run())


@contextmanager
def running(
    *names: str, folder: Path, prepared: Path | None = None, mailbox: str | None = None
) -> Iterator[dict[str, SandboxService]]:
    """Run services for as long as needed, their state files in `folder`, begun as copies of those in `prepared`."""
    folder.mkdir(parents=True, exist_ok=True)
    if prepared is not None:
        for file in prepared.iterdir():
            shutil.copyfile(file, folder / file.name)
    with ExitStack() as stack:
        # All are started before any is waited for.
        children = {
            name: Child(partial(_serve, name=name, state=folder / name, webhook_url=mailbox))
            for name in names
        }
        for child in children.values():
            stack.callback(child.kill)
        services = {}
        for name, child in children.items():
            told = child.first_line(within_s=20)
            services[name] = SandboxService(name=name, url=told["url"], credentials=told["credentials"])
            stack.callback(services[name].close)
        yield services


class _Posting(BaseHTTPRequestHandler):
    """Takes every delivery in, and gives all of them to whoever asks."""

    protocol_version = "HTTP/1.1"
    letters: list[dict[str, Any]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        letter = {"headers": dict(self.headers.items()), "body": base64.b64encode(body).decode()}
        self.letters.append({**letter, "to": self.path})
        self._answer(b"{}")

    def do_GET(self) -> None:
        self._answer(json.dumps([one for one in self.letters if one["to"] == self.path]).encode())

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


def _keep_letters(tell: Tell) -> None:
    _Posting.letters = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Posting)
    tell(server.server_address[1])
    server.serve_forever()


@contextmanager
def mailbox() -> Iterator[str]:
    """Run a box that keeps webhooks until a child carries them to the product's own door; gives its origin."""
    child = Child(_keep_letters)
    try:
        yield f"http://127.0.0.1:{child.first_line(within_s=10)}"
    finally:
        child.kill()
