"""Browsers may call the API from the origins that are named, from no other, and never with cookies."""

from __future__ import annotations

import pytest

from tests.api_client import Api

OURS, OTHER = "https://www.market.example", "https://evil.example"


@pytest.fixture(autouse=True)
def _origins(settings, transactional_db):
    settings.CORS_ALLOWED_ORIGINS = [OURS]


def preflight(path: str, origin: str):
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    return Api(headers).call("OPTIONS", path)


@pytest.mark.parametrize("path", ["/api/v1/session", "/api/schema/", "/_allauth/app/v1/auth/login"])
def test_an_origin_that_is_named_may_call(path):
    asked = preflight(path, OURS)
    assert asked.status_code == 200
    assert asked["Access-Control-Allow-Origin"] == OURS
    assert "authorization" in asked["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in asked
    answer = Api({"Origin": OURS}).get("/api/v1/me")
    assert answer.status_code == 401
    assert answer["Access-Control-Allow-Origin"] == OURS
    assert "retry-after" in answer["Access-Control-Expose-Headers"]


@pytest.mark.parametrize(
    "origin", [OTHER, "null", OURS + ".evil.example", "http://www.market.example", OURS + ":444"]
)
def test_no_other_origin_may(origin):
    assert "Access-Control-Allow-Origin" not in preflight("/api/v1/session", origin)
    assert "Access-Control-Allow-Origin" not in Api({"Origin": origin}).get("/api/v1/me")


@pytest.mark.parametrize("path", ["/admin/", "/accounts/login/", "/webhooks/paypal/", "/healthz"])
def test_nothing_but_the_api_may_be_called(path):
    assert "Access-Control-Allow-Origin" not in preflight(path, OURS)
