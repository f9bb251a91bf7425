"""Nothing that opens a door is ever written to a log, a table, or an answer that did not ask for it."""

from __future__ import annotations

import json
import logging
from io import StringIO
from typing import Any

import pytest
import structlog
from django.conf import settings as django_settings
from django.db import connection

from accounts.models import ApiSession, ServerKey
from marketplace_payouts.lib import logs
from tests.accounts.test_sessions import ME, SESSION
from tests.api_client import Api, MarketplaceServer, bearer


@pytest.fixture
def logged():
    """Everything that is logged, as the product writes it, at the chattiest level."""
    out, root = StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(out), root.level
    logging_settings: Any = django_settings.LOGGING
    formatter = logging_settings["formatters"]["lines"]
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=formatter["processors"], foreign_pre_chain=formatter["foreign_pre_chain"]
        )
    )
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield out
    root.removeHandler(handler)
    root.setLevel(level)


def everything_in_the_database() -> str:
    """Every row of every table of ours, as text."""
    rows = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            rows += [row for (row,) in cursor.fetchall()]
    return "\n".join(rows)


def test_tokens_are_neither_logged_nor_kept(ada, server, join, logged, flex_sandbox):
    tokens = flex_sandbox.post(f"/_sandbox/users/{ada.id}/login", {})
    access, refresh = tokens["access_token"], tokens["refresh_token"]
    session = bearer(access).post(SESSION).json()["token"]
    account = join("carla@mail.example")
    for api in (bearer(access), bearer(refresh), bearer(session), bearer(session + "x"), account.api):
        api.get(ME)
    account.api.post("/api/v1/me/sharetribe", {"token": access})
    account.api.post("/api/v1/me/sharetribe", {"token": access, "x": 1})
    server.session_for(ada.id)
    Api(server.signed(b"", secret=MarketplaceServer.with_key()[0].secret)).get(ME)
    flex_sandbox.fault("drop_before", match={"path": "/v1/api/current_user/show"})
    bearer(ada.token()).get(ME)
    written = logged.getvalue()
    assert "sharetribe_silent" in written  # it was listening
    for secret in (access, refresh, session, server.secret, account.api.headers["X-Session-Token"]):
        assert secret not in written
    kept = everything_in_the_database()
    assert str(ApiSession.objects.values_list("pk", flat=True)[0]) in kept
    for secret in (access, refresh, session, server.secret):
        assert secret not in kept
        assert secret.encode().hex() not in kept


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer mps_abcdefghijklmnop",
        "the token mps_abcdefghijklmnop leaked",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "{'X-Session-Token': 'x', 'secret': 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'}",
    ],
)
def test_what_looks_like_a_secret_of_ours_is_masked(text):
    shown = logs.hide(text)
    assert "abcdefgh" not in shown
    assert "MfKQ9r8G" not in shown


def test_a_secret_is_not_in_what_is_shown_of_a_row(server):
    key = ServerKey.objects.get()
    assert server.secret not in repr(key) + str(key) + json.dumps(str(vars(key)))
