"""The two wire formats, JSON and transit, chosen by the headers of each request."""

from __future__ import annotations

import json
from typing import Any, Final, Literal

from sandbox.core import Request, Response
from sandbox.flex import transit
from sandbox.flex.errors import ApiError

Format = Literal["json", "transit", "verbose"]

_CONTENT_TYPES: Final[dict[Format, str]] = {
    "json": "application/json;charset=UTF-8",
    "transit": "application/transit+json;charset=UTF-8",
    "verbose": "application/transit+json;charset=UTF-8",
}


def wanted(request: Request) -> Format:
    """Say in which format the answer is wanted; JSON unless transit is asked for."""
    if "application/transit+json" not in request.headers.get("accept", ""):
        return "json"
    return "verbose" if request.headers.get("x-transit-verbose", "").lower() == "true" else "transit"


def encode(value: Any, form: Format) -> bytes:
    """Put a value into bytes."""
    if form == "json":
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return transit.dumps(value, verbose=form == "verbose")


def answer(body: bytes, form: Format, *, status: int = 200) -> Response:
    """Make an answer of bytes that are encoded already."""
    return Response(status, body, content_type=_CONTENT_TYPES[form])


def respond(request: Request, value: Any, *, status: int = 200) -> Response:
    """Make an answer in the format that the request asks for."""
    form = wanted(request)
    return answer(encode(value, form), form, status=status)


def body_of(request: Request) -> dict[str, Any]:
    """Read the map that a command brings.

    :raises ApiError: `unsupported-content-type` unless it comes as JSON or transit, `bad-request` when it is
        neither in truth, or no map.
    """
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if content_type == "application/transit+json":
            body = transit.loads(request.body)
        elif content_type == "application/json":
            body = json.loads(request.body)
        else:
            raise ApiError("unsupported-content-type", content_type or "no Content-Type")
    except (ValueError, RecursionError) as error:
        raise ApiError("bad-request", str(error)) from error
    if not isinstance(body, dict):
        raise ApiError("bad-request", "the body must be a map")
    return body


def decoded(response: Response) -> Any:
    """Read an answer back."""
    read = transit.loads if response.content_type.startswith("application/transit") else json.loads
    return read(response.body)
