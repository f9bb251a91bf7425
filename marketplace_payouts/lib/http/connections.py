"""Connections that go only where they may, and end when the call's time is over.

A name is resolved once, every address is judged, and the judged address is the one connected to: a name that
answers differently the second time (DNS rebinding) gains nothing. Each read waits no longer than the rest of the
call's time, so that a server that sends one byte a second cannot hold a worker.
"""

from __future__ import annotations

import http.client
import io
import ipaddress
import socket
import sys
import time
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util.connection import create_connection

from marketplace_payouts.lib.http.errors import ForbiddenAddress, NameNotResolved, NotConnected, NotSent

# A connection that lay idle longer is not used again: the other side may close it just while we write, and a payment
# sent into that would be unknown for no good reason.
_LONGEST_IDLE_S: Final = 15.0
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Bounds:
    """By when one call must end, and which addresses it may go to."""

    deadline: float
    """On the clock of `time.monotonic`."""
    connect_s: float
    read_s: float
    loopback_only: bool = False
    allow_private: bool = False

    def left(self, longest: float) -> float:
        """Give the seconds to wait now.

        :raises TimeoutError: when the call's time is over.
        """
        left = min(self.deadline - time.monotonic(), longest)
        if left <= 0:
            raise TimeoutError("the time for the whole call is over")
        return left


BOUNDS: ContextVar[Bounds] = ContextVar("http_bounds")


def judge_address(address: str, *, loopback_only: bool, allow_private: bool) -> None:
    """Refuse an address that a call must not go to.

    :raises ForbiddenAddress: when it is not public (or not loopback, where only that is wanted).
    """
    ip = _unwrapped(ipaddress.ip_address(address.partition("%")[0]))
    if loopback_only:
        allowed = ip.is_loopback
    elif allow_private:
        # A node of our own network may be meant, but never this machine's neighbours that hand out credentials.
        allowed = not (ip.is_loopback or ip.is_link_local or ip.is_multicast or ip.is_unspecified)
    else:
        allowed = ip.is_global and not ip.is_multicast
    if not allowed:
        raise ForbiddenAddress("The name leads to an address that we do not talk to.")


def _unwrapped(
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Take an IPv4 address out of the IPv6 forms that carry one."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or ip


def _resolve(host: str, port: int, bounds: Bounds) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NameNotResolved(f"The name {host} was not found.") from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for address in addresses:
        judge_address(address, loopback_only=bounds.loopback_only, allow_private=bounds.allow_private)
    return addresses


class _BoundedReader(io.RawIOBase):
    """Reads from a socket, each time waiting no longer than the call may still take."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        bounds = BOUNDS.get()
        self._sock.settimeout(bounds.left(bounds.read_s))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _BoundedSocket:
    """As much of a socket as reading an answer takes."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_BoundedReader(self._sock))


def _bounded_response(sock: socket.socket, *args: Any, **kwargs: Any) -> http.client.HTTPResponse:
    return http.client.HTTPResponse(_BoundedSocket(sock), *args, **kwargs)  # type: ignore[arg-type]


class _Pinned(HTTPConnection):
    """A connection to a judged address, dropped once it has been idle for long."""

    response_class = staticmethod(_bounded_response)  # type: ignore[assignment]
    _used_at = 0.0

    def _new_conn(self) -> socket.socket:
        bounds = BOUNDS.get()
        failure: OSError = OSError("no address")
        for address in _resolve(self._dns_host, self.port or 0, bounds):
            try:
                sock = create_connection(
                    (address, self.port or 0),
                    bounds.left(bounds.connect_s),
                    socket_options=self.socket_options,
                )
            except OSError as error:
                failure = error
            else:
                sys.audit("http.client.connect", self, self.host, self.port)
                return sock
        raise failure

    def connect(self) -> None:
        # Until this has returned not a byte of the request has left, so whatever fails here is certain.
        try:
            super().connect()
        except NotSent:
            raise
        except (OSError, ValueError, urllib3.exceptions.HTTPError) as error:
            raise NotConnected(f"No connection to {self.host}: {error}") from error

    def getresponse(self) -> Any:
        self._used_at = time.monotonic()
        return super().getresponse()

    @property
    def is_connected(self) -> bool:
        return time.monotonic() - self._used_at < _LONGEST_IDLE_S and super().is_connected


class _PinnedTls(_Pinned, HTTPSConnection):
    """The same under TLS; the certificate is checked against the name, not the address."""


class _PinnedPool(HTTPConnectionPool):
    ConnectionCls = _Pinned


class _PinnedTlsPool(HTTPSConnectionPool):
    ConnectionCls = _PinnedTls


class PinnedAdapter(HTTPAdapter):
    """Makes a session of requests use these connections; tries everything exactly once."""

    def __init__(self, *, pool_size: int) -> None:
        super().__init__(pool_connections=4, pool_maxsize=pool_size, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _PinnedPool, "https": _PinnedTlsPool}
