"""The form of a new request: what it will do once seconded, what it needs, and why."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from accounts.backoffice import cells
from accounts.backoffice.base import demand, may
from accounts.models import User
from accounts.roles import NotAllowed
from marketplace_payouts.lib.clock import utc_now
from payouts import requests
from payouts.admin.request_forms import FORMS, RequestForm
from payouts.admin.request_links import form_of
from payouts.errors import DomainError


def choose(request: HttpRequest, *, site: AdminSite) -> HttpResponse:
    """This will list the requests that the person may make."""
    demand(request, "act_view")
    offered = [
        {"label": act.label, "url": form_of(name)}
        for name, act in requests.ACTS.items()
        if name in FORMS and may(request, act.needs)
    ]
    context = {**site.each_context(request), "title": "Make a request", "offered": offered}
    return TemplateResponse(request, "admin/payouts/request/choose.html", context)


def make(request: HttpRequest, act: str, *, site: AdminSite) -> HttpResponse:
    """This will show the form of one request, and write the request down when it is posted.

    :raises Http404: when there is no such act.
    """
    kind, form_class = requests.ACTS.get(act), FORMS.get(act)
    if kind is None or form_class is None:
        raise Http404
    demand(request, kind.needs)
    started = form_class.filled(request.GET.dict()) if request.method != "POST" else {}
    form = form_class(request.POST if request.method == "POST" else None, initial=started)
    if request.method == "POST" and form.is_valid():
        answer = _make(request, act, form)
        if answer is not None:
            return answer
    context = {**site.each_context(request), "title": kind.label, "form": form, "url": request.path}
    return TemplateResponse(request, "admin/payouts/request/new.html", context)


def _make(request: HttpRequest, act: str, form: RequestForm) -> HttpResponse | None:
    user = request.user
    assert isinstance(user, User)
    try:
        made = requests.make(
            act=act,
            by=user,
            subject=form.subject(),
            payload=form.payload(),
            secret=form.secret(),
            reason=form.cleaned_data["reason"],
            now=utc_now(),
        )
    except (DomainError, NotAllowed) as error:
        form.add_error(None, str(error))
        return None
    messages.success(request, f"Asked for: {made.summary} Another person must second it.")
    return HttpResponseRedirect(cells.url_of(made))


def say(request: HttpRequest, sentence: str) -> None:
    """This will show why something was refused."""
    messages.error(request, sentence)


__all__ = ["choose", "make", "say"]
