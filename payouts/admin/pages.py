"""Pages that belong to no table: the stop switch, and the form of a new request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts.backoffice import cells
from accounts.backoffice.acting import ReasonForm, tell
from accounts.backoffice.base import demand
from accounts.models import User
from accounts.roles import NotAllowed
from marketplace_payouts.lib.clock import utc_now
from payouts import holding
from payouts.admin import bank_statement_upload, new_request, new_subscription
from payouts.admin.choices import currencies, providers
from payouts.errors import DomainError
from payouts.models import Hold, Payout, State

_UNDER_WAY = (State.SUBMITTING, State.SUBMITTED, State.UNKNOWN)


def stop(request: HttpRequest, *, site: AdminSite) -> HttpResponse:
    """This will stop all sending, once its page was confirmed."""
    demand(request, "act_hold")
    waiting = Payout.objects.filter(state=State.APPROVED).count()
    under_way = Payout.objects.filter(state__in=_UNDER_WAY).count()
    will = [
        f"Stop all sending at once: {waiting:,} approved payouts wait, and nothing new goes to any provider.",
        f"Leave {under_way:,} payouts that are under way as they are; what becomes of them is still found out.",
        "Last until an approver lets sending start again.",
    ]
    return _switch(
        request, site=site, title="Stop everything", will=will, call=holding.stop, word="Stopped", danger=True
    )


def resume(request: HttpRequest, *, site: AdminSite) -> HttpResponse:
    """This will let sending start again, once its page was confirmed."""
    demand(request, "act_release")
    waiting = Payout.objects.filter(state=State.APPROVED).count()
    will = [f"Let sending start again: {waiting:,} approved payouts go out as soon as their gates pass."]
    stops = Hold.objects.filter(rail_id=holding.EVERYTHING, lifted_at__isnull=True)
    if staying := sorted(filter(None, map(holding.not_for_people, stops))):
        will = [f"Lift the stops that people lift; sending stays stopped by another. {staying[0]}"]
    return _switch(
        request, site=site, title="Start sending again", will=will, call=holding.resume, word="Started again"
    )


class RailForm(ReasonForm):
    """Asks which provider or currency is held back."""

    rail = forms.ChoiceField(label="Provider or currency", choices=lambda: _rails())
    field_order = ("rail", "reason")


def hold_rail(request: HttpRequest, *, site: AdminSite) -> HttpResponse:
    """This will hold back everything of one provider or currency, once its page was confirmed."""
    demand(request, "act_hold")
    form = RailForm(request.POST if request.method == "POST" else None)
    if request.method != "POST" or not form.is_valid():
        will = [
            "Hold back every payout of this provider or currency; nothing more of it is sent.",
            "Leave what is under way as it is, and last until an approver releases it.",
        ]
        title = "Hold a provider or currency"
        context = {**site.each_context(request), "title": title, "will": will, "form": form, "danger": True}
        return TemplateResponse(request, "admin/backoffice/switch.html", context)
    user = request.user
    assert isinstance(user, User)
    given = form.cleaned_data
    try:
        tell(
            request,
            "On hold",
            holding.hold(by=user, rails=[given["rail"]], reason=given["reason"], now=utc_now()),
        )
    except (DomainError, NotAllowed) as error:
        new_request.say(request, str(error))
    return HttpResponseRedirect(cells.list_of(Hold, "open=yes"))


def _rails() -> list[tuple[str, str]]:
    named = [(f"provider:{name}", f"{label} (provider)") for name, label in providers()]
    return [("", "– choose –"), *named, *((f"currency:{code}", code) for code, _ in currencies())]


def _switch(
    request: HttpRequest,
    *,
    site: AdminSite,
    title: str,
    will: list[str],
    call: Callable[..., Any],
    word: str,
    danger: bool = False,
) -> HttpResponse:
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    form = ReasonForm(request.POST if "confirmed" in request.POST else None)
    if not form.is_valid():
        context = {**site.each_context(request), "title": title, "will": will, "form": form, "danger": danger}
        return TemplateResponse(request, "admin/backoffice/switch.html", context)
    user = request.user
    assert isinstance(user, User)
    try:
        tell(request, word, call(by=user, reason=form.cleaned_data["reason"], now=utc_now()))
    except (DomainError, NotAllowed) as error:
        new_request.say(request, str(error))
    return HttpResponseRedirect(reverse("admin:index"))


PAGES: tuple[tuple[str, Callable[..., HttpResponse], str], ...] = (
    ("stop/", stop, "stop"),
    ("resume/", resume, "resume"),
    ("hold-rail/", hold_rail, "hold_rail"),
    ("webhooks/new/", new_subscription.subscribe, "new_webhook"),
    ("bank-statements/upload/", bank_statement_upload.upload, "upload_bank_statement"),
    ("requests/new/", new_request.choose, "new_request"),
    ("requests/new/<slug:act>/", new_request.make, "new_request_of"),
)
