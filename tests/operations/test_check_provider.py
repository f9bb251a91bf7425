"""Testing the connection to a provider says what works, what is missing, and where to deliver; it moves nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.management import CommandError, call_command

from payouts import webhook_addresses
from payouts.providers import registry
from tests.sandbox_services import SandboxService


@pytest.fixture
def paypal(paypal_sandbox: SandboxService, db: None) -> Iterator[SandboxService]:
    """PayPal, and no memory of any other one."""
    registry.reset()
    yield paypal_sandbox
    registry.reset()


def test_it_shows_what_works(paypal, capsys):
    with pytest.raises(SystemExit) as ended:
        call_command("check_provider", "paypal")
    told = capsys.readouterr().out
    assert ended.value.code == 0
    assert "PayPal: works" in told
    assert webhook_addresses.address("paypal") in told
    assert "EUR" in told
    assert paypal.ledger() == []


def test_the_webhook_is_registered_once(paypal, settings, capsys):
    settings.PUBLIC_URL = "http://127.0.0.1:9"  # the sandbox delivers on loopback only
    for _ in range(2):
        with pytest.raises(SystemExit):
            call_command("check_provider", "paypal", "--register-webhook")
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Registered")]
    assert len(told) == 2
    assert told[0] == told[1]
    assert f"Registered {webhook_addresses.address('paypal')} as " in told[0]
    assert "Set PAYPAL_WEBHOOK_ID=" in told[0]


def test_it_says_what_does_not_work(paypal, monkeypatch, capsys):
    monkeypatch.setenv("PAYPAL_CLIENT_SECRET", "wrong")
    registry.reset()
    with pytest.raises(SystemExit) as ended:
        call_command("check_provider", "paypal")
    assert ended.value.code == 1
    assert "missing" in capsys.readouterr().out


def test_each_type_of_event_has_its_address(payoneer_sandbox, db, capsys):
    registry.reset()
    with pytest.raises(SystemExit) as ended:
        call_command("check_provider", "payoneer")
    told = capsys.readouterr().out
    address = webhook_addresses.address("payoneer")
    assert ended.value.code == 0
    assert f"    Cancel Payout: {address}?event=payment-cancelled\n" in told
    assert payoneer_sandbox.ledger() == []


def test_a_provider_that_is_not_set_up_is_named(db):
    with pytest.raises(CommandError, match="nobody"):
        call_command("check_provider", "nobody")
