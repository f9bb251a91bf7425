"""Acts of staff: by POST only, behind a page that says what will happen and asks for a reason.

An act is shown as a button on a row's page and as an action of its list. Both lead to the page; the page carries the
ids and a proof of what was shown (`Act.proof`), and its own POST makes one call into the domain.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Protocol
from urllib.parse import urlsplit

from allauth.account.internal.flows.reauthentication import suspend_request
from django import forms
from django.contrib import messages
from django.core.exceptions import BadRequest
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import url_has_allowed_host_and_scheme

from accounts import second_factor
from accounts.backoffice.base import BackOfficeAdmin, demand, may
from accounts.backoffice.cells import amount_text
from accounts.models import User
from accounts.roles import NotAllowed
from marketplace_payouts.lib.clock import utc_now
from marketplace_payouts.lib.money import Money

AT_ONCE = 5_000
"""How many things one act may cover."""
_NAMED = 15


class Result(Protocol):
    """What an act did: the names of what was done, of what others were asked to do, and what was refused with why."""

    done: list[str]
    asked: list[str]
    refused: list[tuple[str, str]]


@dataclass(slots=True)
class Outcome:
    """The plainest result, for acts that have no service of their own."""

    done: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)


class ReasonForm(forms.Form):
    """Asks why."""

    reason = forms.CharField(
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="It goes into the record, with your name.",
    )


class NothingToSay(forms.Form):
    """Asks nothing: the act needs no reason, because it decides nothing."""


@dataclass(frozen=True, slots=True)
class Doing:
    """One act about to be done, as the confirmed page sent it."""

    request: HttpRequest
    by: User
    ids: Sequence[Any]
    given: dict[str, Any]
    proof: dict[str, str]
    now: datetime

    @property
    def reason(self) -> str:
        """The reason that was given."""
        return str(self.given.get("reason", ""))


@dataclass(frozen=True, slots=True)
class Remarks:
    """What an act's page tells the person who is about to do it, beside what will happen."""

    told: Sequence[str] = ()
    warnings: Sequence[str] = ()


class Act:
    """One thing that staff may do to rows; a subclass says what, and calls the domain in `perform`."""

    name: ClassVar[str]
    label: ClassVar[str]
    needs: ClassVar[str]
    done_word: ClassVar[str] = "Done"
    asked_word: ClassVar[str] = "Asked for"
    form_class: ClassVar[type[forms.Form]] = ReasonForm
    fresh: ClassVar[bool] = False
    """Whether the person must have used the second factor within the last minutes."""
    for_many: ClassVar[bool] = True
    danger: ClassVar[bool] = False
    errors: ClassVar[tuple[type[Exception], ...]] = (NotAllowed,)

    def fits(self, row: Any) -> str:
        """This will say why the act is not for this row, or nothing where it is."""
        return ""

    def fits_for(self, row: Any, user: User) -> str:
        """This will say why the act is not for this row and this person, or nothing where it is."""
        return self.fits(row)

    def fits_all(self, rows: Sequence[Any], user: User) -> list[str]:
        """This will say of each row why the act is not for it and this person, as `fits_for` does for one."""
        return [self.fits_for(row, user) for row in rows]

    def will(self, rows: Sequence[Any]) -> list[str]:
        """This will say, sentence by sentence, what happens to these rows."""
        raise NotImplementedError

    def remarks(self, rows: Sequence[Any], user: User) -> Remarks:
        """This will say what else this person should know before they do it to these rows."""
        return Remarks()

    def proof(self, ids: Sequence[Any]) -> dict[str, str]:
        """This will give what binds the page to what it shows, by id; asked before the rows are read."""
        return {}

    def form(self, rows: Sequence[Any], data: Any = None) -> forms.Form:
        """This will make the form of the page."""
        return self.form_class(data)

    def perform(self, doing: Doing) -> Result:
        """This will do it, by one call into the domain."""
        raise NotImplementedError

    def answer(self, doing: Doing, result: Any) -> HttpResponse | None:
        """This will give a page that shows what came of it, where a sentence on the next page is not enough."""
        return None


Column = tuple[str, Callable[[Any], Any]]


class ActingAdmin(BackOfficeAdmin):
    """A read-only page with acts."""

    acts: ClassVar[tuple[Act, ...]] = ()
    act_columns: ClassVar[tuple[Column, ...]] = (("", str),)

    def act_rows(self, ids: Sequence[Any]) -> models.QuerySet[Any]:
        """This will load the rows that an act's page shows."""
        rows: models.QuerySet[Any] = self.model._default_manager.filter(pk__in=ids).order_by("pk")
        return rows

    def act_amount(self, row: Any) -> Money | None:
        """This will give the amount to be added up on an act's page, where rows have one."""
        return None

    def act_amounts(self, act: Act, rows: Sequence[Any]) -> list[tuple[str, Money]]:
        """This will give what is added up on an act's page; amounts of different names are not added together."""
        return [("", money) for row in rows if (money := self.act_amount(row)) is not None]

    def allowed_acts(self, request: HttpRequest) -> list[Act]:
        """This will give the acts that the person's roles cover."""
        return [act for act in self.acts if may(request, act.needs)]

    def buttons_for(self, request: HttpRequest, row: Any) -> list[dict[str, Any]]:
        """This will give the buttons of a row's page: what the role covers and the row's state allows."""
        user = _staff(request)
        return [
            {"act": act, "url": self._act_url(act)}
            for act in self.allowed_acts(request)
            if not act.fits_for(row, user)
        ]

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """This will offer the acts that the person's roles cover, for the selected rows."""
        return {
            act.name: (_from_list(act), act.name, act.label)
            for act in self.allowed_acts(request)
            if act.for_many
        }

    def get_urls(self) -> list[URLPattern]:
        """This will add the page of the acts."""
        meta = self.model._meta
        view = self.admin_site.admin_view(self.act_view)
        ours = path("act/<slug:name>/", view, name=f"{meta.app_label}_{meta.model_name}_act")
        return [ours, *super().get_urls()]

    def page_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """This will give the buttons of the row's page."""
        return {"act_buttons": self.buttons_for(request, row), "act_ids": str(row.pk)}

    def act_view(self, request: HttpRequest, name: str) -> HttpResponse:
        """This will show what an act will do, and do it once that page was confirmed."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        act = next((one for one in self.acts if one.name == name), None)
        if act is None:
            raise Http404
        demand(request, act.needs)
        ids = self._ids(request.POST.get("ids", ""))
        if "confirmed" not in request.POST:
            return self.ask(request, act, ids)
        form = act.form(list(self.act_rows(ids)), request.POST)
        if not form.is_valid():
            return self.ask(request, act, ids, form)
        if act.fresh and not second_factor.is_fresh(request):
            # Kept in the session and repeated once the code was given, so that nothing typed is lost.
            asked: HttpResponse = suspend_request(request, reverse("mfa_reauthenticate"))
            return asked
        answer = self._perform(request, act, ids, form.cleaned_data)
        return answer or HttpResponseRedirect(self._back(request))

    def ask(
        self, request: HttpRequest, act: Act, ids: Sequence[Any], form: forms.Form | None = None
    ) -> HttpResponse:
        """This will draw the page that says what will happen."""
        # The proof first: what changes between the two readings makes the proof too old, which is refused.
        proof = act.proof(ids)
        rows = list(self.act_rows(ids))
        if not rows:
            raise Http404
        user = _staff(request)
        told = list(zip(rows, act.fits_all(rows, user), strict=True))
        fitting = [row for row, sentence in told if not sentence]
        remarks = act.remarks(fitting, user)
        context = {
            **self.admin_site.each_context(request),
            "title": act.label,
            "opts": self.model._meta,
            "act": act,
            "will": [*act.will(fitting), *remarks.told] if fitting else [],
            "warnings": remarks.warnings,
            "headers": [header for header, _ in self.act_columns],
            "table": [([cell(row) for _, cell in self.act_columns], sentence) for row, sentence in told],
            "fitting": len(fitting),
            "unfitting": len(rows) - len(fitting),
            "totals": _totals(self.act_amounts(act, fitting)),
            "form": form or act.form(fitting),
            "ids": " ".join(str(row.pk) for row in fitting),
            "proof": json.dumps({str(row.pk): proof[str(row.pk)] for row in fitting if str(row.pk) in proof}),
            "url": self._act_url(act),
            "back": self._back(request),
            "code_needed": act.fresh and not second_factor.is_fresh(request),
        }
        return TemplateResponse(request, "admin/backoffice/act.html", context)

    def _perform(
        self, request: HttpRequest, act: Act, ids: Sequence[Any], given: dict[str, Any]
    ) -> HttpResponse | None:
        proof = _proof(request.POST.get("proof", ""))
        doing = Doing(request=request, by=_staff(request), ids=ids, given=given, proof=proof, now=utc_now())
        try:
            result = act.perform(doing)
        except act.errors as error:
            messages.error(request, str(error))
            return None
        if (answer := act.answer(doing, result)) is not None:
            return answer
        tell(request, act.done_word, result, asked_word=act.asked_word)
        return None

    def _ids(self, text: str) -> list[Any]:
        key = self.model._meta.pk
        assert key is not None
        words = text.split()
        if not words or len(words) > AT_ONCE:
            raise BadRequest(f"Between one and {AT_ONCE} things can be done at once.")
        try:
            return [key.to_python(word) for word in words]
        except forms.ValidationError:
            raise BadRequest("One of the ids is no id.") from None

    def _act_url(self, act: Act) -> str:
        meta = self.model._meta
        return reverse(f"admin:{meta.app_label}_{meta.model_name}_act", args=[act.name])

    def _back(self, request: HttpRequest) -> str:
        meta = self.model._meta
        given = request.POST.get("back", "") or _page_of_list(request, self.model)
        if (
            given
            and url_has_allowed_host_and_scheme(given, allowed_hosts=None)
            and not urlsplit(given).netloc
        ):
            return given
        return reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")


def _totals(found: Sequence[tuple[str, Money]]) -> list[dict[str, Any]]:
    amounts: dict[tuple[str, str], list[Money]] = defaultdict(list)
    for name, money in found:
        amounts[name, money.currency].append(money)
    return [
        {
            "of": name,
            "currency": code,
            "count": len(some),
            "text": amount_text(Money.total(some, code).units, code),
        }
        for (name, code), some in sorted(amounts.items())
    ]


def tell(request: HttpRequest, done_word: str, result: Result, *, asked_word: str = "") -> None:
    """This will show what was done, what others were asked for, and each refusal with its sentence."""
    if result.done:
        messages.success(request, f"{done_word} {_named(result.done)}")
    if result.asked:
        messages.info(request, f"{asked_word} {_named(result.asked)}")
    for name, sentence in result.refused[:_NAMED]:
        messages.error(request, f"{name}: {sentence}" if name else sentence)
    if len(result.refused) > _NAMED:
        messages.error(
            request, f"{len(result.refused) - _NAMED} more were refused; the record of each says why."
        )
    if not (result.done or result.asked or result.refused):
        messages.warning(request, "There was nothing to do.")


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    told = f"({len(names)}): {', '.join(names[:_NAMED])}{more}"
    return told if told.endswith(".") else f"{told}."  # what a request is called is a sentence already


def _from_list(act: Act) -> Callable[[Any, HttpRequest, models.QuerySet[Any]], HttpResponse | None]:
    def ask(admin: Any, request: HttpRequest, queryset: models.QuerySet[Any]) -> HttpResponse | None:
        ids = list(queryset.order_by("pk").values_list("pk", flat=True)[: AT_ONCE + 1])
        if len(ids) > AT_ONCE:
            messages.error(
                request, f"More than {AT_ONCE:,} rows match: narrow the filter and do it in parts."
            )
            return None
        demand(request, act.needs)
        answer: HttpResponse = admin.ask(request, act, ids)
        return answer

    return ask


def _page_of_list(request: HttpRequest, model: type[models.Model]) -> str:
    meta = model._meta
    listed = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
    return request.get_full_path() if request.path == listed else ""


def _staff(request: HttpRequest) -> User:
    user = request.user
    assert isinstance(user, User)
    return user


def _proof(text: str) -> dict[str, str]:
    try:
        given = json.loads(text or "{}")
    except ValueError:
        raise BadRequest("The page was changed on its way.") from None
    if not isinstance(given, dict):
        raise BadRequest("The page was changed on its way.")
    return {str(key): str(value) for key, value in given.items()}
