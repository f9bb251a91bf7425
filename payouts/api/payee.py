"""The payee who calls, the language and clock in which they are answered, and what they are not shown."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.http import Http404
from django.utils.translation import get_language_from_request
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
    asked = get_language_from_request(request) if "Accept-Language" in request.headers else ""
    with languages.speaking_to(payee, language=asked):
        yield payee
