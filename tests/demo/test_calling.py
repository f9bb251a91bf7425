"""The demo's people call the API as front ends and servers do: over http, with one proof each."""

from __future__ import annotations

import re

import pytest
from django.core.cache import cache

from accounts import server_keys
from demo.browser import Refused
from demo.calling import Account, Api
from marketplace_payouts.lib.clock import utc_now
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
EVENTS = "/api/v1/payments/events"


def test_an_account_is_signed_up_for_and_used(live_server, mailoutbox):
    cache.clear()
    account = Account(web=live_server.url, email="mara@mail.example", password="correct horse battery")
    account.sign_up()
    code = re.search(r"^\s*([A-Z0-9]{4}-[A-Z0-9]{4})\s*$", mailoutbox[0].body, re.MULTILINE)
    assert code is not None, mailoutbox[0].body
    account.verify(code[1])
    assert account.session().get("/api/v1/me")["email"] == "mara@mail.example"


def test_a_server_signs_what_it_sends(live_server):
    by = factories.StaffFactory.create(roles=["administrator"])
    _key, secret = server_keys.make(name="Gateway", by=by, now=utc_now())
    # Signed well, so that it is the marketplace, which nobody set up here, about which something is said.
    with pytest.raises(Refused, match=f"POST {EVENTS}: 503 .*marketplace_unknown"):
        Api(live_server.url).post_signed(EVENTS, {"origin": "gateway"}, secret=secret)
    with pytest.raises(Refused, match=f"POST {EVENTS}: 401 .*signature_wrong"):
        Api(live_server.url).post_signed(EVENTS, {"origin": "gateway"}, secret="whsec_" + "A" * 43 + "=")
