"""Every route under /api/v1/, as the URL configuration has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from django.urls import URLResolver, get_resolver

from accounts.api.views import UnknownView

ROOT: Final = "api/v1/"
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def routes() -> list[str]:
    """This will give the routes as they are written, such as ``payouts/<uuid:pk>/``."""
    return sorted(route.removeprefix(ROOT) for route in _under(get_resolver(), "") if route.startswith(ROOT))


def _under(resolver: URLResolver, prefix: str) -> Iterator[str]:
    for one in resolver.url_patterns:
        route = prefix + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from _under(one, route)
        elif getattr(one.callback, "cls", None) is not UnknownView:
            yield route
