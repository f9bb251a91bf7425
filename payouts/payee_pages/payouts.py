"""The first page, the payouts, one of them, and questions about it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from accounts.api import throttles
from accounts.payee_door import cookies
from accounts.payee_door.entering import Visitor
from marketplace_payouts.lib.clock import utc_now
from payouts import cases, payee_view
from payouts.errors import Refused
from payouts.models import CaseKind
from payouts.payee_pages import door
from payouts.payee_pages.methods import shown_methods
from payouts.payee_pages.showing import inside, show
from payouts.payee_view import BadCursor
from payouts.payee_view.shapes import Filters, Phase

_ON_THE_FIRST_PAGE = 5
_ON_A_PAGE = 20


def _entrance(request: HttpRequest) -> HttpResponse:
    facts = {
        "next": inside(request.GET.get("next")),
        "has_left": "left" in request.GET,
        "is_over": "over" in request.GET or bool(cookies.get(request, cookies.SESSION)),
    }
    return show(request, "entrance", facts)


@require_GET
@door.page_or(_entrance)
def home(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """Show what matters now: the next payout, the method, the newest payouts; to others the entrance."""
    payee_id, now = visitor.payee.pk, utc_now()
    methods = shown_methods(visitor)
    facts = {
        "next_payouts": payee_view.next_payouts(payee_id=payee_id, now=now),
        "default": next((one for one in methods if one.kept.is_default), None),
        "page": payee_view.list_payouts(payee_id=payee_id, limit=_ON_THE_FIRST_PAGE),
    }
    return show(request, "home", facts, visitor=visitor)


class FilterForm(forms.Form):
    """Which payouts are listed."""

    phase = forms.ChoiceField(label=_("State"), required=False, choices=[("", _("All")), *Phase.choices])
    made_from = forms.DateField(label=_("From"), required=False, widget=forms.DateInput({"type": "date"}))
    made_to = forms.DateField(label=_("Until"), required=False, widget=forms.DateInput({"type": "date"}))

    def filters(self) -> Filters:
        """This will give what was chosen, as the domain knows it."""
        given = self.cleaned_data
        return Filters(
            phase=Phase(given["phase"]) if given.get("phase") else None,
            made_from=given.get("made_from"),
            made_to=given.get("made_to"),
        )


@require_GET
@door.page
def listed(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """List the payouts, newest first, and what is in none yet."""
    form = FilterForm(request.GET, label_suffix="")
    filters = form.filters() if form.is_valid() else Filters()
    cursor = request.GET.get("cursor", "")
    payee_id = visitor.payee.pk
    try:
        page = payee_view.list_payouts(payee_id=payee_id, filters=filters, cursor=cursor, limit=_ON_A_PAGE)
    except BadCursor:
        return HttpResponseRedirect(reverse("payee:payouts"))
    kept = {name: request.GET[name] for name in form.fields if request.GET.get(name)}
    facts = {
        "form": form,
        "is_filtered": bool(kept),
        "page": page,
        "older": urlencode(kept | {"cursor": page.cursor}) if page.cursor else "",
        "waiting": [] if cursor or kept else payee_view.waiting(payee_id=payee_id, now=utc_now()),
    }
    return show(request, "payouts", facts, visitor=visitor)


class QuestionForm(forms.Form):
    """What the payee asks about a payout."""

    kind = forms.ChoiceField(
        label=_("What is it about?"),
        choices=CaseKind.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose what it is about.")},
    )
    text = forms.CharField(
        label=_("Your question"),
        widget=forms.Textarea({"rows": 4}),
        max_length=cases.LONGEST,
        help_text=_("Never write passwords or the numbers of cards."),
        error_messages={
            "required": _("Write what you see, such as how much arrived, and where."),
            "max_length": _("Write at most %(limit_value)d characters."),
        },
    )


@door.page
def one(request: HttpRequest, visitor: Visitor, payout_id: UUID) -> HttpResponse:
    """Show a payout with everything that its payee may know; take a question about it."""
    payee_id, now = visitor.payee.pk, utc_now()
    form = QuestionForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        if throttles.turn("question", str(visitor.session.user_id)) is not None:
            return door.refused(request, "throttled", visitor=visitor, status=429)
        try:
            question = payee_view.ask(payee_id=payee_id, payout_id=payout_id, now=now, **form.cleaned_data)
        except Refused as error:
            form.add_error(None, str(error))
        else:
            there = reverse("payee:payout", args=[payout_id])
            return HttpResponseRedirect(f"{there}#question-{question.id}")
    facts: dict[str, Any] = {
        "shown": payee_view.show(payee_id=payee_id, payout_id=payout_id, now=now),
        "form": form,
    }
    return show(request, "payout", facts, visitor=visitor, status=400 if form.is_bound else 200)
