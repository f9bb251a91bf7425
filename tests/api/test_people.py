"""Buyers and sellers by the API: their customer and account at Stripe, errors in the one shape, bare addresses."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.cache import cache

from accounts.api import schema
from accounts.models import ApiSession, Payee
from marketplace_payouts.lib.clock import utc_now
from payments.models import Buyer, Seller
from tests.api.test_schema import validator
from tests.api_client import SharetribeUser, known_marketplace

BUYER, SELLER = "/api/v1/buyer", "/api/v1/seller"
BACK = {"return_url": "https://market.example/back", "refresh_url": "https://market.example/again"}
# Stripe's, and no good for anything here.
CARD = "pm_card_visa"


@pytest.fixture
def ada(flex_sandbox, stripe_sandbox, settings, transactional_db):
    """A user of the marketplace, logged in."""
    cache.clear()
    settings.STRIPE_SELLERS = settings.STRIPE_SELLERS | {"return_origins": ["https://market.example"]}
    stripe_sandbox.post("/_sandbox/settings", {"judging_s": 600, "pace_s": 0})
    known_marketplace(flex_sandbox)
    return SharetribeUser(flex_sandbox, email="ada@market.example")


def error(answer):
    """The status, code and field of the one error of an answer."""
    [one] = answer.json()["errors"]
    assert one["detail"]
    return answer.status_code, one["code"], one["field"]


def put(api, body, address=BUYER):
    return api.call("PUT", address, body)


# ----------------------------------------------------------------------------------------------------------- buyers


def test_a_buyer_from_nobody_to_somebody(ada):
    shape = validator(schema.document(), "BuyerShown")
    api = ada.session()
    nobody = api.get(BUYER)
    shape.validate(nobody.json())
    assert set(nobody.json().values()) == {None}
    made = put(api, {"name": "Ada", "email": "ada@x.example", "payment_method": CARD})
    assert made.status_code == 200
    shape.validate(made.json())
    assert made["Cache-Control"] == "no-store"
    assert made.json()["payment_method"]["last4"] == "4242"
    assert api.get(BUYER).json() == made.json()
    changed = put(api, {"address": {"line1": "Hafenstr. 7", "country": "DE"}, "name": None}).json()
    assert (changed["customer"], changed["name"], changed["email"]) == (
        made.json()["customer"],
        None,
        "ada@x.example",
    )
    assert changed["address"]["line1"] == "Hafenstr. 7"


def test_looking_at_a_buyer_asks_nobody(ada, stripe_sandbox, django_assert_num_queries):
    api = ada.session()
    put(api, {})
    before = len(stripe_sandbox.requests()["requests"])
    with django_assert_num_queries(3):  # the session, a turn, the buyer
        assert api.get(BUYER).status_code == 200
    assert len(stripe_sandbox.requests()["requests"]) == before


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"email": "nowhere"}, "invalid", "email"),
        ({"customer": "cus_1"}, "unknown_field", "customer"),
        ({"payment_method": "card_1"}, "invalid", "payment_method"),
        ({"payment_method": "pm_unknown"}, "stripe_refused", "payment_method"),
        ({"address": {"country": "Germany"}}, "invalid", "address.country"),
        ({"shipping": {"address": {}}}, "required", "shipping.name"),
        ({"name": "x" * 201}, "max_length", "name"),
    ],
)
def test_what_is_wrong_with_a_buyer_is_named(ada, body, code, field):
    answer = put(ada.session(), body)
    assert answer.status_code == 400
    assert error(answer)[1:] == (code, field)


def test_stripe_away_off_or_refusing_us_is_told_as_not_now(ada, stripe_sandbox, settings):
    api = ada.session()
    stripe_sandbox.fault("drop_after", times=1, match={"path": "/v1/customers"})
    lost = put(api, {})
    assert error(lost) == (503, "stripe_unavailable", None)
    assert int(lost["Retry-After"]) > 0
    assert put(api, {}).status_code == 200
    good = settings.STRIPE
    settings.STRIPE = good | {"secret_key": "sk_test_" + "x" * 24}
    assert error(put(api, {"name": "A"})) == (503, "stripe_unavailable", None)
    settings.STRIPE = good | {"secret_key": ""}
    assert error(put(api, {"name": "A"})) == (503, "stripe_off", None)
    assert api.get(BUYER).status_code == 200


def test_an_operator_who_logged_in_as_the_buyer_changes_nothing(ada):
    api = ada.api(as_operator=True)
    assert api.get(BUYER).status_code == 200
    assert error(put(api, {})) == (403, "read_only_impersonated", None)
    assert not Buyer.objects.exists()


# ---------------------------------------------------------------------------------------------------------- sellers


def test_a_seller_from_nobody_to_verified(ada, stripe_sandbox):
    shape = validator(schema.document(), "SellerShown")
    api = ada.session()
    nobody = api.get(SELLER).json()
    shape.validate(nobody)
    assert (nobody["account"], nobody["state"], nobody["verified"]) == (None, "new", False)
    made = api.post(SELLER, {"country": "DE"})
    assert made.status_code == 201
    shape.validate(made.json())
    assert made.json()["kind"] == "express"
    assert "A bank account to be paid to." in [one["sentence"] for one in made.json()["required"]]
    assert api.post(SELLER, {"country": "DE"}).status_code == 200
    link = api.post(f"{SELLER}/onboarding", BACK)
    assert (link.status_code, link["Cache-Control"]) == (201, "no-store")
    validator(schema.document(), "OnboardingLinkShown").validate(link.json())
    assert error(api.post(f"{SELLER}/login-link")) == (409, "onboarding_incomplete", None)
    stripe_sandbox.post("/_sandbox/fate", {"reference": made.json()["account"], "status": "verified"})
    Seller.objects.update(read_at=utc_now() - timedelta(minutes=1))
    verified = api.get(SELLER).json()
    shape.validate(verified)
    assert (verified["state"], verified["verified"], verified["dashboard"]) == ("verified", True, True)
    assert verified["required"] == []
    opened = api.post(f"{SELLER}/login-link")
    assert opened.status_code == 201
    validator(schema.document(), "LoginLinkShown").validate(opened.json())


def test_a_deadline_is_told(ada, stripe_sandbox):
    api = ada.session()
    account = api.post(SELLER, {"country": "DE"}).json()["account"]
    stripe_sandbox.post("/_sandbox/fate", {"reference": account, "status": "verified"})
    asked = {"reference": account, "fields": ["individual.verification.document"], "seconds": 3600}
    stripe_sandbox.post("/_sandbox/require", asked)
    Seller.objects.update(read_at=utc_now() - timedelta(minutes=1))
    shown = api.get(SELLER).json()
    assert shown["verified"]
    assert [one["sentence"] for one in shown["required"]] == ["Your identity document, as a photo."]
    assert shown["deadline"] is not None


@pytest.mark.parametrize(
    ("address", "body", "expected"),
    [
        (SELLER, {}, (400, "required", "country")),
        (SELLER, {"country": "de"}, (400, "invalid", "country")),
        (SELLER, {"country": "VN"}, (400, "country_not_served", "country")),
        (SELLER, {"country": "DE", "business_type": "cult"}, (400, "invalid_choice", "business_type")),
        (SELLER, {"country": "DE", "business_type": "\ud800"}, (400, "invalid_choice", "business_type")),
        (f"{SELLER}/onboarding", {**BACK, "return_url": "nowhere"}, (400, "invalid", "return_url")),
        (f"{SELLER}/onboarding", BACK, (409, "no_seller_account", None)),
        (f"{SELLER}/login-link", {}, (409, "no_seller_account", None)),
        (f"{SELLER}/login-link", {"a": 1}, (400, "unknown_field", "a")),
    ],
)
def test_what_is_wrong_with_a_seller_is_named(ada, address, body, expected):
    assert error(ada.session().post(address, body)) == expected


def test_nobody_is_sent_back_to_strangers(ada):
    api = ada.session()
    api.post(SELLER, {"country": "DE"})
    answer = api.post(f"{SELLER}/onboarding", {**BACK, "refresh_url": "https://evil.example/"})
    assert error(answer) == (400, "url_not_allowed", "refresh_url")


def test_links_need_a_fresh_log_in(ada):
    api = ada.session()
    api.post(SELLER, {"country": "DE"})
    ApiSession.objects.update(logged_in_at=utc_now() - timedelta(minutes=11))
    for address, body in ((f"{SELLER}/onboarding", BACK), (f"{SELLER}/login-link", None)):
        assert error(api.post(address, body)) == (403, "login_too_old", None)
    assert api.get(SELLER).status_code == 200


def test_an_operator_who_logged_in_as_the_seller_gets_no_link(ada):
    ada.session().post(SELLER, {"country": "DE"})
    api = ada.api(as_operator=True)
    assert api.get(SELLER).status_code == 200
    for address, body in ((f"{SELLER}/onboarding", BACK), (f"{SELLER}/login-link", None), (SELLER, {})):
        assert error(api.post(address, body)) == (403, "read_only_impersonated", None)


def test_one_whom_the_marketplace_closed_makes_nothing(ada):
    api = ada.session()
    Payee.objects.update(closed=True)
    assert error(api.post(SELLER, {"country": "DE"})) == (401, "account_closed", None)
    assert not Seller.objects.exists()


def test_a_country_that_is_fixed_is_told(ada):
    api = ada.session()
    api.post(SELLER, {"country": "DE"})
    assert error(api.post(SELLER, {"country": "FR"})) == (400, "country_fixed", "country")


# -------------------------------------------------------------------------------------------------------- addresses


def test_the_bare_addresses_answer_the_same(ada):
    api = ada.session()
    assert put(api, {}, "/buyer").status_code == 200
    assert api.get("/buyer").json() == api.get(BUYER).json()
    assert api.post("/seller", {"country": "DE"}).status_code == 201
    assert api.get("/seller").json()["account"] == api.get(SELLER).json()["account"]
    assert api.post("/seller/onboarding", BACK).status_code == 201
    assert error(api.post("/seller/login-link")) == (409, "onboarding_incomplete", None)


@pytest.mark.parametrize("address", ["/buyer", "/seller", "/seller/onboarding", "/seller/login-link"])
def test_the_bare_addresses_are_closed_to_strangers_and_to_other_origins(ada, client, settings, address):
    method = "POST" if address.count("/") == 2 else "GET"
    assert client.generic(method, address).status_code == 401
    settings.CORS_ALLOWED_ORIGINS = ["https://market.example"]
    asked = {"origin": "https://market.example", "access-control-request-method": "POST"}
    assert client.options(address, headers=asked)["Access-Control-Allow-Origin"] == "https://market.example"
    asked["origin"] = "https://evil.example"
    assert "Access-Control-Allow-Origin" not in client.options(address, headers=asked)


def test_the_document_has_each_of_them_once(db):
    paths = schema.document()["paths"]
    assert {BUYER, SELLER, f"{SELLER}/onboarding", f"{SELLER}/login-link"} <= paths.keys()
    assert not {"/buyer", "/seller", "/seller/onboarding", "/seller/login-link"} & paths.keys()
