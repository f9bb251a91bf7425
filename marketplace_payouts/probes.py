"""Whoever watches over a process asks it by its bare address, which ALLOWED_HOSTS does not name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse

PATHS: Final = frozenset({"/healthz", "/readyz", "/metrics"})


def any_host_for_probes(get_response: Callable[[HttpRequest], HttpResponse]) -> object:
    """This will let the doors of `PATHS` be asked under any name: what they answer does not depend on it."""

    def answer(request: HttpRequest) -> HttpResponse:
        if request.path in PATHS and settings.ALLOWED_HOSTS:
            request.META["HTTP_HOST"] = settings.ALLOWED_HOSTS[0].removeprefix(".")
        return get_response(request)

    return answer
