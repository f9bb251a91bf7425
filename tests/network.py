"""The two rules about sockets: none leaves this machine, and none is used while a database transaction is open."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from collections.abc import Iterator
from typing import Any
from unittest import mock

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.transaction import Atomic

from marketplace_payouts.lib.http import Answer, HttpClient


class SocketRefused(Exception):
    """A test, or the product under it, opened a socket where it must not."""


# Kept, so that a test fails even where the code under it swallowed the exception.
refused: list[str] = []

_connect, _connect_ex, _sendto = socket.socket.connect, socket.socket.connect_ex, socket.socket.sendto
_getaddrinfo, _request = socket.getaddrinfo, HttpClient.request


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Hold both rules in this process: for every socket, and for calls over one that was kept open."""
    with contextlib.ExitStack() as stack:
        for owner, own in (
            (socket.socket, connect),
            (socket.socket, connect_ex),
            (socket.socket, sendto),
            (socket, getaddrinfo),
            (HttpClient, request),
        ):
            stack.enter_context(mock.patch.object(owner, own.__name__, own))
        yield


def connect(self: socket.socket, address: Any) -> None:
    """Stand in for a socket's own."""
    _check(self, address)
    _connect(self, address)


def connect_ex(self: socket.socket, address: Any) -> int:
    """Stand in for a socket's own."""
    _check(self, address)
    return _connect_ex(self, address)


def sendto(self: socket.socket, data: Any, *rest: Any) -> int:
    """Stand in for a socket's own."""
    _check(self, rest[-1])
    return _sendto(self, data, *rest)


def getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
    """Stand in for the look-up of names."""
    if not _is_local(host):
        _refuse(None, f"The name {host!r} was looked up: tests stay on this machine.")
    return _getaddrinfo(host, *arguments, **options)


def request(self: HttpClient, method: str, path: str, **options: Any) -> Answer:
    """Stand in for the product's own client."""
    if in_transaction():
        _refuse(None, f"{method} {path} was asked for while a transaction was open.")
    return _request(self, method, path, **options)


def in_transaction() -> bool:
    """Say whether this thread has a transaction open, not counting the one that pytest-django wraps a test in."""
    blocks: list[Atomic] = next(
        (c.atomic_blocks for c in connections.all(initialized_only=True) if c.alias == DEFAULT_DB_ALIAS), []
    )
    return any(not getattr(block, "_from_testcase", False) for block in blocks)


def _check(sock: socket.socket, address: Any) -> None:
    if sock.family == getattr(socket, "AF_UNIX", None):
        return
    if not _is_local(address[0]):
        _refuse(sock, f"A socket to {address[0]} was opened: tests stay on this machine.")
    if in_transaction():
        _refuse(sock, f"A socket to {address[0]}:{address[1]} was opened while a transaction was open.")


def _is_local(host: Any) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if not name or name == "localhost":
        return True
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(name).is_loopback
    return False


def _refuse(sock: socket.socket | None, why: str) -> None:
    if sock is not None:
        sock.close()  # its maker expects nothing but an OSError and would leave it open
    refused.append(why)
    raise SocketRefused(why)
