"""Wise's error forms: a list of errors, OAuth's pair of words, and the one of a fault inside."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sandbox.core import Response


class Problem(Exception):
    """An error that Wise answers with."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        path: str = "",
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.path = path
        self.headers = headers or {}

    def response(self) -> Response:
        """Give it as Wise does."""
        return Response.of(errors(self.code, str(self), self.path), status=self.status, headers=self.headers)


class InvalidToken(Exception):
    """Who asks is not known."""

    def response(self) -> Response:
        """Give it as OAuth has it."""
        body = {"error": "invalid_token", "error_description": f"Invalid token: {self}"}
        return Response.of(body, status=401)


def errors(code: str, message: str, path: str = "") -> dict[str, Any]:
    """Give the body with one error."""
    one = {"code": code, "message": message, "path": path, "arguments": []}
    return {"timestamp": datetime.now(UTC).isoformat(), "errors": [one]}


def inside(path: str, message: str = "Internal server error") -> Response:
    """Give what Wise answers when it does not understand itself."""
    body = {
        "timestamp": datetime.now(UTC).isoformat(),
        "status": 500,
        "error": "Internal Server Error",
        "exception": "internal.server.error",
        "message": message,
        "path": path,
    }
    return Response.of(body, status=500)
