"""Every page is tried with its owner, another payee and nobody, as the URL configuration has them."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone

from payouts.payee_pages.urls import urlpatterns
from tests.accounts.test_secrets_stay_inside import everything_in_the_database
from tests.payee.browsing import Browser

# These let everybody in, for they are how people come and go, and what pages are dressed in.
OPEN = {
    "home",
    "enter",
    "entered",
    "ask_for_code",
    "code",
    "leave",
    "language",
    "colours",
    "logo",
}
# These show something of the visitor's, whoever it is.
THEIR_OWN = {"again", "payouts", "statements", "statement", "mails", "method", "offers", "add_method"}
# These have the id of something in their address.
OF_ONE = {"payout", "advice", "make_default", "retire", "ask_to_confirm"}


def names() -> set[str]:
    """The names of all pages; what catches the rest has none."""
    return {one.name for one in urlpatterns if one.name}


def address(name: str, payout) -> str:
    """The address of a page, with ids of what belongs to a payout."""
    given = {
        "payout": {"payout_id": payout.pk},
        "advice": {"payout_id": payout.pk, "kind": "csv"},
        "statement": {"year": timezone.now().year, "kind": "csv"},
        "add_method": {"provider": "paypal"},
    }
    of_a_method = {"method_id": payout.method_id}
    kwargs = given.get(name, of_a_method if name in ("make_default", "retire", "ask_to_confirm") else {})
    return reverse(f"payee:{name}", kwargs=kwargs)


def test_every_page_has_its_place():
    assert names() == OPEN | THEIR_OWN | OF_ONE


@pytest.mark.parametrize("name", sorted(THEIR_OWN | OF_ONE))
def test_each_opens_to_its_owner_and_to_nobody_else(name, ada, bo, adas_payout):
    there = address(name, adas_payout)
    owner, another, nobody = Browser().enter(ada), Browser().enter(bo), Browser()
    only_posts = name == "ask_to_confirm"
    assert owner.client.get(there, follow=True).status_code == (405 if only_posts else 200)
    assert nobody.client.get(there).status_code == (405 if only_posts else 302)
    assert nobody.client.post(there).status_code == 403  # without a token no form is looked at
    nobody.open("/payee/")
    sent = nobody.client.post(there, {"csrfmiddlewaretoken": nobody.cookie("csrf").value})
    assert sent.status_code in (302, 405)
    assert sent.status_code == 405 or sent["Location"].startswith("/payee/?")
    if name in OF_ONE:
        assert another.client.get(there).status_code == (405 if only_posts else 404)
        another.open("/payee/")
        token = {"csrfmiddlewaretoken": another.cookie("csrf").value}
        assert another.client.post(there, token).status_code in (302, 400, 404, 405)
    adas_payout.method.refresh_from_db()
    assert adas_payout.method.retired_at is None


def test_no_token_is_kept(browser, ada):
    token = ada.token()
    browser.bring(token)
    browser.submit("/payee/enter/answer", answer="yes")
    kept = everything_in_the_database()
    assert token not in kept
    assert browser.cookie("payee").value not in kept
