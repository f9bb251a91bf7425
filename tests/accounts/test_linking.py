"""An account and a Sharetribe user become one person only when asked to, by somebody who is both, at no one's loss."""

from __future__ import annotations

import threading

import pytest
from django.core import mail
from django.core.cache import cache
from django.db import connection, connections

from accounts.models import ApiSession, Payee, User
from tests import factories
from tests.accounts.test_sessions import ME, code_of
from tests.api_client import OwnAccount, SharetribeUser, bearer

LINK = "/api/v1/me/sharetribe"


@pytest.fixture
def carla(marketplace, join) -> OwnAccount:
    """Somebody with an account of ours; nothing says so, but she is Ada."""
    account: OwnAccount = join("carla@mail.example")
    mail.outbox.clear()
    return account


def link(account, sharetribe_user, **login):
    return account.api.post(LINK, {"token": sharetribe_user.token(**login)})


def test_both_log_ins_become_one_person(carla, ada):
    before = ada.api().get(ME).json()
    linked = link(carla, ada)
    assert linked.status_code == 200
    assert linked.json() == before["payee"]
    account = User.objects.get()
    mine, theirs = carla.api.get(ME).json(), ada.api().get(ME).json()
    assert mine["id"] == theirs["id"] == str(account.pk) != before["id"]
    assert mine["payee"] == theirs["payee"] == before["payee"]
    assert (mine["login"]["by"], theirs["login"]["by"]) == ("account", "sharetribe")
    assert link(carla, ada).status_code == 200  # once more changes nothing


def test_a_user_who_was_never_here_can_be_linked(carla, ada, marketplace):
    assert link(carla, ada).status_code == 200
    assert Payee.objects.get().user == User.objects.get()


def test_both_addresses_are_told(carla, ada):
    link(carla, ada)
    assert sorted(mail.to[0] for mail in mail.outbox) == ["ada@market.example", "carla@mail.example"]
    assert all("carla@mail.example" in mail.body for mail in mail.outbox)


def test_where_they_cannot_be_told_nothing_is_linked(carla, ada, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9  # nobody listens there
    assert code_of(link(carla, ada)) == (503, "mail_unavailable")
    assert not Payee.objects.filter(user__isnull=False).exists()


def test_an_equal_address_links_nothing_by_itself(marketplace, flex_sandbox, join):
    account, user = join("same@mail.example"), SharetribeUser(flex_sandbox, email="same@mail.example")
    assert user.api().get(ME).json()["id"] != account.api.get(ME).json()["id"]
    assert account.api.get(ME).json()["payee"] is None


def test_an_operators_token_links_nothing(carla, ada):
    assert code_of(link(carla, ada, as_operator=True)) == (403, "read_only_impersonated")
    assert not Payee.objects.filter(user__email__isnull=False).exists()


def test_a_token_that_was_seen_long_ago_links_nothing(carla, ada):
    token = ada.token()
    bearer(token).get(ME)
    cache.clear()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_sharetribetoken SET seen_at = seen_at - interval '11 minutes'")
    assert code_of(carla.api.post(LINK, {"token": token})) == (403, "login_too_old")


def test_an_account_logged_in_long_ago_links_nothing(carla, ada):
    session = carla.session()
    ApiSession.objects.update(logged_in_at=None)
    assert code_of(session.post(LINK, {"token": ada.token()})) == (403, "login_too_old")


def test_a_sharetribe_log_in_links_nothing(ada, bo):
    assert code_of(ada.session().post(LINK, {"token": bo.token()})) == (403, "accounts_only")


@pytest.mark.parametrize("token", ["guess", ""])
def test_what_is_no_token_links_nothing(carla, token):
    assert carla.api.post(LINK, {"token": token}).status_code in (400, 401)
    assert not Payee.objects.exists()


def test_an_account_has_one_sharetribe_user_and_the_other_way_round(carla, ada, bo, join):
    link(carla, ada)
    assert code_of(link(carla, bo)) == (409, "account_linked")
    other = join("dora@mail.example")
    assert code_of(link(other, ada)) == (409, "user_linked")
    assert Payee.objects.get(flex_user_id=ada.id).user == User.objects.get(email="carla@mail.example")


def test_a_user_with_something_of_their_own_is_not_merged_away(carla, ada):
    ada.api().get(ME)
    user = User.objects.get(email=None)
    # Any row that hangs on the user will do; this one stands for a buyer's or a seller's profile.
    factories.AddressFactory.create(user=user)
    assert code_of(link(carla, ada)) == (409, "user_has_its_own")
    assert Payee.objects.get().user == user


def test_of_two_accounts_that_link_at_once_one_gets_the_user(carla, ada, join):
    other, tokens, statuses = join("dora@mail.example"), [ada.token(), ada.token()], []

    def run(account: OwnAccount, token: str) -> None:
        try:
            statuses.append(account.api.post(LINK, {"token": token}).status_code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=pair) for pair in zip((carla, other), tokens, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, 409]
    assert Payee.objects.get().user is not None


def test_asking_twice_at_once_links_once(carla, ada):
    ada.api().get(ME)
    tokens, statuses = [ada.token() for _ in range(3)], []

    def run(token: str) -> None:
        try:
            statuses.append(carla.api.post(LINK, {"token": token}).status_code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[token]) for token in tokens]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 3
    assert Payee.objects.get().user == User.objects.get()


def test_a_user_who_could_not_be_told_is_not_linked(carla, ada, flex_sandbox):
    flex_sandbox.post(f"/_sandbox/users/{ada.id}", {"emailVerified": False})
    assert code_of(link(carla, ada)) == (409, "address_unverified")
    assert not mail.outbox


@pytest.mark.parametrize("by", ["account", "sharetribe"])
def test_either_of_them_may_undo_it(carla, ada, by):
    link(carla, ada)
    mail.outbox.clear()
    api = carla.session() if by == "account" else ada.session()
    assert api.delete(LINK).status_code == 204
    assert code_of(api.get(ME)) == (401, "session_over")
    assert sorted(mail.to[0] for mail in mail.outbox) == ["carla@mail.example"]
    assert carla.api.get(ME).json()["payee"] is None
    again = ada.api().get(ME).json()
    assert again["id"] != carla.api.get(ME).json()["id"]
    assert again["payee"]["id"] == str(Payee.objects.get().pk)


def test_the_address_that_sharetribe_told_us_of_hears_of_it_too(carla, ada):
    link(carla, ada)
    mail.outbox.clear()
    Payee.objects.update(email="ada@market.example")
    carla.api.delete(LINK)
    assert sorted(mail.to[0] for mail in mail.outbox) == ["ada@market.example", "carla@mail.example"]


def test_where_nothing_is_linked_nothing_is_undone(carla, ada):
    assert code_of(carla.api.delete(LINK)) == (409, "not_linked")
    assert code_of(ada.api().delete(LINK)) == (409, "not_linked")


def test_a_linked_account_that_is_switched_off_keeps_both_out(carla, ada):
    link(carla, ada)
    User.objects.update(is_active=False)
    assert carla.api.get(ME).status_code == 401
    assert code_of(ada.api().get(ME)) == (403, "account_closed")
