"""A server on loopback that answers with the very bytes a test wants, however wrong, and then does as told."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Script = Callable[[socket.socket], object]


@dataclass
class RawServer:
    """Runs one script per connection, the last one again and again; keeps what arrived."""

    scripts: list[Script]
    received: list[bytes] = field(default_factory=list)
    connections: int = 0

    def __post_init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def stop(self) -> None:
        """Close the port; may be called twice."""
        self.over.set()
        with suppress(OSError):
            # Closing alone would not wake the thread that waits in accept.
            self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join(5)
        self.listener.close()

    def _serve(self) -> None:
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            script = self.scripts[min(self.connections, len(self.scripts) - 1)]
            self.connections += 1
            threading.Thread(target=self._run, args=(sock, script), daemon=True).start()

    def _run(self, sock: socket.socket, script: Script) -> None:
        with sock:
            sock.settimeout(10)
            try:
                script(sock)
            except OSError:
                return

    def read_request(self, sock: socket.socket) -> bytes:
        """Read one request whole and keep it."""
        data = b""
        while b"\r\n\r\n" not in data:
            piece = sock.recv(65536)
            if not piece:
                return b""
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        while len(body) < length:
            body += sock.recv(65536)
        whole = head + b"\r\n\r\n" + body
        self.received.append(whole)
        return whole

    def answering(self, *raw: bytes) -> Script:
        """Give a script that answers one request after the other with these bytes, then closes."""

        def script(sock: socket.socket) -> None:
            for answer in raw:
                if not self.read_request(sock):
                    return
                sock.sendall(answer)

        return script


@contextmanager
def raw_server() -> Iterator[RawServer]:
    """Run a server until the end of the block."""
    server = RawServer(scripts=[])
    server.thread.start()
    try:
        yield server
    finally:
        server.stop()


def plain(body: bytes, *, status: str = "200 OK", extra: str = "", length: int | None = None) -> bytes:
    """Give the bytes of an answer."""
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\n{extra}\r\n".encode() + body
