"""Administrators manage staff and roles; nobody gives themselves any."""

from __future__ import annotations

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.urls import reverse

from accounts import roles
from accounts.models import User

ADD = "admin:accounts_user_add"


def change(user: User) -> str:
    return reverse("admin:accounts_user_change", args=[user.pk])


def role(name: str) -> int:
    return Group.objects.get(name=name).pk


def test_a_new_member_gets_roles_and_a_link_but_no_password(as_role, people, mailoutbox):
    given = {
        "email": "New.One@Office.example",
        "name": "New One",
        "groups": [role("operator")],
        "reason": "Hired",
    }
    as_role("administrator").post(reverse(ADD), given)
    user = User.objects.get(email="new.one@office.example")
    assert (user.is_staff, user.is_superuser, user.has_usable_password()) == (True, False, False)
    assert roles.may(user, "act_hold")
    assert [mail.to for mail in mailoutbox] == [["new.one@office.example"]]
    assert "/accounts/password/reset/key/" in mailoutbox[0].body
    entry = LogEntry.objects.get()
    assert "now: operator" in entry.change_message
    assert "Hired" in entry.change_message


def test_roles_are_changed_with_a_reason_that_is_logged(as_role, people):
    operator = people["operator"]
    given = {"name": "Op", "is_active": "on", "groups": [role("viewer"), role("approver")]}
    client = as_role("administrator")
    assert client.post(change(operator), given).status_code == 200
    assert roles.may(User.objects.get(pk=operator.pk), "act_hold")
    client.post(change(operator), {**given, "reason": "Moved to finance"})
    changed = User.objects.get(pk=operator.pk)
    assert sorted(changed.groups.values_list("name", flat=True)) == ["approver", "viewer"]
    message = LogEntry.objects.get().change_message
    assert "Roles before: operator; now: approver, viewer" in message
    page = as_role("viewer").get(reverse("admin:admin_logentry_changelist")).content.decode()
    assert "Moved to finance" in page


def test_nobody_gives_themselves_a_role(as_role, people):
    administrator = people["administrator"]
    client = as_role("administrator")
    given = {"name": "Me", "is_active": "on", "groups": [role("approver")], "reason": "I want it"}
    assert client.post(change(administrator), given).status_code == 403
    assert not roles.may(User.objects.get(pk=administrator.pk), "act_approve")


@pytest.mark.parametrize("part", ["viewer", "operator", "approver", "engineer"])
def test_others_see_staff_and_change_nothing(part, as_role, people):
    client = as_role(part)
    given = {"name": "X", "is_active": "on", "groups": [role("approver")], "reason": "x"}
    assert client.get(change(people["nobody"])).status_code == 200
    assert client.post(change(people["nobody"]), given).status_code == 403
    assert client.post(reverse(ADD), {**given, "email": "x@y.example"}).status_code == 403
    assert not people["nobody"].groups.exists()


def test_the_address_and_technical_rights_are_no_part_of_the_form(as_role, people):
    operator = people["operator"]
    given = {
        "email": "thief@elsewhere.example",
        "is_superuser": "on",
        "is_active": "on",
        "groups": [role("operator")],
        "user_permissions": [1],
        "password": "x",
        "reason": "x",
    }
    as_role("administrator").post(change(operator), given)
    changed = User.objects.get(pk=operator.pk)
    assert (changed.email, changed.is_superuser) == ("operator@office.example", False)
    assert changed.password == operator.password
    assert not changed.user_permissions.exists()


def test_a_switched_off_account_can_do_nothing(as_role, people, enter):
    client = enter(people["approver"])
    given = {"name": "X", "groups": [role("approver")], "reason": "Left"}
    as_role("administrator").post(change(people["approver"]), given)
    assert client.get("/admin/").status_code == 302


def test_lost_factors_are_removed_by_an_administrator_and_the_person_is_told(as_role, people, mailoutbox):
    TOTP.activate(people["operator"], generate_totp_secret())
    TOTP.activate(people["administrator"], generate_totp_secret())
    url = reverse("admin:accounts_user_act", args=["remove_factors"])
    given = {
        "ids": f"{people['operator'].pk} {people['administrator'].pk}",
        "confirmed": "1",
        "reason": "Lost phone",
    }
    assert as_role("approver").post(url, given).status_code == 403
    as_role("administrator").post(url, given)
    assert list(Authenticator.objects.values_list("user", flat=True)) == [people["administrator"].pk]
    assert [mail.to for mail in mailoutbox] == [["operator@office.example"]]
    assert "Lost phone" in LogEntry.objects.get().change_message


def test_a_link_to_set_the_password_is_sent_again(as_role, people, mailoutbox):
    url = reverse("admin:accounts_user_act", args=["password_link"])
    as_role("administrator").post(url, {"ids": str(people["operator"].pk), "confirmed": "1"})
    assert [mail.to for mail in mailoutbox] == [["operator@office.example"]]


def test_roles_show_what_they_may_and_who_has_them(as_role, people):
    page = as_role("viewer").get(reverse("admin:auth_group_change", args=[role("approver")])).content.decode()
    assert "another@office.example, approver@office.example" in page
    assert roles.ACTS["act_approve"] in page
