"""The cookies of the payees' pages: theirs alone, and out of the reach of scripts and of other sites.

By https their names begin with ``__Host-``, which browsers take from this very host alone: nobody on a neighbouring
one can slip a session of theirs to a payee. Such a cookie is for all paths; the back office does not look at it, as
these pages do not look at the one of staff.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse

SESSION: Final = "payee"
CODE: Final = "payee-code"
LANGUAGE: Final = "payee-language"
A_YEAR: Final = timedelta(days=365)


def get(request: HttpRequest, name: str) -> str:
    """This will give what a cookie says, or nothing."""
    return request.COOKIES.get(_full(name), "")


def put(response: HttpResponse, name: str, value: str, *, lasts: timedelta) -> None:
    """This will set a cookie for so long."""
    response.set_cookie(
        _full(name),
        value,
        max_age=lasts,
        path="/",
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def drop(response: HttpResponse, name: str) -> None:
    """This will take a cookie away."""
    put(response, name, "", lasts=timedelta(0))


def _full(name: str) -> str:
    return f"__Host-{name}" if settings.SESSION_COOKIE_SECURE else name
