"""Who makes a request, typed: the framework itself knows nothing but users and tokens of its own."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request

from accounts.callers import Caller, Server
from accounts.models import User


def caller(request: Request) -> Caller:
    """This will give what is known of whoever calls; somebody must be known."""
    found: Any = request.auth
    assert isinstance(found, Caller)
    return found


def person(request: Request) -> User | None:
    """This will give the person who calls, or None where it is the marketplace's server, or nobody."""
    found: Any = request.user
    return found if isinstance(found, User) else None


def somebody(request: Request) -> User:
    """This will give the person who calls, where `IsPerson` has let nobody else pass."""
    found = person(request)
    assert found is not None
    return found


def server(request: Request) -> Server | None:
    """This will give the marketplace's server where it calls."""
    found: Any = request.user
    return found if isinstance(found, Server) else None
