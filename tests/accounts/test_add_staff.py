"""The first administrator comes in by a command and a link."""

from __future__ import annotations

import re

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import User
from accounts.roles import may

pytestmark = pytest.mark.django_db


def test_the_link_lets_them_choose_a_password(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("add_staff", "Ada@Example.com", "--role", "administrator", "--name", "Ada")
    (link,) = re.findall(r"https?://[^/]+(/accounts/\S+)", capsys.readouterr().out)
    client = Client()
    page = client.get(link, follow=True)
    assert page.status_code == 200
    action = page.redirect_chain[-1][0]
    chosen = {"password1": "correct horse battery", "password2": "correct horse battery"}
    client.post(action, chosen)

    ada = User.objects.get()
    assert ada.check_password("correct horse battery")
    assert may(ada, "act_triggers")
    assert not may(ada, "act_approve")


def test_more_roles_for_one_who_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("add_staff", "ada@example.com", "--role", "viewer")
    call_command("add_staff", "ada@example.com", "--role", "approver")
    assert capsys.readouterr().out.count("https://") + capsys.readouterr().out.count("http://") <= 1
    assert set(User.objects.get().groups.values_list("name", flat=True)) == {"viewer", "approver"}


def test_refuses_what_is_no_address() -> None:
    with pytest.raises(CommandError, match="no e-mail address"):
        call_command("add_staff", "ada", "--role", "viewer")
