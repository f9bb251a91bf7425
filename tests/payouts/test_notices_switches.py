"""Payees say which mails they want: by the API, and by the link in a mail, which nobody can turn against another."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from django.core import signing
from django.test import Client

from accounts.models import Payee
from marketplace_payouts.lib.clock import utc_now
from payouts.models import NoticeSwitch
from payouts.notices import kinds, leaving, switches
from tests.api_client import Api, SharetribeUser, known_marketplace
from tests.factories import PayeeFactory
from tests.sandbox_services import SandboxService

ONE_CLICK = "List-Unsubscribe=One-Click"
FORM = "application/x-www-form-urlencoded"


def path_of(payee: Payee, kind: str = kinds.PAID) -> str:
    """Where a mail's link leads, without the host."""
    return "/payee/" + leaving.url(payee, kind).partition("/payee/")[2]


def unwanted(payee: Payee) -> set[str]:
    """What a payee does not want."""
    return switches.off([payee.pk])[payee.pk]


# ------------------------------------------------------------------------------------------------------ the link


@pytest.mark.django_db
def test_one_click_switches_one_kind_off_without_a_log_in_a_cookie_or_a_token_of_ours():
    payee = PayeeFactory.create()
    mail_program = Client(enforce_csrf_checks=True)
    for _ in range(2):
        answer = mail_program.post(path_of(payee), ONE_CLICK, content_type=FORM)
        assert answer.status_code == 200
        assert unwanted(payee) == {kinds.PAID}


@pytest.mark.django_db
def test_whoever_only_looks_changes_nothing():
    payee, scanner = PayeeFactory.create(), Client()
    for method in (scanner.get, scanner.head):
        assert method(path_of(payee)).status_code == 200
    assert scanner.options(path_of(payee)).status_code == 405
    assert unwanted(payee) == set()
    page = scanner.get(path_of(payee))
    assert page["Cache-Control"].count("no-store")
    assert b"Send me no more of them" in page.content


@pytest.mark.django_db
def test_the_page_takes_it_back():
    payee, browser = PayeeFactory.create(), Client()
    assert b"You get no more mails" in browser.post(path_of(payee)).content
    assert b"You get mails of this kind" in browser.post(path_of(payee), {"wanted": "yes"}).content
    assert unwanted(payee) == set()


@pytest.mark.django_db
def test_a_link_is_good_for_its_payee_and_its_kind_alone():
    payee, other = PayeeFactory.create(), PayeeFactory.create()
    Client().post(path_of(payee, kinds.OWED))
    assert unwanted(payee) == {kinds.OWED}
    assert unwanted(other) == set()


def tampered() -> list[Any]:
    """Ways in which a link is not ours."""
    good = signing.dumps(["0191aaaa-0000-7000-8000-00000000000f", "paid"], salt="payouts notice switch")
    head, stamp, signature = good.split(":")
    payload = signing.b64_encode(b'["0191aaaa-0000-7000-8000-00000000000f","method_changed"]').decode()
    return [
        "x",
        good,  # nobody has this id
        f"{payload}:{stamp}:{signature}",
        f"{head}:{stamp}:{signature[:-1]}",
        f"{head}:{stamp[:-1]}z:{signature}",
        signing.dumps(["0191aaaa-0000-7000-8000-00000000000f", "paid"], salt="payout method verification"),
        signing.dumps(
            ["0191aaaa-0000-7000-8000-00000000000f", "paid"], key="another", salt="payouts notice switch"
        ),
        signing.dumps("paid", salt="payouts notice switch"),
        "<script>alert(1)</script>",
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("n", range(len(tampered())))
def test_a_link_that_is_not_ours_does_nothing_and_tells_nothing(n):
    token = tampered()[n]
    for ask in (Client().get, Client().post):
        answer = ask(f"/payee/notices/{quote(token, safe=':')}/")
        assert answer.status_code in (404, 410)
        assert b"<script" not in answer.content
    assert not NoticeSwitch.objects.exists()


@pytest.mark.django_db
def test_no_link_switches_off_what_protects_the_payee():
    payee = PayeeFactory.create()
    with pytest.raises(switches.NotSwitchable):
        leaving.url(payee, kinds.METHOD_CHANGED)
    forged = signing.dumps([str(payee.pk), kinds.METHOD_CHANGED], salt="payouts notice switch")
    assert Client().post(f"/payee/notices/{forged}/").status_code == 410
    assert unwanted(payee) == set()


# ------------------------------------------------------------------------------------------------------ the API


@pytest.fixture
def person(flex_sandbox: SandboxService, transactional_db: None) -> SharetribeUser:
    """A user of the marketplace."""
    known_marketplace(flex_sandbox)
    return SharetribeUser(flex_sandbox)


def payee_of(person: SharetribeUser) -> Payee:
    """The payee that the user is."""
    return Payee.objects.get(flex_user_id=person.id)


def put(api: Api, off: Any) -> Any:
    """Say what is not wanted."""
    return api.call("PUT", "/api/v1/notices", {"off": off})


def test_every_kind_is_listed_and_what_is_named_is_switched_off(person, settings):
    settings.NOTICES_OFF = ["answered"]
    api = person.session()
    shown = {one["kind"]: one for one in api.get("/api/v1/notices").json()["notices"]}
    assert list(shown) == list(kinds.KINDS)
    assert {name for name, one in shown.items() if not one["on"]} == {"answered"}
    assert (shown["answered"]["offered"], shown["method_changed"]["can_be_off"]) == (False, False)
    answer = put(api, ["paid", "owed", "paid"])
    assert answer.status_code == 200
    off = {one["kind"] for one in answer.json()["notices"] if not one["on"]}
    assert off == {"paid", "owed", "answered"}
    assert unwanted(payee_of(person)) == {"paid", "owed"}
    assert put(api, ["owed"]).status_code == 200
    assert unwanted(payee_of(person)) == {"owed"}


@pytest.mark.parametrize(
    ("off", "code", "field"),
    [
        (["paid", "method_changed"], "not_switchable", "off.1"),
        (["nonsense"], "not_switchable", "off.0"),
        ("paid", "not_a_list", "off"),
        (None, "null", "off"),
        ([["paid"]], "invalid", "off.0"),
        (["paid"] * 50, "max_length", "off"),
    ],
)
def test_what_cannot_be_switched_off_is_refused_and_nothing_is_done(person, off, code, field):
    api = person.session()
    put(api, ["owed"])
    answer = put(api, off)
    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    assert (error["code"], error["field"]) == (code, field)
    assert unwanted(payee_of(person)) == {"owed"}


def test_an_operator_who_logged_in_as_the_user_looks_and_changes_nothing(person):
    api = person.session(as_operator=True)
    assert api.get("/api/v1/notices").status_code == 200
    assert put(api, ["paid"]).json()["errors"][0]["code"] == "read_only_impersonated"


@pytest.mark.django_db
def test_switching_twice_changes_nothing():
    payee = PayeeFactory.create()
    for on in (False, False, True, True):
        switches.switch(payee, kinds.PAID, on=on, now=utc_now())
        assert unwanted(payee) == (set() if on else {kinds.PAID})
