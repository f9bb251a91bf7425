"""Keys of the marketplace's server are made and revoked by those who may; who logs in by the API can be kept out."""

from __future__ import annotations

import time

import pytest
from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.admin.models import LogEntry
from django.urls import reverse
from django.utils import timezone

from accounts import sessions
from accounts.callers import Caller, Credential
from accounts.models import Account, ApiSession, Login, ServerKey, User
from accounts.roles import ROLES
from marketplace_payouts.lib import crypto
from tests import factories

ADD = "admin:accounts_serverkey_add"
GIVEN = {"name": "web template", "reason": "Go-live of the front end"}


@pytest.mark.parametrize("part", ["administrator", "engineer"])
def test_a_key_is_made_with_a_reason_and_its_secret_is_shown_once(as_role, people, part):
    client = as_role(part)
    assert client.get(reverse(ADD)).status_code == 200
    shown = client.post(reverse(ADD), GIVEN)
    key = ServerKey.objects.get()
    secret = crypto.open(bytes(key.sealed), aad=key.pk.bytes).decode()
    assert shown.status_code == 200
    assert shown.content.decode().count(secret) == 1
    assert "no-store" in shown["Cache-Control"]
    assert (key.name, key.made_by) == ("web template", people[part])
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id) == (people[part], str(key.pk))
    assert "Go-live of the front end" in entry.change_message
    for url in (
        reverse("admin:accounts_serverkey_changelist"),
        reverse("admin:accounts_serverkey_change", args=[key.pk]),
    ):
        page = client.get(url)
        assert page.status_code == 200
        assert secret not in page.content.decode()
    assert secret not in str(dict(client.session))
    assert "whsec_" not in str(list(LogEntry.objects.values()))


def test_a_key_needs_a_reason(as_role, people):
    assert as_role("administrator").post(reverse(ADD), {"name": "x"}).status_code == 200
    assert not ServerKey.objects.exists()


@pytest.mark.parametrize(
    "part", [role for role, acts in ROLES.items() if "act_keys" not in acts] + ["superuser"]
)
def test_others_make_no_key(as_role, people, part):
    client = as_role(part)
    assert client.get(reverse(ADD)).status_code == 403
    assert client.post(reverse(ADD), GIVEN).status_code == 403
    assert not ServerKey.objects.exists()


def test_a_key_is_made_only_right_after_a_second_factor(as_role, people, settings):
    settings.STAFF_MFA_REQUIRED = True
    TOTP.activate(people["administrator"], generate_totp_secret())
    client = as_role("administrator")
    session = client.session
    session["account_authentication_methods_user"] = str(people["administrator"].pk)
    session[AUTHENTICATION_METHODS_SESSION_KEY] = [{"method": "mfa", "at": time.time() - 301}]
    session.save()
    asked = client.post(reverse(ADD), GIVEN)
    assert asked.status_code == 302
    assert asked["Location"].startswith(reverse("mfa_reauthenticate"))
    assert not ServerKey.objects.exists()


def test_revoking_needs_a_confirmed_page_and_stands_in_the_log(as_role, everything):
    key = ServerKey.objects.get()
    url = reverse("admin:accounts_serverkey_act", args=["revoke"])
    client = as_role("engineer")
    page = client.post(url, {"ids": str(key.pk)})
    assert "end the sessions" in page.content.decode()
    assert ServerKey.objects.get().revoked_at is None
    client.post(url, {"ids": str(key.pk), "confirmed": "1", "proof": "{}", "reason": "Leaked"})
    key.refresh_from_db()
    assert key.revoked_by is not None
    assert "Revoked: Leaked" in LogEntry.objects.get().change_message
    assert "Revoked" in client.get(reverse("admin:accounts_serverkey_changelist")).content.decode()


def test_whoever_is_switched_off_is_out_until_switched_on(as_role, everything):
    account = Account.objects.get(email="carla@mail.example")
    now = timezone.now()
    caller = Caller(credential=Credential.ACCOUNT_SESSION, login=Login.ACCOUNT, logged_in_at=now, until=None)
    sessions.open_for(account, caller, now=now)

    def is_active_after(part: str, name: str) -> bool:
        given = {"ids": str(account.pk), "confirmed": "1", "proof": "{}", "reason": "As asked"}
        as_role(part).post(reverse("admin:accounts_account_act", args=[name]), given)
        return Account.objects.get(pk=account.pk).is_active

    assert not is_active_after("operator", "switch_off")
    assert ApiSession.objects.get().ended_at is not None
    assert not is_active_after("operator", "switch_on")
    assert is_active_after("approver", "switch_on")
    assert [entry.change_message for entry in LogEntry.objects.order_by("pk")] == [
        "Switched off: As asked",
        "Switched on: As asked",
    ]


def test_staff_and_others_stand_in_lists_of_their_own(as_role, everything):
    client = as_role("viewer")
    staff = client.get(reverse("admin:accounts_user_changelist")).content.decode()
    accounts = client.get(reverse("admin:accounts_account_changelist")).content.decode()
    assert "carla@mail.example" in accounts
    assert "carla@mail.example" not in staff
    assert "operator@office.example" in staff
    assert "operator@office.example" not in accounts
    assert f"Sharetribe user {User.objects.get(email=None).pk}" in accounts


@pytest.mark.parametrize("name", ["switch_off", "switch_on"])
def test_no_act_reaches_staff_by_the_list_of_others(as_role, people, name):
    operator = people["operator"]
    url = reverse("admin:accounts_account_act", args=[name])
    given = {"ids": str(operator.pk), "confirmed": "1", "proof": "{}", "reason": "x"}
    as_role("approver").post(url, given)
    operator.refresh_from_db()
    assert operator.is_active


def test_a_row_of_staff_is_not_shown_as_an_account(as_role, people):
    url = reverse("admin:accounts_account_change", args=[people["operator"].pk])
    assert as_role("viewer").get(url).status_code == 302
    carla = factories.StaffFactory.create(email="carla@mail.example", is_staff=False)
    assert as_role("viewer").get(reverse("admin:accounts_user_change", args=[carla.pk])).status_code == 302
