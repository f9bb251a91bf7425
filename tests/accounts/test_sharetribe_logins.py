"""A Sharetribe user's own access token opens the API, and nobody else's; an operator's only lets look."""

from __future__ import annotations

import threading
import uuid

import pytest
import requests
from django.core.cache import cache
from django.db import connection, connections

from accounts.models import Marketplace, Payee, SharetribeToken, User
from tests.accounts.test_sessions import ME, SESSION, code_of
from tests.api_client import Api, SharetribeUser, bearer

LINK = "/api/v1/me/sharetribe"


def test_the_first_visit_makes_the_payee_and_whoever_logs_in(ada, marketplace):
    me = ada.api().get(ME).json()
    payee = Payee.objects.get()
    assert (payee.marketplace, payee.flex_user_id, payee.user) == (marketplace, ada.id, User.objects.get())
    # Its identity and nothing else: what else is known is read from Sharetribe in due course.
    assert (payee.name, payee.email, payee.profile_read_at) == ("", "", None)
    assert me["payee"] == {"id": str(payee.pk), "sharetribe_user_id": str(ada.id)}
    assert me["id"] == str(payee.user_id)
    assert (me["email"], me["credential"], me["expires_at"]) == (None, "sharetribe_token", None)
    assert ada.api().get(ME).json()["id"] == me["id"]


def test_the_first_visit_finds_the_payee_that_sold_before(ada, marketplace):
    payee = Payee.objects.create(marketplace=marketplace, flex_user_id=ada.id, name="Ada")
    assert ada.api().get(ME).json()["payee"]["id"] == str(payee.pk)
    payee.refresh_from_db()
    assert (payee.name, payee.user) == ("Ada", User.objects.get())


def test_first_visits_at_once_make_one_person(ada):
    tokens, answers = [ada.token() for _ in range(4)], []

    def visit(token: str) -> None:
        try:
            answers.append(bearer(token).get(ME))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=visit, args=[token]) for token in tokens]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [200] * 4
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert User.objects.count() == Payee.objects.count() == 1


def test_an_operator_logged_in_as_the_user_only_looks(ada):
    me = ada.api(as_operator=True).get(ME).json()
    assert me["changes"]["allowed"] is False
    assert me["changes"]["code"] == "read_only_impersonated"
    assert me["changes"]["fresh_until"] is None
    assert code_of(ada.api(as_operator=True).delete(LINK)) == (403, "read_only_impersonated")


def test_an_operators_session_only_looks_too(ada):
    api = ada.session(as_operator=True)
    assert api.get(ME).json()["changes"]["code"] == "read_only_impersonated"
    assert code_of(api.delete(LINK)) == (403, "read_only_impersonated")
    assert api.delete(SESSION).status_code == 204


@pytest.mark.parametrize("missing", ["FLEX_MARKETPLACE_CLIENT_ID", "FLEX_MARKETPLACE_CLIENT_SECRET"])
def test_where_operators_cannot_be_told_nothing_is_changed(ada, settings, missing):
    setattr(settings, missing, "")
    changes = ada.api().get(ME).json()["changes"]
    assert changes["code"] == "read_only_undetermined"
    assert missing in changes["detail"]
    refused = ada.session().delete(LINK)
    assert code_of(refused) == (403, "read_only_undetermined")


def test_a_token_of_another_application_only_looks(ada, flex_sandbox, settings):
    other = flex_sandbox.post("/_sandbox/clients")
    settings.FLEX_MARKETPLACE_CLIENT_ID = other["client_id"]
    settings.FLEX_MARKETPLACE_CLIENT_SECRET = other["client_secret"]
    assert ada.api().get(ME).json()["changes"]["code"] == "read_only_impersonated"


def test_a_token_of_another_marketplace_opens_nothing(marketplace, start_sandbox, settings):
    # Sharetribe has one host for all marketplaces, and answers for every one of them.
    elsewhere = start_sandbox("flex")
    stranger = SharetribeUser(elsewhere, email="eve@elsewhere.example")
    settings.FLEX_MARKETPLACE_BASE_URL = elsewhere.url
    for client in ("client_id", "client_secret"):
        name = f"marketplace_{client}"
        setattr(settings, f"FLEX_{name.upper()}", elsewhere.credentials[name])
    assert code_of(stranger.api().get(ME)) == (401, "not_of_this_marketplace")
    assert code_of(stranger.api().post(SESSION)) == (401, "not_of_this_marketplace")
    assert not User.objects.exists()
    assert not Payee.objects.exists()
    elsewhere.close()


def test_a_refresh_token_is_no_access_token(ada, flex_sandbox):
    tokens = flex_sandbox.post(f"/_sandbox/users/{ada.id}/login", {})
    assert code_of(bearer(tokens["refresh_token"]).get(ME)) == (401, "token_refused")


def test_an_applications_own_token_is_no_users(ada, flex_sandbox):
    form = {
        "client_id": flex_sandbox.credentials["client_id"],
        "client_secret": flex_sandbox.credentials["client_secret"],
        "grant_type": "client_credentials",
        "scope": "integ",
    }
    token = requests.post(f"{flex_sandbox.url}/v1/auth/token", data=form, timeout=10).json()["access_token"]
    assert code_of(bearer(token).get(ME)) == (401, "token_refused")


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer  x",
        "Basic YTpi",
        "Bearer mps_x",
        "mps_x",
        "Bearer ü",
        "Bearer " + "x" * 5000,
    ],
)
def test_what_is_no_bearer_token_is_refused_without_asking(ada, flex_sandbox, header):
    before = len(flex_sandbox.requests()["requests"])
    answer = Api({"Authorization": header}).get(ME)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert code_of(answer)[1] in ("authorization_malformed", "session_unknown")
    assert len(flex_sandbox.requests()["requests"]) == before


def test_whom_sharetribe_banned_is_refused(ada, flex_sandbox):
    token = ada.token()
    flex_sandbox.post(f"/_sandbox/users/{ada.id}", {"state": "banned"})
    assert code_of(bearer(token).get(ME)) == (403, "account_closed")
    assert not Payee.objects.exists()


def test_sharetribe_is_asked_once_a_minute(ada, flex_sandbox):
    api = ada.api()
    api.get(ME)
    before = len(flex_sandbox.requests()["requests"])
    assert api.get(ME).status_code == 200
    assert len(flex_sandbox.requests()["requests"]) == before
    cache.clear()
    api.get(ME)
    # Who it is and whether it is their own; that they are ours is known now.
    assert len(flex_sandbox.requests()["requests"]) == before + 2


def test_what_is_remembered_does_not_name_the_token(ada):
    token = ada.token()
    bearer(token).get(ME)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c::text FROM shared_cache c UNION SELECT t::text FROM accounts_sharetribetoken t"
        )
        rows = " ".join(row for (row,) in cursor.fetchall())
    assert SharetribeToken.objects.get().digest in rows
    assert token not in rows


@pytest.mark.parametrize("fault", [{"kind": "error_before", "status": 503}, {"kind": "drop_before"}])
def test_while_sharetribe_is_silent_nobody_new_comes_in(ada, flex_sandbox, fault):
    kind = fault.pop("kind")
    token, session = ada.token(), ada.session()
    flex_sandbox.fault(kind, match={"path": "/v1/api/current_user/show"}, **fault)
    answer = bearer(token).get(ME)
    assert code_of(answer) == (503, "sharetribe_unavailable")
    assert int(answer["Retry-After"]) > 0
    assert session.get(ME).status_code == 200
    flex_sandbox.delete("/_sandbox/faults")
    assert bearer(token).get(ME).status_code == 200


def test_whether_it_is_their_own_must_be_answered_as_well(ada, flex_sandbox):
    token = ada.token()
    flex_sandbox.fault("error_before", status=500, match={"path": "/v1/auth/token"})
    assert code_of(bearer(token).get(ME)) == (503, "sharetribe_unavailable")


def test_before_the_marketplace_is_known_nobody_comes_in(ada):
    Marketplace.objects.update(client_id="another")
    assert code_of(ada.api().get(ME)) == (503, "marketplace_unknown")
    Marketplace.objects.all().delete()
    assert code_of(ada.api().get(ME)) == (503, "marketplace_unknown")


def test_without_our_own_credentials_nobody_new_comes_in(ada, settings):
    ada.api().get(ME)
    stranger = SharetribeUser(ada.flex, email="new@market.example")
    settings.FLEX_CLIENT_SECRET = ""
    assert code_of(stranger.api().get(ME)) == (503, "marketplace_unknown")
    assert ada.api().get(ME).status_code == 200


def test_a_live_installation_asks_nobody_but_sharetribe(ada, settings):
    settings.ENVIRONMENT = "live"
    answer = ada.api().get(ME)
    assert code_of(answer) == (503, "marketplace_unknown")
    assert "FLEX_MARKETPLACE_BASE_URL" in answer.json()["errors"][0]["detail"]


def test_the_same_user_id_in_another_marketplace_is_another_payee(ada, marketplace):
    other = Marketplace.objects.create(id=uuid.uuid4(), name="Other", environment="test")
    Payee.objects.create(marketplace=other, flex_user_id=ada.id)
    payee_id = ada.api().get(ME).json()["payee"]["id"]
    assert Payee.objects.get(pk=payee_id).marketplace == marketplace
