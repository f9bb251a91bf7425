"""A proof of who somebody is becomes a short session, which ends when it should and allows what its proof allowed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection
from django.utils import timezone

from accounts import sessions
from accounts.models import ApiSession, Payee, User
from tests.api_client import Api, bearer

ME, SESSION = "/api/v1/me", "/api/v1/session"


def code_of(response) -> tuple[int, str]:
    """The status and the code of the one error."""
    [error] = response.json()["errors"]
    return response.status_code, error["code"]


def age(**ages: timedelta) -> None:
    """Let the one session be older than it is."""
    session = ApiSession.objects.get()
    for name, by in ages.items():
        setattr(session, name, getattr(session, name) - by)
    session.save()


def test_a_sharetribe_token_becomes_a_session(ada):
    opened = ada.api().post(SESSION)
    assert opened.status_code == 201
    told = opened.json()
    assert told["token"].startswith("mps_")
    assert told["changes"]["allowed"] is True
    me = bearer(told["token"]).get(ME).json()
    assert me["kind"] == "person"
    assert me["credential"] == "session"
    assert me["login"]["by"] == "sharetribe"
    assert me["expires_at"] == told["expires_at"]
    assert me["payee"]["sharetribe_user_id"] == str(ada.id)


def test_a_session_lasts_a_quarter_of_an_hour(ada):
    api = ada.session()
    age(expires_at=timedelta(minutes=14, seconds=50), made_at=timedelta(minutes=14, seconds=50))
    assert api.get(ME).status_code == 200
    age(expires_at=timedelta(seconds=10), made_at=timedelta(seconds=10))
    assert code_of(api.get(ME)) == (401, "session_over")


def test_using_a_session_does_not_prolong_it(ada):
    api = ada.session()
    until = ApiSession.objects.get().expires_at
    api.get(ME)
    assert ApiSession.objects.get().expires_at == until
    assert code_of(api.post(SESSION)) == (409, "already_a_session")


def test_the_token_is_kept_nowhere(ada):
    token = ada.session().headers["Authorization"].removeprefix("Bearer ")
    with connection.cursor() as cursor:
        cursor.execute("SELECT s::text FROM accounts_apisession s")
        [[row]] = cursor.fetchall()
    assert token not in row
    assert token.removeprefix("mps_") not in row


def test_ending_a_session_ends_it_at_once(ada):
    api, other = ada.session(), ada.session()
    ended = api.delete(SESSION)
    assert (ended.status_code, ended.content) == (204, b"")
    assert code_of(api.get(ME)) == (401, "session_over")
    assert code_of(api.delete(SESSION)) == (401, "session_over")
    assert other.get(ME).status_code == 200


def test_only_a_session_can_be_ended(ada):
    assert code_of(ada.api().delete(SESSION)) == (409, "no_session")


def test_a_guessed_session_is_none(transactional_db):
    assert code_of(bearer("mps_guess").get(ME)) == (401, "session_unknown")


def test_whoever_is_switched_off_is_out(ada):
    api = ada.session()
    User.objects.update(is_active=False)
    assert code_of(api.get(ME)) == (401, "account_closed")
    assert code_of(ada.api().get(ME)) == (403, "account_closed")


def test_whom_the_marketplace_closed_is_out_of_a_session_too(ada):
    api = ada.session()
    Payee.objects.update(closed=True)
    assert code_of(api.get(ME)) == (401, "account_closed")


def test_whoever_became_staff_is_out(ada):
    api, user = ada.session(), User.objects.get()
    user.email, user.is_staff = "ada@office.example", True
    user.save()
    assert code_of(api.get(ME)) == (401, "not_for_staff")
    assert code_of(ada.api().get(ME)) == (401, "not_for_staff")


def test_all_sessions_of_a_person_can_be_ended(ada, bo):
    one, two, others = ada.session(), ada.session(), bo.session()
    sessions.end_all_of(User.objects.get(payee__flex_user_id=ada.id), now=timezone.now())
    assert [api.get(ME).status_code for api in (one, two, others)] == [401, 401, 200]


def test_a_log_in_is_fresh_for_ten_minutes(ada):
    api = ada.session()
    me = api.get(ME).json()
    assert me["changes"]["fresh_until"] is not None
    age(logged_in_at=timedelta(minutes=10))
    assert api.get(ME).json()["changes"]["fresh_until"] is None


def test_finding_a_session_takes_one_statement(ada, django_assert_num_queries):
    token = ada.session().headers["Authorization"].removeprefix("Bearer ")
    with django_assert_num_queries(1):
        session = sessions.find(token, now=timezone.now())
        assert session.user.payee.flex_user_id == ada.id


def test_a_session_opened_with_an_exchange_knows_when_the_token_was_first_seen(ada):
    token = ada.token()
    bearer(token).get(ME)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_sharetribetoken SET seen_at = seen_at - interval '11 minutes'")
        cursor.execute("DELETE FROM shared_cache")
    opened = bearer(token).post(SESSION).json()
    assert opened["changes"]["fresh_until"] is None


@pytest.mark.parametrize(
    ("wrong", "constraint"),
    [
        ({"login": "server"}, "accounts_apisession_vouched"),
        ({"expires_at": timezone.now() - timedelta(days=1)}, "accounts_apisession_lasts"),
    ],
)
def test_the_table_refuses_what_cannot_be(ada, wrong, constraint):
    ada.session()
    with pytest.raises(IntegrityError, match=constraint):
        ApiSession.objects.update(**wrong)


def test_somebody_without_an_address_is_no_staff_and_has_no_password(ada):
    ada.session()
    for wrong in ({"is_staff": True}, {"is_superuser": True}, {"password": "pbkdf2_sha256$1$x$y"}):
        with pytest.raises(IntegrityError, match="accounts_user_address"):
            User.objects.filter(email=None).update(**wrong)


@pytest.mark.parametrize("body", [{"sharetribe_user_id": "5d7f2a1e-8b1c-4c39-9d4e-3f6a2b7c8d90"}, {"x": 1}])
def test_a_person_names_nobody_else(ada, body):
    assert code_of(ada.api().post(SESSION, body)) == (400, "unknown_field")
    assert not ApiSession.objects.exists()


def test_no_cookie_opens_the_api(client, ada):
    ada.session()
    user = User.objects.get()
    user.email = "ada@mail.example"
    user.save()
    client.force_login(user)
    assert client.get(ME).status_code == 401
    answer = ada.api().get(ME)
    assert not answer.cookies
    assert answer["Cache-Control"] == "no-store"


def test_two_proofs_at_once_are_none(ada):
    api = Api(ada.api().headers | {"X-Session-Token": "abcdefgh12345678"})
    assert code_of(api.get(ME)) == (401, "several_proofs")
