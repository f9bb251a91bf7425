"""A bank on loopback, and the provider with somebody who carries its files there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from payouts.providers.bank_file.settings import BankFileSettings
from tests.providers.bank_file.courier import BankService, Couriered, bank


@pytest.fixture(scope="session")
def _bank_process() -> Iterator[BankService]:
    with bank() as service:
        yield service


@pytest.fixture
def bank_sandbox(_bank_process: BankService) -> BankService:
    """The bank, in which nothing happened yet."""
    _bank_process.reset()
    return _bank_process


@pytest.fixture
def couriered(bank_sandbox: BankService) -> Couriered:
    """The provider, whose files are uploaded at once."""
    settings = BankFileSettings.from_environ({**bank_sandbox.environment(), "BANK_FILE_HOLD_FOR_FUNDS": "on"})
    assert settings is not None
    return Couriered(settings, bank_sandbox)
