"""A subscriber on loopback: keeps what it gets, and answers as a test wants."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.subscriptions.verifying import verify


@dataclass(frozen=True)
class Got:
    """One delivery, as it arrived."""

    at: float
    headers: Mapping[str, str]
    raw: bytes

    @property
    def id(self) -> str:
        """Give the id of the message."""
        return self.headers["webhook-id"]

    @property
    def body(self) -> dict[str, Any]:
        """Read the body."""
        read: dict[str, Any] = json.loads(self.raw)
        return read

    def verified(self, secret: str) -> dict[str, Any]:
        """Verify it as of when it arrived, and give its body."""
        assert verify(self.headers, self.raw, secret, now=self.at) == self.id == self.body["id"]
        return self.body


@dataclass
class Answer:
    """What is answered: a status, perhaps headers and a body, after a wait."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    after_s: float = 0.0
    drip_s: float = 0.0
    """The wait between two bytes of the body."""


class Subscriber:
    """Answers with `answer`, or with what `decide` says of a delivery."""

    def __init__(self) -> None:
        self.got: list[Got] = []
        self.answer = Answer()
        self.decide: Callable[[Got], Answer] | None = None
        self.url = ""
        self.most_at_once = 0
        self.over = threading.Event()
        self._under_way = 0
        self._mutex = threading.Lock()

    def take(self, got: Got) -> Answer:
        """Keep a delivery, and say what to answer."""
        with self._mutex:
            self.got.append(got)
            self._under_way += 1
            self.most_at_once = max(self.most_at_once, self._under_way)
        return self.decide(got) if self.decide else self.answer

    def leave(self) -> None:
        """Note that a delivery is answered."""
        with self._mutex:
            self._under_way -= 1

    @property
    def ids(self) -> list[str]:
        """The ids of what arrived, in order."""
        return [one.id for one in self.got]

    @property
    def types(self) -> list[str]:
        """The kinds of news that arrived, sorted."""
        return sorted(one.body["type"] for one in self.got)


class _Handler(BaseHTTPRequestHandler):
    """Takes what comes for a subscriber, and answers as it says."""

    protocol_version = "HTTP/1.1"
    subscriber: Subscriber

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.subscriber.take(Got(time.time(), headers, raw))
        try:
            self.subscriber.over.wait(answer.after_s)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self._write(answer)
        except OSError:
            self.close_connection = True  # whoever asked has given up
        finally:
            self.subscriber.leave()

    def _write(self, answer: Answer) -> None:
        if not answer.drip_s:
            self.wfile.write(answer.body)
            return
        for place in range(len(answer.body)):
            self.wfile.write(answer.body[place : place + 1])
            if self.subscriber.over.wait(answer.drip_s):
                return

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def subscriber() -> Iterator[Subscriber]:
    """Run a subscriber for the length of a `with` block."""
    one = Subscriber()
    handler = type("Handler", (_Handler,), {"subscriber": one})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        one.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield one
        finally:
            one.over.set()
            server.shutdown()
            thread.join()
