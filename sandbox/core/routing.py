"""Which handler answers which method and path."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from sandbox.core.http import Request, Response

Handler = Callable[[Request], Response]


class Route(NamedTuple):
    """`path` may hold placeholders, `/v1/things/{thing_id}`; each matches one segment."""

    method: str
    path: str
    handler: Handler


class Router:
    """Finds the handler: fixed paths by one dictionary look-up, the others by pattern in the given order."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._fixed: dict[tuple[str, str], Handler] = {}
        self._patterns: dict[str, list[tuple[re.Pattern[str], Handler]]] = {}
        for route in routes:
            if "{" not in route.path:
                self._fixed[route.method, route.path] = route.handler
                continue
            pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(route.path))
            self._patterns.setdefault(route.method, []).append((re.compile(pattern), route.handler))

    def find(self, request: Request) -> Handler | None:
        """Give the handler, with the request's `params` set; None when there is none."""
        handler = self._fixed.get((request.method, request.path))
        if handler is not None:
            return handler
        for pattern, candidate in self._patterns.get(request.method, ()):
            match = pattern.fullmatch(request.path)
            if match:
                params: Mapping[str, str] = match.groupdict()
                request.params = params
                return candidate
        return None
