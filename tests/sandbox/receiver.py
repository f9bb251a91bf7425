"""A receiver of webhooks on loopback that keeps everything it gets."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Delivery:
    """One delivery, as it arrived."""

    at: float
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> dict[str, Any]:
        """Read the body."""
        read: dict[str, Any] = json.loads(self.raw)
        return read

    @property
    def type(self) -> str:
        """Give the type of the event, where PayPal or Stripe has it."""
        return str(self.body.get("event_type") or self.body["type"])


class Receiver:
    """Answers `status`, after having run `on_delivery` if there is one."""

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []
        self.status = 200
        self.url = ""
        self.on_delivery: Callable[[Delivery], None] | None = None
        self._changed = threading.Condition()

    def take(self, delivery: Delivery) -> int:
        """Keep a delivery, and say what to answer."""
        if self.on_delivery is not None:
            self.on_delivery(delivery)
        with self._changed:
            self.deliveries.append(delivery)
            self._changed.notify_all()
            return self.status

    def wait_for(self, count: int, *, within: float = 10.0) -> list[Delivery]:
        """Wait until so many deliveries have arrived."""
        with self._changed:
            done = self._changed.wait_for(lambda: len(self.deliveries) >= count, within)
            assert done, f"{len(self.deliveries)} of {count} deliveries: {[d.type for d in self.deliveries]}"
            return list(self.deliveries)

    def wait_for_type(self, wanted: str, *, within: float = 10.0) -> Delivery:
        """Wait until an event of a type has arrived, and give it."""
        with self._changed:
            done = self._changed.wait_for(lambda: any(d.type == wanted for d in self.deliveries), within)
            assert done, f"no {wanted}: {[d.type for d in self.deliveries]}"
            return next(d for d in self.deliveries if d.type == wanted)


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Run a receiver for the length of a `with` block."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            self.send_response(receiver.take(Delivery(time.monotonic(), headers, raw)))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()
