"""Getting in and out: by a token that the marketplace posts, by a code, and by nothing else."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST
from rest_framework.exceptions import Throttled

from accounts import languages, sessions
from accounts.api import throttles
from accounts.errors import AccountsError, NotNow, NotProven
from accounts.models import Payee
from accounts.payee_door import codes, cookies, entering
from accounts.payee_door.codes import CodeRefused
from accounts.payee_door.entering import Visitor
from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.clock import utc_now
from marketplace_payouts.lib.ids import uuid7
from payouts import kicks
from payouts.models import OutboxMessage
from payouts.payee_pages import door, words
from payouts.payee_pages.showing import inside, show

_LONGEST_ADDRESS: Final = 254


@csrf_exempt
@sensitive_post_parameters()
@door.open_page
def enter(request: HttpRequest, visitor: Visitor | None) -> HttpResponse:
    """Take a token that a form of the marketplace posts, and ask whether the person is who it says.

    The form comes from another site, which has no CSRF token of ours, and may be anybody's: with a token of their own
    somebody could have a payee type their bank account into the wrong pages. So nothing is opened before they said yes.
    """
    if request.method != "POST":
        return HttpResponseRedirect(reverse("payee:home"))
    wanted = inside(request.POST.get("next"))
    try:
        throttles.demand("address", request)
        coming, token = entering.by_token(request.POST.get("token", ""), request, now=utc_now())
    except Throttled:
        return door.refused(request, "throttled", status=429)
    except AccountsError as error:
        return door.refused(request, error.code, status=503 if isinstance(error, NotNow) else 403)
    return show(request, "enter", {"coming": coming, "token": token, "next": wanted})


@require_POST
@sensitive_post_parameters()
@door.open_page
def entered(request: HttpRequest, visitor: Visitor | None) -> HttpResponse:
    """Make the session the browser's, now that the person said yes; or end it, where they said no."""
    token = request.POST.get("token", "")
    try:
        coming = entering.present(token, now=utc_now())
    except NotProven as error:
        return door.refused(request, error.code)
    if request.POST.get("answer") != "yes":
        sessions.end(coming.session, now=utc_now())
        return HttpResponseRedirect(reverse("payee:home"))
    return _let_in(request, coming, token, former=visitor)


@require_POST
@sensitive_post_parameters()
@door.open_page
def ask_for_code(request: HttpRequest, visitor: Visitor | None) -> HttpResponse:
    """Have a code mailed; what follows is the same for every address."""
    address = request.POST.get("email", "").strip().lower()
    wanted = inside(request.POST.get("next"))
    problem = _problem(address)
    if problem:
        facts = {"problem": problem, "email": address, "next": wanted}
        return show(request, "entrance", facts, visitor=visitor, status=400)
    if _throttled(request, "code") or _turned_down(address):
        return door.refused(request, "throttled", visitor=visitor, status=429)
    now = utc_now()
    with transaction.atomic():
        entry = codes.ask(address, language=translation.get_language(), now=now)
        message = OutboxMessage(id=uuid7(), kind="entry_code", subject=entry.pk, created_at=now, next_at=now)
        rowsets.insert(OutboxMessage, [message])
        kicks.kick("tell")
    response = HttpResponseRedirect(reverse("payee:code"))
    cookies.put(response, cookies.CODE, f"{entry.pk}|{wanted}", lasts=codes.LASTS)
    return response


@sensitive_post_parameters()
@door.open_page
def give_code(request: HttpRequest, visitor: Visitor | None) -> HttpResponse:
    """Take the code that was mailed."""
    asked, _bar, wanted = cookies.get(request, cookies.CODE).partition("|")
    entry = _id(asked)
    if entry is None:
        return HttpResponseRedirect(f"{reverse('payee:home')}?over=1")
    if request.method != "POST":
        return show(request, "code", visitor=visitor)
    if _throttled(request, "code"):
        return door.refused(request, "throttled", visitor=visitor, status=429)
    now = utc_now()
    try:
        coming, token = entering.by_code(codes.redeem(entry, request.POST.get("code", ""), now=now), now=now)
    except CodeRefused as error:
        is_over = error.why is codes.WhyNot.OVER
        facts = {"problem": words.OF_CODES[error.why], "is_over": is_over}
        return show(request, "code", facts, visitor=visitor, status=400)
    except AccountsError as error:
        return door.refused(request, error.code)
    response = _let_in(request, coming, token, former=visitor, wanted=inside(wanted))
    cookies.drop(response, cookies.CODE)
    return response


@require_POST
@door.open_page
def leave(request: HttpRequest, visitor: Visitor | None) -> HttpResponse:
    """End the session."""
    if visitor is not None:
        sessions.end(visitor.session, now=utc_now())
    response = HttpResponseRedirect(f"{reverse('payee:home')}?left=1")
    cookies.drop(response, cookies.SESSION)
    return response


@require_GET
@door.page
def again(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """Offer to log in again, for what needs a log-in of the last minutes."""
    return show(request, "again", {"next": inside(request.GET.get("next"))}, visitor=visitor)


@require_POST
@door.open_page
def choose_language(request: HttpRequest, visitor: Visitor | None) -> HttpResponse:
    """Speak another language from now on, in mails too."""
    chosen = request.POST.get("language", "")
    response = HttpResponseRedirect(inside(request.POST.get("next")))
    if languages.is_spoken(chosen):
        cookies.put(response, cookies.LANGUAGE, chosen, lasts=cookies.A_YEAR)
        if visitor is not None and visitor.may_change:
            Payee.objects.filter(pk=visitor.payee.pk).update(language=chosen)
    return response


def _let_in(
    request: HttpRequest, coming: Visitor, token: str, *, former: Visitor | None, wanted: str = ""
) -> HttpResponse:
    now = utc_now()
    if former is not None and former.session.pk != coming.session.pk:
        sessions.end(former.session, now=now)
    if coming.may_change:
        # The language in which they came is the one in which they are written to, until they choose another.
        Payee.objects.filter(pk=coming.payee.pk, language="").update(language=translation.get_language())
    response = HttpResponseRedirect(wanted or inside(request.POST.get("next")))
    cookies.put(response, cookies.SESSION, token, lasts=max(coming.session.expires_at - now, timedelta(0)))
    return response


def _problem(address: str) -> str:
    try:
        validate_email(address)
        is_one = len(address) <= _LONGEST_ADDRESS
    except ValidationError:
        is_one = False
    return "" if is_one else _("Write your e-mail address in full, such as name@example.com.")


def _throttled(request: HttpRequest, rate: str) -> bool:
    try:
        throttles.demand(rate, request)
    except Throttled:
        return True
    return False


def _turned_down(address: str) -> bool:
    """Whether too many codes were asked for one address; known or not, it counts alike."""
    return throttles.turn("code_mail", hashlib.sha256(address.encode()).hexdigest()) is not None


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
