"""The two rules about sockets: none leaves this machine, and none opens while a database transaction is open."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from collections.abc import Iterator
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.transaction import Atomic


class SocketRefused(Exception):
    """A test, or the product under it, opened a socket where it must not."""


# Kept, so that a test fails even where the code under it swallowed the exception.
refused: list[str] = []

_connect, _connect_ex, _sendto = socket.socket.connect, socket.socket.connect_ex, socket.socket.sendto
_getaddrinfo = socket.getaddrinfo


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Hold both rules for every socket of this process."""

    def connect(self: socket.socket, address: Any) -> None:
        _check(self, address)
        _connect(self, address)

    def connect_ex(self: socket.socket, address: Any) -> int:
        _check(self, address)
        return _connect_ex(self, address)

    def sendto(self: socket.socket, data: Any, *rest: Any) -> int:
        _check(self, rest[-1])
        return _sendto(self, data, *rest)

    def getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
        if not _is_local(host):
            _refuse(None, f"The name {host!r} was looked up: tests stay on this machine.")
        return _getaddrinfo(host, *arguments, **options)

    socket.socket.connect, socket.socket.connect_ex = connect, connect_ex  # type: ignore[method-assign, assignment]
    socket.socket.sendto = sendto  # type: ignore[method-assign, assignment]
    socket.getaddrinfo = getaddrinfo
    try:
        yield
    finally:
        socket.socket.connect, socket.socket.connect_ex = _connect, _connect_ex  # type: ignore[method-assign]
        socket.socket.sendto = _sendto  # type: ignore[method-assign]
        socket.getaddrinfo = _getaddrinfo


def in_transaction() -> bool:
    """Say whether this thread has a transaction open, not counting the one that pytest-django wraps a test in."""
    blocks: list[Atomic] = next(
        (c.atomic_blocks for c in connections.all(initialized_only=True) if c.alias == DEFAULT_DB_ALIAS), []
    )
    return any(not getattr(block, "_from_testcase", False) for block in blocks)


def refuse(why: str) -> None:
    """Refuse what no socket shows.

    :raises SocketRefused: always.
    """
    _refuse(None, why)


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
