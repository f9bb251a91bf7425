"""The payee who calls, and the language and clock in which they are answered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.utils.translation import get_language_from_request
from rest_framework.request import Request

from accounts import languages
from accounts.api import who
from accounts.models import Payee


def payee_of(request: Request) -> Payee:
    """This will give the payee who calls; `IsPayee` has seen that there is one."""
    person = who.person(request)
    assert person is not None
    return person.payee


@contextmanager
def speaking_to(request: Request) -> Iterator[Payee]:
    """This will have the payee who calls answered in the language that the request asks for, else in their own."""
    payee = payee_of(request)
    asked = get_language_from_request(request) if "Accept-Language" in request.headers else ""
    with languages.speaking_to(payee, language=asked):
        yield payee
