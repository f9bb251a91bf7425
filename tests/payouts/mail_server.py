"""A mail server on loopback, as much of one as Django speaks to; it refuses whom it is told to."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message
from email.policy import default
from typing import Any


class MailServer:
    """What came, and who is refused with which words."""

    def __init__(self) -> None:
        self.mails: list[Message] = []
        self.refused: dict[str, str] = {}
        self.hangs_up_at: str = ""
        self.connections = 0
        self.port = 0


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        server: Any = self.server
        state: MailServer = server.state
        state.connections += 1
        self._say("220 here")
        while line := self.rfile.readline():
            word = line.decode().strip()
            verb = word.partition(" ")[0].upper()
            if state.hangs_up_at and state.hangs_up_at in word:
                state.hangs_up_at = ""
                return
            if verb == "DATA":
                self._say("354 go on")
                state.mails.append(self._read())
                self._say("250 taken")
            elif verb == "RCPT" and (why := self._refusal(state, word)):
                self._say(why)
            elif verb == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 well")

    def _refusal(self, state: MailServer, word: str) -> str:
        return next((why for address, why in state.refused.items() if f"<{address}>" in word), "")

    def _read(self) -> Message:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line)
        return message_from_bytes(b"".join(lines), policy=default)

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


@contextmanager
def mail_server(settings: Any) -> Iterator[MailServer]:
    """Run one, and have the product send through it."""
    state = MailServer()
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.state = state  # type: ignore[attr-defined]
        state.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", state.port
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()
