"""Who comes in by the API: people who signed up or come from Sharetribe, and the keys of the marketplace's server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from allauth.account.internal.flows.reauthentication import suspend_request
from django import forms
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import models
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts import second_factor, server_keys, sessions
from accounts.admin.staff import RemoveFactors
from accounts.backoffice import cells
from accounts.backoffice.acting import Act, ActingAdmin, Doing, Outcome
from accounts.backoffice.base import may
from accounts.backoffice.filters import YesNoFilter
from accounts.errors import AccountsError
from accounts.models import Account, ServerKey, User
from marketplace_payouts.lib.clock import utc_now


class KeyForm(forms.ModelForm[ServerKey]):
    """A new key, and why there is one."""

    reason = forms.CharField(
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="It goes into the log of changes, with your name.",
    )

    class Meta:
        model = ServerKey
        fields = ("name",)


class Revoke(Act):
    """Revokes keys."""

    name, label, needs, done_word = "revoke", "Revoke", "act_keys", "Revoked"
    danger = True
    fresh = True
    errors = (*Act.errors, AccountsError)

    def fits(self, row: ServerKey) -> str:
        return "Revoked already." if row.revoked_at else ""

    def will(self, rows: Sequence[ServerKey]) -> list[str]:
        names = ", ".join(row.name for row in rows)
        return [
            f"Refuse everything that is signed with {names} from now on, and end the sessions opened with it.",
            "It cannot be taken back: make a new key first, and give it to the server that has this one.",
        ]

    def perform(self, doing: Doing) -> Outcome:
        outcome = Outcome()
        for pk in doing.ids:
            key = server_keys.revoke(pk, by=doing.by, now=doing.now)
            _log(doing, key, f"Revoked: {doing.reason}")
            outcome.done.append(key.name)
        return outcome


@admin.register(ServerKey)
class ServerKeyAdmin(ActingAdmin):
    """Keys by which the marketplace's server signs its requests."""

    section = "System"
    acts = (Revoke(),)
    act_columns = (("Key", lambda row: row.name), ("Last used", lambda row: cells.moment(row.used_at)))
    list_display = ("name", "standing", "made", "used", "revoked")
    list_select_related = ("made_by", "revoked_by")
    page = ("name", "standing", "made", "used", "revoked")
    form = KeyForm
    change_form_template = "admin/backoffice/change_form.html"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """This will let those make a key who may."""
        return may(request, "act_keys")

    def get_fields(self, request: HttpRequest, obj: ServerKey | None = None) -> Any:
        """This will show the form for a new key, the facts of one that there is."""
        return ("name", "reason") if obj is None else self.page

    def get_readonly_fields(self, request: HttpRequest, obj: ServerKey | None = None) -> Any:
        """This will let nothing be typed on the page of a key."""
        return () if obj is None else self.page

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """This will ask for a fresh second factor before a key is made."""
        if request.method == "POST" and may(request, "act_keys") and not second_factor.is_fresh(request):
            asked: HttpResponse = suspend_request(request, reverse("mfa_reauthenticate"))
            return asked
        return super().add_view(request, form_url, extra_context)

    def save_model(
        self, request: HttpRequest, obj: ServerKey, form: forms.ModelForm[ServerKey], change: bool
    ) -> None:
        """This will make the key by the service, whose row and secret take the place of the form's."""
        assert isinstance(request.user, User)
        made, secret = server_keys.make(name=obj.name, by=request.user, now=utc_now())
        obj.__dict__.update(made.__dict__)
        request.new_secret = secret  # type: ignore[attr-defined]  # for the answer to this request, and nowhere else

    def response_add(
        self, request: HttpRequest, obj: ServerKey, post_url_continue: Any = None
    ) -> HttpResponse:
        """This will show the secret, this once."""
        context = {
            **self.admin_site.each_context(request),
            "title": f"Key “{obj.name}”",
            "opts": self.opts,
            "secret": request.new_secret,  # type: ignore[attr-defined]
            "back": cells.url_of(obj),
        }
        response = TemplateResponse(request, "admin/accounts/new_key.html", context)
        add_never_cache_headers(response)
        return response

    def construct_change_message(
        self, request: HttpRequest, form: forms.Form, formsets: Any, add: bool = False
    ) -> Any:
        """This will log why the key was made."""
        return f"Made. Reason: {form.cleaned_data['reason']}"

    @admin.display(description="Standing")
    def standing(self, row: ServerKey) -> SafeString:
        return cells.badge("failed", "Revoked") if row.revoked_at else cells.badge("paid", "Good")

    @admin.display(description="Made")
    def made(self, row: ServerKey) -> SafeString:
        return format_html("{} by {}", cells.moment(row.made_at), row.made_by)

    @admin.display(description="Last used")
    def used(self, row: ServerKey) -> SafeString | str:
        return cells.moment(row.used_at)

    @admin.display(description="Revoked")
    def revoked(self, row: ServerKey) -> SafeString | str:
        if row.revoked_at is None:
            return cells.EMPTY
        return format_html("{} by {}", cells.moment(row.revoked_at), row.revoked_by)


class SwitchOff(Act):
    """Keeps people out."""

    name, label, needs, done_word = "switch_off", "Switch off", "act_hold", "Switched off"
    danger = True

    def fits(self, row: Account) -> str:
        return "" if row.is_active else "Switched off already."

    def will(self, rows: Sequence[Account]) -> list[str]:
        return [
            f"Let {', '.join(map(str, rows))} in no more, by whatever log-in, and end the sessions there are.",
            "Payouts go on: freeze the payee if they must not.",
        ]

    def perform(self, doing: Doing) -> Outcome:
        return _switch(doing, is_active=False)


class SwitchOn(Act):
    """Lets people in again."""

    name, label, needs, done_word = "switch_on", "Switch on", "act_release", "Switched on"

    def fits(self, row: Account) -> str:
        return "Switched on already." if row.is_active else ""

    def will(self, rows: Sequence[Account]) -> list[str]:
        return [f"Let {', '.join(map(str, rows))} log in again."]

    def perform(self, doing: Doing) -> Outcome:
        return _switch(doing, is_active=True)


class LinkedFilter(YesNoFilter):
    """By whether the person is a user of the marketplace."""

    title = "user of the marketplace"
    parameter_name = "linked"

    def yes(self) -> Q:
        """This will keep those who are."""
        return Q(payee__isnull=False)


@admin.register(Account)
class AccountAdmin(ActingAdmin):
    """People who log in by the API: with an account of ours, or as a user of the marketplace."""

    section = "People"
    acts = (SwitchOff(), SwitchOn(), RemoveFactors())
    act_columns = (("Who", str), ("Payee", lambda row: cells.page_of(_payee(row))))
    list_display = ("who", "payee_", "active", "verified", "last_login_", "joined")
    list_select_related = ("payee",)
    list_filter = ("is_active", LinkedFilter)
    search_fields = ("email", "payee__name", "=payee__flex_user_id")
    page = ("who", "payee_", "active", "verified", "last_login_", "joined")
    change_form_template = "admin/backoffice/change_form.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Account]:
        """This will load people with their addresses."""
        return super().get_queryset(request).prefetch_related("emailaddress_set")

    @admin.display(description="Who")
    def who(self, row: Account) -> str:
        return str(row)

    @admin.display(description="Payee")
    def payee_(self, row: Account) -> SafeString | str:
        return cells.page_of(_payee(row))

    @admin.display(description="Active", boolean=True)
    def active(self, row: Account) -> bool:
        return row.is_active

    @admin.display(description="Address verified", boolean=True)
    def verified(self, row: Account) -> bool:
        return any(one.verified for one in row.emailaddress_set.all())  # type: ignore[attr-defined]  # allauth ships no types

    @admin.display(description="Last log-in")
    def last_login_(self, row: Account) -> SafeString | str:
        return cells.moment(row.last_login)

    @admin.display(description="Since")
    def joined(self, row: Account) -> SafeString | str:
        return cells.moment(row.date_joined)


def _payee(row: User) -> models.Model | None:
    return getattr(row, "payee", None)


def _switch(doing: Doing, *, is_active: bool) -> Outcome:
    outcome = Outcome()
    for account in Account.objects.filter(pk__in=doing.ids).order_by("pk"):
        Account.objects.filter(pk=account.pk).update(is_active=is_active)
        sessions.end_all_of(account, now=doing.now)
        _log(doing, account, f"Switched {'on' if is_active else 'off'}: {doing.reason}")
        outcome.done.append(str(account))
    return outcome


def _log(doing: Doing, row: models.Model, message: str) -> None:
    LogEntry.objects.log_actions(doing.by.pk, [row], CHANGE, change_message=message)
