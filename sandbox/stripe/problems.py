"""Stripe's refusals: one envelope, its types, codes and statuses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.core import Response

DOCUMENTATION = "https://stripe.com/docs/error-codes/"


class Problem(Exception):
    """A refusal in Stripe's words. `more` goes into the envelope, `headers` beside it."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        more: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind
        self.code = code
        self.param = param
        self.more = more or {}
        self.headers = headers or {}

    def body(self) -> dict[str, Any]:
        """Make the envelope."""
        error: dict[str, Any] = {"message": self.message, "type": self.kind}
        if self.code is not None:
            error["code"] = self.code
            error["doc_url"] = DOCUMENTATION + self.code.replace("_", "-")
        if self.param is not None:
            error["param"] = self.param
        return {"error": error | dict(self.more)}

    def response(self) -> Response:
        """Make the answer."""
        return Response.of(self.body(), status=self.status, headers=dict(self.headers))


# Who is calling -----------------------------------------------------------------------------------------------


def no_key() -> Problem:
    """Refuse a call without a key."""
    return Problem(
        401,
        "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer "
        "auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
        headers={"WWW-Authenticate": 'Basic realm="Stripe"'},
    )


def wrong_key(key: str) -> Problem:
    """Refuse a key that is nobody's, without repeating it."""
    shown = f"{key[:8]}{'*' * 12}{key[-4:]}" if len(key) > 16 else "*" * len(key)
    return Problem(
        401,
        f"Invalid API Key provided: {shown}",
        headers={"WWW-Authenticate": 'Basic realm="Stripe"'},
    )


def no_access(account: str) -> Problem:
    """Refuse an account that is not there, or not ours."""
    return Problem(
        403,
        f"The provided key does not have access to account '{account}' (or that account does not exist). "
        "Application access may have been revoked.",
        code="account_invalid",
    )


# What was sent ------------------------------------------------------------------------------------------------


def missing(name: str) -> Problem:
    """Refuse a call that lacks a parameter."""
    return Problem(400, f"Missing required param: {name}.", code="parameter_missing", param=name)


def empty(name: str) -> Problem:
    """Refuse to unset what must be there."""
    return Problem(
        400,
        f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset a parameter; however "
        f"'{name}' cannot be unset. You should remove '{name}' from your request or supply a non-empty value.",
        code="parameter_invalid_empty",
        param=name,
    )


def unknown(names: Iterable[str]) -> Problem:
    """Refuse parameters that Stripe does not know."""
    found = list(names)
    plural = "s" if len(found) > 1 else ""
    return Problem(
        400,
        f"Received unknown parameter{plural}: {', '.join(found)}",
        code="parameter_unknown",
        param=found[0],
    )


def undone(name: str) -> Problem:
    """Refuse a parameter that Stripe knows and this sandbox does not."""
    return Problem(400, f"Stripe knows {name}, this sandbox does not: leave it out.", param=name)


def invalid(message: str, param: str | None = None, *, code: str | None = None) -> Problem:
    """Refuse a value."""
    return Problem(400, message, code=code, param=param)


def absent(kind: str, identity: str, *, param: str | None = None) -> Problem:
    """Refuse an id that is not there: 404 where it stands in the path, 400 where it is a parameter."""
    return Problem(
        404 if param is None else 400,
        f"No such {kind}: '{identity}'",
        code="resource_missing",
        param=param or "id",
    )


def no_door(method: str, path: str) -> Problem:
    """Refuse a path that leads nowhere."""
    return Problem(
        404,
        f"Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or we can help at "
        "https://support.stripe.com/.",
    )


# Keys of idempotent requests ----------------------------------------------------------------------------------


def other_parameters(key: str) -> Problem:
    """Refuse a key that was used for something else."""
    return Problem(
        400,
        "Keys for idempotent requests can only be used with the same parameters they were first used with. "
        f"Try using a key other than '{key}' if you meant to execute a different request.",
        kind="idempotency_error",
    )


def other_endpoint(key: str, path: str, first: str) -> Problem:
    """Refuse a key that was used elsewhere."""
    return Problem(
        400,
        "Keys for idempotent requests can only be used for the same endpoint they were first used for "
        f"('{path}' vs '{first}'). Try using a key other than '{key}' if you meant to execute a different request.",
        kind="idempotency_error",
    )


def in_progress(key: str) -> Problem:
    """Refuse a second request while the first one with its key is not over."""
    return Problem(
        409,
        "There is currently another in-progress request using this Idempotent Key (that probably means you submitted "
        f"twice, and the other request is still going through): {key}. Please try again later.",
        code="idempotency_key_in_use",
        headers={"Stripe-Should-Retry": "true"},
    )


# Money --------------------------------------------------------------------------------------------------------


def too_little() -> Problem:
    """Refuse what the available balance does not cover."""
    return Problem(
        400,
        "You have insufficient available funds in your Stripe account. Try adding funds directly to your available "
        "balance by creating Charges using the 4000000000000077 test card. See: "
        "https://stripe.com/docs/testing#available-balance",
        code="balance_insufficient",
    )


def incapable() -> Problem:
    """Refuse a transfer to an account that may not receive any."""
    return Problem(
        400,
        "Your destination account needs to have at least one of the following capabilities enabled: transfers, "
        "crypto_transfers, legacy_payments",
        code="insufficient_capabilities_for_transfer",
    )


# Stripe's own trouble -----------------------------------------------------------------------------------------


def locked() -> Problem:
    """Say that somebody else holds the object."""
    return Problem(
        429,
        "This object cannot be accessed right now because another API request or Stripe process is currently "
        "accessing it. If you see this error intermittently, retry the request. If you see this error frequently and "
        "are making multiple concurrent requests to a single object, make your requests serially or at a lower rate.",
        code="lock_timeout",
        headers={"Stripe-Should-Retry": "true"},
    )


def too_many() -> Problem:
    """Say that the caller is too fast."""
    return Problem(
        429,
        "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits.",
        code="rate_limit",
        headers={"Stripe-Rate-Limited-Reason": "global-rate"},
    )


def broken(status: int) -> Problem:
    """Say that Stripe itself failed."""
    return Problem(
        status,
        "An unknown error occurred. If you contact us at https://support.stripe.com, please tell us the request id.",
        kind="api_error",
    )
