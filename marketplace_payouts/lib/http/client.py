"""One client per service: its base URL, its limits, and calls that end in an answer or a named failure."""

from __future__ import annotations

import http.client
import json
import logging
import os
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Final
from urllib.parse import urlsplit

import requests
import urllib3

from marketplace_payouts.lib.clock import utc_now
from marketplace_payouts.lib.http.base_urls import check_base_url, is_loopback_host
from marketplace_payouts.lib.http.bodies import hide_headers
from marketplace_payouts.lib.http.connections import BOUNDS, Bounds, PinnedAdapter
from marketplace_payouts.lib.http.errors import (
    AnswerCutShort,
    AnswerTooLarge,
    AnswerUnreadable,
    BadRequest,
    ConnectionBroken,
    DeadlineOver,
    HttpError,
    ReadTimedOut,
)

_log = logging.getLogger(__name__)

_CHUNK: Final = 64 * 1024
_USER_AGENT: Final = "marketplace-payouts"
_BROKEN: Final = (requests.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException, OSError)
_MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait for a connection, for the next byte, and for the whole call."""

    connect: float = 5.0
    read: float = 30.0
    total: float = 60.0

    def __post_init__(self) -> None:
        if min(self.connect, self.read, self.total) <= 0:
            raise ValueError("Every timeout must be more than zero.")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side said, whatever its status; the names of headers are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether the status is one of 200 to 299."""
        return 200 <= self.status < 300

    def json(self) -> object:
        """Read the body as JSON.

        :raises AnswerUnreadable: when it is none; with the status, for a refusal may come as a page of HTML.
        """
        try:
            value: object = json.loads(self.body, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            raise AnswerUnreadable("The answer is not JSON.", status=self.status) from None
        return value

    def retry_after(self) -> float | None:
        """Give the seconds that ``Retry-After`` asks us to wait, or None where it says nothing readable."""
        text = self.headers.get("retry-after", "").strip()
        if text.isascii() and text.isdecimal():
            return float(text[:9])
        try:
            moment = parsedate_to_datetime(text)
            return max((moment - utc_now()).total_seconds(), 0.0)
        except (TypeError, ValueError):
            return None


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call as it may be shown or logged: no bodies, no query, no secrets."""

    method: str
    host: str
    path: str
    status: int | None
    seconds: float
    sent_bytes: int
    received_bytes: int
    request_headers: Mapping[str, str]
    answer_headers: Mapping[str, str]
    error: str


def log_exchange(exchange: Exchange) -> None:
    """Write an exchange to the log."""
    _log.debug(
        "%s %s%s: %s in %.3f s, %d bytes out, %d bytes in",
        exchange.method,
        exchange.host,
        exchange.path,
        exchange.error or exchange.status,
        exchange.seconds,
        exchange.sent_bytes,
        exchange.received_bytes,
    )


class HttpClient:
    """Speaks to one service; safe to share among threads, and to keep across a fork.

    No redirect is followed, no call is made twice, no cookie is kept, no proxy is taken from the environment.
    `on_exchange` hears about every call, with secrets removed; without it the log does. `allow_private` lets a name
    lead into our own network (a chain node of our own); a loopback base URL leads to loopback only.

    :raises BadBaseUrl: when we may not talk to this base URL.
    """

    def __init__(
        self,
        *,
        base_url: str,
        timeouts: Timeouts = Timeouts(),
        max_bytes: int = 8 * _MIB,
        allow_loopback_http: bool = False,
        allowed_hosts: Sequence[str] | None = None,
        allow_private: bool = False,
        allow_path: bool = False,
        ca_file: str | None = None,
        pool_size: int = 10,
        on_exchange: Callable[[Exchange], None] | None = None,
    ) -> None:
        self.base_url = check_base_url(
            base_url,
            allow_loopback_http=allow_loopback_http,
            allowed_hosts=allowed_hosts,
            allow_path=allow_path,
        )
        self.host = (urlsplit(self.base_url).hostname or "").lower()
        self._loopback_only = allow_loopback_http and is_loopback_host(self.host)
        self._allow_private = allow_private
        self._timeouts = timeouts
        self._max_bytes = max_bytes
        self._verify: bool | str = ca_file or True
        self._pool_size = pool_size
        self._on_exchange = on_exchange
        self._session: tuple[int, requests.Session] | None = None

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        content_type: str = "",
        timeouts: Timeouts | None = None,
        deadline: float | None = None,
        max_bytes: int | None = None,
    ) -> Answer:
        """Make one call and give its answer, of whatever status.

        `path` begins with a slash (or is empty, for the base URL itself). `deadline`, on the clock of
        `time.monotonic`, ends the call earlier than the timeouts would. `body` is sent as the very bytes given.

        :raises NotSent: when nothing reached the other side.
        :raises MaybeReceived: when it may have acted, but no whole answer came back.
        """
        timeouts = timeouts or self._timeouts
        prepared = self._prepare(method, path, params, headers or {}, body, content_type)
        started = time.monotonic()
        end = min(started + timeouts.total, deadline if deadline is not None else float("inf"))
        if end <= started:
            raise DeadlineOver("The time for this call was over before it began.")
        bounds = Bounds(
            deadline=end,
            connect_s=min(timeouts.connect, end - started),
            read_s=min(timeouts.read, end - started),
            loopback_only=self._loopback_only,
            allow_private=self._allow_private,
        )
        answer: Answer | None = None
        failure: HttpError | None = None
        token = BOUNDS.set(bounds)
        try:
            answer = self._call(prepared, bounds, max_bytes or self._max_bytes, started)
            return answer
        except HttpError as error:
            failure = error
            raise
        finally:
            BOUNDS.reset(token)
            self._tell(prepared, path, time.monotonic() - started, answer, failure)

    def close(self) -> None:
        """Close the kept connections; the next call opens new ones."""
        kept, self._session = self._session, None
        if kept is not None and kept[0] == os.getpid():
            kept[1].close()

    def _prepare(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | Sequence[tuple[str, str]],
        headers: Mapping[str, str],
        body: bytes | None,
        content_type: str,
    ) -> requests.PreparedRequest:
        _check_path(path)
        all_headers = {
            "User-Agent": _USER_AGENT,
            "Accept": "application/json",
            **headers,
            "Accept-Encoding": "gzip",
        }
        if content_type:
            all_headers["Content-Type"] = content_type
        pairs = list(params.items()) if isinstance(params, Mapping) else list(params)
        try:
            return requests.Request(
                method, self.base_url + path, headers=all_headers, params=pairs, data=body
            ).prepare()
        except (requests.RequestException, ValueError, urllib3.exceptions.HTTPError):
            raise BadRequest("The request cannot be expressed in HTTP.") from None

    def _call(
        self, prepared: requests.PreparedRequest, bounds: Bounds, max_bytes: int, started: float
    ) -> Answer:
        with _named_failures(None):
            response = self._live_session().send(
                prepared,
                stream=True,
                timeout=(bounds.connect_s, bounds.read_s),
                allow_redirects=False,
                verify=self._verify,
                proxies={},
            )
        try:
            with _named_failures(response.status_code):
                body = _read(response, max_bytes=max_bytes)
        finally:
            response.close()
        raw = response.raw.headers
        headers = {name.lower(): str(raw[name]) for name in raw}
        return Answer(
            status=response.status_code, headers=headers, body=body, seconds=time.monotonic() - started
        )

    def _live_session(self) -> requests.Session:
        # A child process must not write into its parent's connections: two senders in one TLS stream.
        kept = self._session
        if kept is None or kept[0] != os.getpid():
            session = _Session()
            session.trust_env = False
            session.headers.clear()
            session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
            session.mount("https://", PinnedAdapter(pool_size=self._pool_size))
            session.mount("http://", PinnedAdapter(pool_size=self._pool_size))
            kept = self._session = (os.getpid(), session)
        return kept[1]

    def _tell(
        self,
        prepared: requests.PreparedRequest,
        path: str,
        seconds: float,
        answer: Answer | None,
        failure: HttpError | None,
    ) -> None:
        if self._on_exchange is None and not _log.isEnabledFor(logging.DEBUG):
            return
        exchange = Exchange(
            method=prepared.method or "",
            host=self.host,
            path=path.partition("?")[0],
            status=answer.status if answer else getattr(failure, "status", None),
            seconds=seconds,
            sent_bytes=len(prepared.body or b""),
            received_bytes=len(answer.body) if answer else 0,
            request_headers=hide_headers(prepared.headers),
            answer_headers=hide_headers(answer.headers) if answer else {},
            error="" if answer else type(failure).__name__,
        )
        (self._on_exchange or log_exchange)(exchange)


class _Session(requests.Session):
    """Knows no redirects: to find where one leads, requests would first read its whole body, however long it is."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Give none, whatever the answer says."""
        return


def _check_path(path: str) -> None:
    bad = any(character in path for character in "?#\\") or any(ord(character) < 33 for character in path)
    if bad or (path and not path.startswith("/")) or path.startswith("//"):
        raise BadRequest("A path begins with one slash and holds neither query nor blanks.")
    if any(segment in {".", ".."} for segment in path.lower().replace("%2e", ".").split("/")):
        raise BadRequest("A path must not climb out of its base.")


@contextmanager
def _named_failures(status: int | None) -> Iterator[None]:
    """Turn whatever breaks after connecting into `MaybeReceived`; what failed before has its name already."""
    try:
        yield
    except (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError) as error:
        raise ReadTimedOut("No whole answer came in time.", status=status) from error
    except (urllib3.exceptions.IncompleteRead, http.client.IncompleteRead) as error:
        raise AnswerCutShort("The answer ended before its end.", status=status) from error
    except urllib3.exceptions.ProtocolError as error:
        if isinstance(error.__context__, (urllib3.exceptions.IncompleteRead, http.client.IncompleteRead)):
            raise AnswerCutShort("The answer ended before its end.", status=status) from error
        raise ConnectionBroken(f"The connection broke: {error}", status=status) from error
    except _BROKEN as error:
        raise ConnectionBroken(f"The connection broke: {error}", status=status) from error


def _read(response: requests.Response, *, max_bytes: int) -> bytes:
    """Read the body, unpacking it piece by piece, so that a small bomb of gzip never grows large in memory."""
    status = response.status_code
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding not in {"", "identity", "gzip", "x-gzip"}:
        raise AnswerUnreadable(
            f"The answer is packed in a way that was not asked for: {encoding[:20]}.", status=status
        )
    unpack = zlib.decompressobj(wbits=31) if encoding.endswith("gzip") else None
    body = bytearray()
    received = 0
    for chunk in response.raw.stream(_CHUNK, decode_content=False):
        received += len(chunk)
        try:
            body += chunk if unpack is None else unpack.decompress(chunk, max_bytes + 1 - len(body))
        except zlib.error:
            raise AnswerUnreadable("The answer's gzip is damaged.", status=status) from None
        if max(received, len(body)) > max_bytes:
            raise AnswerTooLarge(f"The answer has more than {max_bytes} bytes.", status=status)
    if unpack is not None and received and not unpack.eof:
        raise AnswerCutShort("The answer's gzip ends before its end.", status=status)
    return bytes(body)


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")
