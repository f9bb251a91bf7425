"""Which providers this process may use, and what is said where it is set up wrongly."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from payouts.providers import environ, registry
from payouts.providers.base import PayoutProvider, ProviderError
from payouts.providers.paypal.provider import PayPal
from payouts.providers.registry import NotOffered
from tests.providers.two_step.provider import TwoStep
from tests.providers.two_step.running import PROVIDER
from tests.sandbox_services import SandboxService

CREDENTIALS = {"PAYPAL_CLIENT_ID": "id", "PAYPAL_CLIENT_SECRET": "secret"}
EXTRA = {"EXTRA_PROVIDERS": PROVIDER, "TWO_STEP_BASE_URL": "http://127.0.0.1:9", "TWO_STEP_TOKEN": "t"}


def test_nothing_is_offered_without_settings():
    assert registry.available(env={}) == {}
    with pytest.raises(NotOffered, match="paypal"):
        registry.get("paypal", env={})
    with pytest.raises(NotOffered):
        registry.get("no such thing", env=CREDENTIALS)


def test_paypal_is_offered_with_its_credentials():
    assert set(registry.available(env=CREDENTIALS)) == {"paypal"}
    assert isinstance(registry.get("paypal", env=CREDENTIALS), PayPal)


def test_a_web_process_needs_the_webhooks_id_alone():
    provider = registry.get("paypal", env={"PAYPAL_WEBHOOK_ID": "W1"})
    assert provider.mask({"email": "sally@example.com"}) == "s•••@example.com"
    assert not provider.check().ok


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"PAYPAL_CLIENT_ID": "id"}, "PAYPAL_CLIENT_SECRET"),
        ({"PAYPAL_CLIENT_SECRET": "s", "PAYPAL_WEBHOOK_ID": "w"}, "PAYPAL_CLIENT_ID"),
        ({**CREDENTIALS, "ENVIRONMENT": "staging"}, "ENVIRONMENT"),
        ({**CREDENTIALS, "PAYPAL_BASE_URL": "https://evil.example"}, "PAYPAL_BASE_URL"),
        ({**CREDENTIALS, "PAYPAL_BASE_URL": "https://api-m.paypal.com"}, "ENVIRONMENT test"),
        (
            {**CREDENTIALS, "PAYPAL_BASE_URL": "https://api-m.sandbox.paypal.com", "ENVIRONMENT": "live"},
            "ENVIRONMENT live",
        ),
        ({**CREDENTIALS, "PAYPAL_BASE_URL": "http://127.0.0.1:8802", "ENVIRONMENT": "live"}, "https://"),
        ({**CREDENTIALS, "PAYPAL_WEBHOOK_CA_FILE": "/nowhere.pem"}, "PAYPAL_WEBHOOK_CA_FILE"),
        ({"PAYPAL_CLIENT_ID": "id", "PAYPAL_CLIENT_SECRET_FILE": "/nowhere"}, "PAYPAL_CLIENT_SECRET_FILE"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(env: dict[str, str], said: str):
    with pytest.raises(ProviderError, match=said) as caught:
        registry.available(env=env)
    assert registry.problems(env=env) == {"paypal": str(caught.value)}


def test_hosts_follow_the_environment():
    for live, host in (("live", "api-m.paypal.com"), ("test", "api-m.sandbox.paypal.com")):
        provider = PayPal.from_environ({**CREDENTIALS, "ENVIRONMENT": live})
        assert provider is not None
        assert provider._client.host == host


def test_a_secret_may_lie_in_a_file(tmp_path: Path):
    file = tmp_path / "secret"
    file.write_text("s3cret\n")
    env = {"PAYPAL_CLIENT_ID": "id", "PAYPAL_CLIENT_SECRET_FILE": str(file)}
    assert isinstance(registry.get("paypal", env=env), PayPal)
    assert environ.read(env | {"PAYPAL_CLIENT_SECRET": "another"}, "PAYPAL_CLIENT_SECRET") == "s3cret"


def test_secrets_are_not_shown():
    provider = PayPal.from_environ({"PAYPAL_CLIENT_ID": "id", "PAYPAL_CLIENT_SECRET": "the-secret"})
    assert "the-secret" not in repr(provider)


def test_one_instance_serves_the_process(monkeypatch: pytest.MonkeyPatch):
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    first = registry.get("paypal")
    assert registry.get("paypal") is first
    assert registry.available()["paypal"] is first
    registry.reset()
    assert registry.get("paypal") is not first


def test_a_provider_that_was_not_set_up_is_looked_for_again(
    monkeypatch: pytest.MonkeyPatch, paypal_sandbox: SandboxService
):
    assert registry.get("paypal").balances()
    registry.reset()
    for name in (*CREDENTIALS, "PAYPAL_WEBHOOK_ID"):
        monkeypatch.delenv(name)
    with pytest.raises(NotOffered):
        registry.get("paypal")
    monkeypatch.setenv("PAYPAL_CLIENT_ID", "id")
    monkeypatch.setenv("PAYPAL_CLIENT_SECRET", "secret")
    assert isinstance(registry.get("paypal"), PayPal)


def test_a_child_process_makes_its_own(monkeypatch: pytest.MonkeyPatch):
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    first = registry.get("paypal")
    monkeypatch.setattr(os, "getpid", lambda: -1)
    second = registry.get("paypal")
    assert second is not first
    monkeypatch.undo()
    registry.reset()


# Providers for trying things out ---------------------------------------------------------------------------------


def test_an_extra_provider_is_offered_beside_the_others():
    offered = registry.available(env={**CREDENTIALS, **EXTRA})
    assert set(offered) == {"paypal", "two_step"}
    provider: PayoutProvider = offered["two_step"]
    assert isinstance(provider, TwoStep)
    assert registry.get("two_step", env=EXTRA).label == "Two steps"


def test_an_extra_provider_is_refused_where_money_is_real():
    env = {**EXTRA, "ENVIRONMENT": "live"}
    with pytest.raises(ProviderError, match="EXTRA_PROVIDERS"):
        registry.available(env=env)
    assert set(registry.problems(env=env)) == {"EXTRA_PROVIDERS"}


@pytest.mark.parametrize(
    "path", ["nothing", "no.such.module.Thing", "tests.providers.two_step.provider.Nobody", "."]
)
def test_an_extra_provider_that_does_not_exist_is_named(path: str):
    with pytest.raises(ProviderError, match="cannot be imported"):
        registry.available(env={"EXTRA_PROVIDERS": path})


def test_an_extra_provider_takes_nobodys_place():
    with pytest.raises(ProviderError, match="place"):
        registry.available(env={"EXTRA_PROVIDERS": "payouts.providers.paypal.provider.PayPal"})
