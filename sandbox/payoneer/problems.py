"""Payoneer's error envelope."""

from __future__ import annotations

from typing import Any

from sandbox.core import Response

PAYOUT_NOT_FOUND = 2306
TOKEN_OF_ANOTHER = 4012
REFUSED = 1000
_ERRORS = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
}


class Problem(Exception):
    """A refusal in Payoneer's words; `errors` are about single fields."""

    def __init__(
        self,
        status: int,
        description: str,
        *,
        sub_code: int | None = None,
        code: int | None = None,
        errors: list[dict[str, Any]] | None = None,
    ) -> None:
        super().__init__(description)
        self.status = status
        self.description = description
        self.code = status if code is None else code
        self.sub_code = sub_code
        self.errors = errors or []

    def body(self) -> dict[str, Any]:
        """Give the envelope."""
        details: dict[str, Any] = {"code": self.code, "target": "", "errors": self.errors}
        if self.sub_code is not None:
            details["sub_code"] = self.sub_code
        return {
            "error": _ERRORS.get(self.status, "Error"),
            "error_description": self.description,
            "error_details": details,
        }

    def response(self) -> Response:
        """Make the answer."""
        return Response.of(self.body(), status=self.status)


def at(target: str, message: str, *, value: object = "") -> dict[str, Any]:
    """Make one entry of `errors`."""
    return {"code": 400, "sub_code": REFUSED, "target": target, "value": str(value)[:200], "message": message}


def refused(*errors: dict[str, Any]) -> Problem:
    """Make the refusal of a whole request."""
    return Problem(400, errors[0]["message"], sub_code=REFUSED, errors=list(errors))


def no_payout() -> Problem:
    """Make the answer about a payment that is not known, or not known yet."""
    return Problem(404, "Payout not found", sub_code=PAYOUT_NOT_FOUND)


def no_payee() -> Problem:
    """Make the answer about a payee who never registered."""
    return Problem(404, "Payee not found", sub_code=404)
