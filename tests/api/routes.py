"""Every route under /api/v1/, as the URL configuration has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.urls import URLResolver, get_resolver

from accounts.api.views import ApiView, UnknownView

ROOT: Final = "api/v1/"
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def routes() -> list[str]:
    """This will give the routes as they are written, such as ``payouts/<uuid:pk>/``."""
    return sorted(route.removeprefix(ROOT) for route in _endpoints() if route.startswith(ROOT))


def bare_routes() -> list[str]:
    """This will give the routes by which endpoints of the API answer elsewhere as well."""
    return sorted(route for route in _endpoints() if not route.startswith("api/"))


def _endpoints() -> Iterator[str]:
    for route, endpoint in _under(get_resolver(), ""):
        kind = getattr(endpoint, "cls", object)
        if issubclass(kind, ApiView) and kind is not UnknownView:
            yield route


def _under(resolver: URLResolver, prefix: str) -> Iterator[tuple[str, Any]]:
    for one in resolver.url_patterns:
        route = prefix + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from _under(one, route)
        else:
            yield route, one.callback
