"""Who may do what: where money goes is decided by the payee alone, who logged in a moment ago, and by nobody else."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import ApiSession, Payee
from tests.accounts.test_sessions import code_of
from tests.api_client import Api, OwnAccount

MONEY, EVENTS, PLAIN = "/api/v1/probe/money", "/api/v1/probe/events", "/api/v1/probe/plain"


@pytest.fixture(autouse=True)
def _probes(settings):
    settings.ROOT_URLCONF = "tests.accounts.probes"


def test_a_payee_who_logged_in_a_moment_ago_may(ada):
    assert ada.api().call("PUT", MONEY).status_code == 200
    assert ada.session().call("PUT", MONEY).status_code == 200


def test_nobody_may_after_ten_minutes(ada):
    api = ada.session()
    for at in (timezone.now() - timedelta(minutes=10), None):
        ApiSession.objects.update(logged_in_at=at)
        assert code_of(api.call("PUT", MONEY)) == (403, "login_too_old")
        assert api.get(MONEY).status_code == 200


def test_an_operator_logged_in_as_the_payee_may_not(ada):
    for api in (ada.api(as_operator=True), ada.session(as_operator=True)):
        assert code_of(api.call("PUT", MONEY)) == (403, "read_only_impersonated")
        assert api.get(MONEY).status_code == 200
        assert code_of(api.post(PLAIN, {})) == (403, "read_only_impersonated")


def test_somebody_who_is_no_payee_may_not(join):
    account: OwnAccount = join("carla@mail.example")
    for method in ("GET", "PUT"):
        assert code_of(account.api.call(method, MONEY)) == (403, "no_payee")
    assert account.api.get(PLAIN).status_code == 200


def test_a_linked_account_may(join, ada):
    account: OwnAccount = join("carla@mail.example")
    assert account.api.post("/api/v1/me/sharetribe", {"token": ada.token()}).status_code == 200
    assert account.api.call("PUT", MONEY).status_code == 200


def test_whom_the_marketplace_closed_only_looks_with_an_account_of_ours(join, ada):
    account: OwnAccount = join("carla@mail.example")
    assert account.api.post("/api/v1/me/sharetribe", {"token": ada.token()}).status_code == 200
    Payee.objects.update(closed=True)
    assert account.api.get(MONEY).status_code == 200
    assert code_of(account.api.call("PUT", MONEY)) == (403, "account_closed")


def test_the_server_alone_may_not(server):
    headers = server.signed(b"{}")
    assert code_of(Api(headers).call("PUT", MONEY, "{}")) == (403, "people_only")
    assert code_of(Api(server.signed(b"")).get(PLAIN)) == (403, "people_only")


def test_on_behalf_of_a_payee_the_server_may_where_it_says_when_they_logged_in(server, ada, settings):
    fresh = server.session_for(ada.id, logged_in_at=timezone.now().isoformat())
    assert fresh.call("PUT", MONEY).status_code == 200
    assert code_of(server.session_for(ada.id).call("PUT", MONEY)) == (403, "login_too_old")
    told = server.session_for(ada.id, logged_in_at=timezone.now().isoformat(), may_change=False)
    assert code_of(told.call("PUT", MONEY)) == (403, "read_only_server")


def test_what_is_for_the_server_is_for_nobody_else(server, ada):
    assert server.post(EVENTS, {}).status_code == 201
    assert code_of(ada.api().post(EVENTS, {})) == (403, "server_only")
    assert code_of(Api().post(EVENTS, {})) == (401, "not_authenticated")
    # A person for whom the server vouched is that person, and not the server.
    assert code_of(server.session_for(ada.id).post(EVENTS, {})) == (403, "server_only")


def test_nobody_is_let_in_anywhere(transactional_db):
    for path in (MONEY, PLAIN):
        assert code_of(Api().get(path)) == (401, "not_authenticated")


def test_an_endpoint_without_permissions_of_its_own_is_for_people_who_may_change(ada):
    assert json.loads(ada.api().get(PLAIN).content) == {}
    assert code_of(ada.api(as_operator=True).post(PLAIN, {})) == (403, "read_only_impersonated")
