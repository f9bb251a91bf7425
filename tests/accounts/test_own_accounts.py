"""Accounts of ours: signed up for by allauth's API, verified by a code, and strictly apart from staff's."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from accounts.models import ApiSession, User
from tests import factories, network
from tests.accounts.test_sessions import ME, SESSION, code_of
from tests.api_client import PASSWORD, Api, OwnAccount
from tests.second_factor import code

STAFF = "anna@office.example"
CODE = r"^\s*([A-Z0-9-]{6,})\s*$"


@pytest.fixture
def carla(join: Callable[[str], OwnAccount]) -> OwnAccount:
    """Somebody who signed up and gave the code."""
    return join("Carla@mail.example")


@pytest.fixture
def staff(transactional_db) -> User:
    """A member of staff, with a password."""
    cache.clear()
    return factories.StaffFactory.create(email=STAFF, roles=["approver"])


def test_signing_up_leads_to_a_session_and_asks_nobody_outside(carla, mailoutbox):
    assert not network.refused  # no sandbox runs here: any call would have been refused
    user = User.objects.get()
    assert (user.email, user.is_staff, user.is_superuser) == ("carla@mail.example", False, False)
    assert [mail.to for mail in mailoutbox] == [["carla@mail.example"]]
    me = carla.api.get(ME).json()
    assert (me["kind"], me["credential"], me["email"]) == ("person", "account_session", "carla@mail.example")
    assert (me["payee"], me["login"]["by"], me["changes"]["allowed"]) == (None, "account", True)
    assert me["changes"]["fresh_until"] is not None
    assert carla.session().get(ME).json()["login"] == me["login"]


def test_before_the_address_is_verified_there_is_no_way_in(transactional_db, mailoutbox):
    cache.clear()
    account = OwnAccount("dora@mail.example")
    answer = account.sign_up()
    assert answer.status_code == 401
    assert code_of(account.api.get(ME)) == (401, "session_over")
    assert code_of(account.api.post(SESSION)) == (401, "session_over")
    cache.clear()  # another code would be mailed only after a while
    assert account.log_in().json()["data"]["flows"][-1]["id"] == "verify_email"
    assert code_of(account.api.get(ME)) == (401, "session_over")
    assert not EmailAddress.objects.get().verified


def test_a_wrong_code_verifies_nothing(transactional_db, mailoutbox):
    cache.clear()
    account = OwnAccount("dora@mail.example")
    account.sign_up()
    for _ in range(3):
        assert account.verify("AAAA-AAAA").status_code == 400
    code = re.search(CODE, mailoutbox[-1].body, re.MULTILINE)
    assert code is not None
    assert account.verify(code[1]).status_code == 409  # too many wrong ones
    assert not EmailAddress.objects.get().verified


def test_another_code_is_mailed_where_the_first_did_not_come(transactional_db, mailoutbox):
    cache.clear()
    account = OwnAccount("dora@mail.example")
    account.sign_up()
    assert account.allauth("POST", "auth/email/verify/resend").status_code == 429
    statuses = []
    for _ in range(3):
        cache.clear()  # as if three minutes had gone by
        statuses.append(account.allauth("POST", "auth/email/verify/resend").status_code)
    assert statuses == [200, 200, 409]
    first, _second, third = re.findall(CODE, "\n".join(mail.body for mail in mailoutbox), re.MULTILINE)
    assert account.verify(first).status_code == 400
    assert account.verify(third).status_code == 200
    assert EmailAddress.objects.get().verified


def test_an_address_that_is_taken_is_not_betrayed(carla, staff, mailoutbox):
    for email in ("carla@mail.example", STAFF):
        again = OwnAccount(email).sign_up()
        assert again.status_code == 401
        assert "verify_email" in str(again.json()["data"]["flows"])
    assert User.objects.count() == 2
    assert User.objects.get(email=STAFF).is_staff


@pytest.mark.parametrize("password", ["short", "password1234"])
def test_a_weak_password_is_refused(transactional_db, password):
    cache.clear()
    given = {"email": "carla@mail.example", "password": password}
    answer = Api().post("/_allauth/app/v1/auth/signup", given)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["param"] == "password"
    assert not User.objects.exists()


def test_sign_up_can_be_closed(transactional_db, settings):
    cache.clear()
    settings.SIGN_UP_OPEN = False
    assert OwnAccount("eve@mail.example").sign_up().status_code == 403
    assert not User.objects.exists()


def test_logging_in_and_out(carla):
    assert carla.log_in("wrong").status_code == 400
    assert carla.log_in().status_code == 200
    assert carla.api.get(ME).status_code == 200
    assert carla.allauth("DELETE", "auth/session").status_code == 401
    assert code_of(carla.api.get(ME)) == (401, "session_over")


def test_guessing_passwords_is_stopped(carla):
    statuses = [carla.log_in(f"guess {n}").json()["errors"][0]["code"] for n in range(8)]
    assert statuses[0] == "email_password_mismatch"
    assert statuses[-1] == "too_many_login_attempts"


def test_a_new_password_ends_every_session(carla):
    exchanged = carla.session()
    assert exchanged.get(ME).status_code == 200
    new = "an entirely new pass phrase"
    changed = carla.allauth(
        "POST", "account/password/change", {"current_password": PASSWORD, "new_password": new}
    )
    assert changed.status_code == 200
    assert code_of(exchanged.get(ME)) == (401, "session_over")
    assert carla.log_in().status_code == 400
    assert carla.log_in(new).status_code == 200


@pytest.mark.parametrize("page", ["", "https://market.example/reset?key={key}"])
def test_a_forgotten_password_is_set_anew_by_the_mailed_key(carla, settings, mailoutbox, page):
    settings.PASSWORD_RESET_URL = page
    exchanged = carla.session()
    asked = Api().post("/_allauth/app/v1/auth/password/request", {"email": carla.email})
    assert asked.status_code == 200
    start = re.escape("https://market.example/reset?key=" if page else "/accounts/password/reset/key/")
    key = re.search(start + r"([\w-]+)", mailoutbox[-1].body)
    assert key is not None, mailoutbox[-1].body
    new = "an entirely new pass phrase"
    done = Api().post("/_allauth/app/v1/auth/password/reset", {"key": key[1], "password": new})
    assert done.status_code == 401  # done, and not logged in by it
    assert code_of(exchanged.get(ME)) == (401, "session_over")
    assert carla.log_in(new).status_code == 200


def age(minutes: int) -> None:
    """Let time pass since the log-in of the one session that there is."""
    store = SessionStore(Session.objects.get().session_key)
    records = store["account_authentication_methods"]
    store["account_authentication_methods"] = [{**one, "at": one["at"] - 60 * minutes} for one in records]
    store.save()


def test_an_old_log_in_is_not_fresh_until_the_password_was_given_again(carla):
    age(minutes=11)
    assert carla.api.get(ME).json()["changes"]["fresh_until"] is None
    assert carla.allauth("POST", "auth/reauthenticate", {"password": PASSWORD}).status_code == 200
    assert carla.api.get(ME).json()["changes"]["fresh_until"] is not None


# --- the two doors ---------------------------------------------------------------------------------------------------


def test_whoever_signed_up_gets_nowhere_near_the_admin(carla):
    client = Client()
    given = {"login": carla.email, "password": PASSWORD}
    page = client.post(reverse("account_login") + "?next=/admin/", given)
    assert page.status_code == 200  # the form again, as with a wrong password
    assert client.get("/admin/").status_code == 302
    # Also with the session that the API gave, as a cookie.
    client.cookies["session"] = carla.api.headers["X-Session-Token"]
    assert client.get("/admin/").status_code == 403
    user = User.objects.get()
    client.force_login(user)
    assert client.get("/admin/").status_code == 403
    assert client.get("/admin/accounts/payee/").status_code == 403


def test_a_sharetribe_user_has_no_password_to_get_in_with(ada):
    ada.session()
    user = User.objects.get()
    assert not user.has_usable_password()
    client = Client()
    client.force_login(user)
    assert client.get("/admin/").status_code == 403


def test_staff_do_not_come_in_by_the_api(staff):
    account = OwnAccount(STAFF)
    answer = account.log_in(factories.PASSWORD)
    assert answer.status_code == 400
    assert answer.json() == account.log_in("wrong").json()
    assert account.api.get(ME).status_code == 401


def test_a_staff_sessions_cookie_is_no_token(staff):
    client = Client()
    client.force_login(staff)
    api = Api({"X-Session-Token": client.cookies["session"].value})
    assert code_of(api.get(ME)) == (401, "session_over")
    assert code_of(api.post(SESSION)) == (401, "session_over")
    for path in ("auth/session", "account/email", "account/password/change"):
        assert api.get(f"/_allauth/app/v1/{path}").status_code in (401, 405, 410)
    assert not ApiSession.objects.exists()


def test_staff_still_log_in_by_their_page_without_a_code_by_mail(staff, mailoutbox):
    client = Client()
    given = {"login": STAFF, "password": factories.PASSWORD}
    answer = client.post(reverse("account_login") + "?next=/admin/", given)
    assert answer["Location"] == "/admin/"
    assert client.get("/admin/").status_code == 200
    assert not mailoutbox


def test_staff_are_led_to_their_own_page_for_a_new_password(staff, settings, mailoutbox):
    settings.PASSWORD_RESET_URL = "https://market.example/reset?key={key}"
    assert Api().post("/_allauth/app/v1/auth/password/request", {"email": STAFF}).status_code == 200
    assert "market.example" not in mailoutbox[-1].body
    assert "/accounts/password/reset/key/" in mailoutbox[-1].body


def test_strangers_are_not_written_to(transactional_db, mailoutbox):
    cache.clear()
    Api().post("/_allauth/app/v1/auth/password/request", {"email": "nobody@mail.example"})
    assert not mailoutbox


def test_a_second_factor_is_asked_for_at_the_api_as_well(carla):
    secret = generate_totp_secret()
    TOTP.activate(User.objects.get(), secret)
    assert carla.log_in().status_code == 401
    assert carla.api.get(ME).status_code == 401
    assert carla.allauth("POST", "auth/2fa/authenticate", {"code": code(secret)}).status_code == 200
    assert carla.api.get(ME).status_code == 200


def test_an_address_can_be_changed_once_the_new_one_is_verified(carla, mailoutbox):
    assert carla.allauth("POST", "account/email", {"email": "new@mail.example"}).status_code == 200
    assert User.objects.get().email == "carla@mail.example"
    code = re.search(CODE, mailoutbox[-1].body, re.MULTILINE)
    assert code is not None
    assert carla.verify(code[1]).status_code == 200
    assert User.objects.get().email == "new@mail.example"
    assert [mail.to for mail in mailoutbox][-1] == ["carla@mail.example"]  # the former one is told


def test_whoever_found_an_old_session_cannot_have_the_account_moved_to_an_address_of_theirs(
    carla, mailoutbox
):
    """From there a new password would be mailed to them, and with that a fresh log-in."""
    age(minutes=6)
    before = len(mailoutbox)
    given = {"email": "thief@mail.example"}
    for method in ("POST", "PATCH", "DELETE"):
        assert carla.allauth(method, "account/email", given).status_code in (400, 401)
    assert [one.email for one in EmailAddress.objects.all()] == ["carla@mail.example"]
    assert len(mailoutbox) == before


def test_the_session_of_an_account_ends_by_itself(carla):
    assert carla.api.get(ME).status_code == 200
    Session.objects.update(expire_date=Session.objects.get().expire_date - timedelta(days=2))
    assert code_of(carla.api.get(ME)) == (401, "session_over")
