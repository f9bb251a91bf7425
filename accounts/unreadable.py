"""Bodies that break whoever reads them: JSON nested too deeply, and halves of surrogate pairs, which UTF-8 has not.

Our own endpoints refuse them where they read them (`accounts.api.parsing`); allauth's answer strangers with 500.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse, JsonResponse

_WHERE: Final = "/_allauth/"
_SENTENCE: Final = "The body cannot be read: it is nested too deeply, or has characters that are none."


class RefuseUnreadable:
    """Answers with 400 what allauth's endpoints cannot read, in the shape of their errors."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """This will let every request pass."""
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """This will answer, where reading the body raised."""
        if not request.path.startswith(_WHERE) or not isinstance(error, RecursionError | UnicodeEncodeError):
            return None
        errors = [{"message": _SENTENCE, "code": "unreadable"}]
        return JsonResponse({"status": 400, "errors": errors}, status=400)
