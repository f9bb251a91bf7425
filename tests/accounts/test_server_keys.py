"""What the marketplace's server signs counts once, for five minutes, and as long as its key is good."""

from __future__ import annotations

import json
import threading
import time
import uuid
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, connections
from django.utils import timezone

from accounts import purging, server_keys, sessions, visits
from accounts.callers import Caller, Credential
from accounts.errors import InTheWay, NotProven
from accounts.models import (
    ApiSession,
    Door,
    Login,
    Marketplace,
    Payee,
    ServerKey,
    SharetribeToken,
    SignedMessage,
    User,
)
from accounts.roles import NotAllowed
from marketplace_payouts.lib import standard_webhooks
from marketplace_payouts.lib.clock import utc_now
from tests import factories
from tests.accounts.test_sessions import ME, SESSION, code_of
from tests.api_client import Api, MarketplaceServer, SharetribeUser

BODY = b""


def asking(server: MarketplaceServer, **how) -> Api:
    return Api(server.signed(BODY, **how))


def test_a_signed_request_is_the_servers(server):
    me = asking(server).get(ME).json()
    assert (me["kind"], me["server"], me["credential"]) == ("server", {"key": "web template"}, "signature")
    assert (me["id"], me["payee"]) == (None, None)


def test_each_request_counts_once(server):
    api = asking(server)
    assert api.get(ME).status_code == 200
    assert code_of(api.get(ME)) == (401, "signature_replayed")
    assert asking(server).get(ME).status_code == 200


def test_of_a_request_sent_often_at_once_one_counts(server):
    api, statuses = asking(server), []

    def send() -> None:
        try:
            statuses.append(api.get(ME).status_code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=send) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, 401, 401, 401, 401]


def test_an_altered_body_is_refused_and_uses_no_id_up(server, ada):
    data = json.dumps({"sharetribe_user_id": str(ada.id)}).encode()
    headers = server.signed(data)
    altered = data.replace(str(ada.id).encode(), str(uuid.uuid4()).encode())
    assert code_of(Api(headers).post(SESSION, altered)) == (401, "signature_wrong")
    assert Api(headers).post(SESSION, data).status_code == 201


@pytest.mark.parametrize("seconds", [-301, 301])
def test_a_stale_request_is_refused(server, seconds):
    assert code_of(asking(server, at=int(time.time()) + seconds).get(ME)) == (401, "signature_stale")


def test_a_signature_of_nobody_is_refused(server):
    wrong = asking(server, secret=standard_webhooks.new_secret())
    assert code_of(wrong.get(ME)) == (401, "signature_wrong")
    assert not SignedMessage.objects.exists()


@pytest.mark.parametrize("name", standard_webhooks.HEADERS)
def test_half_a_signature_is_none(server, name):
    headers = {key: value for key, value in server.signed(BODY).items() if key != name}
    assert code_of(Api(headers).get(ME)) == (401, "signature_incomplete")


@pytest.mark.parametrize("name", ["X-User-Id", "X-Sharetribe-User-Id"])
def test_a_bare_header_names_nobody(server, ada, name):
    ada.api().get(ME)
    assert Api({name: str(ada.id)}).get(ME).status_code == 401
    me = Api(server.signed(BODY) | {name: str(ada.id)}).get(ME).json()
    assert me["kind"] == "server"


def test_several_keys_are_good_at_once_until_one_is_revoked(server):
    other, key = MarketplaceServer.with_key("mobile backend")
    by = factories.StaffFactory.create(roles=["engineer"])
    assert [asking(one).get(ME).status_code for one in (server, other)] == [200, 200]
    server_keys.revoke(key.pk, by=by, now=utc_now())
    assert code_of(asking(other).get(ME)) == (401, "signature_wrong")
    assert asking(server).get(ME).status_code == 200
    with pytest.raises(InTheWay, match="already"):
        server_keys.revoke(key.pk, by=by, now=utc_now())


def test_revoking_a_key_ends_the_sessions_it_vouched_for(server, ada):
    other, key = MarketplaceServer.with_key("mobile backend")
    kept, lost = server.session_for(ada.id), other.session_for(ada.id)
    server_keys.revoke(key.pk, by=key.made_by, now=utc_now())
    assert [api.get(ME).status_code for api in (kept, lost)] == [200, 401]


def test_a_session_that_is_opened_while_its_key_is_revoked_opens_nothing(server, ada):
    """The request was signed a moment before, and its session is written a moment after."""
    other, key = MarketplaceServer.with_key("mobile backend")
    body = b"{}"
    signer = server_keys.signer(other.signed(body), body, now=utc_now())
    server_keys.revoke(key.pk, by=key.made_by, now=utc_now())
    vouched = Caller(
        credential=Credential.SESSION, login=Login.SERVER, logged_in_at=utc_now(), until=None, key=signer
    )
    user = visits.visitor(marketplace=Marketplace.objects.get(), flex_user_id=ada.id)
    for door in Door:
        _session, token = sessions.open_for(user, vouched, now=utc_now(), door=door)
        with pytest.raises(NotProven, match="revoked"):
            sessions.find(token, now=utc_now(), door=door)
    assert server.session_for(ada.id).get(ME).status_code == 200


def test_a_key_is_made_by_those_who_may_and_kept_sealed(marketplace):
    nobody = factories.StaffFactory.create(roles=["operator"])
    with pytest.raises(NotAllowed, match="administrator, engineer"):
        server_keys.make(name="x", by=nobody, now=utc_now())
    server, key = MarketplaceServer.with_key()
    sealed = bytes(ServerKey.objects.get(pk=key.pk).sealed)
    assert server.secret.encode() not in sealed
    with pytest.raises(NotAllowed):
        server_keys.revoke(key.pk, by=nobody, now=utc_now())
    assert asking(server).get(ME).status_code == 200


def test_the_last_use_is_noted_to_the_minute(server):
    def used():
        return ServerKey.objects.get().used_at

    assert used() is None
    asking(server).get(ME)
    first = used()
    assert timezone.now() - first < timedelta(minutes=1)
    asking(server).get(ME)
    assert used() == first
    ServerKey.objects.update(used_at=first - timedelta(minutes=2))
    asking(server).get(ME)
    assert used() > first


def test_a_key_that_cannot_be_read_does_not_keep_the_others_from_working(server):
    other, key = MarketplaceServer.with_key("damaged")
    ServerKey.objects.filter(pk=key.pk).update(sealed=b"damaged")
    assert asking(server).get(ME).status_code == 200
    assert code_of(asking(other).get(ME)) == (401, "signature_wrong")


def test_a_revoked_key_names_who_revoked_it(server):
    with pytest.raises(IntegrityError, match="accounts_serverkey_revoked_by"):
        ServerKey.objects.update(revoked_at=timezone.now())


# --- on whose behalf it speaks ---------------------------------------------------------------------------------------


def test_the_server_opens_a_session_for_a_user_named_in_the_signed_body(server, ada):
    me = server.session_for(ada.id).get(ME).json()
    assert (me["kind"], me["credential"]) == ("person", "session")
    assert me["server"] is None
    assert me["payee"]["sharetribe_user_id"] == str(ada.id)
    assert me["login"] == {"by": "server", "at": None}
    assert me["changes"] == {"allowed": True, "code": None, "detail": None, "fresh_until": None}


def test_such_a_session_is_fresh_only_where_the_server_says_when_the_user_logged_in(server, ada):
    def fresh_until(minutes: int) -> object:
        at = timezone.now() - timedelta(minutes=minutes)
        changes = server.session_for(ada.id, logged_in_at=at.isoformat()).get(ME).json()["changes"]
        return changes["fresh_until"]

    assert fresh_until(1) is not None
    assert fresh_until(11) is None


def test_the_server_may_ask_for_a_session_that_changes_nothing(server, ada):
    changes = server.session_for(ada.id, may_change=False).get(ME).json()["changes"]
    assert (changes["allowed"], changes["code"]) == (False, "read_only_server")


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({}, "sharetribe_user_id", "required"),
        ({"sharetribe_user_id": "ada"}, "sharetribe_user_id", "invalid"),
        ({"sharetribe_user_id": None}, "sharetribe_user_id", "null"),
        ({"sharetribe_user_id": str(uuid.uuid4()), "user": 1}, "user", "unknown_field"),
        (
            {"sharetribe_user_id": str(uuid.uuid4()), "logged_in_at": "2999-01-01T00:00:00Z"},
            "logged_in_at",
            "invalid",
        ),
        ([], None, "invalid"),
    ],
)
def test_what_it_asks_for_must_be_right(server, body, field, code):
    answer = server.post(SESSION, body)
    assert code_of(answer) == (400, code)
    assert answer.json()["errors"][0]["field"] == field


def test_nobody_unknown_is_made_up(server):
    assert code_of(server.post(SESSION, {"sharetribe_user_id": str(uuid.uuid4())})) == (
        401,
        "not_of_this_marketplace",
    )
    assert not User.objects.filter(is_staff=False).exists()


def test_nobody_whom_the_marketplace_closed_comes_in_by_the_server(server, ada, flex_sandbox):
    ada.api().get(ME)
    Payee.objects.update(closed=True)
    assert code_of(server.post(SESSION, {"sharetribe_user_id": str(ada.id)})) == (403, "account_closed")
    banned = SharetribeUser(flex_sandbox, email="ban@market.example", state="banned")
    assert code_of(server.post(SESSION, {"sharetribe_user_id": str(banned.id)})) == (403, "account_closed")
    assert not ApiSession.objects.exists()


def test_what_is_for_people_is_not_for_the_server(server):
    answer = server.post("/api/v1/me/sharetribe", {"token": "x"})
    assert code_of(answer) == (403, "people_only")


# --- what is kept, and for how long ----------------------------------------------------------------------------------


_BUSY = "api sharetribe 127.0.0.1"
"""The bucket of the one address that had Sharetribe asked."""


def test_nothing_is_left_of_callers_who_do_not_come_back(server, ada):
    ada.session().get(ME)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE lib_token_bucket SET free_at = clock_timestamp()"
            " + CASE WHEN name = %s THEN interval '1 hour' ELSE interval '-1 second' END",
            [_BUSY],
        )
    purging.purge(now=timezone.now())
    assert ApiSession.objects.count() == SharetribeToken.objects.count() == 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM lib_token_bucket")
        assert cursor.fetchall() == [(_BUSY,)]  # the others were full again
    purging.purge(now=timezone.now() + timedelta(days=31))
    assert not ApiSession.objects.exists()
    assert not SharetribeToken.objects.exists()
    assert User.objects.filter(payee__flex_user_id=ada.id).exists()


def test_ids_are_forgotten_when_their_moment_is_long_past(server):
    asking(server).get(ME)
    purging.purge(now=timezone.now() + timedelta(hours=23))
    assert SignedMessage.objects.count() == 1
    purging.purge(now=timezone.now() + timedelta(hours=25))
    assert not SignedMessage.objects.exists()
