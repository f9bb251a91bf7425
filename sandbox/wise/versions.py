"""Wise's paths, each once: its legacy version, and the path behind it, which dated versions share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sandbox.core import Route
from sandbox.core.routing import Handler

DATED = ("2026Q3",)


class Door(NamedTuple):
    """`legacy` is such as `v3`; empty where Wise has no version in the path."""

    method: str
    legacy: str
    path: str
    handler: Handler


def routes(doors: Iterable[Door]) -> list[Route]:
    """Give each door under its legacy path and under each dated one."""
    found = []
    for door in doors:
        prefixes = [door.legacy, *DATED] if door.legacy else [""]
        found += [
            Route(door.method, f"/{prefix}{door.path}" if prefix else door.path, door.handler)
            for prefix in prefixes
        ]
    return found
