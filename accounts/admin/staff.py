"""Staff and their roles: seen by everybody who reads, managed by administrators, and by nobody for themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.forms import ResetPasswordForm
from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from accounts.backoffice import cells
from accounts.backoffice.acting import Act, ActingAdmin, Doing, NothingToSay, Outcome
from accounts.backoffice.base import BackOfficeAdmin, may
from accounts.backoffice.filters import days_filter
from accounts.models import User
from accounts.roles import ACTS, ROLES


class StaffForm(forms.ModelForm[User]):
    """A member of staff, with roles and why they change."""

    groups = forms.ModelMultipleChoiceField(
        Group.objects.filter(name__in=ROLES).order_by("name"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="Roles",
    )
    reason = forms.CharField(
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="It goes into the log of changes, with your name.",
    )

    class Meta:
        model = User
        fields = ("email", "name", "is_active", "groups")


class SendPasswordLink(Act):
    """Sends a member of staff a link to set their password."""

    name, label, needs, done_word = "password_link", "Send a link to set the password", "act_staff", "Sent to"
    form_class = NothingToSay

    def fits(self, row: User) -> str:
        return "" if row.is_active else "The account is switched off."

    def will(self, rows: Sequence[User]) -> list[str]:
        return [f"E-mail a link by which to set a new password to {', '.join(str(user) for user in rows)}."]

    def perform(self, doing: Doing) -> Outcome:
        users = list(User.objects.filter(pk__in=doing.ids, is_active=True).order_by("email"))
        for user in users:
            send_password_link(doing.request, user)
        return Outcome(done=[str(user) for user in users])


class RemoveFactors(Act):
    """Removes the second factors of somebody who lost them."""

    name, label, needs, done_word = "remove_factors", "Remove second factors", "act_staff", "Removed"
    for_many = False
    danger = True
    fresh = True

    def fits_for(self, row: User, user: User) -> str:
        if row.pk == user.pk:
            return "Your own second factor is managed on your own page."
        return "" if Authenticator.objects.filter(user=row).exists() else "There is none."

    def will(self, rows: Sequence[User]) -> list[str]:
        return [
            f"Remove the authenticator app and recovery codes of {', '.join(str(user) for user in rows)}.",
            (
                "Send them an e-mail that says so. They set up a new one at the next log-in, by password alone:"
                " be sure that it is really they who asked you."
            ),
        ]

    def perform(self, doing: Doing) -> Outcome:
        outcome = Outcome()
        for user in User.objects.filter(pk__in=doing.ids).exclude(pk=doing.by.pk):
            Authenticator.objects.filter(user=user).delete()
            LogEntry.objects.log_actions(
                doing.by.pk, [user], CHANGE, change_message=f"Second factors removed: {doing.reason}"
            )
            get_adapter().send_notification_mail("mfa/email/totp_deactivated", user)
            outcome.done.append(str(user))
        return outcome


def send_password_link(request: HttpRequest, user: User) -> None:
    """This will e-mail a link by which the user sets a password."""
    form = ResetPasswordForm(data={"email": user.email})
    if form.is_valid():
        form.save(request)


@admin.register(User)
class UserAdmin(ActingAdmin):
    """Staff: who may enter, and with which roles."""

    section = "Staff"
    acts = (SendPasswordLink(), RemoveFactors())
    act_columns = (("E-mail", lambda row: row.email), ("Name", lambda row: row.name or cells.EMPTY))
    ordering = ("email",)
    list_display = ("email", "name", "roles", "active", "second_factor", "last_login_")
    list_filter = ("is_active", "groups")
    search_fields = ("email", "name")
    form = StaffForm
    change_form_template = "admin/backoffice/change_form.html"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """This will let administrators add staff."""
        return may(request, "act_staff")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """This will let administrators change others, and nobody themselves."""
        return may(request, "act_staff") and (obj is None or obj.pk != request.user.pk)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """This will load staff with their roles and factors; everybody else has a page of another kind."""
        staff = super().get_queryset(request).filter(is_staff=True)
        return staff.prefetch_related("groups", "authenticator_set")

    def get_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        """This will show the form to those who may change, the facts to the others."""
        if obj is None:
            return ["email", "name", "groups", "reason"]
        if self.has_change_permission(request, obj):
            return [
                "email",
                "name",
                "is_active",
                "groups",
                "reason",
                "second_factor",
                "last_login_",
                "technical",
            ]
        return ["email", "name", "active", "roles", "second_factor", "last_login_", "technical"]

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        """This will keep the address as it is: it is the name of the account, and the way to take it over."""
        shown = ["active", "roles", "second_factor", "last_login_", "technical"]
        return shown if obj is None else [*shown, "email"]

    def save_model(self, request: HttpRequest, obj: User, form: forms.ModelForm[User], change: bool) -> None:
        """This will save a member of staff; a new one gets a link to set the password."""
        if not change:
            obj.is_staff = True
            obj.email = str(obj.email).strip().lower()
            obj.set_unusable_password()
        super().save_model(request, obj, form, change)
        if not change:
            send_password_link(request, obj)

    def construct_change_message(
        self, request: HttpRequest, form: forms.Form, formsets: Any, add: bool = False
    ) -> Any:
        """This will log which roles there were, which there are, and why."""
        now = ", ".join(sorted(group.name for group in form.cleaned_data["groups"])) or "none"
        before = ", ".join(sorted(group.name for group in form.initial.get("groups", []))) or "none"
        state = "" if form.cleaned_data.get("is_active", True) else " Switched off."
        return f"Roles before: {before}; now: {now}.{state} Reason: {form.cleaned_data['reason']}"

    @admin.display(description="Roles")
    def roles(self, row: User) -> str:
        return ", ".join(sorted(group.name for group in row.groups.all())) or "none"

    @admin.display(description="Active", boolean=True)
    def active(self, row: User) -> bool:
        return row.is_active

    @admin.display(description="Second factor")
    def second_factor(self, row: User) -> SafeString:
        has = any(one.type == Authenticator.Type.TOTP for one in row.authenticator_set.all())  # type: ignore[attr-defined]  # allauth ships no types
        return cells.badge("verified", "Set up") if has else cells.badge("waits", "None")

    @admin.display(description="Last log-in")
    def last_login_(self, row: User) -> SafeString | str:
        return cells.moment(row.last_login)

    @admin.display(description="Technical superuser (no rights in the product)", boolean=True)
    def technical(self, row: User) -> bool:
        return row.is_superuser


@admin.register(Group)
class RoleAdmin(BackOfficeAdmin):
    """Roles: what each may do, and who has it."""

    section = "Staff"
    ordering = ("name",)
    list_display = ("name", "members")
    page = ("name", "may_do", "members")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        """This will load roles with their members."""
        return super().get_queryset(request).prefetch_related("user_set", "permissions")

    @admin.display(description="Members")
    def members(self, row: Group) -> str:
        return ", ".join(sorted(str(user) for user in row.user_set.all())) or "nobody"

    @admin.display(description="May")
    def may_do(self, row: Group) -> SafeString:
        acts = [ACTS[one.codename] for one in row.permissions.all() if one.codename in ACTS]
        return cells.pretty(sorted(acts))


@admin.register(LogEntry)
class LogEntryAdmin(BackOfficeAdmin):
    """Log of the forms about staff."""

    section = "Staff"
    ordering = ("-action_time",)
    list_display = ("at", "user", "object_repr", "change_message")
    list_display_links = ("at",)
    list_select_related = ("user",)
    list_filter = (days_filter(field="action_time", title="day"),)
    page = ("at", "user", "object_repr", "change_message")

    @admin.display(description="When")
    def at(self, row: LogEntry) -> SafeString | str:
        return cells.moment(row.action_time)
