"""What requests and answers of these endpoints look like, for the OpenAPI document; and how every app writes that."""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.utils import OpenApiExample

_USER: Final = "5d7f2a1e-8b1c-4c39-9d4e-3f6a2b7c8d90"
_CHANGES: Final = {
    "allowed": True,
    "code": None,
    "detail": None,
    "fresh_until": "2026-11-30T09:10:00Z",
}
_PAYEE: Final = {"id": "0193a8c2-7c1e-7d3a-9b5f-2e4d6c8a0b1c", "sharetribe_user_id": _USER}


def sent(name: str, value: Any) -> OpenApiExample:
    """This will make an example of what is sent."""
    return OpenApiExample(name, value, request_only=True)


def answered(name: str, value: Any, *statuses: str) -> OpenApiExample:
    """This will make an example of what is answered, with 200 where no status is named."""
    return OpenApiExample(name, value, response_only=True, status_codes=statuses or ("200",))


OPEN_SESSION: Final = [
    sent(
        "Signed by the marketplace's server",
        {"sharetribe_user_id": _USER, "logged_in_at": "2026-11-30T09:00:00Z"},
    ),
    answered(
        "A session",
        {
            "token": "mps_kJ3v0mXq7Yw1fT9cLrB2nE5sZ8aH4dG6uPiOxWyVtQc",
            "expires_at": "2026-11-30T09:15:00Z",
            "changes": _CHANGES,
        },
        "201",
    ),
]
ME: Final = [
    answered(
        "A user of the marketplace",
        {
            "kind": "person",
            "id": "0193a8c2-7c1f-7a2b-8c3d-4e5f60718293",
            "email": None,
            "payee": _PAYEE,
            "server": None,
            "credential": "session",
            "expires_at": "2026-11-30T09:15:00Z",
            "login": {"by": "sharetribe", "at": "2026-11-30T09:00:00Z"},
            "changes": _CHANGES,
        },
    ),
]
LINK: Final = [
    sent("A token of the user's own", {"token": "eyJhbGciOiJIUzI1NiJ9…"}),
    answered("The payee that the account is from now on", _PAYEE),
]
