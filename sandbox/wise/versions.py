"""Wise's paths, each once: its legacy version, and the path behind it, which dated versions share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sandbox.core import Route
from sandbox.core.routing import Handler

DATED = ("2026Q3",)


class Door(NamedTuple):
    """`legacy` is the version that stands before the path, such as `v3`."""

    method: str
    legacy: str
    path: str
    handler: Handler


def routes(doors: Iterable[Door]) -> list[Route]:
    """Give each door under its legacy path, and the newest of each under the dated ones."""
    found = list(doors)
    newest = {(door.method, door.path): door for door in sorted(found, key=lambda door: door.legacy)}
    legacy = [Route(door.method, f"/{door.legacy}{door.path}", door.handler) for door in found]
    dated = [
        Route(door.method, f"/{date}{door.path}", door.handler) for date in DATED for door in newest.values()
    ]
    return [*legacy, *dated]
