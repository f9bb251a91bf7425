"""A token that the marketplace posts opens its owner's pages, once they said that it is them, and nobody else's."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import ApiSession, Door, Payee, User
from tests import factories
from tests.api_client import Api, MarketplaceServer, bearer
from tests.payee.browsing import ENTER, Browser

HOME, YES = "/payee/", "/payee/enter/answer"


def test_a_sharetribe_token_opens_the_pages_after_the_person_said_yes(browser, ada):
    browser.bring(ada.token())
    assert browser.status == 200
    assert "Ada B" in browser.text
    assert "a•••@market.example" in browser.text
    assert not browser.client.cookies.get("payee")
    browser.submit(YES, answer="yes")
    assert browser.at == HOME
    assert "Logged in as Ada B" in browser.text
    session = ApiSession.objects.get()
    assert (session.door, session.login, session.read_only) == (Door.PAGES, "sharetribe", "")


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(browser, ada, settings):
    cookie = browser.enter(ada).cookie("payee")
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
    assert 1700 < int(cookie["max-age"]) <= 1800
    settings.SESSION_COOKIE_SECURE = True
    guarded = Browser()
    guarded.bring(ada.token())
    guarded.submit(YES, answer="yes")
    assert guarded.cookie("__Host-payee")["secure"] is True


def test_who_says_no_is_not_let_in(browser, ada):
    browser.bring(ada.token())
    browser.submit(YES, answer="no")
    assert "Log in with a code" in browser.text
    assert ApiSession.objects.get().ended_at is not None


def test_nobody_says_yes_in_another_ones_place(browser, ada):
    """Another site can post a token of its own, and then cannot press the button."""
    browser.bring(ada.token())
    page = browser.text
    forged = Client(enforce_csrf_checks=True, headers={"origin": "https://evil.example"})
    token = page.partition('name="token" value="')[2].partition('"')[0]
    assert forged.post(YES, {"token": token, "answer": "yes"}).status_code == 403
    assert "payee" not in forged.cookies


def test_a_token_in_an_address_opens_nothing(browser, ada):
    browser.open(f"{ENTER}?token={ada.token()}")
    assert "Log in with a code" in browser.text
    answer = Client().post(f"{ENTER}?token={ada.token()}", {})
    assert answer.status_code == 403


def test_a_session_of_the_api_opens_them_too_and_stays_what_it_is(browser, ada):
    opened = ada.api().post("/api/v1/session").json()["token"]
    browser.bring(opened)
    browser.submit(YES, answer="yes")
    assert "Logged in as Ada B" in browser.text
    assert bearer(opened).get("/api/v1/me").status_code == 200


def test_pages_and_api_open_with_sessions_of_their_own_alone(browser, ada):
    token = browser.enter(ada).cookie("payee").value
    assert bearer(token).get("/api/v1/me").status_code == 401
    opened = ada.api().post("/api/v1/session").json()["token"]
    other = Browser()
    other.client.cookies["payee"] = opened
    assert "Log in with a code" in other.open(HOME).content.decode()
    # Nor is a session of the pages exchanged for another one, which would last for ever.
    other.bring(token)
    assert other.status == 403


def test_the_servers_word_opens_them_and_ends_with_its_key(browser, ada, marketplace):
    server, key = MarketplaceServer.with_key()
    vouched = server.session_for(ada.id, logged_in_at=timezone.now().isoformat())
    browser.bring(vouched.headers["Authorization"].removeprefix("Bearer "))
    browser.submit(YES, answer="yes")
    assert "Logged in as Ada B" in browser.text
    from accounts import server_keys

    server_keys.revoke(key.pk, by=key.made_by, now=timezone.now())
    assert "Your session has ended" in browser.open(HOME).content.decode()


@pytest.mark.parametrize("token", ["", "mps_none", "x" * 5000, "a b", "\x00"])
def test_what_is_no_token_says_what_to_do(browser, ada, token):
    browser.bring(token)
    assert browser.status == 403
    assert "marketplace" in browser.text
    assert ApiSession.objects.count() == 0


def test_while_sharetribe_is_silent_nobody_comes_in(browser, ada, flex_sandbox):
    token = ada.token()
    flex_sandbox.fault("error_before", times=None)
    browser.bring(token)
    assert browser.status == 503
    assert "try again" in browser.text


def test_whom_the_marketplace_banned_is_out(browser, ada, flex_sandbox):
    browser.enter(ada)
    Payee.objects.update(closed=True)
    assert "Your session has ended" in browser.open(HOME).content.decode()
    browser.bring(ada.token())
    assert browser.status == 403
    assert "closed this account" in browser.text


def test_an_operator_who_logged_in_as_the_seller_looks_and_reads_why(browser, ada, adas_payout):
    browser.enter(ada, as_operator=True)
    assert "as an operator" in browser.text
    assert Payee.objects.get().language == ""  # not theirs to choose
    for address in ("/payee/method/", "/payee/method/add/?country=DE", f"/payee/payouts/{adas_payout.pk}/"):
        browser.open(address)
        assert browser.status == 200
        assert "as an operator" in browser.text
        assert "Send the question" not in browser.text
        assert "Be paid by PayPal" not in browser.text
    browser.open(HOME)
    fields = {
        "csrfmiddlewaretoken": browser.cookie("csrf").value,
        "country": "DE",
        "f-email": "a@mail.example",
    }
    sent = browser.client.post("/payee/method/add/paypal/", fields)
    assert sent.status_code == 403
    assert "Nothing was changed" in sent.content.decode()
    asked = browser.client.post(f"/payee/payouts/{adas_payout.pk}/", fields | {"kind": "other", "text": "Hm"})
    assert asked.status_code == 403


def test_where_operators_cannot_be_told_a_code_is_offered(browser, ada, settings):
    settings.FLEX_MARKETPLACE_CLIENT_SECRET = ""
    browser.enter(ada)
    assert "Log in with a code by e-mail instead" in browser.text


def test_leaving_ends_the_session_itself(browser, ada):
    token = browser.enter(ada).cookie("payee").value
    browser.submit("/payee/leave")
    assert "You are logged out" in browser.text
    browser.client.cookies["payee"] = token
    assert "Log in with a code" in browser.open(HOME).content.decode()


def test_nobody_is_logged_out_by_another_site(browser, ada):
    browser.enter(ada)
    elsewhere = Client(enforce_csrf_checks=True)
    elsewhere.cookies["payee"] = browser.cookie("payee").value
    refused = elsewhere.post("/payee/leave")
    assert refused.status_code == 403
    assert "keeps no cookies" in refused.content.decode()
    assert "Logged in as" in browser.open(HOME).content.decode()


def test_coming_in_as_somebody_else_ends_the_former_session(browser, ada, bo):
    browser.enter(ada)
    former = ApiSession.objects.get()
    browser.bring(bo.token())
    assert "Bo D" in browser.text
    browser.submit(YES, answer="yes")
    assert "Logged in as Bo D" in browser.text
    former.refresh_from_db()
    assert former.ended_at is not None


def test_the_session_is_over_after_half_an_hour(browser, ada):
    browser.enter(ada)
    past = timezone.now() - timedelta(minutes=31)
    ApiSession.objects.update(made_at=past, expires_at=past + timedelta(minutes=30))
    assert "Your session has ended" in browser.open("/payee/payouts/").content.decode()


def test_staff_and_payees_do_not_come_in_by_each_others_cookies(browser, ada):
    staff = factories.StaffFactory.create(roles=["administrator"])
    office = Client()
    office.force_login(staff)
    assert "Log in with a code" in office.get(HOME).content.decode()
    browser.enter(ada)
    assert browser.client.get("/admin/").status_code == 302
    browser.client.cookies["session"] = browser.cookie("payee").value
    assert browser.client.get("/admin/").status_code == 302
    office.cookies["payee"] = office.cookies["session"].value
    assert "Log in with a code" in office.get(HOME).content.decode()


def test_a_member_of_staff_gets_no_session_of_the_pages(browser, ada, marketplace):
    browser.enter(ada)
    User.objects.filter(payee__flex_user_id=ada.id).update(is_active=False)
    assert "Your session has ended" in browser.open(HOME).content.decode()


def test_after_logging_in_one_is_where_one_wanted_to_go_and_never_elsewhere(browser, ada, adas_payout):
    there = f"/payee/payouts/{adas_payout.pk}/"
    browser.bring(ada.token(), next=there)
    browser.submit(YES, answer="yes")
    assert browser.at == there
    for bad in ("https://evil.example/payee/", "//evil.example", "/admin/", "/payee/../admin/", "\\\\evil"):
        other = Browser()
        other.bring(ada.token(), next=bad)
        fields = other.text
        assert f'value="{bad}"' not in fields or bad.startswith("/payee/")


def test_strangers_are_slowed_down(ada, settings):
    settings.API_RATES = settings.API_RATES | {"address": (1, 2)}
    statuses = [Api().call("POST", ENTER).status_code for _ in range(4)]
    assert statuses[-1] == 429
