"""Stripe's settings that could lose money, or let webhooks be forged, are refused, each with what to do."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from djstripe.settings import djstripe_settings

from marketplace_payouts import checks
from payments.checks import check_stripe

LIVE, TEST = "sk_live_" + "x" * 24, "sk_test_" + "x" * 24


def found(
    settings: Any, key: str, *, environment: str = "test", host: str = "https://api.stripe.com"
) -> set[str]:
    """The ids of what is found with a key."""
    settings.STRIPE = {"secret_key": key, "api_host": host}
    settings.ENVIRONMENT = environment
    return {str(one.id) for one in check_stripe()}


@pytest.fixture(autouse=True)
def _as_in_production(settings: Any) -> None:
    settings.DEBUG = settings.LOOPBACK_HTTP = False
    settings.STRIPE_SELLERS = settings.STRIPE_SELLERS | {"return_origins": ["https://market.example"]}


@pytest.mark.parametrize(("key", "environment"), [("", "live"), ("", "test"), (TEST, "test"), (LIVE, "live")])
def test_without_a_key_or_with_one_that_fits_all_is_well(settings, key, environment):
    assert found(settings, key, environment=environment) == set()


def test_live_and_test_do_not_mix(settings):
    assert found(settings, LIVE) == {"payouts.E014"}
    assert found(settings, TEST, environment="live") == {"payouts.E014"}
    assert found(settings, "rk_live_" + "x" * 30) == {"payouts.E014"}


@pytest.mark.parametrize(
    "key", ["pk_test_" + "x" * 24, "whsec_" + "x" * 32, "sk_test_short", "no key at all", TEST + "\n"]
)
def test_what_is_no_secret_key_is_named(settings, key):
    assert found(settings, key) == {"payouts.E015"}
    assert key.strip() not in str(check_stripe())


@pytest.mark.parametrize(
    ("changes", "number"),
    [
        ({}, None),
        ({"kind": "deluxe"}, "E110"),
        ({"countries": ["DE", "VN"]}, "E111"),
        ({"countries": ["de"]}, "E111"),
        ({"capabilities": ["card_payments"]}, "E112"),
        ({"capabilities": ["transfers", "teleport"]}, "E112"),
        ({"capabilities": ["transfers", "card_payments"]}, None),
        ({"return_origins": ["https://*.market.example"]}, "E113"),
        ({"return_origins": ["https://market.example/back"]}, "E113"),
        ({"return_origins": ["https://Market.example"]}, "E113"),
        ({"return_origins": ["http://market.example"]}, "E113"),
        ({"at_first_listing": True, "country_field": "country"}, "E114"),
        ({"at_first_listing": True, "country_field": "publicData.home.country"}, None),
        ({"country_field": "country"}, None),
    ],
)
def test_how_sellers_accounts_are_made_is_held(settings, changes, number):
    good = settings.STRIPE_SELLERS | {"return_origins": ["https://market.example"]}
    settings.STRIPE_SELLERS = good | changes
    assert found(settings, TEST) == ({f"payouts.{number}"} if number else set())
    assert all(one.hint for one in check_stripe())
    assert found(settings, "") == set()


def test_debug_and_a_live_key_are_refused(settings):
    settings.DEBUG = True
    assert found(settings, LIVE, environment="live") == {"payouts.E016"}
    assert found(settings, LIVE) == {"payouts.E014", "payouts.E016"}
    assert found(settings, TEST) == set()


@pytest.mark.parametrize(
    "host",
    [
        "http://api.stripe.com",
        "https://api.stripe.com.evil.org",
        "https://example.com",
        "https://api.stripe.com/v1",
        "x",
    ],
)
def test_only_stripe_s_own_host_is_taken(settings, host):
    assert found(settings, TEST, host=host) == {"payouts.E017"}


def test_the_sandbox_is_for_debug_alone(settings):
    assert found(settings, TEST, host="http://127.0.0.1:8805") == {"payouts.E017"}
    settings.LOOPBACK_HTTP = True
    assert found(settings, TEST, host="http://127.0.0.1:8805") == set()


@pytest.mark.parametrize("version", ["latest", "2026-8-1", "", "2026-08-26.Dahlia"])
def test_a_version_is_a_date(settings, version):
    settings.STRIPE_API_VERSION = version
    assert found(settings, TEST) == {"payouts.E018"}


def test_the_web_process_refuses_to_start_with_them(settings):
    settings.DEBUG = True
    settings.STRIPE = {"secret_key": LIVE, "api_host": "https://api.stripe.com"}
    with pytest.raises(ImproperlyConfigured, match="DEBUG is on where STRIPE_SECRET_KEY is a live key"):
        checks.refuse_to_start()


def test_dj_stripe_is_told_no_key_and_no_host(settings):
    assert not hasattr(settings, "STRIPE_SECRET_KEY")
    assert not hasattr(settings, "STRIPE_API_HOST")
    assert {key[8:] for key in djstripe_settings.get_api_keys()} == {"dj0stripe0is0told0no0key"}
