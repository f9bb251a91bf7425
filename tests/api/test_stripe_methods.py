"""Sellers choose Stripe over the API: who is offered it, how far they are, and what is refused when it is chosen."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import cache

from accounts.models import Payee
from payments import reading, sellers
from payments.models import Seller
from payouts.models import PayoutMethod
from payouts.providers import registry
from tests import factories
from tests.api_client import Api, SharetribeUser, known_marketplace
from tests.sandbox_services import SandboxService

ROOT = "/api/v1/payout-methods/"


@pytest.fixture(autouse=True)
def _stripe(monkeypatch: pytest.MonkeyPatch, stripe_sandbox: SandboxService, settings: Any):
    """Payouts through Stripe are switched on."""
    monkeypatch.setenv("STRIPE_PAYOUTS", "1")
    settings.STRIPE_SELLERS = settings.STRIPE_SELLERS | {"return_origins": [settings.PUBLIC_URL]}
    registry.reset()
    yield
    registry.reset()


@pytest.fixture
def anna(flex_sandbox, transactional_db) -> SharetribeUser:
    """A user of the marketplace."""
    cache.clear()
    known_marketplace(flex_sandbox)
    return SharetribeUser(flex_sandbox, email="anna@market.example")


@pytest.fixture
def api(anna) -> Api:
    """Anna, logged in a moment ago, and owed 123.45 EUR."""
    session: Api = anna.session()
    factories.PayableFactory.create(payee=Payee.objects.get(flex_user_id=anna.id))
    return session


def offer(api: Api, country: str = "DE") -> Any:
    offers = api.get(f"{ROOT}offers?country={country}").json()["offers"]
    return next((one for one in offers if one["provider"] == "stripe"), None)


def link(api: Api, settings: Any, *, country: str = "DE", back: str = "") -> Any:
    back = back or f"{settings.PUBLIC_URL}/payee/method"
    return api.post(f"{ROOT}link", {"provider": "stripe", "country": country, "return_url": back})


def choose(api: Api, **more: Any) -> Any:
    return api.post(ROOT, {"provider": "stripe", "country": "DE", "values": {}, **more})


def verified(sandbox: SandboxService) -> Seller:
    """Have Stripe verify the one seller."""
    seller = Seller.objects.get()
    sandbox.post("/_sandbox/fate", {"reference": seller.stripe_id, "status": "verified"})
    reading.record(Seller, [reading.ask(seller)])
    seller.refresh_from_db()
    return seller


def codes(answer: Any) -> list[str]:
    return [error["code"] for error in answer.json()["errors"]]


def sentence(answer: Any) -> str:
    return " ".join(error["detail"] for error in answer.json()["errors"])


def test_it_is_offered_with_what_becomes_of_the_money(api):
    shown = offer(api)
    assert (shown["offered"], shown["kind"]) == (True, "hosted")
    (terms,) = shown["terms"]
    assert terms["amount"] == terms["owed"] == {"units": "12345", "currency": "EUR", "exponent": 2}
    assert (terms["fee"]["units"], terms["arrives_within_s"]) == ("0", None)
    assert "balance at Stripe" in terms["arrival_note"]


def test_looking_asks_nobody(api, stripe_sandbox):
    offer(api)
    assert stripe_sandbox.requests()["requests"] == []


def test_it_is_not_offered_where_it_is_switched_off(api, monkeypatch):
    monkeypatch.delenv("STRIPE_PAYOUTS")
    registry.reset()
    assert offer(api) is None
    assert codes(choose(api)) == ["provider_unknown"]


def test_a_country_that_stripe_does_not_serve_is_refused_at_once(api, settings):
    shown = offer(api, "VN")
    assert (shown["offered"], shown["why_not"]) == (False, "Stripe pays nobody in your country from here.")
    assert codes(choose(api, country="VN")) == ["not_offered"]
    assert codes(link(api, settings, country="VN")) == ["not_offered"]


def test_a_country_that_the_platform_does_not_reach_is_refused_with_the_link(api, settings):
    """Stripe serves Japan, and lets a platform in the United States send nothing there."""
    assert offer(api, "JP")["offered"]
    answer = link(api, settings, country="JP")
    assert codes(answer) == ["cannot_be_paid"]
    assert sentence(answer) == "Stripe pays nobody in your country from here."
    assert not Seller.objects.exclude(stripe_id="").exists()


def test_the_account_is_made_with_the_first_link(api, settings, stripe_sandbox):
    first = link(api, settings)
    assert first.status_code == 200
    assert first.json()["url"] != link(api, settings).json()["url"]
    seller = Seller.objects.get()
    assert (seller.stripe_id != "", seller.country) == (True, "DE")
    assert api.get("/api/v1/seller").json()["account"] == seller.stripe_id
    asked = api.post(f"{ROOT}requirements", {"provider": "stripe", "country": "DE"}).json()
    assert (asked["kind"], asked["state"]) == ("hosted", "pending")
    assert codes(choose(api)) == ["not_ready"]


def test_an_account_is_in_one_country(api, settings, stripe_sandbox):
    link(api, settings)
    verified(stripe_sandbox)
    shown = offer(api, "FR")
    assert not shown["offered"]
    assert "is in DE" in shown["why_not"]


def test_a_verified_seller_chooses_it_and_gives_nothing(api, settings, stripe_sandbox):
    link(api, settings)
    seller = verified(stripe_sandbox)
    assert codes(choose(api, values={"account": "acct_SomebodyElses"})) == ["cannot_be_paid"]
    answer = choose(api)
    assert answer.status_code == 201
    assert seller.stripe_id not in answer.content.decode()
    assert answer.json()["masked"] == f"Stripe account •••{seller.stripe_id[-4:]}"
    method = PayoutMethod.objects.get()
    assert (method.provider, method.verified_at is not None) == ("stripe", True)
    assert sellers.verified_accounts([method.payee_id]) == {method.payee_id: seller.stripe_id}


def test_whom_stripe_rejects_it_says_so(api, settings, stripe_sandbox):
    link(api, settings)
    seller = Seller.objects.get()
    stripe_sandbox.post("/_sandbox/fate", {"reference": seller.stripe_id, "status": "rejected.fraud"})
    reading.record(Seller, [reading.ask(seller)])
    asked = api.post(f"{ROOT}requirements", {"provider": "stripe", "country": "DE"}).json()
    assert asked["state"] == "declined"
    assert "does not work with this account" in asked["detail"]


def test_stripe_being_away_is_said_as_that(api, settings, stripe_sandbox):
    stripe_sandbox.fault("error_before")
    answer = link(api, settings)
    assert answer.status_code == 503
    assert codes(answer) == ["provider_unavailable"]


def test_people_are_sent_back_to_the_marketplace_alone(api, settings):
    assert link(api, settings, back="https://evil.example/x").status_code == 400
    assert not Seller.objects.exists()
