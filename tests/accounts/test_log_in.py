"""Staff log in with a password and a second factor; whoever has none is led to set one up."""

from __future__ import annotations

import re

import pytest
from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.conf import settings
from django.core.cache import cache
from django.urls import reverse

from accounts.models import User
from payouts.models import ApprovalThreshold, ApproverLimit, State
from tests import factories
from tests.second_factor import code

APPROVE = "admin:payouts_payout_act"


@pytest.fixture(autouse=True)
def _with_second_factors(settings, db):
    settings.STAFF_MFA_REQUIRED = True
    cache.clear()


@pytest.fixture
def approver(db) -> User:
    user = factories.StaffFactory.create(email="anna@office.example", roles=["approver"])
    ApproverLimit.objects.create(user=user, currency="EUR", units=10_000_000)
    ApprovalThreshold.objects.create(currency="EUR", units=1_000_000)
    return user


def give_password(client, user):
    given = {"login": user.email, "password": factories.PASSWORD}
    return client.post(reverse("account_login") + "?next=/admin/payouts/payout/", given)


def enrolled(user: User) -> str:
    secret: str = generate_totp_secret()
    TOTP.activate(user, secret)
    return secret


def log_in(client, user, secret):
    give_password(client, user)
    response = client.post(reverse("mfa_authenticate"), {"code": code(secret)})
    assert response.status_code == 302
    # The same code may be given once; the next test of it would have to wait for the next one.
    cache.clear()


def age(client, seconds):
    """Let the log-in lie so far back."""
    session = client.session
    records = session[AUTHENTICATION_METHODS_SESSION_KEY]
    session[AUTHENTICATION_METHODS_SESSION_KEY] = [{**one, "at": one["at"] - seconds} for one in records]
    session.save()


@pytest.mark.django_db(transaction=True)
def test_without_a_factor_one_is_set_up_first(client, approver, mailoutbox):
    give_password(client, approver)
    response = client.get("/admin/payouts/payout/")
    assert response["Location"].startswith(reverse("mfa_activate_totp"))
    page = client.get(response["Location"])
    secret = page.context["form"].secret
    assert secret in page.content.decode()
    done = client.post(reverse("mfa_activate_totp"), {"code": code(secret)})
    assert [mail.to for mail in mailoutbox][:1] == [[approver.email]]
    assert done["Location"] == reverse("mfa_view_recovery_codes")
    assert client.get("/admin/payouts/payout/").status_code == 200
    assert secret not in str(Authenticator.objects.get(type="totp").data)


def test_a_wrong_code_sets_nothing_up(client, approver):
    give_password(client, approver)
    client.get(reverse("mfa_activate_totp"))
    assert client.post(reverse("mfa_activate_totp"), {"code": "000000"}).status_code == 200
    assert not Authenticator.objects.exists()
    assert client.get("/admin/").status_code == 302


def test_password_and_code_open_the_back_office(client, approver):
    secret = enrolled(approver)
    response = give_password(client, approver)
    assert response["Location"] == reverse("mfa_authenticate")
    assert client.get("/admin/").status_code == 302
    assert client.post(reverse("mfa_authenticate"), {"code": "000000"}).status_code == 200
    assert client.get("/admin/").status_code == 302
    done = client.post(reverse("mfa_authenticate"), {"code": code(secret)})
    assert done["Location"] == "/admin/payouts/payout/"
    assert client.get("/admin/payouts/payout/").status_code == 200


def test_a_recovery_code_opens_it_once(client, approver):
    from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes

    enrolled(approver)
    recovery = RecoveryCodes.activate(approver).get_unused_codes()[0]
    give_password(client, approver)
    assert client.post(reverse("mfa_authenticate"), {"code": recovery}).status_code == 302
    assert client.get("/admin/").status_code == 200
    client.post(reverse("account_logout"))
    give_password(client, approver)
    assert client.post(reverse("mfa_authenticate"), {"code": recovery}).status_code == 200


def test_a_session_without_the_code_is_asked_for_it(client, approver):
    secret = enrolled(approver)
    client.force_login(approver)
    response = client.get("/admin/payouts/hold/?open=yes")
    assert response["Location"].startswith(reverse("mfa_reauthenticate"))
    assert client.post(reverse("admin:stop"), {"confirmed": "1", "reason": "x"}).status_code == 403
    again = client.post(response["Location"], {"code": code(secret), "next": "/admin/payouts/hold/?open=yes"})
    assert again["Location"] == "/admin/payouts/hold/?open=yes"
    assert client.get(again["Location"]).status_code == 200


def test_removing_the_factor_ends_what_the_session_may(client, approver):
    log_in(client, approver, enrolled(approver))
    assert client.get("/admin/").status_code == 200
    Authenticator.objects.all().delete()
    assert client.get("/admin/")["Location"].startswith(reverse("mfa_activate_totp"))


def test_approving_asks_for_a_fresh_code_and_forgets_nothing_typed(client, approver):
    secret = enrolled(approver)
    log_in(client, approver, secret)
    payout = factories.PayoutFactory.create(state=State.AWAITING_APPROVAL)
    url = reverse(APPROVE, args=["approve"])
    age(client, settings.ACCOUNT_REAUTHENTICATION_TIMEOUT + 1)
    page = client.post(url, {"ids": str(payout.pk)})
    assert "asked for a code" in page.content.decode()
    given = {
        "ids": page.context["ids"],
        "proof": page.context["proof"],
        "confirmed": "1",
        "reason": "Weekly list",
    }
    asked = client.post(url, given)
    assert asked["Location"].startswith(reverse("mfa_reauthenticate"))
    payout.refresh_from_db()
    assert payout.state == State.AWAITING_APPROVAL
    client.post(asked["Location"], {"code": "000000", "next": url})
    payout.refresh_from_db()
    assert payout.state == State.AWAITING_APPROVAL
    client.post(asked["Location"], {"code": code(secret), "next": url})
    payout.refresh_from_db()
    assert payout.state == State.APPROVED
    assert payout.approvals.get().reason == "Weekly list"


def test_approving_right_after_the_log_in_asks_for_no_further_code(client, approver):
    log_in(client, approver, enrolled(approver))
    payout = factories.PayoutFactory.create(state=State.AWAITING_APPROVAL)
    url = reverse(APPROVE, args=["approve"])
    page = client.post(url, {"ids": str(payout.pk)})
    given = {
        "ids": page.context["ids"],
        "proof": page.context["proof"],
        "confirmed": "1",
        "reason": "Weekly list",
    }
    client.post(url, given)
    payout.refresh_from_db()
    assert payout.state == State.APPROVED


def test_a_password_alone_is_no_second_factor(client, approver):
    enrolled(approver)
    client.force_login(approver)
    response = client.post(
        reverse("account_reauthenticate"), {"password": factories.PASSWORD, "next": "/admin/"}
    )
    assert response.status_code == 302
    assert client.get("/admin/").status_code == 302


def test_a_password_is_asked_for_before_a_factor_is_taken_away_later(client, approver):
    log_in(client, approver, enrolled(approver))
    age(client, settings.ACCOUNT_REAUTHENTICATION_TIMEOUT + 1)
    response = client.post(reverse("mfa_deactivate_totp"))
    assert response["Location"].startswith(reverse("account_reauthenticate"))
    assert Authenticator.objects.exists()
    client.post(response["Location"], {"password": "wrong", "next": reverse("mfa_deactivate_totp")})
    assert Authenticator.objects.exists()
    client.post(
        response["Location"], {"password": factories.PASSWORD, "next": reverse("mfa_deactivate_totp")}
    )
    assert not Authenticator.objects.exists()


def test_somebody_who_is_no_staff_stays_out(client, db):
    user = factories.StaffFactory.create(email="seller@mail.example", is_staff=False)
    client.force_login(user)
    assert client.get("/admin/").status_code == 403


@pytest.mark.parametrize("name", ["account_signup", "account_email"])
def test_nobody_signs_up_or_changes_their_address(name, client, approver):
    assert client.get(reverse(name)).status_code == 404
    client.force_login(approver)
    assert client.post(reverse(name), {"email": "x@y.example"}).status_code == 404


def test_a_forgotten_password_is_set_anew_by_the_link(client, approver, mailoutbox):
    client.post(reverse("account_reset_password"), {"email": approver.email})
    client.post(reverse("account_reset_password"), {"email": "stranger@mail.example"})
    link = re.search(r"http://\S+(/accounts/password/reset/key/\S+)", mailoutbox[0].body)
    assert link is not None
    page = client.get(link[1], follow=True)
    new = "an entirely new pass phrase"
    client.post(page.request["PATH_INFO"], {"password1": new, "password2": new})
    approver.refresh_from_db()
    assert approver.check_password(new)


@pytest.mark.parametrize(
    "name",
    [
        "account_login",
        "account_reset_password",
        "account_reset_password_done",
        "account_change_password",
        "account_logout",
        "mfa_index",
        "mfa_view_recovery_codes",
        "mfa_generate_recovery_codes",
        "mfa_deactivate_totp",
        "mfa_reauthenticate",
        "account_reauthenticate",
    ],
)
def test_the_pages_are_ours_and_keep_the_policy(name, client, approver):
    if name not in ("account_login", "account_reset_password", "account_reset_password_done"):
        secret = enrolled(approver)
        log_in(client, approver, secret)
        if "recovery" in name:
            client.post(reverse("mfa_generate_recovery_codes"))
    page = client.get(reverse(name))
    assert page.status_code == 200
    text = page.content.decode()
    assert "marketplace_payouts/backoffice.css" in text
    assert "<style" not in text
    assert not re.search(r"<script(?![^>]*(src=|application/json))", text)
    assert "sign up" not in text.lower()
