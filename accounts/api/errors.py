"""Errors in one shape: ``{"errors": [{"code", "detail", "field"}]}``, a word, a sentence, and the field or null."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.core.signals import got_request_exception
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.settings import api_settings

from accounts.errors import AccountsError, InTheWay, NotAllowedHere, NotNow, NotProven
from marketplace_payouts.lib.logs import logger

log = logger(__name__)

Shown = dict[str, str | None]

_STATUS: Final[Mapping[type[AccountsError], int]] = {
    NotProven: 401,
    NotAllowedHere: 403,
    InTheWay: 409,
    NotNow: 503,
}
_RETRY_AFTER_S: Final = 10
# Where the framework's own sentence does not say what to do.
_SENTENCES: Final[Mapping[type[exceptions.APIException], str]] = {
    exceptions.ParseError: "The body cannot be read, send a JSON object in UTF-8: {}.",
    exceptions.NotAuthenticated: "Say who you are: send a session, an access token, or a signed request.",
    exceptions.NotFound: "There is nothing at this address, or it is not yours.",
    exceptions.NotAcceptable: "Only application/json is given: ask for that, or for anything.",
}


class ApiError(exceptions.APIException):
    """An error with a status, code and sentence of its own, about a field if one is named."""

    def __init__(self, code: str, sentence: str, *, status: int = 400, field: str | None = None) -> None:
        super().__init__(sentence, code)
        self.status_code = status
        self.field = field


def of(error: AccountsError) -> ApiError:
    """This will give the error of the API for one of the app."""
    return ApiError(error.code, str(error), status=_STATUS[type(error)])


def respond(error: Exception, context: Mapping[str, Any]) -> Response:
    """This will answer a request that ended in an error, whichever; what nobody foresaw is logged and told as 500."""
    known = _known(error)
    if known is None:
        request = context["request"]
        got_request_exception.send(sender=type(context["view"]), request=request)
        log.error("api_failed", path=request.path, method=request.method, exc_info=error)
        known = ApiError("server_error", "Something failed here. It was logged: try again later.", status=500)
    return Response({"errors": list(_shown(known))}, status=known.status_code, headers=_headers(known))


def _known(error: Exception) -> exceptions.APIException | None:
    match error:
        case exceptions.APIException():
            return error
        case AccountsError():
            return of(error)
        case Http404():
            return exceptions.NotFound()
        case PermissionDenied():
            return exceptions.PermissionDenied()
        case RequestDataTooBig():
            return ApiError("too_large", "The body is larger than anything that is taken here.", status=413)
        case _:
            return None


def _shown(error: exceptions.APIException) -> Iterator[Shown]:
    sentence = _SENTENCES.get(type(error))
    if sentence is not None:
        yield {"code": error.default_code, "detail": sentence.format(error.detail), "field": None}
    else:
        yield from _flat(error.detail, getattr(error, "field", None))


def _flat(detail: Any, field: str | None) -> Iterator[Shown]:
    """A field within a field is named by its path, with dots."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            yield from _flat(
                inner, field if name == api_settings.NON_FIELD_ERRORS_KEY else _within(field, name)
            )
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            yield from _flat(inner, field if isinstance(inner, str) else _within(field, index))
    else:
        shown_field = None if field is None else _sendable(field)
        yield {
            "code": getattr(detail, "code", "invalid"),
            "detail": _sendable(str(detail)),
            "field": shown_field,
        }


def _sendable(text: str) -> str:
    """JSON may bring halves of surrogate pairs, in names of fields too, and UTF-8 has none to answer with."""
    return text.encode(errors="replace").decode()


def _within(field: str | None, name: str | int) -> str:
    return str(name) if field is None else f"{field}.{name}"


def _headers(error: exceptions.APIException) -> dict[str, str]:
    headers = {}
    if error.status_code == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="api"'
    if isinstance(error, exceptions.Throttled):
        headers["Retry-After"] = str(math.ceil(getattr(error, "wait", None) or 1))
    elif error.status_code == 503:
        headers["Retry-After"] = str(_RETRY_AFTER_S)
    return headers
