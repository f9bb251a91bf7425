"""PayPal's error envelopes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sandbox.core import Response

INFORMATION = "https://developer.paypal.com/api/rest/errors/"

MESSAGES = {
    "INVALID_REQUEST": "Request is not well-formed, syntactically incorrect, or violates schema.",
    "VALIDATION_ERROR": "Invalid request - see details",
    "MALFORMED_REQUEST": "The request JSON is not well formed.",
    "USER_BUSINESS_ERROR": "An error occurred while processing this payout request. "
    "For batch processing, try again with a different sender_batch_ID.",
    "AUTHENTICATION_FAILURE": "Authentication failed due to invalid authentication credentials "
    "or a missing Authorization header.",
    "NOT_AUTHORIZED": "Authorization failed due to insufficient permissions.",
    "SENDER_EMAIL_UNCONFIRMED": "Authorization error occurred",
    "RESOURCE_NOT_FOUND": "The specified resource does not exist.",
    "METHOD_NOT_SUPPORTED": "The server does not implement the requested HTTP method.",
    "UNPROCESSABLE_ENTITY": "The requested action could not be performed, semantically incorrect, "
    "or failed business validation.",
    "RATE_LIMIT_REACHED": "Too many requests. Blocked due to rate limiting.",
    "INTERNAL_SERVER_ERROR": "An internal server error has occurred.",
    "INTERNAL_SERVICE_ERROR": "An internal service error has occurred.",
    "SERVICE_UNAVAILABLE": "Service Unavailable.",
    "REQUEST_TIMEOUT_EXCEEDED": "The request timed out.",
    "CLOSED_MARKET": "This market is closed.",
    "ITEM_INCORRECT_STATUS": "Only items with status UNCLAIMED can be cancelled.",
    "ITEM_ALREADY_CANCELLED": "The item is already cancelled.",
    "ITEM_CANCELLATION_FAILED": "The item could not be cancelled.",
    "INSUFFICIENT_FUNDS": "Sender does not have sufficient funds.",
    "RECEIVER_UNREGISTERED": "Receiver is unregistered",
    "RECEIVER_UNCONFIRMED": "Receiver is unconfirmed",
    "RECEIVER_ACCOUNT_LOCKED": "Receiver's account is locked",
    "RECEIVER_ACCOUNT_LIMITATION": "Receiver's account is limited",
    "RECEIVING_LIMIT_EXCEEDED": "Receiver has reached the receiving limit",
    "RISK_DECLINE": "Transaction is declined due to risk",
    "SPENDING_LIMIT_EXCEEDED": "The sender's spending limit is exceeded",
    "DUPLICATE_ITEM": "The item is a duplicate within its batch. Check the Sender_Item_ID.",
    "PENDING_RECIPIENT_NON_HOLDING_CURRENCY_PAYMENT_PREFERENCE": "Receiver has yet to accept this currency",
    "SENDER_ACCOUNT_LOCKED": "The sender's account is locked",
    "SENDER_ACCOUNT_UNVERIFIED": "The sender's account is not verified",
}

_NAMES = {
    400: "INVALID_REQUEST",
    401: "AUTHENTICATION_FAILURE",
    403: "NOT_AUTHORIZED",
    404: "RESOURCE_NOT_FOUND",
    405: "METHOD_NOT_SUPPORTED",
    422: "UNPROCESSABLE_ENTITY",
    429: "RATE_LIMIT_REACHED",
    500: "INTERNAL_SERVER_ERROR",
    503: "SERVICE_UNAVAILABLE",
    504: "REQUEST_TIMEOUT_EXCEEDED",
}

Detail = dict[str, str]


class Problem(Exception):
    """A refusal in PayPal's words."""

    def __init__(
        self,
        status: int,
        name: str | None = None,
        *,
        message: str | None = None,
        details: Sequence[Detail] = (),
        links: Sequence[dict[str, str]] = (),
    ) -> None:
        self.status = status
        self.name = name or _NAMES.get(status, "INTERNAL_SERVER_ERROR")
        super().__init__(self.name)
        self.message = message or MESSAGES.get(self.name, self.name)
        self.details = details
        self.links = links

    def response(self, debug_id: str) -> Response:
        """Make the answer."""
        body = explained(self.name, message=self.message, debug_id=debug_id)
        if self.details:
            body["details"] = list(self.details)
        body["links"] = list(self.links)
        return Response.of(body, status=self.status, headers={"Paypal-Debug-Id": debug_id})


def explained(name: str, *, debug_id: str, message: str | None = None) -> dict[str, Any]:
    """Make the envelope, as it also stands in an item's `errors`."""
    return {
        "name": name,
        "message": message or MESSAGES.get(name, name),
        "debug_id": debug_id,
        "information_link": f"{INFORMATION}{name.lower()}",
    }


def at(field: str, issue: str, *, value: object = None, location: str = "body") -> Detail:
    """Make one entry of `details`."""
    detail = {"field": field, "location": location, "issue": issue}
    if value is not None:
        detail["value"] = str(value)[:200]
    return detail


def invalid(*details: Detail) -> Problem:
    """Make the refusal of a request that breaks PayPal's rules."""
    return Problem(400, "VALIDATION_ERROR", details=details)


def not_found() -> Problem:
    """Make the refusal of an id that does not exist."""
    return Problem(404, details=[{"issue": "INVALID_RESOURCE_ID", "location": "path", "field": "id"}])
