"""A small HTTP/1.1 server on asyncio: keep-alive, pipelining, gzip; it must not know what a sandbox is.

Hand-written because the product is measured against the sandboxes: a one-item POST has to cost well
under a tenth of a millisecond here, or the benchmark would measure us.
"""

from __future__ import annotations

import asyncio
import json
import time
import zlib
from collections.abc import Callable, Mapping
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import parse_qs, unquote

MAX_HEAD = 64 * 1024
MAX_BODY = 64 * 1024 * 1024
GZIP_FROM = 1024

_REASONS = {status.value: status.phrase for status in HTTPStatus}


class BadRequest(Exception):
    """What arrived cannot be read; the text says why in words fit for the caller."""


class Request:
    """One request as read from the wire; `params` holds what the route's placeholders matched."""

    __slots__ = ("_json", "_query", "body", "headers", "method", "params", "path", "query_string", "target")

    def __init__(self, *, method: str, target: str, headers: dict[str, str], body: bytes) -> None:
        self.method = method
        self.target = target
        path, _, self.query_string = target.partition("?")
        self.path = unquote(path) if "%" in path else path
        self.headers = headers  # names in lower case
        self.body = body
        self.params: Mapping[str, str] = {}
        self._query: dict[str, list[str]] | None = None
        self._json: Any = None

    @property
    def query(self) -> dict[str, list[str]]:
        """Give every query parameter with all of its values."""
        if self._query is None:
            self._query = parse_qs(self.query_string, keep_blank_values=True)
        return self._query

    def arg(self, name: str, default: str | None = None) -> str | None:
        """Give the last value of a query parameter."""
        values = self.query.get(name)
        return values[-1] if values else default

    def json(self) -> Any:
        """Parse the body as JSON.

        :raises BadRequest: when it is not JSON.
        """
        if self._json is None:
            try:
                self._json = json.loads(self.body)
            except (ValueError, RecursionError) as error:
                raise BadRequest(f"The body is not valid JSON: {error}") from error
        return self._json

    def form(self) -> dict[str, str]:
        """Parse the body as an HTML form, the last value of each name."""
        fields = parse_qs(self.body.decode("utf-8", "replace"), keep_blank_values=True)
        return {name: values[-1] for name, values in fields.items()}


class Response:
    """One answer. `wait_for`: what must have happened before it may leave (an early webhook)."""

    __slots__ = ("body", "content_type", "headers", "status", "wait_for")

    def __init__(
        self,
        status: int = 200,
        body: bytes = b"",
        *,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status = status
        self.body = body
        self.content_type = content_type
        self.headers = headers
        self.wait_for: list[asyncio.Future[Any]] = []

    @classmethod
    def of(cls, value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
        """Make a JSON answer."""
        body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        return cls(status, body, headers=headers)


Handle = Callable[[Request, "Connection"], None]
Head = tuple[str, str, dict[str, str], int]
"""Method, target, headers, and the length of the body."""


class Connection(asyncio.Protocol):
    """One client's connection: reads requests one by one, and waits for each answer before the next."""

    def __init__(self, *, handle: Handle, live: set[Connection]) -> None:
        self._handle = handle
        self._live = live
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._head: Head | None = None  # read already, its body not yet whole
        self._request: Request | None = None  # being worked on
        self._pumping = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._live.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._live.discard(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._pump()

    @property
    def closed(self) -> bool:
        """Say whether the client has gone."""
        return self._transport is None

    def _pump(self) -> None:
        """Hand on requests for as long as whole ones are there and each is answered at once."""
        if self._pumping:
            return
        self._pumping = True
        try:
            while self._request is None and self._transport is not None:
                request = self._next()
                if request is None:
                    return
                self._request = request
                self._handle(request, self)
        except BadRequest as error:
            self._request = None
            self._refuse(400, str(error))
        finally:
            self._pumping = False

    def _next(self) -> Request | None:
        if self._head is None:
            self._head = self._read_head()
        if self._head is None:
            return None
        method, target, headers, length = self._head
        if len(self._buffer) < length:
            return None
        body = bytes(self._buffer[:length])
        del self._buffer[:length]
        self._head = None
        return Request(method=method, target=target, headers=headers, body=body)

    def _read_head(self) -> Head | None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > MAX_HEAD:
                raise BadRequest("The head of the request is too long")
            return None
        lines = self._buffer[:end].decode("latin-1").split("\r\n")
        del self._buffer[: end + 4]
        words = lines[0].split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            raise BadRequest("That is not HTTP/1.1")
        headers: dict[str, str] = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        if words[2] == "HTTP/1.0":
            headers.setdefault("connection", "close")
        return words[0], words[1], headers, self._length(headers)

    def _length(self, headers: dict[str, str]) -> int:
        if "transfer-encoding" in headers:
            raise BadRequest("Chunked requests are not understood: send Content-Length")
        text = headers.get("content-length", "0")
        if not text.isdigit() or int(text) > MAX_BODY:
            raise BadRequest("Content-Length is not a number, or too large")
        if headers.get("expect", "").lower() == "100-continue" and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return int(text)

    def _refuse(self, status: int, why: str) -> None:
        if self._transport is not None:
            self._transport.write(render(None, Response.of({"error": why}, status=status), close=True))
            self._transport.close()

    def answer(self, response: Response) -> None:
        """Send the answer to the request at hand, and go on with the next."""
        request, self._request = self._request, None
        if self._transport is None:
            return
        close = request is not None and request.headers.get("connection", "").lower() == "close"
        self._transport.write(render(request, response, close=close))
        if close:
            self._transport.close()
        else:
            self._pump()

    def answer_in_part(self, response: Response) -> None:
        """Promise the whole body, send half of it, and close."""
        request, self._request = self._request, None
        if self._transport is None:
            return
        whole = render(request, response, close=True, gzip=False)
        self._transport.write(whole[: len(whole) - max(1, (len(response.body) + 1) // 2)])
        self._transport.close()

    def drop(self) -> None:
        """Close the socket without an answer."""
        if self._transport is not None:
            self._transport.abort()


@lru_cache(maxsize=1)
def _date(second: int) -> bytes:
    return formatdate(second, usegmt=True).encode()


def render(request: Request | None, response: Response, *, close: bool, gzip: bool = True) -> bytes:
    """Put an answer into bytes, compressed where the client asked for it and it is worth it."""
    body = response.body
    lines = [
        b"HTTP/1.1 %d %s\r\nDate: %s\r\n"
        % (response.status, _REASONS.get(response.status, "-").encode(), _date(int(time.time())))
    ]
    if response.headers:
        lines.extend(f"{name}: {value}\r\n".encode("latin-1") for name, value in response.headers.items())
    if gzip and len(body) > GZIP_FROM and request and "gzip" in request.headers.get("accept-encoding", ""):
        packer = zlib.compressobj(1, zlib.DEFLATED, 31)  # 31: with the gzip envelope
        body = packer.compress(body) + packer.flush()
        lines.append(b"Content-Encoding: gzip\r\nVary: Accept-Encoding\r\n")
    if response.status != 204:
        lines.append(
            b"Content-Type: %s\r\nContent-Length: %d\r\n" % (response.content_type.encode(), len(body))
        )
    lines.append(b"Connection: close\r\n\r\n" if close else b"\r\n")
    if request is None or request.method != "HEAD":
        lines.append(body)
    return b"".join(lines)
