"""What Sharetribe may say instead of an answer, each kind a class, so that callers catch what they can act on."""

from __future__ import annotations

from typing import Final

from marketplace_payouts.lib.http import Answer, HttpError

LOCKED: Final = "transaction-locked"


class FlexError(Exception):
    """Sharetribe did not do what was asked, or did not say so; carries what support would ask for."""

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str = "",
        request_id: str = "",
        title: str = "",
    ) -> None:
        facts = [f"status {status}" if status else "", code, f"request {request_id}" if request_id else ""]
        known = ", ".join(fact for fact in facts if fact)
        super().__init__(f"{message} ({known})" if known else message)
        self.status = status
        self.code = code
        self.request_id = request_id
        self.title = title


class FlexUnauthorized(FlexError):
    """Sharetribe does not accept our client id and secret, even with a new token."""


class FlexForbidden(FlexError):
    """Our application may not do this in this marketplace."""


class FlexNotFound(FlexError):
    """What was asked for does not exist (only reads say so; a command has a conflict)."""


class FlexConflict(FlexError):
    """The command does not fit the present state; nothing was changed. `code` tells why."""


class FlexRefused(FlexError):
    """The request itself is wrong: a validation error, a failed payment, a body too large. Nothing was changed."""


class FlexThrottled(FlexError):
    """Too many requests; nothing was done. `retry_after` is in seconds, where Sharetribe said so."""

    retry_after: float | None = None


class FlexBusy(FlexError):
    """Our own limits (requests at once, rate) left no room within the time given; nothing was sent."""


class FlexUnavailable(FlexError):
    """Sharetribe cannot be reached or fails on its side; for a read, asking again later is all there is to do."""


class FlexBadAnswer(FlexError):
    """The answer does not have the shape that it must have; nothing of it was used."""


class FlexUnknownOutcome(FlexError):
    """A command may or may not have been carried out. Read the resource again before deciding anything."""


class FlexTooMany(FlexError):
    """More results than Sharetribe lets anyone page through; narrow the question."""


_BY_STATUS: Final[dict[int, tuple[type[FlexError], str]]] = {
    401: (FlexUnauthorized, "Sharetribe does not accept our client id and secret"),
    403: (FlexForbidden, "Our application may not do this in this marketplace"),
    404: (FlexNotFound, "Sharetribe does not know this"),
    409: (FlexConflict, "This does not fit the present state in Sharetribe"),
    429: (FlexThrottled, "Sharetribe has had too many requests"),
}


def error_from(answer: Answer) -> FlexError:
    """Turn an answer that is no success into the error to raise."""
    first = _first_error(answer)
    facts: dict[str, str] = {
        "code": _text(first.get("code")),
        "request_id": answer.headers.get("x-request-id", "") or _text(first.get("id")),
        "title": _text(first.get("title")),
    }
    kind, message = _BY_STATUS.get(answer.status, (None, ""))
    if kind is None and answer.status >= 500:
        kind, message = FlexUnavailable, "Sharetribe fails on its side"
    elif kind is None and 400 <= answer.status < 500:
        kind, message = FlexRefused, f"Sharetribe refuses the request: {facts['title'] or 'no reason given'}"
    elif kind is None:
        kind, message = FlexBadAnswer, "Sharetribe answered with a status that means nothing here"
    error = kind(message, status=answer.status, **facts)
    if isinstance(error, FlexThrottled):
        error.retry_after = answer.retry_after()
    return error


def read_json(answer: Answer) -> object:
    """Give the body of an answer as JSON.

    :raises FlexBadAnswer: when it is none.
    """
    try:
        return answer.json()
    except HttpError as error:
        raise FlexBadAnswer("Sharetribe's answer is not JSON", status=answer.status) from error


def _first_error(answer: Answer) -> dict[str, object]:
    try:
        body = answer.json()
    except HttpError:
        return {}
    errors = body.get("errors") if isinstance(body, dict) else None
    first = errors[0] if isinstance(errors, list) and errors else None
    return first if isinstance(first, dict) else {}


def _text(value: object) -> str:
    return value[:200] if isinstance(value, str) else ""
