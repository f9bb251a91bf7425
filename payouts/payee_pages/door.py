"""What stands before each page: who looks at it, and whether they may do what they ask for."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import translation
from django.views.csrf import csrf_failure
from django.views.decorators.cache import never_cache

from accounts import languages
from accounts.api import throttles
from accounts.errors import NotProven
from accounts.payee_door import cookies, entering
from accounts.payee_door.entering import Visitor
from marketplace_payouts.lib.clock import utc_now
from payouts.payee_pages import words
from payouts.payee_pages.showing import language_for, show
from payouts.payee_view.errors import NoSuchPayout

View = Callable[..., HttpResponse]


def open_page(view: View) -> View:
    """This will let everybody in, in the language that they read; the view gets the visitor, or None."""

    @never_cache
    @wraps(view)
    def opened(request: HttpRequest, **given: Any) -> HttpResponse:
        visitor = present(request)
        language = language_for(request, visitor)
        if visitor is None:
            with translation.override(language):
                return view(request, None, **given)
        with languages.speaking_to(visitor.payee, language=language):
            return _found(view, request, visitor, given)

    return opened


def page(view: View) -> View:
    """This will let payees in, and send others to the entrance; the view gets the visitor."""
    return page_or(to_entrance)(view)


def page_or(otherwise: Callable[[HttpRequest], HttpResponse]) -> Callable[[View], View]:
    """This will let payees in, and show others something else."""

    def decorate(view: View) -> View:
        @open_page
        @wraps(view)
        def kept(request: HttpRequest, visitor: Visitor | None, **given: Any) -> HttpResponse:
            if visitor is None:
                return otherwise(request)
            if throttles.turn("caller", str(visitor.session.user_id)) is not None:
                return refused(request, "throttled", visitor=visitor, status=429)
            if request.method == "POST" and not visitor.may_change:
                return show(request, "read_only", visitor=visitor, status=403)
            return view(request, visitor, **given)

        return kept

    return decorate


def where_money_goes(view: View) -> View:
    """This will let payees in who logged in within the last minutes, as the API does; others do so and come back.

    An operator who may not change anything sees the page, which says so.
    """

    @page
    @wraps(view)
    def fresh(request: HttpRequest, visitor: Visitor, **given: Any) -> HttpResponse:
        if visitor.may_change and not visitor.may_say_where_money_goes(now=utc_now()):
            facts = {"next": request.get_full_path(), "was_sent": request.method == "POST"}
            return show(request, "again", facts, visitor=visitor, status=403 if facts["was_sent"] else 200)
        return view(request, visitor, **given)

    return fresh


def present(request: HttpRequest) -> Visitor | None:
    """This will give whose pages they are, if the browser has a session of them."""
    token = cookies.get(request, cookies.SESSION)
    if not token:
        return None
    try:
        return entering.present(token, now=utc_now())
    except NotProven:
        return None


def to_entrance(request: HttpRequest) -> HttpResponse:
    """This will send somebody to the entrance, and from there back to where they wanted to go."""
    wanted = request.get_full_path() if request.method == "GET" else ""
    asked = {"next": wanted} if wanted else {"over": "1"}
    return HttpResponseRedirect(f"{reverse('payee:home')}?{urlencode(asked)}")


def nowhere(request: HttpRequest, visitor: Visitor | None) -> HttpResponse:
    """This will say that there is no such page, to whoever it is."""
    return show(request, "nowhere", visitor=visitor, status=404)


def refused(
    request: HttpRequest, code: str, *, visitor: Visitor | None = None, status: int = 403
) -> HttpResponse:
    """This will say on a page of its own why something does not go."""
    return show(request, "refused", {"sentence": words.of(code)}, visitor=visitor, status=status)


def forged(request: HttpRequest, reason: str = "") -> HttpResponse:
    """This will answer a form whose CSRF token is missing or wrong; Django calls it for the whole product."""
    if not request.path.startswith(reverse("payee:home")):
        return csrf_failure(request, reason=reason)

    def explained(request: HttpRequest, visitor: Visitor | None) -> HttpResponse:
        return refused(request, "forged", visitor=visitor)

    return open_page(explained)(request)


def _found(view: View, request: HttpRequest, visitor: Visitor, given: dict[str, Any]) -> HttpResponse:
    try:
        return view(request, visitor, **given)
    except (Http404, NoSuchPayout):
        # Another payee's and none at all look the same.
        return nowhere(request, visitor)
