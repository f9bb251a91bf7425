"""Where the payee is paid: what there is, what is offered, choosing, making the default again, taking off the list."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import translation
from django.utils.functional import Promise
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from accounts.api import throttles
from accounts.payee_door.entering import Visitor
from marketplace_payouts.lib.clock import utc_now
from payouts import choosing
from payouts.choosing import Author, ChoiceRefused, Kept
from payouts.payee_pages import country_names, door, words
from payouts.payee_pages.showing import show
from payouts.providers import registry
from payouts.providers.offering import Field, Form, Hosted, HostedState, Problem
from payouts.said import said

_SAID_BY_THE_SERVICE: Final = frozenset({"not_offered", "not_ready", "cannot_be_paid"})


@dataclass(frozen=True, slots=True)
class ShownMethod:
    """One method as a page shows it."""

    kept: Kept
    state: str | Promise


@dataclass(frozen=True, slots=True)
class ShownField:
    """One field of a service's form as a page shows it."""

    field: Field
    label: str
    help: str
    value: str
    problem: str | Promise


def shown_methods(visitor: Visitor) -> Sequence[ShownMethod]:
    """This will give the payee's methods, the default first, in the payee's words."""
    found = choosing.kept(visitor.payee, now=utc_now())
    return [ShownMethod(kept, words.STANDINGS[kept.standing]) for kept in found]


@require_GET
@door.page
def overview(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """Show where the payee is paid, and where they were."""
    methods = shown_methods(visitor)
    facts = {
        "default": next((one for one in methods if one.kept.is_default), None),
        "others": [one for one in methods if not one.kept.is_default],
        "mailed": "mailed" in request.GET,
    }
    return show(request, "methods", facts, visitor=visitor)


@require_GET
@door.where_money_goes
def offers(request: HttpRequest, visitor: Visitor) -> HttpResponse:
    """Show which services pay the payee in their country, and on which terms."""
    country = request.GET.get("country") or visitor.payee.country
    facts: dict[str, Any] = {"country": country, "countries": _countries(), "problem": ""}
    if country:
        try:
            facts["offers"] = choosing.offered(visitor.payee, country=country).offers
        except ChoiceRefused as error:
            facts["problem"] = _sentence(error.problems[0])
    return show(request, "offers", facts, visitor=visitor, status=400 if facts["problem"] else 200)


@sensitive_post_parameters()
@door.where_money_goes
def add(request: HttpRequest, visitor: Visitor, provider: str) -> HttpResponse:
    """Show what a service must know, and have the payee paid there.

    :raises Http404: when there is no such service.
    """
    if provider not in registry.usable():
        raise Http404
    sent = request.POST if request.method == "POST" else request.GET
    country = sent.get("country") or visitor.payee.country
    if not country:
        return HttpResponseRedirect(reverse("payee:offers"))
    # Of an address nothing is taken: it stands in logs and histories.
    values = {
        name.removeprefix("f-"): str(value) for name, value in request.POST.items() if name.startswith("f-")
    }
    problems: Sequence[Problem] = ()
    if request.method == "POST" and "refresh" not in request.POST:
        try:
            choosing.choose(
                visitor.payee,
                provider=provider,
                values=values,
                country=str(country),
                by=_author(visitor),
                now=utc_now(),
            )
        except ChoiceRefused as error:
            problems = error.problems
        else:
            return HttpResponseRedirect(reverse("payee:method"))
    return _form(request, visitor, provider, str(country), values, problems)


@door.where_money_goes
def make_default(request: HttpRequest, visitor: Visitor, method_id: UUID) -> HttpResponse:
    """Have the payee paid again where they were paid before."""
    return _confirmed(
        request,
        visitor,
        method_id,
        template="method_default",
        act=lambda: choosing.make_default(
            visitor.payee, method_id=method_id, by=_author(visitor), now=utc_now()
        ),
    )


@door.where_money_goes
def retire(request: HttpRequest, visitor: Visitor, method_id: UUID) -> HttpResponse:
    """Take a method off the list."""
    return _confirmed(
        request,
        visitor,
        method_id,
        template="method_retire",
        act=lambda: choosing.retire(visitor.payee, method_id=method_id, by=_author(visitor), now=utc_now()),
    )


@require_POST
@door.where_money_goes
def ask_to_confirm(request: HttpRequest, visitor: Visitor, method_id: UUID) -> HttpResponse:
    """Mail the link by which a method is confirmed once more; as seldom as the API does, whoever's address it is."""
    if throttles.turn("mail", str(visitor.session.user_id)) is not None:
        return door.refused(request, "throttled", visitor=visitor, status=429)
    try:
        choosing.ask_to_confirm(visitor.payee, method_id=method_id, now=utc_now())
    except ChoiceRefused as error:
        return _refused(request, visitor, error)
    return HttpResponseRedirect(f"{reverse('payee:method')}?mailed=1")


def _form(
    request: HttpRequest,
    visitor: Visitor,
    provider: str,
    country: str,
    values: Mapping[str, str],
    problems: Sequence[Problem],
) -> HttpResponse:
    try:
        asked = choosing.form(visitor.payee, provider=provider, values=values, country=country)
    except ChoiceRefused as error:
        return _refused(request, visitor, error)
    facts: dict[str, Any] = {
        "provider": provider,
        "label": registry.usable()[provider].label,
        "country": country,
        "country_name": _country_name(country),
    }
    status = 400 if problems else 200
    if isinstance(asked, Hosted):
        return _hosted(request, visitor, asked, facts, problems, status)
    facts["fields"] = list(_fields(asked, values, problems))
    named = {one.name for one in asked.fields}
    facts["problems"] = [_sentence(one) for one in problems if one.field not in named]
    facts["refreshes"] = any(one.refreshes for one in asked.fields)
    return show(request, "method_form", facts, visitor=visitor, status=status)


def _hosted(
    request: HttpRequest,
    visitor: Visitor,
    asked: Hosted,
    facts: dict[str, Any],
    problems: Sequence[Problem],
    status: int,
) -> HttpResponse:
    """The link opens the payee's account at the service: it is made when they ask for it, and shown once."""
    facts |= {
        "sentence": said(asked.sentence),
        "is_ready": asked.state is HostedState.READY,
        "is_declined": asked.state is HostedState.DECLINED,
        "problems": [_sentence(one) for one in problems],
        "url": "",
    }
    if request.method == "POST" and "refresh" in request.POST and not facts["is_declined"]:
        there = reverse("payee:add_method", args=[facts["provider"]])
        back = f"{settings.PUBLIC_URL}{there}?country={facts['country']}"
        try:
            facts["url"] = choosing.open_link(
                visitor.payee, provider=facts["provider"], country=facts["country"], return_url=back
            ).url
        except ChoiceRefused as error:
            return _refused(request, visitor, error)
    return show(request, "method_hosted", facts, visitor=visitor, status=status)


def _confirmed(
    request: HttpRequest, visitor: Visitor, method_id: UUID, *, template: str, act: Callable[[], object]
) -> HttpResponse:
    """Say what something will do, and do it when the payee has read that."""
    shown = next((one for one in shown_methods(visitor) if one.kept.method.pk == method_id), None)
    if request.method != "POST":
        if shown is None:
            raise Http404
        return show(request, template, {"shown": shown}, visitor=visitor)
    try:
        act()
    except ChoiceRefused as error:
        # Pressed twice: what was asked for is so already.
        if error.code != "method_unknown":
            return _refused(request, visitor, error)
    return HttpResponseRedirect(reverse("payee:method"))


def _refused(request: HttpRequest, visitor: Visitor, error: ChoiceRefused) -> HttpResponse:
    facts = {"sentence": " ".join(str(_sentence(problem)) for problem in error.problems)}
    status = 503 if error.code == "provider_unavailable" else 400
    return show(request, "refused", facts, visitor=visitor, status=status)


def _sentence(problem: Problem) -> str | Promise:
    if problem.code in _SAID_BY_THE_SERVICE:
        return said(problem.sentence)
    return words.OF_CHOICES.get(problem.code, words.of(problem.code))


def _fields(form: Form, values: Mapping[str, str], problems: Sequence[Problem]) -> Sequence[ShownField]:
    wrong = {one.field: one for one in problems}
    return [
        ShownField(
            field=one,
            label=said(one.label),
            help=said(one.help),
            value=values.get(one.name, one.value),
            problem=_sentence(wrong[one.name]) if one.name in wrong else "",
        )
        for one in form.fields
    ]


def _author(visitor: Visitor) -> Author:
    return Author(user=visitor.session.user, login=visitor.caller.login.value)


def _countries() -> Sequence[tuple[str, str]]:
    return country_names.sorted_for(translation.get_language())


def _country_name(code: str) -> str:
    return country_names.NAMES.get(translation.get_language(), {}).get(code, code)
