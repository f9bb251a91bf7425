"""PAYONEER_…: which settings work together, and what is said of the others."""

from __future__ import annotations

from datetime import timedelta

import pytest

from payouts.providers import registry
from payouts.providers.base import ProviderError
from payouts.providers.payoneer.provider import Payoneer

CREDENTIALS = {
    "PAYONEER_PROGRAM_ID": "100",
    "PAYONEER_CLIENT_ID": "id",
    "PAYONEER_CLIENT_SECRET": "the-secret",
}
LOOPBACK = {"PAYONEER_BASE_URL": "http://127.0.0.1:8804", "PAYONEER_AUTH_URL": "http://127.0.0.1:8804"}


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"PAYONEER_CLIENT_ID": "id"}, "PAYONEER_PROGRAM_ID and PAYONEER_CLIENT_SECRET"),
        ({**CREDENTIALS, "PAYONEER_BASE_URL": "https://evil.example"}, "PAYONEER_AUTH_URL"),
        (
            {**CREDENTIALS, **LOOPBACK, "PAYONEER_BASE_URL": "https://evil.example"},
            "PAYONEER_BASE_URL does not fit ENVIRONMENT test",
        ),
        (
            {**CREDENTIALS, "PAYONEER_AUTH_URL": "https://login.payoneer.com"},
            "PAYONEER_AUTH_URL does not fit",
        ),
        ({**CREDENTIALS, "PAYONEER_BASE_URL": "https://api.payoneer.com"}, "ENVIRONMENT test"),
        (
            {**CREDENTIALS, "PAYONEER_BASE_URL": "https://api.sandbox.payoneer.com", "ENVIRONMENT": "live"},
            "ENVIRONMENT live",
        ),
        ({**CREDENTIALS, **LOOPBACK, "ENVIRONMENT": "live"}, "https://"),
        (
            {"PAYONEER_WEBHOOK_SECRET": "s", "PAYONEER_WEBHOOK_UNSIGNED": "1"},
            "PAYONEER_WEBHOOK_UNSIGNED contradict",
        ),
        ({**CREDENTIALS, "PAYONEER_CURRENCIES": "USD, XYZ"}, "PAYONEER_CURRENCIES names XYZ"),
        ({**CREDENTIALS, "PAYONEER_CURRENCIES": ","}, "PAYONEER_CURRENCIES names nothing"),
        ({**CREDENTIALS, "PAYONEER_ITEMS_PER_CALL": "501"}, "PAYONEER_ITEMS_PER_CALL"),
        ({**CREDENTIALS, "PAYONEER_ITEMS_PER_CALL": "0"}, "PAYONEER_ITEMS_PER_CALL"),
        ({**CREDENTIALS, "PAYONEER_SETTLE_MINUTES": "soon"}, "PAYONEER_SETTLE_MINUTES"),
        ({**CREDENTIALS, "PAYONEER_SETTLE_MINUTES": "inf"}, "PAYONEER_SETTLE_MINUTES"),
        ({**CREDENTIALS, "PAYONEER_SETTLE_MINUTES": "14", "ENVIRONMENT": "live"}, "PAYONEER_SETTLE_MINUTES"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(env: dict[str, str], said: str):
    with pytest.raises(ProviderError, match=said) as caught:
        registry.available(env=env)
    assert registry.problems(env=env) == {"payoneer": str(caught.value)}


@pytest.mark.parametrize(
    ("environment", "api", "login"),
    [
        ("live", "https://api.payoneer.com", "https://login.payoneer.com"),
        ("test", "https://api.sandbox.payoneer.com", "https://login.sandbox.payoneer.com"),
    ],
)
def test_hosts_follow_the_environment(environment: str, api: str, login: str):
    provider = Payoneer.from_environ({**CREDENTIALS, "ENVIRONMENT": environment})
    assert provider is not None
    assert provider._client.base_url == api
    assert provider._client.tokens._http.base_url == login


def test_it_pays_as_it_is_set_up_to():
    more = {"PAYONEER_CURRENCIES": "eur,gbp", "PAYONEER_ITEMS_PER_CALL": "1", "PAYONEER_SETTLE_MINUTES": "60"}
    provider = Payoneer.from_environ(CREDENTIALS | more)
    assert provider is not None
    can = provider.capabilities
    assert dict(can.exponents) == {"EUR": 2, "GBP": 2}
    assert (can.items_per_batch, can.settle_time) == (1, timedelta(hours=1))


def test_to_hear_webhooks_their_secret_is_enough():
    provider = Payoneer.from_environ({"PAYONEER_WEBHOOK_SECRET": "s"})
    assert provider is not None
    assert not provider.check().ok


def test_secrets_are_not_shown():
    provider = Payoneer.from_environ({**CREDENTIALS, "PAYONEER_WEBHOOK_SECRET": "another-secret"})
    assert provider is not None
    assert "secret" not in repr(provider._settings)
