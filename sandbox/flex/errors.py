"""What the API answers when it refuses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal

from sandbox.flex.values import Keyword, Uuid

TITLES: Final = {
    "auth-missing-access-token": (401, "Missing access token"),
    "auth-invalid-access-token": (401, "Invalid access token"),
    "bad-request": (400, "Bad request"),
    "unsupported-content-type": (400, "Unsupported content type"),
    "validation-disallowed-key": (400, "Disallowed key"),
    "validation-invalid-value": (400, "Invalid value"),
    "validation-invalid-params": (400, "Invalid parameters"),
    "validation-missing-key": (400, "Missing key"),
    "transaction-payment-failed": (402, "Payment failed"),
    "forbidden": (403, "Forbidden"),
    "not-found": (404, "Not found"),
    "conflict": (409, "Conflict"),
    "transaction-locked": (409, "Transaction locked"),
    "transaction-not-found": (409, "Transaction not found"),
    "transaction-invalid-transition": (409, "Invalid transition"),
    "transaction-invalid-action-sequence": (409, "Invalid action sequence"),
    "transaction-provider-banned-or-deleted": (409, "Provider banned or deleted"),
    "transaction-customer-banned-or-deleted": (409, "Customer banned or deleted"),
    "transaction-listing-not-found": (409, "Listing not found"),
    "user-not-found": (409, "User not found"),
    "listing-not-found": (409, "Listing not found"),
    "request-larger-than-content-length": (413, "Request larger than Content-Length"),
    "request-upload-over-limit": (413, "Request over the limit"),
    "too-many-requests": (429, "Too many requests"),
    "internal-server-error": (500, "Internal server error"),
    "not-implemented": (501, "Not implemented"),
    "bad-gateway": (502, "Bad gateway"),
    "service-unavailable": (503, "Service unavailable"),
}
"""Every code that the API knows, with its status and its title."""

CODE_OF_STATUS: Final = {
    400: "bad-request",
    401: "auth-invalid-access-token",
    402: "transaction-payment-failed",
    403: "forbidden",
    404: "not-found",
    409: "conflict",
    413: "request-upload-over-limit",
    429: "too-many-requests",
    501: "not-implemented",
    502: "bad-gateway",
    503: "service-unavailable",
}
"""Which code stands for a status where nothing more is known."""


class ApiError(Exception):
    """A refusal. `path` names the field of the body or the query parameter that is at fault."""

    def __init__(
        self,
        code: str,
        details: str | None = None,
        *,
        path: Sequence[str] = (),
        where: Literal["body", "query"] = "body",
    ) -> None:
        super().__init__(f"{code}: {details}" if details else code)
        self.code = code
        self.status, self.title = TITLES[code]
        self.details = details
        self.path = tuple(path)
        self.where = where

    def body(self, error_id: str) -> dict[str, Any]:
        """Give the body of the answer."""
        error: dict[str, Any] = {
            "id": Uuid(error_id),
            "status": self.status,
            "code": Keyword(self.code),
            "title": self.title,
        }
        if self.details is not None:
            error["details"] = self.details
        if self.path:
            error["source"] = {"path": list(self.path), "type": self.where}
        return {"errors": [error]}
