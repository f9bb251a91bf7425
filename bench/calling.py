"""Clients that call a web server side by side, each over a connection of its own, and what their calls took."""

from __future__ import annotations

import http.client
import statistics
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bench.results import NotAsPromised


@dataclass(frozen=True, slots=True)
class Call:
    """What one client asks for, again and again."""

    path: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Took:
    """What the calls of all clients took, in milliseconds."""

    milliseconds: Sequence[float]

    @property
    def p50(self) -> float:
        """Half of them took less."""
        return statistics.median(self.milliseconds)

    @property
    def p95(self) -> float:
        """Nineteen of twenty took less."""
        return statistics.quantiles(self.milliseconds, n=20)[-1]


def call(port: int, calls: Sequence[Call], *, times: int) -> Took:
    """This will have a client for each call make it so many times, all at once.

    :raises NotAsPromised: when one is answered with anything but 200.
    """
    all_are_there = threading.Barrier(len(calls))

    def client(one: Call) -> list[float]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        all_are_there.wait()
        try:
            return [_once(connection, one) for _ in range(times)]
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return Took([took for some in pool.map(client, calls) for took in some])


def _once(connection: http.client.HTTPConnection, one: Call) -> float:
    start = time.perf_counter()
    connection.request("GET", one.path, headers=dict(one.headers))
    answer = connection.getresponse()
    body = answer.read()
    seconds = time.perf_counter() - start
    if answer.status != 200:
        raise NotAsPromised(f"{one.path} answered {answer.status}: {body[:200].decode(errors='replace')}")
    return seconds * 1000
