"""The payee who calls, the language and clock in which they are answered, and what they are not shown."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.utils import translation
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import languages
from accounts.api import who
from accounts.api.permissions import PAYEES
from accounts.api.views import ApiView
from accounts.models import Payee
from payouts.payee_view import NoSuchPayout


class PayeesView(ApiView):
    """An endpoint about what is the caller's; what is another payee's is not there."""

    permission_classes = PAYEES

    def handle_exception(self, exc: Exception) -> Response:
        """This will answer that there is nothing, where a payout is nobody's or another's."""
        return super().handle_exception(Http404() if isinstance(exc, NoSuchPayout) else exc)


def payee_of(request: Request) -> Payee:
    """This will give the payee who calls; `IsPayee` has seen that there is one."""
    return who.somebody(request).payee


@contextmanager
def speaking_to(request: Request) -> Iterator[Payee]:
    """This will have the payee who calls answered in the language that the request asks for, else in their own."""
    payee = payee_of(request)
    with languages.speaking_to(payee, language=_asked(request)):
        yield payee


class SpokenView(ApiView):
    """An endpoint that tells its payee everything, what is wrong as well, in the language that they read."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """This will answer, and leave no language behind for whoever asks next."""
        with translation.override(translation.get_language()):
            return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """This will speak the payee's language from here on: only now is it known who they are."""
        super().initial(request, *args, **kwargs)
        translation.activate(_asked(request) or languages.of(payee_of(request)))


def _asked(request: Request) -> str:
    return languages.asked_for(request.headers.get("Accept-Language", ""))
